"""The Compare tab: entries side by side in step, blind pairs that give nothing away, scores; keys and touch."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Response, expect

from studio import soundfiles
from studio.trials.trials import Trials
from tests.browser.acts import script, write
from tests.browser.conftest import Open
from tests.browser.serving import Served
from tests.browser.test_looks import PHONE, faults, misfits
from tests.ear import Ear, deaf


@pytest.fixture(autouse=True)
def quick(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A recogniser that is quick, and no judge of sound, who is not."""
    before, served.studio.recogniser = served.studio.recogniser, Ear()
    deaf(monkeypatch)
    yield
    served.studio.recogniser = before


def go(page: Page) -> None:
    page.get_by_role("tab", name="Compare").click()
    page.locator(".compare[data-ready]").wait_for()


def choose(page: Page, entry: int, engine: str, seed: int) -> None:
    row = page.locator(".compare-entry").nth(entry)
    row.get_by_label("Engine").select_option(engine)
    row = page.locator(".compare-entry").nth(entry)
    row.get_by_label("Seed").fill(str(seed))
    row.get_by_label("Seed").press("Enter")


def compare(page: Page, *entries: tuple[str, int]) -> None:
    """Write a script, and have it spoken by these engines and seeds."""
    write(page, "one two three four five six", "seven eight nine ten")
    go(page)
    for at, (engine, seed) in enumerate(entries):
        if at >= page.locator(".compare-entry").count():
            page.locator(".compare-add").click()
        choose(page, at, engine, seed)
    page.locator(".compare-go").click()
    spoken = len(entries)
    expect(page.locator(".compare-actions")).to_contain_text(f"{spoken} of {spoken} entries spoken", timeout=30_000)
    page.wait_for_function(f"studio.compare.player.count === {spoken}")


def playing(page: Page) -> dict[str, Any]:
    return page.evaluate(
        "(({current, position, playing, seconds}) => ({current, position, playing, seconds}))(studio.compare.player)"
    )


def test_side_by_side_in_step(page: Page) -> None:
    compare(page, ("tone", 1), ("hibari", 2), ("tone", 50_000))
    labels = page.locator(".compare-item .compare-label")
    assert labels.all_inner_texts() == ["Tone · seed 1", "Hibari (built in)", "Tone · seed 50000"]
    expect(page.locator(".compare-item").first).to_contain_text("LUFS, played at −20.0")
    expect(page.locator(".compare-item").first).to_contain_text("Wrong words")
    expect(page.locator(".compare-item").first).to_contain_text("not measured: nobody judges in a test")
    expect(page.locator(".compare-spectrum")).to_have_count(3)
    page.locator(".compare-name").click()
    page.keyboard.press(" ")
    page.wait_for_function("studio.compare.player.position > 0.4 && studio.compare.player.heard().level > 0.01")
    before = playing(page)
    tone = page.evaluate("studio.compare.player.heard().hertz")
    page.keyboard.press("3")
    page.wait_for_timeout(150)
    after = playing(page)
    assert after["current"] == 2 and after["playing"] and 0 < after["position"] - before["position"] < 1.5
    expect(page.locator(".compare-choose").nth(2)).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("studio.compare.player.heard().level") > 0.005, "no gap"
    assert tone > 0
    page.keyboard.press("l")
    page.locator(".compare-turn").nth(1).click()
    page.wait_for_function("document.querySelectorAll('.compare-turn')[1].classList.contains('sounding')")
    span = page.evaluate("studio.compare.player.loop")
    page.keyboard.press("1")
    page.wait_for_timeout(1500)
    other = page.evaluate("studio.compare.player.loop")
    assert other["from"] - 0.1 <= playing(page)["position"] <= other["to"] + 0.1 and playing(page)["playing"]
    assert span["from"] > 0.5
    page.locator(".compare-name").click()
    page.keyboard.press(" ")
    assert not playing(page)["playing"]


def strongest(page: Page, entry: int, seconds: float) -> float:
    """Hz at which an entry's spectrogram is darkest at that time."""
    return page.evaluate(
        """([entry, seconds]) => {
          const canvas = document.querySelectorAll(".compare-spectrum")[entry];
          const at = Math.floor((seconds / studio.compare.player.seconds) * canvas.width);
          const {data} = canvas.getContext("2d").getImageData(at, 0, 1, canvas.height);
          const rows = Array.from({length: canvas.height}, (_, row) => data[row * 4 + 3]);
          const peak = rows.indexOf(Math.max(...rows));
          return ((canvas.height - 0.5 - peak) * 8000) / canvas.height;
        }""",
        [entry, seconds],
    )


