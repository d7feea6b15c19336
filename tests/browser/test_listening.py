"""The page at a link: several listeners, keys and touch, a panel of known tastes, and what an adversary reads."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from studio.panel.server import PanelServer
from studio.trials import ranking, votes
from studio.trials.comparison import Entry
from studio.trials.sessions import Session, Sessions
from studio.trials.sheets import SheetStore
from studio.trials.store import TrialStore
from tests.browser.conftest import Watched
from tests.browser.test_looks import PHONE, faults
from tests.finished import TITLES, finished

ENGINES = tuple(TITLES)
TELLTALE = ("hibari", "kokoro", "tone", "seed", ".wav", "entry", "24000 hz")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment is enough to have heard a sound."""
    monkeypatch.setattr(votes, "LEAST_HEARD_SECONDS", 0.1)


@pytest.fixture
def store(tmp_path: Path) -> TrialStore:
    """A finished comparison of two scripts by three engines, of different length, loudness and rate."""
    store = TrialStore(tmp_path / "trials", Random(4))
    finished(store)
    return store


@pytest.fixture
def server(store: TrialStore) -> Iterator[PanelServer]:
    server = PanelServer(store, "127.0.0.1", 0)
    yield server
    server.close()


def link(server: PanelServer, store: TrialStore, **more: Any) -> str:
    return server.url(Sessions(store).open(Session("s1", **more)).token)


def come(watched: Watched, url: str, name: str, **options: Any) -> Page:
    page = watched.open(url, **options)
    page.locator(".blind-name").fill(name)
    press(page.get_by_role("button", name="Begin"), page)
    return page


def press(where: Any, page: Page) -> None:
    where.tap() if page.evaluate("'ontouchstart' in window") else where.click()


def hear_all(page: Page) -> None:
    """Every sound for a moment, by keys."""
    wait_until_heard(page, 0)
    for at in range(1, page.evaluate("studio.compare.heard.length")):
        page.keyboard.press(str(at + 1))
        wait_until_heard(page, at)


def wait_until_heard(page: Page, at: int) -> None:
    """Long enough, from the beginning again where it has ended."""
    page.wait_for_function(
        f"studio.compare.heard[{at}] >= 0.1 || (studio.compare.pair.playing || studio.compare.pair.play(0), false)"
    )


def test_a_panel_of_known_tastes_votes_through_the_page(
    watched: Watched, server: PanelServer, store: TrialStore
) -> None:
    """Two at once, by keys, each pair judged by strengths that the page never sees."""
    strengths = dict(zip((Entry(engine).id for engine in ENGINES), (2.2, 0.0, -2.2), strict=True))
    chance, url = Random(11), link(server, store)
    pages = [come(watched, url, name, viewport={"width": 700, "height": 700}) for name in ("Ada", "Bo")]
    for _ in range(12):
        for page, name in zip(pages, ("Ada", "Bo"), strict=True):
            page.locator(".blind-sides").wait_for()
            hear_all(page)
            question = open_question(store, name)
            better = (
                strengths[question.first] - strengths[question.second] + (4.0 if question.degraded == "second" else 0)
            )
            better -= 4.0 if question.degraded == "first" else 0
            first = chance.random() < 1 / (1 + math.exp(-better))
            page.keyboard.press("ArrowLeft" if first else "ArrowRight")
            expect(page.locator(".blind-told")).to_contain_text("Your answer is kept.")
            page.keyboard.press("Enter")
            page.locator(".blind-next").wait_for(state="hidden")
    cast = store.votes("s1")
    assert len(cast) == 24 and {one.by for one in cast} == {"keys"} and {one.comparison for one in cast} == {"c0", "c1"}
    found = ranking.rank(cast, TITLES, "engine")
    assert [place.id for place in found.places] == list(ENGINES)
    assert found.better[0][2] > 0.97
    by_listener = {one.listener: one for one in ranking.steadiness(cast)}
    assert by_listener["Ada"].votes == by_listener["Bo"].votes == 12 and by_listener["Ada"].gold[1] >= 1


