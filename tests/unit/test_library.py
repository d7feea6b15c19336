"""The library of voices: what is kept, found, changed by two at once, deleted, and whole after a kill."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studio import engines
from studio.engines.base import ReferenceNeeds
from studio.errors import AudioError, LibraryError, OutputError, RequestError, StaleVoice, UnknownVoice
from studio.library import Library, Recording, Reference
from studio.library.choice import choose
from studio.library.database import VERSION
from studio.voice import Consent, TimedWord, Voice
from tests.recorded import kept, library, recording, tone

ROOT = Path(__file__).parents[2]


def files(library: Library) -> list[str]:
    """The files of sounds, half-written ones too."""
    return sorted(path.name for path in (library.folder / "sounds").rglob("*") if path.is_file())


def test_a_voice_is_kept_with_everything_that_was_said_of_it(tmp_path: Path) -> None:
    brought = tmp_path / "My phone.m4a"
    brought.write_bytes(b"as it came")
    made = library(tmp_path).add(
        " Anna  Berg ",
        Consent("licensed", source="https://example.org/anna"),
        [recording(original=brought)],
        tags=("warm", " warm", "low"),
        language="de",
        notes="A note.\nAnother.",
        settings={"dia": {"cfg": 3.5}},
    )
    again = library(tmp_path)
    read = again.get(made.id)
    assert read == made and read.name == "Anna Berg" and read.tags == ("warm", "low")
    (reference,) = read.references
    sound = again.sound(reference)
    assert np.abs(sound.samples - tone().samples).max() <= 2**-23 and sound.sample_rate == 24000
    assert reference.words[1] == TimedWord("there.", 0.5, 1.0, 0.8) and reference.measurements == {"snr_db": 41.5}
    original = again.original(reference)
    assert original is not None and original.read_bytes() == b"as it came"
    assert reference.original_name == "My phone.m4a"


def test_a_sound_over_full_scale_is_lowered_and_that_is_said(tmp_path: Path) -> None:
    shelf = library(tmp_path)
    made = shelf.add("Loud", Consent("own"), [Recording(tone().scaled(4.0), "Hello.")])
    assert made.references[0].edits == {"lowered_db": pytest.approx(6.02)}
    assert shelf.sound(made.references[0]).peak == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("consent", "says"),
    [
        ({"kind": ""}, "by which right"),
        ({"kind": "mine"}, "My own voice"),
        ({"kind": "person", "who": "Anna"}, "name and a date"),
        ({"kind": "person", "when": "today"}, "name and a date"),
        ({"kind": "licensed", "note": "free"}, "source"),
        ({"kind": "own", "note": "x" * 3000}, "at most"),
    ],
)
def test_a_voice_wants_its_consent(consent: dict[str, str], says: str) -> None:
    with pytest.raises(RequestError, match=says):
        Consent(**consent)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": " "}, "no name"),
        ({"name": "x" * 81}, "81"),
        ({"language": "../de"}, "language"),
        ({"tags": ("x" * 41,)}, "tags"),
        ({"notes": "x" * 10_001}, "notes"),
        ({"references": ()}, "recordings"),
        ({"settings": {"dia": {"cfg": float("nan")}}}, "plain values"),
        ({"settings": {"dia": {"cfg": "3"}}}, "numbers"),
        ({"id": "../../x"}, "not the id"),
        ({"created": "yesterday"}, "ISO 8601"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_kept_cannot_be_made(tmp_path: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(RequestError, match=says):
        replace(kept(library(tmp_path)), **change)


@pytest.mark.parametrize(
    "bad", [tone(0.0), tone(1.0).scaled(0.0), tone(601, rate=8000)], ids=["empty", "silent", "long"]
)
def test_what_is_no_recording_leaves_nothing_behind(tmp_path: Path, bad: object) -> None:
    shelf = library(tmp_path)
    with pytest.raises(AudioError, match="no reference"):
        shelf.add("Anna", Consent("own"), [recording(), Recording(bad, "Hello.")])  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="words"):
        shelf.add("Anna", Consent("own"), [Recording(tone(), " ")])
    with pytest.raises(AudioError, match="gone.wav cannot be read"):
        shelf.add("Anna", Consent("own"), [recording(original=tmp_path / "gone.wav")])
    assert shelf.search() == [] and files(shelf) == []


def test_a_search_finds_every_word_in_any_case_and_favourites_come_first(tmp_path: Path) -> None:
    shelf = library(tmp_path)
    anna, ben, zoe = kept(shelf), kept(shelf, "Ben", 110), kept(shelf, "ZOË", 330)
    shelf.favourite(zoe.id)
    assert [voice.name for voice in shelf.search()] == ["ZOË", "Anna", "Ben"]
    assert [voice.id for voice in shelf.search("zoë WARM hello")] == [zoe.id]
    assert [voice.id for voice in shelf.search("second ben")] == [ben.id]
    assert [voice.id for voice in shelf.search(favourites=True)] == [zoe.id]
    shelf.tag(anna.id, ["bright"])
    assert [voice.id for voice in shelf.search(tag="bright")] == [anna.id]
    assert shelf.tags() == ["bright", "low", "warm"]
    assert shelf.search("nobody'; DROP TABLE voices; --") == [] and len(shelf.search()) == 3


def test_a_renamed_voice_keeps_its_id_and_its_sound(tmp_path: Path) -> None:
    shelf, spec = library(tmp_path), engines.module("csm").SPEC
    anna = kept(shelf)
    before = shelf.voice(anna.id, spec)
    renamed = shelf.rename(anna.id, "Hanna")
    after = shelf.voice("hanna", spec)
    assert renamed.revision == 2 and (after.id, after.name, after.digest) == (anna.id, "Hanna", before.digest)


def test_words_and_their_times_decide_the_sound_but_not_how_sure_they_are() -> None:
    voice = Voice("v-a", "A", audio=tone(), transcript="Hello there.", words=(TimedWord("Hello", 0.1, 0.5, 0.9),))
    assert replace(voice, name="B", id="v-b", consent=Consent("own")).digest == voice.digest
    assert replace(voice, words=(TimedWord("Hello", 0.1, 0.5, 0.1),)).digest == voice.digest
    assert replace(voice, words=(TimedWord("Hello", 0.2, 0.5),)).digest != voice.digest
    assert replace(voice, transcript="Hello.").digest != voice.digest


def test_a_change_to_what_is_no_longer_so_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    one, other = library(tmp_path), library(tmp_path)  # two tabs
    seen_here, seen_there = kept(one), one.search()[0]
    saved = other.save(replace(seen_there, notes="From there."))
    with pytest.raises(StaleVoice, match="Load it again"):
        one.save(replace(seen_here, name="From here"))
    with pytest.raises(StaleVoice):
        one.add_recording(seen_here, recording(2.0))
    assert one.get(saved.id) == saved and len(files(one)) == 1
    merged = one.save(replace(one.get(saved.id), name="From here"))
    assert (merged.name, merged.notes, merged.revision) == ("From here", "From there.", 3)


def test_many_at_once_lose_no_change(tmp_path: Path) -> None:
    anna = kept(library(tmp_path))
    refused = []

    def add_tag(tag: str) -> None:
        shelf = library(tmp_path)
        while True:
            seen = shelf.get(anna.id)
            try:
                shelf.save(replace(seen, tags=(*seen.tags, tag)))
                return
            except StaleVoice:
                refused.append(tag)

    threads = [threading.Thread(target=add_tag, args=(f"tag {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(library(tmp_path).get(anna.id).tags) == {"warm", "low", *(f"tag {number}" for number in range(8))}


def test_two_voices_of_one_name_are_told_apart(tmp_path: Path) -> None:
    shelf = library(tmp_path)
    first, second = kept(shelf), kept(shelf, "ANNA", 110, seconds=2.0)
    with pytest.raises(UnknownVoice, match="2 voices are called 'Anna'") as error:
        shelf.find("Anna")
    assert first.id in error.value.remedy and second.id in error.value.remedy and "2 s" in error.value.remedy
    assert shelf.find(second.id) == second
    shelf.delete(second.id)
    assert shelf.find("anna").id == first.id


def test_a_deleted_voice_is_said_and_can_be_restored_until_the_bin_is_emptied(tmp_path: Path) -> None:
    shelf = library(tmp_path)
    anna, ben = kept(shelf), kept(shelf, "Ben", 110)
    gone = shelf.delete(anna.id)
    for word in (anna.id, "Anna"):
        with pytest.raises(UnknownVoice, match=f"deleted on {gone.deleted[:10]}.*restore {anna.id}"):
            shelf.find(word)
    assert shelf.bin() == [gone] and [voice.id for voice in shelf.search()] == [ben.id]
    assert shelf.restore(anna.id).deleted == "" and shelf.find("Anna").id == anna.id
    shelf.delete(anna.id)
    assert shelf.empty_bin() == 1 and shelf.bin() == [] and len(files(shelf)) == 1
    with pytest.raises(UnknownVoice, match="the bin was emptied"):
        shelf.find(anna.id)
    with pytest.raises(UnknownVoice, match=f"Did you mean {ben.id!r}"):
        shelf.find(ben.id[:-1] + "x")


def test_a_duplicate_shares_its_files_and_lives_on_alone(tmp_path: Path) -> None:
    shelf = library(tmp_path)
    anna = kept(shelf)
    copy = shelf.duplicate(anna.id)
    assert copy.name == "Anna (copy)" and copy.id != anna.id and len(files(shelf)) == 1
    shelf.delete(anna.id)
    shelf.empty_bin()
    assert shelf.sound(copy.references[0]).seconds == 1.0


def test_recordings_can_be_added_put_in_order_and_taken_away_but_not_invented(tmp_path: Path) -> None:
    shelf = library(tmp_path)
    two = shelf.add_recording(kept(shelf), recording(2.0, 330))
    turned = shelf.save(replace(two, references=two.references[::-1]))
    assert [reference.seconds for reference in shelf.get(two.id).references] == [2.0, 1.0]
    with pytest.raises(RequestError, match="different recordings"):
        shelf.add_recording(turned, recording(2.0, 330))
    with pytest.raises(RequestError, match="add_recording"):
        shelf.save(replace(turned, references=(replace(turned.references[0], sound="0" * 64),)))
    shelf.save(replace(turned, references=turned.references[1:]))
    shelf.sweep()
    assert len(files(shelf)) == 1


@pytest.mark.parametrize(
    ("lengths", "chosen"),
    [
        ([3, 7, 9], 7),  # the first in the best range
        ([2, 12], 12),  # the nearest to it
        ([4.5, 11], 4.5),
        ([30, 2], 2),  # one that is not refused
        ([40, 50], 40),
        ([0.5, 0.7], 0.7),
    ],
)
def test_an_engine_is_given_the_recording_that_suits_it_best(lengths: list[float], chosen: float) -> None:
    needs = ReferenceNeeds(least=1, best_from=5, best_to=10, most=20)
    references = [Reference(f"{at:064x}", seconds, 24000, "Hello.") for at, seconds in enumerate(lengths)]
    assert choose(references, needs).seconds == chosen


def test_a_damaged_or_missing_sound_is_said_and_never_replaced(tmp_path: Path) -> None:
    shelf = library(tmp_path)
    (reference,) = kept(shelf).references
    path = shelf.path(reference)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    with pytest.raises(AudioError, match="damaged"):
        shelf.sound(reference)
    path.unlink()
    with pytest.raises(AudioError, match="gone"):
        shelf.sound(reference)


def test_a_library_that_is_damaged_locked_or_newer_is_said_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = library(tmp_path)
    kept(shelf)
    path = shelf.folder / "voices.db"
    monkeypatch.setattr("studio.database.WAIT_SECONDS", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert len(shelf.search()) == 1  # reading goes on
    with pytest.raises(OutputError, match="Another program"):
        kept(shelf, "Ben", 110)
    other.execute("COMMIT")
    assert len(files(shelf)) == 1
    other.execute(f"PRAGMA user_version = {VERSION + 1}")
    other.close()
    with pytest.raises(LibraryError, match="newer Dialogue Studio"):
        shelf.search()
    path.write_bytes(b"not a database, " * 512)
    with pytest.raises(LibraryError, match="damaged"):
        shelf.search()


def test_looking_makes_no_file(tmp_path: Path) -> None:
    shelf = library(tmp_path)
    assert shelf.search("anna") == [] and shelf.bin() == []
    with pytest.raises(UnknownVoice, match="There is none yet"):
        shelf.find("anna")
    assert not shelf.folder.exists()


WRITER = """
import sys, itertools
from dataclasses import replace
from pathlib import Path
from tests.recorded import kept, library, recording
shelf = library(Path(sys.argv[1]))
print("ready", flush=True)
for number in itertools.count():
    anna = kept(shelf, f"Anna {number}", 100 + number % 50 + int(sys.argv[2]) * 100)
    shelf.save(replace(shelf.add_recording(anna, recording(2.0, 90 + number)), notes="changed"))
    shelf.delete(anna.id)
    if number % 3 == 0:
        shelf.restore(anna.id)
    if number % 5 == 4:
        shelf.empty_bin()
"""


def crash(folder: Path, number: int, moment: float) -> None:
    """A process that writes all the time, killed at a moment."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, folder, str(number)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    time.sleep(moment)
    writer.send_signal(signal.SIGKILL)
    writer.wait(10)
    writer.stdout.close()


def check(folder: Path) -> int:
    """Every voice is whole and every file belongs to one; gives how many voices there are."""
    shelf = library(folder)
    voices = [*shelf.search(), *shelf.bin()]
    for voice in voices:
        for reference in voice.references:
            assert shelf.sound(reference).seconds == pytest.approx(reference.seconds)
    shelf.sweep()
    sounds = {f"{reference.sound}.flac" for voice in voices for reference in voice.references}
    assert set(files(shelf)) == sounds
    with shelf._database.reading() as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    return len(voices)


@pytest.mark.slow
def test_a_library_survives_being_killed_at_any_moment(tmp_path: Path) -> None:
    moments, found = random.Random(4), 0
    for number in range(6):
        crash(tmp_path, number, moments.uniform(0.0, 0.25))
        found = check(tmp_path)
    assert found > 0
