"""`Library`: the recorded voices that are kept, for page, CLI and API alike. Safe from many threads and processes.

    voice = library.add("Anna", Consent("own"), [Recording(audio, "What is said in it.")])
    library.save(replace(voice, tags=("warm",)))        # refused when it was changed elsewhere in the meantime
    library.delete(voice.id); library.restore(voice.id)

A file is written before the row that names it, so a voice is there whole or not at all whenever a process ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from studio.errors import RequestError, StaleVoice
from studio.library import database, travel
from studio.library.catalogue import Catalogue
from studio.library.entries import LibraryVoice, Recording, Reference
from studio.library.sounds import SOUND, Incoming
from studio.voice import Consent

T = TypeVar("T")


class Library(Catalogue):
    """A catalogue that can be changed."""

    def __init__(self, folder: Path, samples: Path) -> None:
        super().__init__(folder, samples)
        self._is_swept = False

    def add(self, name: str, consent: Consent, recordings: Iterable[Recording], **more: Any) -> LibraryVoice:
        """Keep a voice. more: tags, language, notes, source, settings. Raises RequestError, AudioError, OutputError."""
        with self._sounds.incoming() as incoming:
            references = tuple(incoming.recording(recording) for recording in recordings)
            now = _now()
            voice = LibraryVoice(_new_id(), name, consent, references, **more, created=now, changed=now)
            self._write(lambda db: database.insert(db, voice), incoming)
        return voice

    def add_recording(self, voice: LibraryVoice, recording: Recording) -> LibraryVoice:
        """Keep one more recording of a voice. Raises as `save` and `add`."""
        return self.revise(voice, voice.references, [recording])

    def revise(
        self, voice: LibraryVoice, kept: Iterable[Reference], recordings: Iterable[Recording], **changes: Any
    ) -> LibraryVoice:
        """Keep a changed voice with those of its recordings and new ones, all at once. changes: other values of it.

        Raises as `save` and `add`.
        """
        with self._sounds.incoming() as incoming:
            references = (*kept, *(incoming.recording(recording) for recording in recordings))
            return self._save(replace(voice, references=references, **changes), incoming)

    def save(self, voice: LibraryVoice) -> LibraryVoice:
        """Keep a changed voice; gives it with its new revision. Its recordings may be fewer, in another order, or have
        other words; new ones come by `add_recording`.

        Raises StaleVoice when somebody else changed it since it was read, RequestError for a sample.
        """
        return self._save(voice)

    def _save(self, voice: LibraryVoice, incoming: Incoming | None = None) -> LibraryVoice:
        self._refuse_sample(voice)
        fresh = {path.stem for path in incoming.parts.values()} if incoming else set()

        def change(db: sqlite3.Connection) -> LibraryVoice:
            before = self._there(db, voice.id)
            if before.revision != voice.revision:
                raise StaleVoice(
                    f"Voice {before.name!r} was changed elsewhere after it was read here.",
                    "Nothing was changed now. Load it again, then make your change.",
                )
            known = fresh | {digest for one in before.references for digest in (one.sound, one.original)}
            for reference in voice.references:
                if not {reference.sound, reference.original} - {""} <= known:
                    raise RequestError("A new recording comes with its sound.", "Add it with `add_recording`.")
            saved = replace(
                voice, changed=_now(), revision=before.revision + 1, created=before.created, deleted=before.deleted
            )
            database.insert(db, saved)
            return saved

        return self._write(change, incoming)

    def rename(self, voice_id: str, name: str) -> LibraryVoice:
        """Another name; the id stays."""
        return self._change(voice_id, lambda voice: replace(voice, name=name))

    def tag(self, voice_id: str, tags: Sequence[str]) -> LibraryVoice:
        """Other tags in place of those it has."""
        return self._change(voice_id, lambda voice: replace(voice, tags=tuple(tags)))

    def favourite(self, voice_id: str, is_one: bool = True) -> LibraryVoice:
        """Mark a voice, or take the mark away."""
        return self._change(voice_id, lambda voice: replace(voice, favourite=is_one))

    def suit(self, voice_id: str, engine_id: str, settings: Mapping[str, float]) -> LibraryVoice:
        """Keep the settings that suit a voice in an engine, in place of those that were kept; none forgets them."""

        def kept(voice: LibraryVoice) -> LibraryVoice:
            others = {engine: values for engine, values in voice.settings.items() if engine != engine_id}
            return replace(voice, settings={**others, engine_id: dict(settings)} if settings else others)

        return self._change(voice_id, kept)

    def delete(self, voice_id: str) -> LibraryVoice:
        """Put a voice into the bin."""
        return self._change(voice_id, lambda voice: replace(voice, deleted=voice.deleted or _now()))

    def restore(self, voice_id: str) -> LibraryVoice:
        """Take a voice out of the bin again."""
        return self._change(voice_id, lambda voice: replace(voice, deleted=""))

    def duplicate(self, voice_id: str, name: str = "") -> LibraryVoice:
        """A second voice like this one, also of a sample, to be changed. It shares the files."""
        voice = self.get(voice_id)
        now, name = _now(), name or f"{voice.name[:72]} (copy)"
        fresh = replace(voice, id=_new_id(), revision=1, deleted="", is_sample=False)
        copy = replace(fresh, name=name, created=now, changed=now)
        with self._sounds.incoming() as incoming:
            if voice.is_sample:
                for reference in voice.references:
                    incoming.bytes_of(iter([self.path(reference).read_bytes()]), SOUND)
            self._write(lambda db: database.insert(db, copy), incoming)
        return copy

    def empty_bin(self) -> int:
        """Remove the voices in the bin and their files for good; says how many. That they were there is kept."""

        def remove(db: sqlite3.Connection) -> int:
            db.execute("INSERT OR REPLACE INTO gone SELECT id, deleted FROM voices WHERE deleted <> ''")
            return db.execute("DELETE FROM voices WHERE deleted <> ''").rowcount

        removed = self._write(remove)
        self.sweep()
        return removed

    def sweep(self) -> int:
        """Remove files that belong to no voice, as a killed process leaves them; says how many."""
        return self._write(lambda db: self._sounds.sweep(*database.files(db)))

    def export(self, path: Path, voice_ids: Sequence[str] | None = None) -> list[LibraryVoice]:
        """Write voices, all that are not in the bin without ids, as one zip; the same voices give the same bytes.

        Raises UnknownVoice, AudioError, OutputError.
        """
        if voice_ids is None:
            voices = self._select("deleted = ''")
        else:
            voices = [self.get(voice_id) for voice_id in dict.fromkeys(voice_ids)]
        travel.pack(path, voices, self.path, self.original)
        return voices

    def import_(self, path: Path) -> travel.Arrival:
        """Keep the voices of a zip: all of them or, when anything in it is wrong, none.

        Raises RequestError that says what is wrong, OutputError when the disk is full.
        """
        with self._sounds.incoming() as incoming:
            voices = travel.unpack(path, incoming)
            return self._write(lambda db: travel.settle(db, voices, self._samples), incoming)

    def _write(self, change: Callable[[sqlite3.Connection], T], incoming: Incoming | None = None) -> T:
        """Do a change alone and whole. Files that came go to their places before it is committed."""
        with self._database.writing() as db:
            if not self._is_swept:  # alone as we are now, what belongs to nobody was left by the killed
                self._sounds.sweep(*database.files(db))
                self._is_swept = True
            result = change(db)
            if incoming:
                incoming.place()
        return result

    def _change(self, voice_id: str, change: Callable[[LibraryVoice], LibraryVoice]) -> LibraryVoice:
        """A change that suits whatever else was changed in the meantime."""
        self._refuse_sample(self.get(voice_id))

        def write(db: sqlite3.Connection) -> LibraryVoice:
            before = self._there(db, voice_id)
            saved = replace(change(before), changed=_now(), revision=before.revision + 1)
            database.insert(db, saved)
            return saved

        return self._write(write)

    def _there(self, db: sqlite3.Connection, voice_id: str) -> LibraryVoice:
        found = database.select(db, "id = ?", [voice_id])
        if not found:
            raise self._unknown(voice_id)
        return found[0]

    def _refuse_sample(self, voice: LibraryVoice) -> None:
        if self._samples.get(voice.id):
            raise RequestError(
                f"{voice.name!r} comes with the studio and stays as it is.", "Duplicate it, then change the copy."
            )


def _new_id() -> str:
    return f"v-{uuid4().hex[:12]}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
