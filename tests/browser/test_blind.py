"""The other blind tests of the Compare tab: ABX, ratings, sets of scripts, a link for others, and their scores."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from playwright.sync_api import Page, Response, expect

from studio.trials import votes
from studio.trials.trials import Trials
from tests.browser.acts import write
from tests.browser.conftest import Open, Watched
from tests.browser.serving import Served
from tests.browser.test_comparing import choose, compare, go
from tests.browser.test_listening import hear_all, wait_until_heard
from tests.browser.test_looks import PHONE, faults
from tests.ear import Ear, deaf
from tests.finished import speechlike


@pytest.fixture(autouse=True)
def quick(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A moment is enough to have heard a sound, and nobody judges."""
    before, served.studio.recogniser = served.studio.recogniser, Ear()
    deaf(monkeypatch)
    monkeypatch.setattr(votes, "LEAST_HEARD_SECONDS", 0.1)
    yield
    served.studio.recogniser = before


def begin(page: Page, test: str, name: str = "Ada", **chosen: str) -> None:
    """From the list: the blind test of the newest comparison."""
    page.locator(".compare-card").first.get_by_role("button", name="Blind test").click()
    page.locator(".blind-name").fill(name)
    page.locator(".blind-test").select_option(test)
    for field, value in chosen.items():
        page.locator(f".blind-{field}").select_option(value)
    page.get_by_role("button", name="Begin", exact=True).click()


def answered(served: Served, page: Page) -> Any:
    target = page.evaluate("document.querySelector('.compare').dataset.test")
    return Trials(served.studio).answers(target)


def test_an_abx_in_the_tab_names_nothing(page: Page, served: Served) -> None:
    compare(page, ("tone", 61), ("hibari", 62))
    page.locator(".compare-back").click()
    said = list[Response]()
    page.on("response", lambda answer: said.append(answer))
    begin(page, "abx")
    for trial in (1, 2, 3):
        expect(page.locator(".blind-count")).to_contain_text(f"Trial {trial} of 16")
        hear_all(page)
        shown = page.locator(".compare").inner_html().lower()
        assert not [word for word in ("tone", "hibari") if word in shown]
        page.keyboard.press("ArrowRight")
    expect(page.locator(".blind-count")).to_contain_text("Trial 4 of 16")
    bodies = [answer.text() for answer in said if "component_server" in answer.url]
    questions = [body for body in bodies if '"sounds"' in body]
    sounds = [sound for body in questions for sound in re.findall(r'"([A-Za-z0-9+/=]{1000,})"', body)]
    assert len(questions) == 4 and len({len(body) for body in questions}) == 1, "no size tells"
    assert len(sounds) == 12 == len(set(sounds)) and len(set(map(len, sounds))) == 1, "no bytes come twice"
    assert not [body for body in bodies if re.search("tone|hibari|seed|takes", body.lower())]
    assert not [answer.url for answer in said if "file=" in answer.url]
    page.locator(".compare-back").click()
    page.locator(".compare-card").first.get_by_role("button", name="Scores").click()
    expect(page.locator(".compare-scores-view")).to_contain_text("Too few to tell: a run has 16 trials")
    assert [one.kind for one in answered(served, page).votes] == ["abx"] * 3


def test_a_recording_is_the_reference_of_a_rating_by_keys(page: Page, served: Served, tmp_path: Path) -> None:
    """Brought as a file, heard openly and hidden. Without one the page says that it is no MUSHRA test."""
    audio = speechlike(2.0, 24_000, 7)
    soundfile.write(tmp_path / "anna.wav", audio.samples, audio.sample_rate)
    compare(page, ("tone", 71), ("hibari", 72))
    page.locator(".compare-back").click()
    page.locator(".compare-card").first.get_by_role("button", name="Blind test").click()
    page.locator(".blind-test").select_option("rating")
    expect(page.locator(".blind-words")).to_contain_text("this is no MUSHRA test")
    page.locator(".reference-file").set_input_files(tmp_path / "anna.wav")
    expect(page.locator(".blind-words")).to_contain_text("MUSHRA test (ITU-R BS.1534-3)")
    page.locator(".blind-name").fill("Ada")
    page.get_by_role("button", name="Begin", exact=True).click()
    page.locator(".rate-rows").wait_for()
    shown = page.locator(".compare").inner_html().lower()
    assert not [word for word in ("tone", "hibari", "anna") if word in shown]
    assert page.locator(".rate-row").count() == 5
    page.keyboard.press("0")
    wait_until_heard(page, 0)
    for at in range(1, 6):
        page.keyboard.press(str(at))
        wait_until_heard(page, at)
        page.keyboard.press("PageUp")
        page.keyboard.press("ArrowUp")
        expect(page.locator(".rate-score").nth(at - 1)).to_have_text("61")
    page.keyboard.press("Enter")
    expect(page.locator(".rate-was")).to_contain_text("the reference, hidden: 61")
    page.keyboard.press("Enter")
    expect(page.locator(".score-verdict")).to_contain_text("You have rated everything")
    (rating,) = answered(served, page).ratings
    assert (rating.method, rating.reference, rating.score("reference")) == ("mushra", "recording", 61)
    page.locator(".compare-back").click()
    page.locator(".compare-card").first.get_by_role("button", name="Scores").click()
    expect(page.locator(".compare-scores-view")).to_contain_text("Every listener is left out")