def test_spectrograms_show_the_pitch_at_its_time_and_a_click_goes_there(page: Page, served: Served) -> None:
    compare(page, ("tone", 61), ("tone", 62))
    expect(page.locator(".compare-spectrum")).to_have_count(2)
    comparison = Trials(served.studio).store.recent(1)[0]
    for at, rendering in enumerate(Trials(served.studio).store.renderings(comparison)):
        sound = soundfiles.read(Trials(served.studio).store.sounds / rendering.sound)
        start = round(0.3 * sound.sample_rate)
        piece = sound.samples[start : start + 1024] * np.hanning(1024)
        hertz = float(np.abs(np.fft.rfft(piece)).argmax()) * sound.sample_rate / 1024
        assert strongest(page, at, 0.3 + 512 / sound.sample_rate) == pytest.approx(hertz, abs=100)
    page.locator(".compare-picture").first.click(position={"x": 60, "y": 20})
    width = page.locator(".compare-picture").first.evaluate("node => node.clientWidth")
    now = playing(page)
    assert now["position"] == pytest.approx(60 / width * now["seconds"], abs=0.1)


def test_the_saved_page_plays_in_step_and_asks_nobody(
    page: Page, browser: Browser, tmp_path: Path, shots: Path
) -> None:
    compare(page, ("tone", 71), ("hibari", 72), ("tone", 50_073))
    star = page.get_by_role("button", name="Favourite: Hibari (built in)")
    star.click()
    page.locator(".compare-back").click()
    page.locator(".compare-card").first.get_by_role("button", name="Side by side").click()
    expect(star).to_have_attribute("aria-pressed", "true")
    for label, kind in (("Save as a page", ".html"), ("Save all (.zip)", ".zip")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=label).click()
        assert waiting.value.suggested_filename == f"one-two-three-four-five-six{kind}"
        waiting.value.save_as(tmp_path / f"saved{kind}")
    with zipfile.ZipFile(tmp_path / "saved.zip") as archive:
        assert archive.testzip() is None and len(archive.namelist()) == 8
        told = json.loads(archive.read("comparison.json"))
        assert [one["favourite"] for one in told["entries"]] == [False, True, False]
        archive.extract("listen.html", tmp_path)
    asked: list[str] = []
    for scheme, width in (("light", 1280), ("dark", 390)):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844}, offline=True)  # type: ignore[arg-type]
        saved = context.new_page()
        saved.on("request", lambda request: asked.append(request.url))
        saved.on("pageerror", lambda error: asked.append(str(error)))
        saved.on("console", lambda told: asked.append(told.text))
        saved.goto((tmp_path / ("saved.html" if scheme == "light" else "listen.html")).as_uri())
        expect(saved.locator(".play")).to_be_enabled()
        expect(saved.locator("canvas")).to_have_count(6)
        assert saved.evaluate("document.documentElement.scrollWidth") <= width
        silence = "spectrogram(new AudioBuffer({ length: 9000, sampleRate: 24000 }), 1)"
        strengths = (
            f"{silence}.getContext('2d').getImageData(0, 0, 100, 96).data.reduce((most, one) => Math.max(most, one))"
        )
        assert saved.evaluate(strengths) == 0, "silence is no picture"
        assert faults(saved) == []
        saved.screenshot(path=shots / f"compare-saved-{scheme}.png", full_page=True)
        saved.keyboard.press(" ")
        while not saved.evaluate("player.position > 0.4 && player.heard().level > 0.01"):
            saved.wait_for_timeout(20)  # its policy lets no function of ours be waited for
        before = saved.evaluate("[player.position, player.heard().hertz]")
        saved.keyboard.press("3")
        saved.wait_for_timeout(150)
        assert saved.evaluate("player.current") == 2 and saved.evaluate("player.playing")
        assert 0 < saved.evaluate("player.position") - before[0] < 1.5
        assert saved.evaluate("player.heard().level") > 0.005, "no gap"
        expect(saved.locator(".choose").nth(2)).to_have_attribute("aria-pressed", "true")
        saved.keyboard.press("l")
        saved.locator(".turn").nth(1).click()
        span = saved.evaluate("player.loop")
        saved.wait_for_timeout(1500)
        assert span["from"] - 0.1 <= saved.evaluate("player.position") <= span["to"] + 0.1
        context.close()
    assert [one for one in asked if not one.startswith("file:")] == [] and len(asked) == 2


def test_what_arenas_published_stands_apart_from_the_votes(page: Page, shots: Path) -> None:
    go(page)
    page.get_by_text("What public arenas say (not your votes)").click()
    rows = page.locator(".compare-arenas tbody tr")
    expect(rows.first).to_contain_text("Kokoro 82M v1.0")
    expect(rows.first).to_contain_text("Elo 1064")
    expect(rows.first).to_contain_text("2026-06-05")
    assert all("http" in (link.get_attribute("href") or "") for link in rows.locator("a").all())
    assert page.locator(".compare-scores-view, .compare-list-view").get_by_text("Elo 1064").count() == 0
    assert faults(page) == []
    page.screenshot(path=shots / "compare-arenas.png", full_page=True)


