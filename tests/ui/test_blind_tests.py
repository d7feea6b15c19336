"""What the Compare tab asks for blind tests, asked without a page: numbers of entries, links, where they lead."""

from __future__ import annotations

import httpx
import pytest

from studio.settings import Settings
from studio.studio import Studio
from studio.trials.comparison import Entry
from studio.trials.sessions import Sessions
from studio.trials.store import FOLDER, TrialStore
from studio.ui.desk import Desk
from tests.finished import finished
from tests.ui.test_desk import ask


@pytest.fixture
def store(studio: Studio) -> TrialStore:
    store = TrialStore(studio.settings.data / FOLDER)
    finished(store, seconds=1.0)
    return store


def test_entries_are_named_by_numbers_alone(desk: Desk, store: TrialStore) -> None:
    card = ask(desk, "test_card", {"id": "s1"})
    assert (card["entries"], card["scripts"], card["recorded"]) == (3, 2, 0)
    asked = ask(desk, "blind_question", {"id": "s1", "listener": "Ada", "test": "abx", "pair": [1, 3]})
    question = store.posed(asked["question"]).question
    assert {question.first, question.second} == {Entry("hibari").id, Entry("tone").id}
    assert (asked["trial"], asked["run"], len(asked["sounds"])) == (1, 16, 3)
    told = ask(desk, "blind_answer", {"question": asked["question"], "choice": "first", "heard": [9, 9, 9]})
    assert told == {"kind": "abx", "counted": True, "why": "", "result": None}, "what X was is not told"
    sheet = ask(desk, "rating_sheet", {"id": "s1", "listener": "Ada", "reference": "2"})
    assert sheet["reference"] and len(sheet["sounds"]) == 1 + 2 + 3 and sheet["labels"][0] == "bad"
    for wrong in ({"pair": [1, 4], "test": "abx"}, {"test": "sniff"}, {"test": "abx", "pair": ["x"]}):
        assert "error" in ask(desk, "blind_question", {"id": "s1", "listener": "Ada", **wrong})
    assert "error" in ask(desk, "rating_sheet", {"id": "s1", "listener": "Ada", "reference": "9"})
    assert "error" in ask(desk, "bring_reference", {"id": "c0", "source": {"path": "/etc/passwd", "name": "a.wav"}})
    assert "error" in ask(desk, "test_card", {"id": "nothing"})


def test_a_link_opens_a_door_for_neighbours_and_is_closed(desk: Desk, studio: Studio, store: TrialStore) -> None:
    wanted = {"id": "s1", "test": "rating", "pair": [], "reference": "1", "tells": False}
    (session,) = ask(desk, "open_session", wanted)["sessions"]
    assert ask(desk, "open_session", wanted)["sessions"] == [session], "one link for one test"
    welcome = httpx.post(session["url"] + "/welcome", json={}).json()
    assert welcome["test"] == "rating" and welcome["reference"] and not welcome["tells"]
    ask(desk, "close_session", {"token": session["token"]})
    assert httpx.get(session["url"]).status_code == 404
    assert ask(desk, "sessions", {"id": "s1"})["sessions"] == []
    assert "error" in ask(desk, "reopen_session", {"token": session["token"]})


def test_after_a_restart_a_link_is_there_and_opens_when_asked(studio: Studio, store: TrialStore) -> None:
    """The same link; nothing listens on the network until somebody says so."""
    before = ask(Desk(studio), "open_session", {"id": "s1", "test": "pair"})["sessions"][0]
    again = Desk(studio)
    (session,) = ask(again, "sessions", {"id": "s1"})["sessions"]
    assert (session["token"], session["url"]) == (before["token"], "")
    ask(again, "reopen_session", {"token": session["token"]})
    assert ask(again, "sessions", {"id": "s1"})["sessions"][0]["url"].endswith(before["token"])


def test_a_shared_studio_has_its_links_at_its_own_address(settings: Settings) -> None:
    from dataclasses import replace

    studio = Studio(replace(settings, host="0.0.0.0", public=True))
    store = TrialStore(studio.settings.data / FOLDER)
    finished(store, seconds=1.0)
    (session,) = ask(Desk(studio), "open_session", {"id": "s1", "test": "pair"})["sessions"]
    assert session["url"] == f"listen/{session['token']}"
    assert Sessions(store).get(session["token"]).target == "s1"
    studio.close()