def test_a_set_of_scripts_with_a_link_for_others(page: Page, watched: Watched, shots: Path) -> None:
    write(page, "one two three four")
    go(page)
    page.get_by_text("Several scripts").click()
    page.locator(".compare-keep").click()
    page.get_by_role("tab", name="Dialogue").click()
    page.locator(".turns textarea").first.fill("five six seven eight")
    go(page)
    expect(page.locator(".compare-set-words")).to_contain_text("2 scripts")
    choose(page, 0, "tone", 81)
    choose(page, 1, "hibari", 82)
    page.locator(".compare-go").click()
    card = page.locator(".compare-card").first
    expect(card).to_contain_text("2 scripts")
    for _ in range(100):
        if "4 of 4 entries to hear" in card.inner_text():
            break
        page.wait_for_timeout(100)
        page.evaluate("document.querySelector('.compare-back').click()")
        card.wait_for()
    card.get_by_role("button", name="Blind test").click()
    page.locator(".share summary").click()
    page.locator(".share-open").click()
    url = page.locator(".share-url").inner_text()
    guest = watched.open(url, **PHONE)
    guest.locator(".blind-name").fill("Bo")
    guest.get_by_role("button", name="Begin").tap()
    for number in range(4):
        guest.locator(".blind-sides").wait_for()
        expect(guest.locator(".blind-count")).to_contain_text(f"{number} answer")
        hear_all(guest)
        guest.locator(".blind-choice").first.tap()
        expect(guest.locator(".blind-told")).to_contain_text("Your answer is kept.")
        guest.locator(".blind-next").tap()
    page.locator(".compare-back").click()
    page.locator(".compare-card").first.get_by_role("button", name="Scores").click()
    scores = page.locator(".compare-scores-view")
    expect(scores).to_contain_text("By script")
    expect(scores.locator(".compare-field").first).to_contain_text("Ranked are")
    expect(scores.locator(".compare-field").nth(1)).to_contain_text("five six seven eight")
    expect(scores).to_contain_text("Bo")
    assert faults(page) == []
    page.screenshot(path=shots / "blind-parts.png", full_page=True)
    page.locator(".compare-back").click()
    page.locator(".compare-card").first.get_by_role("button", name="Blind test").click()
    page.locator(".share summary").click()
    expect(page.locator(".share-links")).to_contain_text("Taking part: Bo")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".share-url")).to_have_count(0)
    assert guest.request.get(url).status == 404


@pytest.mark.parametrize(("device", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_no_serious_fault_and_nothing_overflows(open_page: Open, shots: Path, scheme: str, device: str) -> None:
    options: dict[str, Any] = PHONE if device == "phone" else {"viewport": {"width": 1280, "height": 860}}
    page = open_page(color_scheme=scheme, **options)

    def look(view: str) -> None:
        assert faults(page) == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], view  # type: ignore[index]
        page.screenshot(path=shots / f"blind-{view}-{device}-{scheme}.png", full_page=True)

    compare(page, ("tone", 91), ("hibari", 92), ("tone", 93))
    page.locator(".compare-back").click()
    page.get_by_text("Several scripts").click()
    page.locator(".compare-keep").click()
    look("set")
    page.locator(".compare-card").first.get_by_role("button", name="Blind test").click()
    page.locator(".blind-name").fill("Ada")
    page.locator(".blind-test").select_option("rating")
    page.locator(".blind-reference").select_option("2")
    page.locator(".share summary").click()
    page.locator(".share-open").click()
    page.locator(".share-url").wait_for()
    look("form")
    page.get_by_role("button", name="Begin", exact=True).click()
    page.locator(".rate-rows").wait_for()
    for at in range(6):
        page.keyboard.press(str(at))
        wait_until_heard(page, at)
        page.keyboard.press("ArrowUp")
    look("rating")
    page.keyboard.press("Enter")
    page.locator(".rate-was").wait_for()
    look("rated")
    page.locator(".compare-back").click()
    page.locator(".compare-card").first.get_by_role("button", name="Scores").click()
    page.locator(".score-file").wait_for(state="attached")
    look("scores")
