"""Voices as one zip: written the same way every time, and checked to the last byte before anything of one is kept.

    manifest.json                     {"format": "dialogue-studio-voices", "version": 1, "voices": [...]}
    files/<SHA-256>.flac, .orig       recordings and the files they were made from

A name inside a zip is never used as a path: it must be exactly one of those above.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from studio import soundfiles
from studio.disk import aside
from studio.errors import AudioError, OutputError, RequestError
from studio.library import database
from studio.library.entries import LibraryVoice, Reference
from studio.library.samples import Samples
from studio.library.sounds import MAX_ORIGINAL_BYTES, ORIGINAL, SOUND, Incoming

FORMAT, VERSION = "dialogue-studio-voices", 1
MANIFEST = "manifest.json"
FILE = re.compile(r"files/([0-9a-f]{64})(\.flac|\.orig)")
MOST_FILES, MOST_BYTES, MOST_MANIFEST_BYTES = 20_000, 4_000_000_000, 50_000_000
# Sound is compressed already and a manifest shrinks to a tenth: what grows more than this when unpacked is a bomb.
MOST_RATIO, SMALL_BYTES = 100, 100_000
WHEN = (1980, 1, 1, 0, 0, 0)  # the same for every file, so that equal voices make equal bytes
CHUNK = 1 << 20


@dataclass(frozen=True)
class Arrival:
    """What became of the voices of a zip.

    added: with the ids they had. restored: they lay in the bin. same: they were here already. renumbered: old id ->
    voice, where another voice has that id.
    """

    added: tuple[LibraryVoice, ...] = ()
    restored: tuple[LibraryVoice, ...] = ()
    same: tuple[LibraryVoice, ...] = ()
    renumbered: Mapping[str, LibraryVoice] = field(default_factory=dict)


def pack(
    path: Path,
    voices: Iterable[LibraryVoice],
    sound: Callable[[Reference], Path],
    original: Callable[[Reference], Path | None],
) -> None:
    """Write voices to a zip. Raises RequestError when there is none, AudioError for a damaged file, OutputError."""
    voices = sorted(voices, key=lambda voice: voice.id)
    if not voices:
        raise RequestError("There is no voice to export.", "Make one first.")
    files: dict[str, Path] = {}
    for reference in (reference for voice in voices for reference in voice.references):
        files[f"files/{reference.sound}{SOUND}"] = sound(reference)
        if brought := original(reference):
            files[f"files/{reference.original}{ORIGINAL}"] = brought
    manifest = {"format": FORMAT, "version": VERSION, "voices": [voice.record for voice in voices]}
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
    with aside(path) as part, zipfile.ZipFile(part, "w") as archive:
        archive.writestr(_entry(MANIFEST), text)
        for name, file in sorted(files.items()):
            _pack(archive, name, file)


def _pack(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    try:
        source = path.open("rb")
    except OSError as error:
        raise AudioError(f"A file of a voice is gone: {path}.", "Export the other voices by their ids.") from error
    info, state = _entry(name), hashlib.sha256()
    info.file_size = path.stat().st_size
    with source, archive.open(info, "w") as target:
        while piece := source.read(CHUNK):
            state.update(piece)
            target.write(piece)
    if state.hexdigest() not in name:
        raise AudioError(f"A file of a voice is damaged: {path}.", "Export the other voices by their ids.")


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, WHEN)
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info


def unpack(path: Path, incoming: Incoming, free_bytes: Callable[[Path], int] | None = None) -> list[LibraryVoice]:
    """The voices of a zip, their files written aside. Raises RequestError, OutputError."""
    try:
        with path.open("rb") as file:
            return _unpacked(file, incoming, free_bytes or _free_bytes)
    except OSError as error:
        if error.filename == str(path):
            raise RequestError(f"{path.name} cannot be read: {error.strerror}.", "Choose another file.") from error
        raise


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _unpacked(file: BinaryIO, incoming: Incoming, free_bytes: Callable[[Path], int]) -> list[LibraryVoice]:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _checked(archive.infolist(), file.seek(0, 2))
            voices = _voices(_manifest(archive, entries.pop(MANIFEST, None)))
            _check_files(voices, entries)
            needed, free = sum(entry.file_size for entry in entries.values()), free_bytes(incoming.folder)
            if needed > free:
                raise OutputError(
                    f"The voices take {needed / 1e6:.0f} MB and the disk has {free / 1e6:.0f} MB left.",
                    f"Free space near {incoming.folder}; nothing was imported.",
                )
            parts = {name: _unpack(archive, entry, incoming) for name, entry in entries.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError) as error:
        raise _refused(f"it is no whole zip ({error})") from error
    for voice in voices:
        for reference in voice.references:
            _check_sound(parts[f"files/{reference.sound}{SOUND}"], reference, voice.name)
    return voices


def _refused(why: str) -> RequestError:
    return RequestError(
        f"These voices cannot be imported: {why}.", "Nothing was imported. Use a file that was exported here."
    )


def _checked(infos: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
    """The entries by name, after everything that can be known before reading them is known to be harmless."""
    if len(infos) > MOST_FILES:
        raise _refused(f"it has {len(infos)} files, and {MOST_FILES} are the most")
    total = sum(info.file_size for info in infos)
    if total > MOST_BYTES:
        raise _refused(f"it would unpack to {total / 1e9:.1f} GB, and {MOST_BYTES / 1e9:.0f} GB are the most")
    if sum(info.compress_size for info in infos) > size:
        raise _refused("its files overlap")
    for info in infos:
        if wrong := _wrong(info):
            raise _refused(f"{info.filename[:80]!r} {wrong}")
    entries = {info.filename: info for info in infos}
    if len(entries) < len(infos):
        raise _refused("it has two files of one name")
    return entries


def _wrong(info: zipfile.ZipInfo) -> str:
    """What is wrong with an entry, "" when nothing is."""
    if info.filename != MANIFEST and not FILE.fullmatch(info.filename):
        return "does not belong into it"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link"
    if info.flag_bits & 1:
        return "is locked with a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that is not read here"
    if info.file_size > min(MAX_ORIGINAL_BYTES, max(SMALL_BYTES, MOST_RATIO * info.compress_size)):
        return f"would unpack to {info.file_size / 1e6:.0f} MB"
    return ""


def _manifest(archive: zipfile.ZipFile, entry: zipfile.ZipInfo | None) -> list[Any]:
    """The records of the voices."""
    if entry is None or entry.file_size > MOST_MANIFEST_BYTES:
        raise _refused(f"it has no {MANIFEST}" if entry is None else f"its {MANIFEST} is too large")
    try:
        manifest = json.loads(archive.read(entry))
    except (ValueError, RecursionError) as error:
        raise _refused(f"its {MANIFEST} cannot be read ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _refused(f"its {MANIFEST} is not one of voices")
    version, voices = manifest.get("version"), manifest.get("voices")
    if isinstance(version, int) and version > VERSION:
        raise RequestError(
            f"These voices were exported by a newer Dialogue Studio (form {version}, here {VERSION}).",
            "Nothing was imported. Update this one.",
        )
    if version != VERSION or not isinstance(voices, list) or not voices:
        raise _refused(f"its {MANIFEST} lists no voices")
    return voices


def _voices(records: list[Any]) -> list[LibraryVoice]:
    voices = []
    for position, record in enumerate(records, start=1):
        try:
            voices.append(LibraryVoice.of(record))
        except RequestError as error:
            raise _refused(f"voice {position} is not right: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _refused(f"voice {position} is not described as it must be ({error!r})") from error
    if len({voice.id for voice in voices}) < len(voices):
        raise _refused("two of its voices have one id")
    return voices


def _check_files(voices: list[LibraryVoice], entries: Mapping[str, zipfile.ZipInfo]) -> None:
    """The zip holds exactly the files that its voices name."""
    wanted = set()
    for reference in (reference for voice in voices for reference in voice.references):
        wanted.add(f"files/{reference.sound}{SOUND}")
        if reference.original:
            wanted.add(f"files/{reference.original}{ORIGINAL}")
    for name in sorted(wanted ^ entries.keys()):
        raise _refused(f"{name} {'is missing' if name in wanted else 'belongs to no voice in it'}")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, incoming: Incoming) -> Path:
    found = FILE.fullmatch(entry.filename)
    assert found is not None
    with archive.open(entry) as file:
        part = incoming.bytes_of(iter(lambda: file.read(CHUNK), b""), found[2])
    if incoming.parts[part].stem != found[1]:
        raise _refused(f"{entry.filename} is damaged")
    return part


def _check_sound(part: Path, reference: Reference, name: str) -> None:
    """A recording is a FLAC as it is described, and sounds to its end."""
    try:
        facts = soundfiles.facts_of(part)
        described = ("FLAC", 1, reference.sample_rate, round(reference.seconds * reference.sample_rate))
        is_as_described = (facts.format, facts.channels, facts.sample_rate, facts.frames) == described
        is_whole = is_as_described and sum(len(b.samples) for b in soundfiles.blocks_of(part)) == facts.frames
    except AudioError as error:
        raise _refused(f"a recording of {name!r} is no sound that can be read") from error
    if not is_whole:
        raise _refused(f"a recording of {name!r} is not what the list says")


def settle(db: sqlite3.Connection, voices: Iterable[LibraryVoice], samples: Samples) -> Arrival:
    """Give the voices their rows. One that is here already is left; one whose id another voice has gets a new id,
    always the same one for the same voice, so that importing twice is importing once.
    """
    added, restored, same, renumbered = [], [], [], {}
    for voice in voices:
        here = samples.get(voice.id) or next(iter(database.select(db, "id = ?", [voice.id])), None)
        if here is not None and not here.says_the_same(voice):
            old, voice = voice.id, replace(voice, id=f"v-{_digest(voice)[:12]}")
            here = next(iter(database.select(db, "id = ?", [voice.id])), None)
            renumbered[old] = here or voice
        elif here is None:
            added.append(voice)
        elif here.deleted:
            restored.append(voice)
        else:
            same.append(here)
        if here is None or here.deleted:
            database.insert(db, voice if here is None else replace(here, deleted="", revision=here.revision + 1))
    return Arrival(tuple(added), tuple(restored), tuple(same), renumbered)


def _digest(voice: LibraryVoice) -> str:
    """Over all that is said of a voice, but for its dates."""
    record = voice.record | {"created": "", "changed": "", "favourite": False}
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