def open_question(store: TrialStore, name: str) -> Any:
    pools = {one.id: [entry.id for entry in one.entries] for one in store.members("s1")}
    return store.pose(pools, name).question


def test_what_an_adversary_reads_does_not_tell_entries_apart(
    watched: Watched, server: PanelServer, store: TrialStore
) -> None:
    """Everything the browser receives in five questions: no name, no address, no size, no bytes that come twice."""
    said: list[Response] = []
    page = watched.open(link(server, store), viewport={"width": 700, "height": 700})
    page.on("response", lambda answer: said.append(answer))
    page.locator(".blind-name").fill("Eve")
    page.keyboard.press("Enter")
    shown = ""
    for number in range(5):
        page.locator(".blind-sides").wait_for()
        hear_all(page)
        page.wait_for_timeout(50)
        shown += page.locator("body").inner_html().lower().replace("<script", "\0").split("\0")[0]
        if number < 4:
            page.keyboard.press("ArrowDown")
            expect(page.locator(".blind-was")).to_be_visible()
            page.keyboard.press("Enter")
            page.locator(".blind-next").wait_for(state="hidden")
    questions = [one for one in said if one.url.endswith("/blind_question")]
    told = [json.loads(one.body()) for one in questions]
    assert len(told) == 5
    hashes = [hashlib.sha256(sound.encode()).hexdigest() for one in told for sound in one["sounds"]]
    assert len(set(hashes)) == 10, "no sound comes twice in the same bytes"
    lengths: dict[str, set[int]] = {}
    for one, answer in zip(told, questions, strict=True):
        lengths.setdefault(store.posed(one["question"]).question.comparison, set()).add(len(answer.body()))
        assert len({len(sound) for sound in one["sounds"]}) == 1
        assert len({one["sample_rate"] for one in told}) == 1
        quiet = json.dumps({key: value for key, value in one.items() if key != "sounds"}).lower()
        assert not [word for word in TELLTALE if word in quiet]
        heads = {name.lower(): value for name, value in answer.headers.items()}
        assert not {"etag", "last-modified", "server", "content-disposition", "server-timing"} & set(heads)
        assert heads["cache-control"] == "no-store"
    assert all(len(found) == 1 for found in lengths.values()), "the size tells the script at most"
    assert {one.url.rsplit("/", 1)[1] for one in said} <= {"join", "blind_question", "blind_answer"}
    before = [one for one in TELLTALE if one in shown.split("blind-was")[0]]
    assert before == [], before


def test_an_abx_by_keys_tells_nothing_until_the_run_is_complete(
    watched: Watched, server: PanelServer, store: TrialStore
) -> None:
    one, two = Entry("hibari").id, Entry("tone").id
    page = come(
        watched, link(server, store, test="abx", pair=(one, two)), "Ada", viewport={"width": 700, "height": 700}
    )
    for trial in range(1, 17):
        expect(page.locator(".blind-count")).to_contain_text(f"Trial {trial} of 16")
        assert page.locator(".blind-side").count() == 3
        hear_all(page)
        assert not [word for word in TELLTALE if word in page.locator(".compare").inner_html().lower()]
        pools = {one.id: [entry.id for entry in one.entries] for one in store.members("s1")}
        x = store.pose(pools, "Ada", "abx", (one, two)).question.x
        page.keyboard.press("ArrowLeft" if x == "first" else "ArrowRight")
        if trial == 3:
            expect(page.locator(".blind-count")).to_contain_text("Trial 4 of 16")
            page.reload()
            page.locator(".sheet[data-ready]").wait_for()
            page.keyboard.press("Enter")  # the name is remembered, and so is the trial
    expect(page.locator(".blind-was")).to_contain_text("A difference is heard: 16 of 16 right")
    assert {vote.kind for vote in store.votes("s1")} == {"abx"}


