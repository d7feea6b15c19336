"""What the page asks about recorded voices, asked without a page: bringing, weighing, words, keeping, trying."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from studio import soundfiles
from studio.settings import Settings
from studio.studio import SAMPLES, Studio
from studio.ui import recordings
from studio.ui.desk import Desk
from studio.uploads import Upload, open_sound
from studio.voice import Consent
from tests.ear import SAID, Ear
from tests.parrot import parrot

__all__ = ["parrot"]

WREN = SAMPLES / "v-sample-wren.flac"
OWN = {"kind": "own"}


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    studio = Studio(settings)
    studio.recogniser = Ear()
    yield Desk(studio, settings.data / "brought")
    studio.close()


def ask(desk: Desk, name: str, asked: object) -> Any:
    return next(function for function in desk.functions() if function.__name__ == name)(asked)


def brought(desk: Desk, path: Path = WREN) -> dict[str, Any]:
    """A file as the page's upload leaves it."""
    folder = desk.studio.settings.data / "brought" / "0123abcd"
    folder.mkdir(parents=True, exist_ok=True)
    return {"path": str(shutil.copy(path, folder / path.name)), "name": path.name}


def form(desk: Desk, **more: Any) -> dict[str, Any]:
    recording = {"source": brought(desk), "steps": {}, "text": SAID}
    return {"id": "", "revision": 0, "name": "Anna", "consent": OWN, "recordings": [recording], **more}


def saved(desk: Desk, **more: Any) -> Any:
    answer = ask(desk, "save_voice", form(desk, **more))
    assert "voice" in answer, answer
    return answer["voice"]


def test_a_recording_is_opened_weighed_and_written_down(desk: Desk) -> None:
    source = brought(desk)
    told = ask(desk, "bring", {"source": source})
    assert told["seconds"] == pytest.approx(7.0, abs=0.05) and told["facts"]["sample_rate"] == 24000
    assert told["trim"] and told["speech"] and told["url"].startswith("gradio_api/file=")
    weighed = ask(desk, "weigh", {"source": source, "steps": {"cut": [1.0, 4.0], "loudness": False}})
    assert weighed["seconds"] <= 3.0 and any("cut to" in done for done in weighed["done"])
    assert not any("turned" in done for done in weighed["done"])
    tiles = {tile["name"]: tile for tile in weighed["measures"]}
    assert tiles["clipped"]["grade"] == "good" and tiles["seconds"]["word"] in ("too short", "a little short")
    assert {"dia", "dia2-1b", "csm"} <= {verdict["engine"] for verdict in weighed["verdicts"]}
    written = ask(desk, "write_down", {"source": source, "steps": {}, "text": None})
    assert written["text"] == SAID and written["matches"] and written["words"][-1][3] == 0.3


