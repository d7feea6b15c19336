"""What the page asks for, asked without a page: speaking, stopping, takes, drafts, files, and who may see what."""

from __future__ import annotations

import base64
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from studio.settings import Settings
from studio.studio import Studio
from studio.ui.desk import MAX_FILE_BYTES, Desk
from studio.ui.drafts import MAX_DRAFTS, Drafts

BROWSER = "0123456789abcdef" * 2


def order(*texts: str, **more: Any) -> dict[str, Any]:
    rows = [{"id": f"r{n}", "speaker": f"S{1 + n % 2}", "text": text, "pause": None} for n, text in enumerate(texts)]
    return {"rows": rows, "engine": "tone", "token": "t", "sampling": {}, "seed": 1, **more}


def ask(desk: Desk, name: str, asked: object) -> Any:
    """As the page asks: errors come as part of the answer."""
    return next(function for function in desk.functions() if function.__name__ == name)(asked)


def pieces(values: list[dict[str, Any]]) -> dict[int, list[Any]]:
    return {piece[0]: piece for value in values for piece in value["ring"] if piece}


def test_speaking_tells_everything_the_dock_needs(desk: Desk) -> None:
    values = list(desk.speak(order("one two three", "", "four five")))
    last = values[-1]
    assert [value["phase"] for value in values][:1] == ["speaking"] and last["phase"] == "finished"
    assert "loading" in [value["phase"] for value in values]
    assert not [value for value in values if any(value["ring"]) and value["phase"] == "loading"], (
        "it sounds: it is there"
    )
    assert last["owners"] == [0, 2] and last["states"] == "dd" and last["progress"] == 1
    told = pieces(values)
    assert sorted(told) == list(range(len(told)))
    assert [piece[1] for piece in told.values()].count(-1) == 1, "the pause between the turns is nobody's"
    sound = np.concatenate([np.frombuffer(base64.b64decode(told[n][3]), "<i2") for n in sorted(told)])
    result = last["result"]
    assert len(sound) / 24000 == pytest.approx(result["seconds"], abs=0.05)
    assert [span["turn"] for span in result["timings"]] == [0, 1]
    assert len(result["peaks"]) == pytest.approx(result["seconds"] * result["peaks_per_second"], abs=1)
    assert 0.05 < max(result["peaks"]) <= 1


def test_every_value_repeats_the_last_pieces_and_older_ones_can_be_asked_for(desk: Desk) -> None:
    values = list(desk.speak(order("one two three four five six seven eight nine ten")))
    ring = [piece[0] for piece in values[-1]["ring"]]
    assert sorted(ring) == [6, 7, 8, 9]
    assert [piece[0] for piece in ask(desk, "pieces", {"token": "t", "first": 3})["pieces"]] == [3, 4, 5, 6, 7, 8, 9]
    assert ask(desk, "pieces", {"token": "other", "first": 0}) == {"pieces": []}


def test_stop_ends_with_what_was_spoken(desk: Desk) -> None:
    values = desk.speak(order("one two three four", "five", sampling={"work_seconds": 0.1}))
    for value in values:
        if any(value["ring"]):
            break
    assert desk.stop({"token": "t"}) == {"stopping": True}
    rest = list(values)
    assert rest[-1]["phase"] == "stopped" and len(rest) < 4
    assert desk.studio.recent(1)[0].state in ("stopped", "unfinished")


def test_stop_may_come_before_the_beginning(desk: Desk) -> None:
    desk.stop({"token": "t"})
    values = list(desk.speak(order("one two three four", sampling={"work_seconds": 0.5})))
    assert values[-1]["phase"] == "stopped" and len(values) == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (order(""), "The script is empty."),
        (order("one", engine="dia9"), "There is no engine 'dia9'."),
        (order("one", voices={"S1": "nobody"}), "Tone has no voice 'nobody'."),
        (order("one", sampling={"work_seconds": float("nan")}), "must be a number"),
        (order("one", sampling={"speed": 1}), "Tone has no setting 'speed'."),
        (order("one", seed=-1), "The seed must be a whole number"),
        (order("…"), "There is nothing to say"),
        ({"rows": "no"}, "not a script"),
        (None, "not a script"),
    ],
)
def test_what_cannot_be_spoken_is_told_with_a_remedy(desk: Desk, asked: Any, message: str) -> None:
    *_, last = desk.speak(asked)
    assert last["phase"] == "failed" and message in last["error"]["message"]
    assert last["error"]["remedy"] or "seed" in message


def test_closing_the_values_stops_the_work(desk: Desk) -> None:
    values = desk.speak(order("one two three four five six", sampling={"work_seconds": 0.3}))
    next(values)
    closed = threading.Thread(target=values.close)  # type: ignore[attr-defined]
    closed.start()
    closed.join(2)
    for _ in range(100):
        if not desk.studio.runner.busy():
            return
        threading.Event().wait(0.02)
    pytest.fail("the job went on")


def test_a_review_gives_length_voices_and_notes(desk: Desk) -> None:
    told = ask(desk, "review", order("One two three.", "Four. *laughing* Five.", voices={"S2": "high", "S9": "deep"}))
    assert told["passages"] == 2 and told["seconds"] > 0.5 and "processor" in told["device"]
    assert {speaker: voice["id"] for speaker, voice in told["cast"].items()} == {"S1": "deep", "S2": "high"}
    assert [(note["row"], note["fix"]["text"]) for note in told["notes"]] == [("r1", "(laughs)")]