def test_a_favourite_goes_to_the_dialogue_with_its_settings(page: Page) -> None:
    go(page)
    expect(page.locator(".compare-go")).to_be_disabled()
    page.get_by_role("button", name="Write a script").click()
    expect(page.get_by_role("tab", name="Dialogue")).to_have_attribute("aria-selected", "true")
    compare(page, ("tone", 7), ("hibari", 8))
    expect(page.locator(".compare-write")).to_be_hidden()
    page.locator(".compare-item").first.get_by_role("button", name="Use in the dialogue").click()
    expect(page.locator(".turn")).to_have_count(2)
    assert script(page)[0][1] == "one two three four five six"
    assert page.evaluate("[studio.desk.state.engine, studio.desk.state.seed]") == ["tone", 7]


def test_what_fails_says_why_in_its_place_and_can_be_tried_again(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.engines import tone
    from studio.errors import SynthesisError

    def fails(self: tone.ToneEngine, request: object) -> object:
        raise SynthesisError("The tone generator is out of tune.", "Try another seed.")

    monkeypatch.setattr(tone.ToneEngine, "synthesize", fails)
    write(page, "words that fail here alone", "and more")
    go(page)
    choose(page, 0, "tone", 991)
    choose(page, 1, "hibari", 1)
    page.locator(".compare-go").click()
    failed = page.locator('.compare-item[data-state="failed"]')
    expect(failed).to_contain_text("The tone generator is out of tune. Try another seed.", timeout=20_000)
    expect(page.locator(".compare-actions")).to_contain_text("1 of 2 entries spoken", timeout=20_000)
    monkeypatch.undo()
    page.get_by_role("button", name="Speak the 1 other entry").click()
    expect(page.locator(".compare-actions")).to_contain_text("2 of 2 entries spoken", timeout=20_000)


def test_one_entry_is_swept_over_a_setting_and_copied(page: Page) -> None:
    write(page, "one two three")
    go(page)
    choose(page, 0, "tone", 5)
    page.get_by_role("button", name="Take entry 2 away").click()
    page.locator(".compare-entry summary").click()
    page.get_by_label("One entry for each").select_option(label="Seconds a word")
    page.get_by_label("Values").fill("0.1, lots")
    page.get_by_role("button", name="Make them").click()
    expect(page.locator(".compare-problem")).to_contain_text("Write them with commas between.")
    page.get_by_label("Values").fill("0.1, 0.2, 0.4")
    page.keyboard.press("Enter")
    expect(page.locator(".compare-entry")).to_have_count(3)
    page.get_by_role("button", name="Copy entry 3").click()
    expect(page.locator(".compare-entry").nth(3).get_by_label("Seed")).to_have_value("6")
    page.locator(".compare-go").click()
    expect(page.locator(".compare-actions")).to_contain_text("4 of 4 entries spoken", timeout=30_000)
    labels = page.locator(".compare-item .compare-label").all_inner_texts()
    assert labels[0].startswith("Tone · word seconds 0.1") and "0.4 · seed 6" in labels[3], labels
    page.wait_for_function("studio.compare.player.lengths.length === 4")
    lengths = page.evaluate("studio.compare.player.lengths")
    assert lengths[0] < lengths[1] < lengths[2] == lengths[3]


def test_entries_that_are_alike_are_refused_in_words(page: Page) -> None:
    write(page, "one two")
    go(page)
    choose(page, 0, "tone", 3)
    choose(page, 1, "tone", 3)
    page.locator(".compare-go").click()
    expect(page.locator(".compare-problem")).to_contain_text("Entry 2 is the same as entry 1.")


# --- blind


def begin_blind(page: Page, name: str = "Ada") -> None:
    page.locator(".compare-card").first.get_by_role("button", name="Blind test").click()
    begin_form(page, name)


def begin_form(page: Page, name: str) -> None:
    page.locator(".blind-name").fill(name)
    page.keyboard.press("Enter")
    page.locator(".blind-sides").wait_for()


def hear_both(page: Page) -> None:
    page.wait_for_function("studio.compare.heard[0] >= 2", timeout=20_000)
    page.keyboard.press("2")
    if not page.evaluate("studio.compare.pair.playing"):
        page.keyboard.press(" ")
    page.wait_for_function(
        "studio.compare.heard[1] >= 2 || (studio.compare.pair.playing || studio.compare.pair.play(0), false)",
        timeout=20_000,
    )


def test_blind_with_keys_alone_and_nothing_is_given_away(page: Page, open_page: Open, served: Served) -> None:
    compare(page, ("tone", 11), ("hibari", 12))
    fresh = open_page(viewport={"width": 1280, "height": 860})
    said: list[Response] = []

    def keep(answer: Response) -> None:
        said.append(answer)

    go(fresh)
    fresh.on("response", keep)
    begin_blind(fresh)
    expect(fresh.locator(".blind-choice").first).to_be_disabled()
    fresh.keyboard.press("ArrowLeft")
    expect(fresh.locator(".blind-next")).to_be_hidden()
    hear_both(fresh)
    expect(fresh.locator(".blind-choice").first).to_be_enabled()
    fresh.wait_for_timeout(200)
    shown = fresh.locator(".compare").inner_html() + " ".join(answer.url for answer in said)
    answers = [answer.body().decode("utf-8", "replace") for answer in said]
    sounds = next(json.loads(text) for text in answers if '"sounds"' in text)
    (first, second) = _sounds(sounds)
    assert len(first) == len(second), "the size tells nothing"
    for word in ("tone", "hibari"):
        assert word not in shown.lower(), word
    for word in ("tone", "hibari", "seed", ".wav", "takes", "entry"):
        assert not any(word in text.lower() for text in answers), word
    assert not [answer.url for answer in said if "file=" in answer.url]
    fresh.remove_listener("response", keep)
    fresh.keyboard.press("v")
    fresh.keyboard.press("ArrowRight")
    expect(fresh.locator(".blind-was")).to_contain_text("A was ")
    expect(fresh.locator(".blind-told")).to_contain_text("Your answer is kept.")
    (vote,) = Trials(served.studio).store.votes(fresh.evaluate("document.querySelector('.compare').dataset.test"))
    assert (vote.listener, vote.choice, vote.tags, vote.by) == ("Ada", "second", ("voice",), "keys")
    assert min(vote.first.heard_seconds, vote.second.heard_seconds) >= 2
    fresh.keyboard.press("ArrowLeft")
    fresh.keyboard.press("Enter")
    expect(fresh.locator(".blind-count")).to_contain_text("1 answer so far")
    fresh.reload()
    go(fresh)
    begin_blind(fresh)
    expect(fresh.locator(".blind-count")).to_contain_text("1 answer so far")


def _sounds(answer: Any) -> list[np.ndarray]:
    found = answer
    while "sounds" not in found:
        found = next(
            one for one in (found.values() if isinstance(found, dict) else found) if isinstance(one, dict | list)
        )
    return [np.frombuffer(base64.b64decode(text), "<i2") for text in found["sounds"]]


def test_told_without_an_answer_nothing_counts(page: Page, served: Served) -> None:
    compare(page, ("tone", 21), ("hibari", 22))
    page.locator(".compare-actions").get_by_role("button", name="Blind test").click()
    begin_form(page, "Giver")
    page.get_by_role("button", name="Tell me without an answer").click()
    expect(page.locator(".blind-told")).to_contain_text("no answer counts")
    page.keyboard.press("ArrowLeft")
    assert [one for one in Trials(served.studio).store.votes() if one.listener == "Giver"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desk", "phone"])
def test_no_serious_fault_and_nothing_overflows(open_page: Open, shots: Path, scheme: str, device: str) -> None:
    options: dict[str, Any] = PHONE if device == "phone" else {"viewport": {"width": 1280, "height": 860}}
    page = open_page(color_scheme=scheme, **options)

    def look(view: str) -> None:
        assert faults(page) == [], view
        assert misfits(page) == [], view
        page.screenshot(path=shots / f"compare-{view}-{device}-{scheme}.png", full_page=True)

    compare(page, ("tone", 31), ("hibari", 32), ("tone", 33))
    page.locator(".compare-item details summary").first.click()
    look("side")
    page.locator(".compare-back").click()
    page.locator(".compare-entry details summary").first.click()
    look("list")
    press = (lambda where: where.tap()) if device == "phone" else (lambda where: where.click())
    press(page.locator(".compare-card").first.get_by_role("button", name="Blind test"))
    page.locator(".blind-name").fill("Ada")
    press(page.get_by_role("button", name="Begin", exact=True))
    page.wait_for_function("studio.compare.heard[0] >= 2", timeout=20_000)
    press(page.locator(".blind-side").nth(1))
    page.wait_for_function(
        "studio.compare.heard[1] >= 2 || (studio.compare.pair.playing || studio.compare.pair.play(0), false)",
        timeout=20_000,
    )
    look("blind")
    press(page.locator(".blind-choice").first)
    expect(page.locator(".blind-was")).to_be_visible()
    look("told")
    press(page.locator(".compare-back"))
    press(page.locator(".compare-card").first.get_by_role("button", name="Scores"))
    page.locator(".score-file").wait_for(state="attached")
    look("scores")