def test_recordings_are_opened_few_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file may hold ten minutes, and opened it takes much memory."""
    opening, most, lock = 0, 0, threading.Lock()

    def slow(path: Path, name: str, channel: int | None) -> Upload:
        nonlocal opening, most
        with lock:
            opening += 1
            most = max(most, opening)
        time.sleep(0.1)
        with lock:
            opening -= 1
        return open_sound(path, name, channel)

    monkeypatch.setattr(recordings, "open_sound", slow)
    source = brought(desk)
    sources = [{"path": shutil.copy(source["path"], f"{source['path']}.{number}")} for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(lambda one: ask(desk, "bring", {"source": one}), sources))
    assert all("url" in one for one in told) and most == recordings.AT_ONCE


def test_what_was_taken_of_one_channel_is_cut_anew_from_that_channel(desk: Desk, tmp_path: Path) -> None:
    """Kept in the terminal from a talk of two people, one a side, of whom the other is louder."""
    loud = soundfiles.read(WREN)
    soft = loud.samples * np.float32(0.5) * (np.arange(len(loud.samples)) < 4 * loud.sample_rate)
    soundfile.write(tmp_path / "talk.wav", np.stack([loud.samples[::-1], soft], axis=1), loud.sample_rate)
    studio = desk.studio
    kept = studio.library.add(
        "Bo", Consent("own"), [studio.desk.take_in(tmp_path / "talk.wav", SAID, channel=1).recording]
    )
    source = {"voice": kept.id, "sound": kept.references[0].sound}
    assert ask(desk, "bring", {"source": source})["facts"]["notes"] == ["Only channel 2 was taken."]
    again = ask(desk, "weigh", {"source": source, "steps": {"cut": [0.5, 3.5]}})
    assert again["seconds"] == pytest.approx(3.0, abs=0.3)
    copy = ask(desk, "weigh", {"source": source, "steps": {}})
    assert copy["seconds"] == pytest.approx(kept.references[0].seconds, abs=0.05) and copy["seconds"] < 4.2


def test_corrected_words_keep_the_times_of_the_others(desk: Desk) -> None:
    asked = {"source": brought(desk), "steps": {}, "text": SAID.replace("just starting", "almost ready now")}
    written = ask(desk, "write_down", asked)
    words = {text: (start, end, sure) for text, start, end, sure in written["words"]}
    assert words["kettle"] == (0.5, 0.9, 0.9) and words["came."][:2] == (5.0, 5.4)
    assert 1.5 <= words["almost"][0] < words["ready"][0] < words["now"][0] < words["to"][0] == 2.5
    assert words["ready"][2] is None
    assert written["differences"] == [["almost ready now", "just starting"]]
    other = ask(desk, "write_down", {**asked, "text": "Something else is written here altogether."})
    assert not other["matches"] and other["differences"]
    assert desk.studio.recogniser.asked == 1, "what was heard once is remembered"  # type: ignore[attr-defined]


def test_without_a_recogniser_it_is_said(desk: Desk) -> None:
    desk.studio.recogniser.obstacle = "No recogniser of speech is here. Type it."  # type: ignore[misc]
    assert "No recogniser" in ask(desk, "recording_setup", {})["obstacle"]


@pytest.mark.parametrize(
    "source",
    [
        {"path": "/etc/passwd"},
        {"path": "../../etc/passwd"},
        {"path": ""},
        {"voice": "v-nobody", "sound": "0" * 64},
        {"voice": "v-sample-wren", "sound": "../x"},
        {},
        None,
        7,
    ],
)
@pytest.mark.parametrize("name", ["bring", "weigh", "write_down", "inspect", "import_voices"])
def test_only_what_was_brought_is_read(desk: Desk, name: str, source: object) -> None:
    error = ask(desk, name, {"source": source, "steps": {}, "text": None})["error"]
    assert "root:" not in str(error) and error["message"]


def test_a_link_out_of_the_folder_is_no_upload(desk: Desk) -> None:
    folder = desk.studio.settings.data / "brought"
    folder.mkdir(parents=True)
    (folder / "x.flac").symlink_to(WREN)
    assert "not here" in ask(desk, "bring", {"source": {"path": str(folder / "x.flac")}})["error"]["message"]


def sound(path: Path, samples: Any, rate: int = 24000) -> Path:
    soundfile.write(path, samples, rate)
    return path


BAD: dict[str, Callable[[Path], Path]] = {
    "holds 10 ms": lambda folder: sound(folder / "a.wav", np.zeros(240)),
    "20:00": lambda folder: sound(folder / "a.wav", np.zeros(8000 * 1200), 8000),
    "is a program": lambda folder: _bytes(folder / "a.wav", b"MZ" + bytes(3000)),
    "is empty": lambda folder: _bytes(folder / "a.wav", b""),
    "is a ZIP": lambda folder: _bytes(folder / "a.wav", b"PK\x03\x04" + bytes(3000)),
}


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("message", BAD)
def test_what_is_no_recording_is_told(desk: Desk, tmp_path: Path, message: str) -> None:
    error = ask(desk, "bring", {"source": brought(desk, BAD[message](tmp_path))})["error"]
    assert message in error["message"] and error["remedy"]


@pytest.mark.parametrize(
    "steps", [{"cut": [2, 1]}, {"cut": ["a", 1]}, {"cut": [99, 100]}, {"cut": 3}, {"cut": [-1, 2]}]
)
def test_a_cut_that_cannot_be_is_told(desk: Desk, steps: object) -> None:
    assert ask(desk, "weigh", {"source": brought(desk), "steps": steps})["error"]["message"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"consent": {}}, "consent"),
        ({"consent": {"kind": "stolen"}}, "consent"),
        ({"consent": {"kind": "person", "when": "2026-01-01"}}, "who"),
        ({"consent": {"kind": "person", "who": "Anna"}}, "when"),
        ({"consent": {"kind": "licensed"}}, "source"),
        ({"tags": ["x" * 41]}, "tags"),
        ({"recordings": []}, "recordings"),
    ],
)
def test_what_is_missing_is_said_at_its_field(desk: Desk, more: dict[str, Any], field: str) -> None:
    error = ask(desk, "save_voice", form(desk, **more))["error"]
    assert error["field"] == field and error["message"]
    assert ask(desk, "voices", {})["voices"][0]["is_sample"], "nothing was kept"


def test_a_recording_without_words_is_named(desk: Desk) -> None:
    two = [{"source": brought(desk), "steps": {}, "text": SAID}, {"source": brought(desk), "steps": {}, "text": " "}]
    error = ask(desk, "save_voice", form(desk, recordings=two))["error"]
    assert (error["field"], error["at"]) == ("text", 1)


def test_a_voice_is_kept_found_changed_and_brought_back(desk: Desk) -> None:
    voice = saved(desk, tags=["warm"], notes="By the window")
    kept = desk.studio.library.get(voice["id"])
    assert kept.references[0].words[1].text == "kettle" and kept.references[0].measurements["snr"]["value"]
    assert desk.studio.library.original(kept.references[0]).read_bytes() == WREN.read_bytes()  # type: ignore[union-attr]
    (row,) = ask(desk, "voices", {"text": "window", "tag": "warm"})["voices"]
    assert row["name"] == "Anna" and row["right"] == "My own voice"
    full = ask(desk, "voice", {"id": voice["id"]})["voice"]
    reference = full["recordings"][0]
    source = {"voice": voice["id"], "sound": reference["sound"]}
    assert ask(desk, "bring", {"source": source})["name"] == WREN.name
    # another cut, and another recording: the old one goes, both new ones stay
    cut = {"source": source, "steps": {"cut": [0.0, 3.0]}, "text": "The kettle was just starting.", "changed": True}
    change = form(desk, id=voice["id"], revision=full["revision"], name="Anna B", recordings=[cut])
    again = ask(desk, "save_voice", change)["voice"]
    assert (again["name"], again["revision"]) == ("Anna B", full["revision"] + 1)
    assert again["recordings"][0]["seconds"] < 3.2 and again["recordings"][0]["steps"]["cut"]
    assert ask(desk, "delete_voice", {"id": voice["id"]})["voice"]["name"] == "Anna B"
    missing = ask(desk, "cast_voices", {"ids": [voice["id"], "v-nobody", "deep"]})["missing"]
    assert missing[voice["id"]]["can_restore"] and "deleted" in missing[voice["id"]]["message"]
    assert not missing["v-nobody"]["can_restore"] and "deep" not in missing
    ask(desk, "restore_voice", {"id": voice["id"]})
    assert ask(desk, "voices", {})["bin"] == []


def test_a_change_made_elsewhere_is_not_overwritten(desk: Desk) -> None:
    voice = saved(desk)
    ask(desk, "rename_voice", {"id": voice["id"], "name": "Berta"})
    kept = [{"source": {"voice": voice["id"], "sound": voice["recordings"][0]["sound"]}, "text": SAID}]
    error = ask(desk, "save_voice", form(desk, id=voice["id"], revision=1, recordings=kept))["error"]
    assert error["code"] == "voice_changed"
    assert desk.studio.library.get(voice["id"]).name == "Berta"


def test_voices_travel_as_a_zip(desk: Desk, settings: Settings, tmp_path: Path) -> None:
    voice = saved(desk)
    parcel = ask(desk, "export_voices", {"ids": [voice["id"]]})
    assert parcel["name"] == "Anna.zip"
    path = Path(parcel["url"].removeprefix("gradio_api/file="))
    assert ask(desk, "import_voices", {"source": brought(desk, path)})["same"] == ["Anna"]
    ask(desk, "delete_voice", {"id": voice["id"]})
    ask(desk, "empty_bin", {"sure": True})
    assert ask(desk, "import_voices", {"source": brought(desk, path)})["added"] == ["Anna"]
    assert "error" in ask(desk, "import_voices", {"source": brought(desk, WREN)})
    assert "error" in ask(desk, "empty_bin", {})


def test_visitors_of_a_shared_machine_see_the_samples_and_change_nothing(settings: Settings) -> None:
    studio = Studio(replace(settings, host="0.0.0.0", public=True))
    home = Desk(studio, settings.data / "brought")
    home.voices.is_shared = False
    voice = saved(home)
    desk = Desk(studio, settings.data / "brought")
    assert all(row["is_sample"] for row in ask(desk, "voices", {})["voices"])
    assert "Anna" not in str(ask(desk, "cast_voices", {"ids": [voice["id"]]}))
    for name in ("save_voice", "delete_voice", "export_voices", "import_voices", "empty_bin", "rename_voice"):
        assert "Only who runs" in ask(desk, name, form(desk, id=voice["id"], sure=True))["error"]["message"]
    assert "error" in ask(desk, "voice", {"id": voice["id"]})
    source = {"voice": voice["id"], "sound": voice["recordings"][0]["sound"]}
    assert "error" in ask(desk, "bring", {"source": source})
    rows = [{"id": "r", "speaker": "S1", "text": "one", "pause": None}]
    for word in (voice["id"], "Anna", "anna"):
        order = {"rows": rows, "engine": "tone", "token": "t", "voices": {"S1": word}}
        assert "for visitors" in [*desk.speak(order)][-1]["error"]["message"]
        assert "for visitors" in ask(desk, "review", order)["error"]["message"]
    studio.close()


def heard(desk: Desk, token: str) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        state = ask(desk, "audition", {"token": token})
        if state["phase"] in ("finished", "failed", "stopped"):
            return state
        time.sleep(0.03)
    raise AssertionError(state)


def test_a_voice_is_tried_before_it_is_kept(desk: Desk, parrot: str) -> None:
    (row,) = [one for one in ask(desk, "cloning", {})["engines"] if one["id"] == parrot]
    assert row["obstacle"] is None
    order = form(desk, token="t", engine=parrot, line="Good morning.")
    assert ask(desk, "begin_audition", {**order, "recording": order["recordings"][0]}) == {"begun": True}
    state = heard(desk, "t")
    assert state["phase"] == "finished", state
    assert state["likeness"] is None or state["likeness"] > 0.9, "it gives the recording back"
    assert desk.studio.run(state["run"]).provenance["voices"]["S1"]["consent"] == OWN


def test_settings_are_tried_kept_and_shown_where_the_voice_is_cast(desk: Desk, parrot: str) -> None:
    voice = saved(desk)
    kept = {"source": {"voice": voice["id"], "sound": voice["recordings"][0]["sound"]}, "text": SAID}
    order = form(desk, token="t", engine=parrot, line="Hello.", recording=kept, sampling={"word_seconds": 0.3})
    ask(desk, "begin_audition", order)
    state = heard(desk, "t")
    assert state["sampling"]["word_seconds"] == 0.3, state
    suited = ask(desk, "suit_voice", {"id": voice["id"], "engine": parrot, "settings": {"word_seconds": 0.3}})["voice"]
    assert suited["settings"] == {parrot: {"word_seconds": 0.3}} and suited["revision"] == voice["revision"] + 1
    rows = [{"id": "r", "speaker": "S1", "text": "one two", "pause": None}]
    spoken = {"rows": rows, "engine": parrot, "voices": {"S1": voice["id"]}, "token": "t2"}
    assert ask(desk, "review", spoken)["suited"] == {"word_seconds": {"value": 0.3, "voice": "Anna"}}
    *_, last = desk.speak(spoken)
    assert desk.studio.run(last["result"]["id"]).sampling["word_seconds"] == 0.3
    error = ask(desk, "suit_voice", {"id": voice["id"], "engine": parrot, "settings": {"word_seconds": "x"}})["error"]
    assert "no settings" in error["message"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"line": ""}, "A line to try"),
        ({"line": "x" * 401}, "A line to try"),
        ({"engine": "tone"}, "cannot follow a recording"),
        ({"engine": "dia9"}, "no engine"),
        ({"consent": {}}, "right"),
        ({"engine": "dia"}, "cannot run here"),
    ],
)
def test_what_cannot_be_tried_is_told(desk: Desk, parrot: str, more: dict[str, Any], told: str) -> None:
    order = {**form(desk, token="t", engine=parrot, line="Hello."), **more}
    error = ask(desk, "begin_audition", {**order, "recording": order["recordings"][0]})["error"]
    assert told in error["message"]


def test_whoever_leaves_is_not_spoken_to(desk: Desk, parrot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.ui.audition.LEFT_SECONDS", -1.0)
    order = form(desk, token="t", engine=parrot, line="Good morning.")
    ask(desk, "begin_audition", {**order, "recording": order["recordings"][0]})
    assert heard(desk, "t")["phase"] == "stopped"


def test_a_file_tells_whether_it_is_ours(desk: Desk, parrot: str) -> None:
    rows = [{"id": "r", "speaker": "S1", "text": "one two three four", "pause": None}]
    order = {"rows": rows, "engine": parrot, "voices": {"S1": "v-sample-wren"}, "token": "t", "seed": 1}
    *_, last = desk.speak(order)
    output = desk.studio.run(last["result"]["id"]).output
    assert output is not None
    told = ask(desk, "inspect", {"source": brought(desk, output)})
    assert told["run"] == last["result"]["id"] and "to the last sample" in told["origin"]
    assert ask(desk, "inspect", {"source": brought(desk, SAMPLES / "v-sample-heron.flac")})["run"] == ""
    assert "mark" in ask(desk, "watermark", {})["meaning"]


def test_what_is_listened_to_does_not_fill_the_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.ui.listening.MOST_BYTES", 400_000)
    source = brought(desk)
    urls = [ask(desk, "weigh", {"source": source, "steps": {"cut": [0, end]}})["url"] for end in (4, 5, 6, 7)]
    files = [Path(url.removeprefix("gradio_api/file=")) for url in urls]
    assert files[-1].is_file() and not files[0].is_file()
    assert sum(file.stat().st_size for file in files if file.is_file()) < 500_000