def test_a_review_of_a_bad_row_says_which(desk: Desk) -> None:
    told = ask(desk, "review", order("One.", "Two [pause soon]."))
    assert told["problem"]["code"] == "invalid_script"
    assert told["notes"][0]["row"] == "r1"


def test_takes_are_listed_opened_and_deleted(desk: Desk) -> None:
    list(desk.speak(order("one two three", "four", voices={"S1": "deep"}, seed=9)))
    (take,) = ask(desk, "recent", {"runs": []})["takes"]
    assert take["state"] == "finished" and take["playable"] and take["opening"] == "one two three"
    told = ask(desk, "take", {"id": take["id"]})
    assert [row["text"] for row in told["rows"]] == ["one two three", "four"]
    assert told["cast"][0] == {"name": "S1", "voice": "deep"} and told["seed"] == 9 and told["engine"] == "tone"
    assert told["url"].startswith("gradio_api/file=") and told["states"] == "dd"
    for form in ("wav", "flac", "mp3"):
        assert ask(desk, "export", {"run": take["id"], "form": form})["name"] == f"one-two-three.{form}"
    assert ask(desk, "forget", {"id": take["id"]}) == {"deleted": True}
    assert ask(desk, "recent", {"runs": []}) == {"takes": []}
    assert "There is no run" in ask(desk, "take", {"id": take["id"]})["error"]["message"]


@pytest.mark.parametrize("name", ["take", "forget"])
@pytest.mark.parametrize("run_id", ["../../etc/passwd", "", "..", "a/b", None, 7])
def test_ids_never_leave_the_folder(desk: Desk, name: str, run_id: object) -> None:
    assert ask(desk, name, {"id": run_id})["error"]["message"]


def test_on_a_shared_machine_one_sees_only_what_one_remembers(settings: Settings) -> None:
    studio = Studio(replace(settings, host="0.0.0.0", public=True))
    desk = Desk(studio)
    list(desk.speak(order("one")))
    desk.save({"browser": BROWSER, "desk": {"rows": []}})
    run_id = studio.recent(1)[0].id
    assert ask(desk, "open_desk", {"browser": "f" * 32, "runs": []})["takes"] == []
    assert ask(desk, "open_desk", {"browser": "f" * 32, "runs": []})["draft"] is None
    assert [take["id"] for take in ask(desk, "recent", {"runs": [run_id]})["takes"]] == [run_id]
    studio.close()


def test_at_home_a_lost_draft_comes_back(desk: Desk) -> None:
    kept = {"rows": [{"speaker": "S1", "text": "One.", "pause": None}], "seed": 3}
    assert ask(desk, "save", {"browser": BROWSER, "desk": kept}) == {"saved": True}
    assert ask(desk, "open_desk", {"browser": "f" * 32, "runs": []})["draft"] == kept
    for bad in ("../x", "", "ABC", None):
        assert ask(desk, "save", {"browser": bad, "desk": kept})["error"]["message"]


def test_drafts_do_not_fill_the_disk(desk: Desk, settings: Settings) -> None:
    drafts = Drafts(settings.data / "scripts")
    for number in range(MAX_DRAFTS + 3):
        drafts.save(f"{number:032x}", {"n": number})
    assert len(list(drafts.folder.iterdir())) == MAX_DRAFTS
    assert ask(desk, "save", {"browser": BROWSER, "desk": "x" * 3_000_000})["error"]["message"].startswith("The draft")


def sent(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_files_are_read_whatever_their_kind(desk: Desk) -> None:
    for name in ("a.txt", "../../a.txt", "a.md"):
        told = ask(desk, "import_script", {"name": name, "data": sent(b"[S1] One.\n[S2] Two.")})
        assert [row["text"] for row in told["rows"]] == ["One.", "Two."]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", sent(b"%PDF-1.4"), "is a PDF"),
        ("a.txt", sent("Hallo".encode("utf-16-le")), "UTF-16"),
        ("a.exe", sent(b"x"), "is not a script"),
        ("a.txt", "not base64!", "did not arrive whole"),
        ("a.txt", "A" * (2 * MAX_FILE_BYTES), "is too large"),
        ("a.txt", "", "empty"),
    ],
    ids=["pdf", "utf16", "exe", "broken", "large", "empty"],
)
def test_files_that_cannot_be_read_are_told(desk: Desk, name: str, data: str, message: str) -> None:
    assert message in ask(desk, "import_script", {"name": name, "data": data})["error"]["message"]


@pytest.mark.parametrize("form", ["txt", "json"])
def test_export_reads_back(desk: Desk, form: str) -> None:
    told = ask(desk, "export_script", order("One (laughs).", "Two.", form=form, lead=1.5))
    assert told["name"] == f"one-laughs.{form}"
    back = ask(desk, "import_script", {"name": told["name"], "data": sent(told["text"].encode())})
    assert [row["text"] for row in back["rows"]] == ["One (laughs).", "Two."] and back["lead"] == 1.5


def test_samples_can_be_laid_on_the_desk(desk: Desk) -> None:
    samples = ask(desk, "open_desk", {"browser": BROWSER, "runs": []})["samples"]
    assert len(samples) >= 4
    for sample in samples:
        assert ask(desk, "sample", {"name": sample["name"]})["rows"]
    assert "no sample" in ask(desk, "sample", {"name": "../secret"})["error"]["message"]


@pytest.mark.parametrize("asked", [None, [], 3, {}, {"runs": 3}, {"token": None}])
def test_nonsense_gets_an_answer_and_no_traceback(desk: Desk, asked: object) -> None:
    for function in desk.functions():
        assert isinstance(function(asked), dict)
