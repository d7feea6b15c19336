"""`RatingTest`: all takes of a script at once, without a name, each to be given 0 to 100.

With a reference (an entry, or a recording of the same words) it is a MUSHRA test as ITU-R BS.1534-3 has it: the
reference is heard openly, and hidden among the rest, beside it twice with less of its band. Without one there is
nothing to hide and nothing to make anchors of; the takes are rated against each other, and no more is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from studio import __version__, soundfiles
from studio.audio import Audio
from studio.errors import RequestError
from studio.trials import playing, votes
from studio.trials.blind import BlindTest
from studio.trials.comparison import Comparison
from studio.trials.ratings import ENTRY, HIDDEN, LOW, MIDDLE, ROLES, Rating, Stimulus
from studio.trials.renderings import Rendering
from studio.trials.sheets import Sheet, SheetStore

RECORDING = "recording"


@dataclass(frozen=True, eq=False)
class Screen:
    """What a listener is given: a sheet's id, the sounds to rate, all of one rate, length and loudness, and the open
    reference, if there is one. done, of: scripts of this listener.
    """

    id: str
    sounds: tuple[Audio, ...]
    reference: Audio | None
    done: int
    of: int


@dataclass(frozen=True)
class Rated:
    """What became of an answer. counted: whether it was the first of its sheet, which is the one that is kept."""

    rating: Rating
    counted: bool


class RatingTest:
    """Of one store."""

    def __init__(self, blind: BlindTest, sheets: SheetStore) -> None:
        self.sheets = sheets
        self._blind = blind
        self._store = blind.store
        self._prepared = playing.Prepared()

    def ask(self, target: str, listener: str, reference: str = "") -> Screen | None:
        """The listener's next sheet, or the one still open; None when every script is rated.

        reference: an entry, RECORDING or empty. Raises RequestError when nothing can be rated.
        """
        ready = {one.id: self._blind.ready(one) for one in self._store.members(target)}
        wanted = {key: self._stimuli(key, found, reference) for key, found in ready.items()}
        least = 1 if reference else 2
        wanted = {key: found for key, found in wanted.items() if sum(role == ENTRY for role, _ in found) >= least}
        if not wanted:
            raise RequestError("There is too little to rate.", _remedy(reference))
        sheet = self.sheets.pose(wanted, listener, reference)
        if sheet is None:
            return None
        sounds = self._sounds(sheet, ready[sheet.comparison], self._rate(ready, reference))
        rated = {one.comparison for one in self.sheets.ratings(target) if one.listener == listener}
        heard = tuple(sounds[_key(role, entry)] for role, entry in sheet.stimuli)
        return Screen(sheet.id, heard, sounds.get(_key(HIDDEN, "")), len(rated & set(wanted)), len(wanted))

    def _stimuli(self, comparison: str, ready: Sequence[Rendering], reference: str) -> tuple[tuple[str, str], ...]:
        """What is to be rated of a script: nothing where its reference is not there."""
        entries = [one.entry for one in ready]
        if not reference:
            return tuple((ENTRY, entry) for entry in entries)
        is_there = self.sheets.recording(comparison) is not None if reference == RECORDING else reference in entries
        if not is_there:
            return ()
        hidden = tuple((role, "") for role in ROLES)
        return (*((ENTRY, entry) for entry in entries if entry != reference), *hidden)

    def _rate(self, ready: Mapping[str, Sequence[Rendering]], reference: str) -> int:
        """One for all scripts."""
        names = [one.sound for found in ready.values() for one in found]
        if reference == RECORDING:
            names += [found.sound for found in map(self.sheets.recording, ready) if found]
        return max(soundfiles.sample_rate_of(self._store.sounds / name) for name in names)

    def _sounds(self, sheet: Sheet, ready: Sequence[Rendering], rate: int) -> Mapping[str, Audio]:
        files = {_key(ENTRY, one.entry): one.sound for one in ready if one.entry != sheet.reference}
        if sheet.reference:
            files[_key(HIDDEN, "")] = self._reference_sound(sheet, ready)
        key = (sheet.comparison, rate, *files.items())
        return self._prepared.sounds(key, lambda: self._made(files, rate))

    def _reference_sound(self, sheet: Sheet, ready: Sequence[Rendering]) -> str:
        recording = self.sheets.recording(sheet.comparison)
        if sheet.reference == RECORDING and recording:
            return recording.sound
        return next(one.sound for one in ready if one.entry == sheet.reference)

    def _made(self, files: Mapping[str, str], rate: int) -> Mapping[str, Audio]:
        every = {key: soundfiles.read(self._store.sounds / name) for key, name in files.items()}
        if reference := every.get(_key(HIDDEN, "")):
            every[_key(LOW, "")] = playing.degraded(reference, playing.LOW_HZ)
            every[_key(MIDDLE, "")] = playing.degraded(reference, playing.MIDDLE_HZ)
        return dict(zip(every, playing.together(list(every.values()), rate), strict=True))

    def answer(self, sheet_id: str, scores: Sequence[float], heard: Sequence[float], by: str = "") -> Rated:
        """Take the scores, in the order shown. One that comes again changes nothing. Raises RequestError when something
        was not heard, not rated, or no score.
        """
        sheet = self.sheets.sheet(sheet_id)
        comparison = self._store.get(sheet.comparison)
        if not len(scores) == len(heard) == len(sheet.stimuli):
            raise RequestError("Every sound wants a score.", "Move each slider, also when it is to stay where it is.")
        if kept := self.sheets.rating(sheet.id):
            return Rated(kept, False)
        ready = {one.entry: one for one in self._blind.ready(comparison)}
        least = min(votes.LEAST_HEARD_SECONDS, 0.9 * min(one.seconds for one in ready.values()))
        if not all(seconds >= least for seconds in heard):
            raise RequestError(
                "Every sound must be heard first.", f"Play each for {votes.LEAST_HEARD_SECONDS:g} s or more."
            )
        stimuli = [
            self._stimulus(comparison, sheet, place, score, seconds)
            for place, score, seconds in zip(sheet.stimuli, scores, heard, strict=True)
        ]
        rating = Rating(
            sheet.id,
            comparison.id,
            comparison.script_digest,
            sheet.listener,
            tuple(stimuli),
            "mushra" if sheet.reference else "plain",
            sheet.reference,
            comparison.name,
            by,
            datetime.now(UTC).isoformat(timespec="seconds"),
            __version__,
        )
        counted = self.sheets.cast(rating)
        return Rated(self.sheets.rating(sheet.id) or rating, counted)

    def _stimulus(
        self, comparison: Comparison, sheet: Sheet, place: tuple[str, str], score: float, heard: float
    ) -> Stimulus:
        role, entry = place
        score, heard = round(float(score), 1), round(float(heard), 2)
        label = comparison.names[entry] if role == ENTRY else ROLES[role]
        of = entry or ("" if sheet.reference == RECORDING else sheet.reference)
        if not of:
            return Stimulus(role, score, label=label, heard_seconds=heard)
        takes = self._store.rendering(comparison.id, of).takes
        return Stimulus(role, score, of, comparison.entry(of).values, takes, label, heard)


def _key(role: str, entry: str) -> str:
    return f"{role} {entry}"


def _remedy(reference: str) -> str:
    if reference == RECORDING:
        return "Bring a recording of the same words first."
    if reference:
        return "The reference must be spoken, and another entry beside it."
    return "It needs two entries that are spoken, or one and a reference."
