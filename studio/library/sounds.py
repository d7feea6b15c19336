"""The sound files of the library, each under the hash of its bytes. Knows no voice and no database.

A file is written aside, and moved to its place while the database is locked for writing: what then belongs to no voice
was left behind by a process that was killed, and can go.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

from studio import soundfiles
from studio.audio import Audio
from studio.disk import PART, cannot_write, sweep
from studio.errors import AudioError
from studio.library.entries import MAX_SECONDS, Recording, Reference

SOUND, ORIGINAL = ".flac", ".orig"
MAX_ORIGINAL_BYTES = 250_000_000
KIND = ("FLAC", "PCM_24")  # what a float sample of a recording has: 24 bits
FULL_SCALE = 1 - 2**-23
_REMEDY = "Bring it back from a backup or an export."
REMEMBERED = 32  # sounds in memory: a voice is asked for with every key that is pressed in a script


class Sounds:
    """The files below one folder: `ab/abcd….flac` and, as they were brought, `ab/abcd….orig`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str, ending: str = SOUND) -> Path:
        """Where a file is, if it is kept."""
        return self.folder / digest[:2] / f"{digest}{ending}"

    @contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """Files being written; those that have not been placed when the block ends vanish. Raises OutputError."""
        incoming = Incoming(self)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            yield incoming
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        finally:
            for part in incoming.parts:
                part.unlink(missing_ok=True)

    def sweep(self, sounds: Collection[str], originals: Collection[str]) -> int:
        """Remove every file but these, and count them. Only while nobody else may write to the database."""
        wanted = {*(self.path(sound) for sound in sounds), *(self.path(one, ORIGINAL) for one in originals)}
        found = [path for ending in (SOUND, ORIGINAL) for path in self.folder.glob(f"??/*{ending}")]
        orphans = [path for path in found if path not in wanted]
        for path in orphans:
            path.unlink(missing_ok=True)
        sweep(self.folder)
        return len(orphans)


class Incoming:
    """Files that are whole but not in their place."""

    def __init__(self, sounds: Sounds) -> None:
        self._sounds = sounds
        self.folder = sounds.folder
        self.parts: dict[Path, Path] = {}  # where it lies -> where it belongs

    def recording(self, recording: Recording) -> Reference:
        """Write a recording and the file it was made from. Raises RequestError, AudioError, OutputError."""
        digest, gain_db = self._sound(recording.audio)
        return Reference(
            sound=digest,
            seconds=recording.audio.seconds,
            sample_rate=recording.audio.sample_rate,
            transcript=recording.transcript,
            words=recording.words,
            measurements=recording.measurements,
            edits={**recording.edits, "lowered_db": gain_db} if gain_db else recording.edits,
            original=self.original(recording.original) if recording.original else "",
            original_name=recording.original_name or _name(recording.original),
        )

    def _sound(self, audio: Audio) -> tuple[str, float]:
        """Write a sound; gives its hash and by how many dB it was lowered, so that no sample is cut off."""
        if not 0 < audio.seconds <= MAX_SECONDS or not audio.peak:
            raise AudioError(
                f"A recording of {audio.seconds:.1f} s with a peak of {audio.peak:g} is no reference.",
                f"Use one that can be heard and lasts up to {MAX_SECONDS:.0f} s.",
            )
        gain = min(1.0, FULL_SCALE / audio.peak)
        part = self._part()
        with soundfiles.writing(part, audio.sample_rate, KIND) as file:
            file.write(audio.scaled(gain) if gain < 1 else audio)
        self._belongs(part, SOUND)
        return self.parts[part].stem, -round(20 * math.log10(gain), 2)

    def original(self, source: Path | bytes) -> str:
        """Copy a file as it is; gives its hash. Raises AudioError when it cannot be read or is too large."""
        if isinstance(source, bytes):
            return self.parts[self.bytes_of(iter([source]), ORIGINAL)].stem
        try:
            size = source.stat().st_size
            if size > MAX_ORIGINAL_BYTES:
                raise AudioError(f"{source.name} has {size / 1e6:.0f} MB.", "At most 250 MB are kept: cut it first.")
            with source.open("rb") as file:
                return self.parts[self.bytes_of(iter(lambda: file.read(1 << 20), b""), ORIGINAL)].stem
        except OSError as error:
            if error.filename == str(source):
                raise AudioError(f"{source.name} cannot be read: {error.strerror}.", "Choose another file.") from error
            raise

    def bytes_of(self, pieces: Iterator[bytes], ending: str) -> Path:
        """Write the bytes that come; gives where they lie, `parts` then says where they belong. Raises OSError."""
        part = self._part()
        with part.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        self._belongs(part, ending)
        return part

    def place(self) -> None:
        """Move everything to where it belongs. Only while nobody else may write to the database. Raises OSError."""
        for part, path in self.parts.items():
            if not path.is_file():
                path.parent.mkdir(exist_ok=True)
                os.replace(part, path)
                _sync(path.parent)

    def _part(self) -> Path:
        part = self._sounds.folder / f".new.{os.getpid()}-{uuid4().hex[:8]}{PART}"
        self.parts[part] = part
        return part

    def _belongs(self, part: Path, ending: str) -> None:
        with part.open("rb+") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())  # a row that outlives a power cut finds its file
        self.parts[part] = self._sounds.path(digest, ending)


def _name(original: Path | bytes | None) -> str:
    return original.name if isinstance(original, Path) else ""


@lru_cache(maxsize=REMEMBERED)
def read(path: Path, digest: str) -> Audio:
    """A kept sound. digest: the SHA-256 of its file. Raises AudioError when the file is gone or damaged."""
    try:
        with path.open("rb") as file:
            is_whole = hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError as error:
        raise AudioError(
            f"The sound of a voice is gone: {path}.", "Bring it back from a backup or an export."
        ) from error
    if not is_whole:
        raise AudioError(f"The sound of a voice is damaged: {path}.", _REMEDY)
    audio = soundfiles.read(path)
    audio.samples.setflags(write=False)  # it is lent to many
    return audio


def _sync(folder: Path) -> None:
    """Have the system write down a folder's names; not possible everywhere (Windows), and then not needed."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
