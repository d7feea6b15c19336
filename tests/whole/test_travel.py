"""Voices as a zip: the same bytes after a round trip, and nothing kept of one that is not right."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.errors import AudioError, OutputError, RequestError, UnknownVoice
from studio.library import Library
from studio.library.travel import SMALL_BYTES, unpack
from studio.studio import SAMPLES
from studio.voice import Consent
from tests.recorded import kept, library, recording

ROOT = Path(__file__).parents[2]
Change = Callable[[dict[str, Any], dict[str, bytes]], object]


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """Three voices, one with two recordings and an original, one a favourite; exported."""
    brought = tmp_path / "phone.m4a"
    brought.write_bytes(b"as it came" * 100)
    shelf = library(tmp_path / "from")
    anna = kept(shelf)
    shelf.add_recording(anna, recording(2.0, 330, brought))
    shelf.favourite(kept(shelf, "Ben ☺", 110).id)
    shelf.add("Cleo", Consent("synthetic"), [recording(1.5, 150)])
    path = tmp_path / "voices.zip"
    shelf.export(path)
    return path


def files(library: Library) -> list[Path]:
    return [path for path in library.folder.rglob("*") if path.is_file() and "sounds" in path.parts]


def remade(path: Path, change: Change, packing: int = zipfile.ZIP_STORED) -> Path:
    """The zip with its manifest and its files changed."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(held.pop("manifest.json"))
    change(manifest, held)
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(target, "w", packing) as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, data in held.items():
            archive.writestr(name, data)
    return target


def refused(path: Path, says: str) -> None:
    """An import says what is wrong and keeps nothing."""
    shelf = library(path.parent / "to")
    with pytest.raises(RequestError, match=says) as error:
        shelf.import_(path)
    assert "Nothing was imported" in error.value.remedy
    assert shelf.search() == [] and files(shelf) == []


def test_a_round_trip_is_equal_to_the_byte(tmp_path: Path, packed: Path) -> None:
    there, again = library(tmp_path / "to"), tmp_path / "again.zip"
    arrival = there.import_(packed)
    assert sorted(voice.name for voice in arrival.added) == ["Anna", "Ben ☺", "Cleo"]
    there.export(again)
    assert again.read_bytes() == packed.read_bytes()
    assert [voice.name for voice in there.search()] == ["Ben ☺", "Anna", "Cleo"]
    anna = there.find("Anna")
    assert there.original(anna.references[1]).read_bytes() == b"as it came" * 100
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    there.export(one, [anna.id, anna.id])
    library(tmp_path / "from").export(other, [anna.id])
    assert one.read_bytes() == other.read_bytes() != packed.read_bytes()


def test_importing_twice_is_importing_once(tmp_path: Path, packed: Path) -> None:
    shelf = library(tmp_path / "to")
    shelf.import_(packed)
    before = shelf.search()
    assert sorted(voice.name for voice in shelf.import_(packed).same) == ["Anna", "Ben ☺", "Cleo"]
    assert shelf.search() == before
    shelf.delete(before[0].id)
    arrival = shelf.import_(packed)
    assert [voice.id for voice in arrival.restored] == [before[0].id] and len(arrival.same) == 2
    assert shelf.find(before[0].id).deleted == ""
    shelf.delete(before[0].id)
    shelf.empty_bin()
    assert [voice.id for voice in shelf.import_(packed).added] == [before[0].id]


def test_another_voice_of_the_same_id_gets_a_new_one_and_that_is_said(tmp_path: Path, packed: Path) -> None:
    shelf = library(tmp_path / "from")
    anna = shelf.find("Anna")
    shelf.save(replace(anna, notes="Changed here."))
    first = shelf.import_(packed)
    assert list(first.renumbered) == [anna.id] and len(first.same) == 2
    new = first.renumbered[anna.id]
    assert new.id != anna.id and shelf.get(new.id).notes == anna.notes
    assert shelf.get(anna.id).notes == "Changed here."
    assert shelf.import_(packed).renumbered[anna.id].id == new.id and len(shelf.named("Anna")) == 2


def change_voice(**values: object) -> Change:
    return lambda manifest, held: manifest["voices"][0].update(values)