def test_a_rating_with_a_hidden_reference_by_touch_on_a_telephone(
    watched: Watched, server: PanelServer, store: TrialStore, shots: Path
) -> None:
    page = come(watched, link(server, store, test="rating", reference=Entry("hibari").id), "Ada", **PHONE)
    for number in range(2):
        page.locator(".rate-rows").wait_for()
        expect(page.locator(".blind-count")).to_contain_text(f"Script {number + 1} of 2")
        assert page.locator(".rate-row").count() == 5, "two entries, the hidden reference, two anchors"
        assert not [word for word in TELLTALE if word in page.locator(".compare").inner_html().lower()]
        for at, side in enumerate(page.locator(".blind-side").all()):
            press(side, page)
            wait_until_heard(page, at)
        expect(page.locator(".rate-send")).to_be_disabled()
        for slider in page.locator(".rate-slider").all():
            box = slider.bounding_box()
            assert box
            page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
        expect(page.locator(".rate-send")).to_be_enabled()
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.screenshot(path=shots / f"listen-rating-phone-{number}.png", full_page=True)
        press(page.locator(".rate-send"), page)
        expect(page.locator(".rate-was")).to_contain_text("the reference, hidden")
        press(page.locator(".blind-next"), page)
    expect(page.locator(".score-verdict")).to_contain_text("You have rated everything")
    found = SheetStore(store).ratings("s1")
    assert [one.method for one in found] == ["mushra"] * 2 and all(70 < one.score("reference") < 90 for one in found)


def test_a_restart_in_the_middle_goes_on(watched: Watched, store: TrialStore) -> None:
    server = PanelServer(store, "127.0.0.1", 0)
    page = come(watched, link(server, store), "Ada", viewport={"width": 700, "height": 700})
    hear_all(page)
    server.close()
    again = PanelServer(store, "127.0.0.1", server.port, only_port=True)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".blind-told")).to_contain_text("Your answer is kept.")
    assert [one.choice for one in store.votes("s1")] == ["second"]
    again.close()


@pytest.mark.parametrize(("device", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_no_serious_fault_and_nothing_overflows(
    watched: Watched, server: PanelServer, store: TrialStore, shots: Path, scheme: str, device: str
) -> None:
    options: dict[str, Any] = PHONE if device == "phone" else {"viewport": {"width": 1280, "height": 860}}
    page = watched.open(link(server, store), color_scheme=scheme, **options)

    def look(view: str) -> None:
        assert faults(page) == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], view  # type: ignore[index]
        page.screenshot(path=shots / f"listen-{view}-{device}-{scheme}.png", full_page=True)

    look("start")
    page.locator(".blind-name").fill("Ada")
    press(page.get_by_role("button", name="Begin"), page)
    page.locator(".blind-sides").wait_for()
    page.wait_for_function("studio.compare.heard[0] >= 0.1")
    press(page.locator(".blind-side").nth(1), page)
    page.wait_for_function("studio.compare.heard[1] >= 0.1")
    press(page.locator(".blind-tag").first, page)
    look("question")
    press(page.locator(".blind-choice").first, page)
    expect(page.locator(".blind-was")).to_be_visible()
    look("told")
    page = watched.open(link(server, store, test="abx"), color_scheme=scheme, **options)
    page.locator(".blind-name").fill("Bo")
    press(page.get_by_role("button", name="Begin"), page)
    page.locator(".blind-sides").wait_for()
    look("abx")


def test_what_is_jumped_over_was_not_heard(watched: Watched, server: PanelServer, store: TrialStore) -> None:
    page = come(watched, link(server, store), "Ada", viewport={"width": 700, "height": 700})
    page.wait_for_function("studio.compare.heard[0] >= 0.1")
    page.keyboard.press(" ")
    page.keyboard.press("2")
    page.keyboard.press(" ")
    before = page.evaluate("studio.compare.heard[1]")
    page.locator(".blind-bar").click(position={"x": 300, "y": 4})
    page.keyboard.press(",")
    page.wait_for_timeout(100)
    after, where = page.evaluate("[studio.compare.heard[1], studio.compare.pair.position]")
    assert after == before < 0.1 and where < 0.1, "comma goes back by 2 s"
    page.keyboard.press("ArrowLeft")
    assert store.votes("s1") == []
