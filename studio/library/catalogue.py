"""`Catalogue`: finding the recorded voices that are kept, and hearing them. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.audio import Audio
from studio.engines.base import EngineSpec
from studio.errors import UnknownVoice, suggest
from studio.library import database, sounds
from studio.library.choice import choose
from studio.library.database import voices_in
from studio.library.entries import ID, LibraryVoice, Reference
from studio.library.samples import Samples
from studio.library.sounds import ORIGINAL, Sounds
from studio.voice import Voice

FILE = "voices.db"


class Catalogue:
    """The voices below one folder (`voices.db` and `sounds/`), and the samples that come with the studio."""

    def __init__(self, folder: Path, samples: Path) -> None:
        self.folder = folder
        self._sounds = Sounds(folder / "sounds")
        self._database = voices_in(folder / FILE)
        self._samples = Samples(samples)

    def search(self, text: str = "", tag: str = "", favourites: bool = False) -> list[LibraryVoice]:
        """The voices that hold every word of a text in their name, tags, notes, source or transcripts, in any case:
        favourites first, then by name; samples last. tag: only those that have it.
        """
        words = text.casefold().split()
        found = self._select("deleted = ''" + " AND instr(haystack, ?)" * len(words), words)
        found += [voice for voice in self._samples.voices() if all(word in voice.haystack for word in words)]
        return [voice for voice in found if (not tag or tag in voice.tags) and (voice.favourite or not favourites)]

    def bin(self) -> list[LibraryVoice]:
        """The voices that were deleted and can be restored."""
        return self._select("deleted <> ''")

    def tags(self) -> list[str]:
        """Every tag in use."""
        return sorted({tag for voice in self.search() for tag in voice.tags}, key=str.casefold)

    def get(self, voice_id: str) -> LibraryVoice:
        """The voice with this id, in the bin or not. Raises UnknownVoice."""
        sample = self._samples.get(voice_id)
        found = [sample] if sample else self._select("id = ?", [voice_id])
        if not found:
            raise self._unknown(voice_id)
        return found[0]

    def find(self, word: str) -> LibraryVoice:
        """The voice with this id or this name. Raises UnknownVoice: also when it was deleted, which is then said, and
        when several have the name, whose ids are then listed.
        """
        if ID.fullmatch(word):
            voice = self.get(word)
            if voice.deleted:
                raise UnknownVoice(f"Voice {voice.name!r} ({voice.id}) was deleted on {_day(voice)}.", _restore(voice))
            return voice
        found = self.named(word)
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(f"{voice.id} ({_difference(voice)})" for voice in found)
            raise UnknownVoice(f"{len(found)} voices are called {word!r}.", f"Give an id: {ids}.")
        deleted = [voice for voice in self.bin() if voice.name.casefold() == word.casefold()]
        if deleted:
            raise UnknownVoice(f"Voice {word!r} was deleted on {_day(deleted[0])}.", _restore(deleted[0]))
        raise self._unknown(word)

    def has(self, word: str) -> bool:
        """Whether `find` has more to say of a name than that it is not there."""
        folded = word.strip().casefold()
        return bool(self.named(word)) or any(voice.name.casefold() == folded for voice in self.bin())

    def named(self, name: str) -> list[LibraryVoice]:
        """The voices of this name, in any case; several may have it."""
        folded = name.strip().casefold()
        mine = self._select("deleted = '' AND folded = ?", [folded])
        return mine + [voice for voice in self._samples.voices() if voice.name.casefold() == folded]

    def voice(self, word: str, spec: EngineSpec) -> Voice:
        """The voice with this id or name as an engine is given it, by the recording that suits the engine best.

        Raises UnknownVoice, AudioError when its file is gone or damaged.
        """
        kept = self.find(word)
        reference = choose(kept.references, spec.reference)
        return Voice(
            id=kept.id,
            name=kept.name,
            description=kept.notes,
            language=kept.language,
            audio=self.sound(reference),
            transcript=reference.transcript,
            consent=kept.consent,
            words=reference.words,
            settings=kept.settings.get(spec.id, {}),
        )

    def sound(self, reference: Reference) -> Audio:
        """A recording. Raises AudioError when its file is gone or damaged."""
        return sounds.read(self.path(reference), reference.sound)

    def path(self, reference: Reference) -> Path:
        """The FLAC of a recording, for a player; only to be read."""
        return self._samples.path(reference.sound) or self._sounds.path(reference.sound)

    def original(self, reference: Reference) -> Path | None:
        """The file that a recording was made from, as it was brought; only to be read."""
        return self._sounds.path(reference.original, ORIGINAL) if reference.original else None

    def _select(self, where: str, values: Sequence[str] = ()) -> list[LibraryVoice]:
        if not self._database.path.exists():
            return []
        with self._database.reading() as db:
            return database.select(db, where, values)

    def _unknown(self, word: str) -> UnknownVoice:
        """What to say of a voice that is not there: that it was deleted, or which there are."""
        if self._database.path.exists():
            with self._database.reading() as db:
                row = db.execute("SELECT deleted FROM gone WHERE id = ?", [word]).fetchone()
            if row:
                return UnknownVoice(
                    f"Voice {word} was deleted on {row['deleted'][:10]}, and the bin was emptied.",
                    "Import it from an export, or choose another voice.",
                )
        voices = self.search()
        known = [voice.id for voice in voices] if ID.fullmatch(word) else [voice.name for voice in voices]
        return UnknownVoice(f"There is no voice {word!r} in the library.", suggest(word, known))


def _difference(voice: LibraryVoice) -> str:
    """What tells a voice from another of its name."""
    tags = f"{', '.join(voice.tags)}, " if voice.tags else ""
    return f"{tags}{voice.seconds:.0f} s, made {voice.created[:16].replace('T', ' ')}"


def _day(voice: LibraryVoice) -> str:
    return voice.deleted[:10]


def _restore(voice: LibraryVoice) -> str:
    return f"Restore it: python -m studio voices restore {voice.id}"