def change_recording(**values: object) -> Change:
    return lambda manifest, held: manifest["voices"][0]["references"][0].update(values)


def a_sound(held: dict[str, bytes]) -> str:
    return next(name for name in held if name.endswith(".flac"))


BAD: dict[str, tuple[Change, str]] = {
    "climbs out": (lambda m, held: held.update({"../../x.wav": b"x"}), r"'../../x.wav' does not belong"),
    "absolute": (lambda m, held: held.update({"/etc/passwd": b"x"}), "does not belong"),
    "drive": (lambda m, held: held.update({"C:\\x.wav": b"x"}), "does not belong"),
    "climbs by hash": (lambda m, held: held.update({f"files/../{'0' * 64}.flac": b"x"}), "does not belong"),
    "folder": (lambda m, held: held.update({"files/": b""}), "does not belong"),
    "stranger": (lambda m, held: held.update({f"files/{'0' * 64}.flac": b"x"}), "belongs to no voice"),
    "missing": (lambda m, held: held.pop(a_sound(held)), "is missing"),
    "damaged": (lambda m, held: held.update({a_sound(held): b"fLaC" + b"x" * 50}), "is damaged"),
    "newer": (lambda m, held: m.update(version=2), "newer Dialogue Studio"),
    "older": (lambda m, held: m.update(version=0), "lists no voices"),
    "other": (lambda m, held: m.update(format="words"), "not one of voices"),
    "no voices": (lambda m, held: m.update(voices=[]), "lists no voices"),
    "twice": (lambda m, held: m["voices"].append(m["voices"][0]), "one id"),
    "no name": (lambda m, held: m["voices"][0].pop("name"), "voice 1 is not described"),
    "unknown": (change_voice(colour="red"), "no colour"),
    "marked": (change_voice(is_sample=True), "no is_sample"),
    "number": (change_voice(name=5), "must be a text"),
    "id": (change_voice(id="../../x"), "not the id"),
    "no consent": (change_voice(consent={}), "voice 1 is not described"),
    "bad consent": (change_voice(consent={"kind": "mine"}), "by which right"),
    "list": (lambda m, held: m.update(voices=["Anna"]), "voice 1"),
    "hash": (change_recording(sound="../x"), "hash of its file"),
    "long": (change_recording(seconds=1e9), "cannot last"),
    "not finite": (change_recording(seconds=float("nan")), "cannot last"),
    "other length": (change_recording(seconds=1.25), "not what the list says"),
    "other rate": (change_recording(sample_rate=48000), "not what the list says"),
    "word": (change_recording(words=[["Hello", 2, 1, None]]), "cannot sound"),
    "deep": (change_recording(edits=json.loads("[" * 500 + "]" * 500)), "Edits"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_right_is_refused_and_nothing_is_kept(packed: Path, name: str) -> None:
    change, says = BAD[name]
    refused(remade(packed, change), says)


def test_a_sound_that_is_none_is_refused_although_its_hash_is_right(packed: Path) -> None:
    import hashlib

    data = b"MZ this was a program"
    digest = hashlib.sha256(data).hexdigest()

    def change(manifest: dict[str, Any], held: dict[str, bytes]) -> None:
        reference = manifest["voices"][0]["references"][0]
        held[f"files/{digest}.flac"] = held.pop(f"files/{reference['sound']}.flac")
        held[f"files/{digest}.flac"] = data
        reference["sound"] = digest

    refused(remade(packed, change), "no sound that can be read")


def test_a_bomb_is_refused_before_it_unpacks(packed: Path) -> None:
    def change(manifest: dict[str, Any], held: dict[str, bytes]) -> None:
        held[a_sound(held)] = bytes(200 * SMALL_BYTES)

    refused(remade(packed, change, zipfile.ZIP_DEFLATED), "would unpack to 20 MB")


def test_links_passwords_doubles_and_too_many_files_are_refused(packed: Path) -> None:
    def entry(name: str, mode: int = 0o100644) -> Path:
        target = packed.with_name("changed.zip")
        target.write_bytes(packed.read_bytes())
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        with warnings.catch_warnings(), zipfile.ZipFile(target, "a") as archive:
            warnings.simplefilter("ignore")  # of two files of one name
            archive.writestr(info, b"/etc/passwd")
        return target

    refused(entry(f"files/{'0' * 64}.flac", 0o120777), "is a link")
    refused(entry("manifest.json"), "two files of one name")
    locked = bytearray(packed.read_bytes())
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
    packed.with_name("changed.zip").write_bytes(locked)
    refused(packed.with_name("changed.zip"), "password")
    many = packed.with_name("changed.zip")
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(20_001):
            archive.writestr(f"{number}", b"")
    refused(many, "20001 files")


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06" + bytes(18), b"not a zip" * 99, b"cut"], ids=len)
def test_what_is_no_zip_is_refused(packed: Path, data: bytes) -> None:
    target = packed.with_name("changed.zip")
    target.write_bytes(packed.read_bytes()[:-200] if data == b"cut" else data)
    refused(target, "no whole zip|no manifest")
    with pytest.raises(RequestError, match="cannot be read: No such file"):
        library(packed.parent / "to").import_(packed.with_name("gone.zip"))


def test_every_byte_that_is_changed_is_noticed_or_changes_nothing(packed: Path) -> None:
    whole = packed.read_bytes()
    target, shelf = packed.with_name("changed.zip"), library(packed.parent / "to")
    for at in range(0, len(whole), len(whole) // 60):
        target.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            shelf.import_(target)
        except RequestError:
            continue
    assert {voice.name for voice in shelf.search()} <= {"Anna", "Ben ☺", "Cleo"}


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path: Path, packed: Path) -> None:
    shelf = library(tmp_path / "to")
    with shelf._sounds.incoming() as incoming, pytest.raises(OutputError, match="0 MB left"):
        unpack(packed, incoming, lambda folder: 10)
    assert files(shelf) == []


FULL = """
import sys, signal, resource
from pathlib import Path
from studio.errors import OutputError
from tests.recorded import library
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    library(Path(sys.argv[1])).import_(Path(sys.argv[2]))
except OutputError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="the system knows no limit for files")
@pytest.mark.parametrize("room", [1_000, 20_000])
def test_a_disk_that_is_full_during_an_import_leaves_nothing(tmp_path: Path, packed: Path, room: int) -> None:
    shelf = library(tmp_path / "to")
    command = [sys.executable, "-c", FULL, shelf.folder.parent, packed, str(room)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "disk is full" in said or "Free space" in said
    assert shelf.search() == [] and files(shelf) == []
    assert len(shelf.import_(packed).added) == 3


def test_a_damaged_library_exports_nothing_and_a_good_one_writes_whole_files_only(tmp_path: Path, packed: Path) -> None:
    shelf = library(tmp_path / "from")
    with pytest.raises(UnknownVoice):
        shelf.export(tmp_path / "x.zip", ["v-nobody"])
    with pytest.raises(RequestError, match="no voice to export"):
        library(tmp_path / "none").export(tmp_path / "x.zip")
    shelf.path(shelf.find("Anna").references[0]).write_bytes(b"x")
    with pytest.raises(AudioError, match="damaged"):
        shelf.export(tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_samples_are_there_from_the_start_and_stay_as_they_are(tmp_path: Path) -> None:
    shelf = Library(tmp_path / "voices", SAMPLES)
    samples = shelf.search()
    assert len(samples) >= 4
    for sample in samples:
        (reference,) = sample.references
        sound = shelf.sound(reference)
        assert sample.consent.kind == "synthetic" and sample.is_sample
        assert 6 <= sound.seconds <= 9 and sound.sample_rate == 24000
        assert shelf.path(reference).stat().st_size < 300_000
        for change in (shelf.delete, shelf.favourite, lambda voice_id: shelf.rename(voice_id, "Mine")):
            with pytest.raises(RequestError, match="Duplicate it"):
                change(sample.id)
    assert not shelf.folder.exists()
    mine = shelf.duplicate(samples[0].id, "Mine")
    shelf.export(tmp_path / "x.zip")
    there = library(tmp_path / "to")
    there.import_(tmp_path / "x.zip")
    assert there.sound(there.find("Mine").references[0]).digest == shelf.sound(mine.references[0]).digest
    shelf.export(tmp_path / "y.zip", [samples[1].id])
    assert shelf.import_(tmp_path / "y.zip").same == (samples[1],)
