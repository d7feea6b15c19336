"""What the Compare tab asks for, asked without a page: comparing, resuming, blind answers, votes, who may see what."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from studio.settings import Settings
from studio.studio import Studio
from studio.ui.desk import Desk
from tests.ear import Ear, deaf
from tests.ui.test_desk import ask


@pytest.fixture(autouse=True)
def quick(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.recogniser.close()
    studio.recogniser = Ear()
    deaf(monkeypatch)


def tones(*seeds: int, **more: Any) -> list[dict[str, Any]]:
    return [{"engine": "tone", "seed": seed, **more} for seed in seeds]


def compared(desk: Desk, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """A comparison that is spoken to its end, as the page gets it."""
    rows = [{"id": "r1", "speaker": "S1", "text": "one two three four five", "pause": None}]
    told = ask(desk, "compare", {"rows": rows, "lead": 0, "entries": entries})
    assert "id" in told, told
    return settled(desk, told["id"])


def settled(desk: Desk, comparison: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while (told := ask(desk, "comparison", {"id": comparison}))["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return told


def test_a_comparison_tells_everything_side_by_side_needs(desk: Desk) -> None:
    told = compared(desk, [*tones(1, 2), {"engine": "dia2-2b", "seed": 0}])
    first, second, grey = told["items"]
    assert (first["label"], first["state"], first["desk"]["voices"]) == ("Tone · seed 1", "finished", {"S1": "high"})
    assert first["gain"] == pytest.approx(10 ** ((-20 - first["loudness_lufs"]) / 20))
    assert first["turns"][0][0] == 0 and first["peaks"] and first["measures"]["words"]["model"] == "ear"
    assert first["url"].split("/")[-1] != second["url"].split("/")[-1] and "tone" not in first["url"].split("/")[-1]
    assert grey["state"] == "failed" and grey["reason"] and "url" not in grey
    (card,) = ask(desk, "comparisons", {})["comparisons"]
    assert (card["entries"], card["ready"], card["votes"], card["running"]) == (3, 2, 0, False)
    assert not {"items", "engine", "seconds"} & set(card), "the list is seen by blind listeners too"


def test_stopping_and_going_on(desk: Desk) -> None:
    rows = [{"id": "r1", "speaker": "S1", "text": "one two three four five", "pause": None}]
    slow = tones(1, 2, sampling={"work_seconds": 0.2})
    comparison = ask(desk, "compare", {"rows": rows, "lead": 0, "entries": slow})["id"]
    assert ask(desk, "halt_comparison", {"id": comparison}) == {"stopping": True}
    assert "stopped" in {item["state"] for item in settled(desk, comparison)["items"]}
    ask(desk, "resume_comparison", {"id": comparison})
    assert {item["state"] for item in settled(desk, comparison)["items"]} == {"finished"}


def test_a_blind_answer_over_the_line(desk: Desk) -> None:
    comparison = compared(desk, tones(1, 2))["id"]
    asked = ask(desk, "blind_question", {"id": comparison, "listener": "Ada"})
    assert set(asked) == {"question", "sample_rate", "sounds", "least_seconds", "votes", "trial", "run"}
    assert len(asked["sounds"][0]) == len(asked["sounds"][1])
    refused = ask(desk, "blind_answer", {"question": asked["question"], "choice": "first", "heard": [0, 9]})
    assert refused["error"]["message"] == "Both sides must be heard first." and set(refused) == {"error"}
    told = ask(desk, "blind_answer", {"question": asked["question"], "choice": "first", "heard": [3, 3], "by": "keys"})
    assert told["counted"] and {told["first"]["label"], told["second"]["label"]} == {"Tone · seed 1", "Tone · seed 2"}
    assert not ask(desk, "blind_answer", {"question": asked["question"], "choice": "tie", "heard": [3, 3]})["counted"]
    scores = ask(desk, "scores", {"id": comparison, "by": "entry"})
    assert scores["ranking"]["votes"] == 1 and scores["ranking"]["verdict"] == "Too few votes to tell."
    assert ask(desk, "scores", {"id": comparison, "by": "engine"})["ranking"] is None
    file = ask(desk, "export_votes", {"id": comparison, "form": "csv"})
    assert ask(desk, "import_votes", {"text": file["text"]}) == {"added": 0, "known": 1, "differing": 0}
    assert "error" in ask(desk, "import_votes", {"text": file["text"][:-30]})
    ask(desk, "drop_comparison", {"id": comparison})
    assert ask(desk, "comparisons", {})["comparisons"] == []


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([], "nothing to compare"),
        (tones(1, 1), "the same as entry 1"),
        (tones(-1), "seed must be"),
        ([{"seed": 1}], "an entry that is none"),
        ([{"engine": "toad", "seed": 1}], "no engine 'toad'"),
        (tones(*range(9)), "9 entries are too many"),
        (tones(1, sampling={"word_seconds": "long"}), "an entry that is none"),
    ],
)
def test_what_cannot_be_compared_is_told(desk: Desk, entries: list[dict[str, Any]], complaint: str) -> None:
    rows = [{"id": "r1", "speaker": "S1", "text": "one", "pause": None}]
    told = ask(desk, "compare", {"rows": rows, "lead": 0, "entries": entries})
    assert complaint in told["error"]["message"]
    assert ask(desk, "comparisons", {})["comparisons"] == []


def test_visitors_of_a_shared_studio_see_their_own(settings: Settings) -> None:
    studio = Studio(replace(settings, host="0.0.0.0", public=True))
    studio.recogniser.close()
    studio.recogniser = Ear()
    desk = Desk(studio)
    mine = compared(desk, tones(1, 2))["id"]
    assert ask(desk, "comparisons", {"own": []})["comparisons"] == []
    assert [one["id"] for one in ask(desk, "comparisons", {"own": [mine]})["comparisons"]] == [mine]
    assert "error" in ask(desk, "scores", {"id": ""}) and "error" in ask(desk, "export_votes", {"id": ""})
    assert "error" in ask(desk, "import_votes", {"text": "{}"})
    studio.close()
