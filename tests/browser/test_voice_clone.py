"""The Voice clone tab: a voice is brought or recorded, judged, kept, tried and used in the dialogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from studio.library import LibraryVoice, Recording
from studio.soundfiles import read
from studio.studio import SAMPLES
from studio.voice import Consent
from tests.browser.acts import choose, finished, speak, write
from tests.browser.conftest import Open
from tests.browser.serving import Served
from tests.browser.test_looks import PHONE, faults, misfits
from tests.ear import SAID, Ear
from tests.parrot import parrot

__all__ = ["parrot"]

WREN = SAMPLES / "v-sample-wren.flac"


@pytest.fixture
def voices(served: Served) -> Iterator[Served]:
    """A library with nothing but samples, and a quick recogniser."""
    before, served.studio.recogniser = served.studio.recogniser, Ear()
    yield served
    served.studio.recogniser = before
    for voice in served.studio.library.search():
        if not voice.is_sample:
            served.studio.library.delete(voice.id)
    served.studio.library.empty_bin()


def kept(served: Served, name: str) -> LibraryVoice:
    return served.studio.library.add(name, Consent("own"), [Recording(read(WREN), SAID, original=WREN)])


def go(page: Page, tab: str = "Voice clone") -> None:
    page.get_by_role("tab", name=tab).click()
    if tab == "Voice clone":
        page.locator(".clone[data-ready]").wait_for()


def bring(page: Page, path: Path = WREN) -> None:
    page.locator(".bring-file").set_input_files(path)
    expect(page.locator(".word")).to_have_count(len(SAID.split()), timeout=20_000)
    expect(page.locator(".weighed")).to_have_attribute("aria-busy", "false")


def act(page: Page, voice: str, action: str) -> None:
    """Choose an action in the menu of a voice."""
    page.get_by_role("button", name=f"More for {voice}", exact=True).click()
    page.get_by_role("menuitem", name=action).click()


def save(page: Page) -> None:
    page.locator(".clone-save").click()


def test_a_voice_comes_is_judged_kept_cast_deleted_and_restored(voices: Served, parrot: str, open_page: Open) -> None:
    page = open_page()
    go(page)
    bring(page)
    expect(page.locator(".words-text")).to_have_value(SAID)
    expect(page.locator('.verdict[data-engine="dia"]')).to_contain_text("good")
    expect(page.locator('.measure[data-name="clipped"]')).to_contain_text("none")
    expect(page.locator('.word[data-low="true"]')).to_have_text("came.30 %")
    page.locator(".words-text").fill(SAID.replace("just starting", "ready"))
    expect(page.locator(".words-match")).to_contain_text("just starting")
    page.locator(".words-match button").click()
    save(page)
    expect(page.locator('.field-problem[data-for="name"]')).to_contain_text("name")
    expect(page.locator("#clone-name")).to_be_focused()
    page.keyboard.type("Anna")
    save(page)
    expect(page.locator('.field-problem[data-for="consent"]')).to_be_visible()
    page.get_by_label("I have this person's consent").check()
    save(page)
    expect(page.locator("#consent-who")).to_be_focused()
    page.get_by_label("My own voice").check()
    save(page)
    expect(page.locator(".clone-saved")).to_contain_text("Saved")
    card = page.locator(".card", has_text="Anna")
    expect(card).to_contain_text("My own voice")
    assert voices.studio.library.find("Anna").references[0].words[1].text == "kettle"

    act(page, "Anna", "Use for S2")
    go(page, "Dialogue")
    expect(page.locator(".cast-note")).to_contain_text("follows no recordings")
    choose(page, parrot)
    expect(page.locator(".cast-note")).to_have_count(0)
    menu = page.get_by_label("Voice of S2")
    assert menu.evaluate("(menu) => menu.selectedOptions[0].text").startswith("Anna")
    write(page, "One two.", "Three four.")
    speak(page)
    finished(page)
    cast = voices.studio.recent(1)[0].provenance["voices"]
    assert cast["S2"]["name"] == "Anna" and cast["S2"]["consent"] == {"kind": "own"}

    go(page)
    act(page, "Anna", "Open")
    expect(page.locator("#clone-title")).to_have_text("Anna")
    act(page, "Anna", "Delete")
    expect(page.locator(".clone-saved")).to_have_text("It lies in the bin: restore it there.")
    go(page, "Dialogue")
    expect(page.locator(".cast-note")).to_contain_text("Anna was deleted")
    page.get_by_role("button", name="Restore it").click()
    expect(page.locator(".cast-note")).to_have_count(0)


def test_the_cut_is_moved_with_keys_undone_and_the_suggestion_taken(voices: Served, page: Page, tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    sound, silent = read(WREN), np.zeros(24_000, np.float32)
    soundfile.write(tmp_path / "long.wav", np.concatenate([silent, sound.samples, silent, sound.samples]), 24_000)
    go(page)
    bring(page, tmp_path / "long.wav")
    expect(page.locator('.verdict[data-engine="dia"]')).not_to_contain_text("good")
    page.locator(".trim-take").click()
    expect(page.locator('.verdict[data-engine="dia"]')).to_contain_text("good")
    start = page.get_by_label("Beginning of the selection")
    before = start.get_attribute("aria-valuenow")
    start.focus()
    page.keyboard.press("ArrowRight")
    assert start.get_attribute("aria-valuenow") != before
    page.keyboard.press("Control+z")
    assert start.get_attribute("aria-valuenow") == before
    page.get_by_label("Cut silence around").uncheck()
    expect(page.locator(".weighed")).to_have_attribute("aria-busy", "false")
    start.focus()
    page.keyboard.press(" ")
    expect(page.locator(".cut-play")).to_have_attribute("aria-label", "Pause")
    page.get_by_role("button", name="Original", exact=True).click()
    page.locator(".cut-play").click()
    expect(page.locator(".cut-play")).to_have_attribute("aria-label", "Play the selection")


def test_the_microphone_makes_a_recording(voices: Served, page: Page) -> None:
    go(page)
    page.locator(".bring-record").click()
    page.wait_for_function("parseFloat(document.querySelector('.recorder-level span').style.width) > 1")
    page.wait_for_timeout(900)
    page.locator(".recorder-stop").click()
    expect(page.locator(".recording-facts")).to_contain_text("PCM, 48 kHz, 16 bit, mono")
    expect(page.locator(".doubts")).to_contain_text("Nobody is heard to speak")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.wav", b"MZ" + bytes(2000), "is a program"),
        ("a.mp3", b"", "is empty"),
        ("b.wav", b"hello" * 99, "not a sound"),
    ],
)
def test_what_is_no_recording_is_told(voices: Served, page: Page, name: str, content: bytes, told: str) -> None:
    go(page)
    page.locator(".bring-file").set_input_files({"name": name, "mimeType": "audio/wav", "buffer": content})
    expect(page.locator(".clone-problem")).to_contain_text(told)
    expect(page.locator(".bring-progress")).to_be_hidden()


def test_what_is_too_large_is_not_even_sent(voices: Served, page: Page) -> None:
    go(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "upload" in request.url else None)
    told = page.evaluate(
        "studio.send(new File([new Uint8Array(2000)], 'big.wav'), { most: 1000 }).catch((problem) => problem.message)"
    )
    assert "big.wav has 1 MB" in told and asked == []


def test_two_tabs_on_one_voice_lose_nothing(voices: Served, open_page: Open) -> None:
    kept(voices, "Berta")
    first, second = open_page(), open_page()
    for page in (first, second):
        go(page)
        act(page, "Berta", "Open")
        expect(page.locator("#clone-title")).to_have_text("Berta")
        expect(page.locator(".weighed")).to_have_attribute("aria-busy", "false")
    first.locator("#clone-name").fill("Berta of the first tab")
    save(first)
    expect(first.locator(".clone-saved")).to_contain_text("Saved")
    second.locator("#clone-notes").fill("Typed in the second tab")
    save(second)
    expect(second.locator(".stale")).to_contain_text("changed elsewhere")
    expect(second.locator("#clone-notes")).to_have_value("Typed in the second tab")
    second.locator(".stale-copy").click()
    expect(second.locator(".clone-saved")).to_contain_text("Saved")
    own = [voice for voice in voices.studio.library.search() if not voice.is_sample]
    assert sorted((voice.name, voice.notes) for voice in own) == [
        ("Berta", "Typed in the second tab"),
        ("Berta of the first tab", ""),
    ]


def test_voices_go_out_and_come_in_as_a_zip(voices: Served, page: Page) -> None:
    voice = kept(voices, "Carla")
    go(page)
    page.get_by_role("button", name="More for Carla").click()
    with page.expect_download() as told:
        page.get_by_role("menuitem", name="Export").click()
    assert told.value.suggested_filename == "Carla.zip"
    voices.studio.library.delete(voice.id)
    voices.studio.library.empty_bin()
    page.locator(".voices-file").set_input_files(
        {"name": "Carla.zip", "mimeType": "application/zip", "buffer": told.value.path().read_bytes()}
    )
    expect(page.locator(".voices-told")).to_have_text("Carla came.")
    expect(page.locator(".card", has_text="Carla")).to_be_visible()
    page.locator(".voices-search").fill("zebra")
    expect(page.locator(".voices-none")).to_have_text("Nothing is found.")
    page.locator(".voices-search").fill("kettle")
    expect(page.locator(".card")).to_have_count(2)


def test_a_voice_is_tried_and_a_file_is_inspected(voices: Served, parrot: str, open_page: Open) -> None:
    page = open_page()
    go(page)
    bring(page)
    page.get_by_label("Synthetic: no one's voice").check()
    page.get_by_role("button", name="Hear it").click()
    expect(page.locator(".try-take")).to_contain_text("Parrot 6.9 s", timeout=15_000)
    expect(page.locator(".likeness, .try-take .help")).to_contain_text("ikeness")
    expect(page.locator(".try-engines")).to_contain_text("Dia 1.6B")
    output = voices.studio.recent(1)[0].output
    assert output is not None
    page.locator(".inspect-file").set_input_files(output)
    expect(page.locator(".inspect-told")).to_contain_text("to the last sample", timeout=20_000)
    page.locator(".inspect-file").set_input_files({"name": "x.txt", "mimeType": "text/plain", "buffer": b"no sound"})
    expect(page.locator(".inspect-told")).to_contain_text("x.txt")


def test_settings_that_suit_are_kept_from_a_trial_and_shown_in_the_dialogue(
    voices: Served, parrot: str, open_page: Open, shots: Path
) -> None:
    anna = kept(voices, "Anna")
    page = open_page()
    go(page)
    act(page, "Anna", "Open")
    expect(page.locator("#clone-title")).to_have_text("Anna")
    page.locator(".try-settings summary").first.click()
    page.get_by_label("Seconds a word, Parrot").fill("0.3")
    page.get_by_role("button", name="Hear it").click()
    page.get_by_role("button", name="Keep: these settings suit this voice").click(timeout=15_000)
    expect(page.locator(".try-take")).to_contain_text("Parrot speaks this voice with them")
    assert voices.studio.library.get(anna.id).settings == {parrot: {"word_seconds": 0.3}}
    page.locator(".try").screenshot(path=shots / "try-kept.png")
    act(page, "Anna", "Use for S1")
    go(page, "Dialogue")
    choose(page, parrot)
    write(page, "Hello there.")
    expect(page.locator(".suited")).to_contain_text("0.3 suits Anna")
    expect(page.locator("#parameter-word_seconds")).to_have_value("0.3")
    page.locator(".parameters").screenshot(path=shots / "suited.png")


@pytest.mark.parametrize(("scheme", "device"), [("light", "desk"), ("dark", "phone")])
def test_no_serious_fault_and_nothing_overflows(
    voices: Served, open_page: Open, shots: Path, scheme: str, device: str
) -> None:
    options: dict[str, Any] = PHONE if device == "phone" else {"viewport": {"width": 1280, "height": 860}}
    kept(voices, "Dora with a rather long name that goes on")
    page = open_page(color_scheme=scheme, **options)
    go(page)
    page.locator(".card").nth(4).wait_for()
    assert faults(page) == []
    page.screenshot(path=shots / f"voices-empty-{device}-{scheme}.png", full_page=True)
    page.locator(".card-more").last.evaluate("(more) => more.scrollIntoView({block: 'start'})")
    page.locator(".card-more").last.press("Enter")
    expect(page.get_by_role("menu")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    bring(page)
    page.locator(".words-text").fill("The cattle was starting to sing.")
    page.get_by_label("I have this person's consent").check()
    save(page)
    expect(page.locator(".words-match li").first).to_be_visible()
    assert faults(page) == []
    assert misfits(page) == []
    page.screenshot(path=shots / f"voices-{device}-{scheme}.png", full_page=True)
