"""`BlindTest`: two sounds of which nobody can tell what they are, an answer, and only then what they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from studio import __version__, soundfiles
from studio.audio import Audio
from studio.errors import RequestError
from studio.trials import playing
from studio.trials.comparison import Comparison, labels
from studio.trials.renderings import Rendering
from studio.trials.store import Posed, TrialStore
from studio.trials.votes import LEAST_HEARD_SECONDS, Side, Vote


@dataclass(frozen=True, eq=False)
class Heard:
    """What a listener is given: a question's id and two sounds of the same rate, length and loudness."""

    id: str
    first: Audio
    second: Audio


@dataclass(frozen=True)
class Answer:
    """What a listener says. heard_seconds: of the first and of the second. by: "keys" or "pointer"."""

    choice: str
    heard_seconds: tuple[float, float]
    tags: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True)
class Reveal:
    """What it was. counted: whether the answer counts. why: if not, in words. vote: as it was cast, if there is one."""

    first: Side
    second: Side
    kind: str
    counted: bool
    why: str = ""
    vote: Vote | None = None


class BlindTest:
    """Of one store. titles: engine -> its name, for what is told afterwards."""

    def __init__(self, store: TrialStore, titles: Mapping[str, str]) -> None:
        self.store = store
        self._titles = titles

    def ready(self, comparison: Comparison) -> list[Rendering]:
        """The entries that can be heard blind: spoken, and not silent."""
        return [one for one in self.store.renderings(comparison) if one.is_ready and one.loudness_lufs is not None]

    def ask(self, comparison_id: str, listener: str) -> Heard:
        """The listener's next question, or the one still open. Raises RequestError when there are not two to hear."""
        comparison = self.store.get(comparison_id)
        ready = self.ready(comparison)
        posed = self.store.pose(comparison_id, [one.entry for one in ready], listener)
        rate = max(soundfiles.sample_rate_of(self.store.sounds / one.sound) for one in ready)
        return Heard(posed.id, *self._sounds(posed, ready, rate))

    def _sounds(self, posed: Posed, ready: Sequence[Rendering], rate: int) -> list[Audio]:
        """Both sides; at one rate in the whole comparison, so that it does not tell the pair."""
        names = {one.entry: one.sound for one in ready}
        question = posed.question
        sides = [soundfiles.read(self.store.sounds / names[entry]) for entry in (question.first, question.second)]
        if question.degraded:
            worse = 0 if question.degraded == "first" else 1
            sides[worse] = playing.degraded(sides[worse])
        return playing.together(sides, rate)

    def answer(self, question_id: str, answer: Answer) -> Reveal:
        """Take an answer and tell what it was. One that comes again, or after the reveal, changes nothing.

        Raises RequestError when a side was not heard, and then tells nothing.
        """
        posed = self.store.posed(question_id)
        comparison = self.store.get(posed.comparison)
        sides = self._told(posed, comparison, answer.heard_seconds)
        if not posed.revealed:
            self._check_heard(posed, comparison, answer)
        question = posed.question
        vote = Vote(
            id=posed.id,
            comparison=comparison.id,
            script=comparison.script_digest,
            listener=posed.listener,
            first=sides[0],
            second=sides[1],
            choice=answer.choice,
            name=comparison.name,
            tags=answer.tags,
            kind=question.kind,
            repeats=question.repeats,
            by=answer.by,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            studio=__version__,
        )
        counted = self.store.cast(vote)
        kept = self.store.vote(posed.id)
        return Reveal(*sides, question.kind, counted, "" if counted else _why(kept), kept)

    def give_up(self, question_id: str) -> Reveal:
        """Tell what it was without an answer; none counts afterwards."""
        posed = self.store.posed(question_id)
        self.store.reveal(posed.id)
        sides = self._told(posed, self.store.get(posed.comparison), (0.0, 0.0))
        kept = self.store.vote(posed.id)
        return Reveal(*sides, posed.question.kind, False, _why(kept), kept)

    def _check_heard(self, posed: Posed, comparison: Comparison, answer: Answer) -> None:
        for entry, heard in zip((posed.question.first, posed.question.second), answer.heard_seconds, strict=True):
            least = min(LEAST_HEARD_SECONDS, 0.9 * self.store.rendering(comparison.id, entry).seconds)
            if not heard >= least:  # not a number is not enough
                raise RequestError(
                    "Both sides must be heard first.", f"Play each for {LEAST_HEARD_SECONDS:g} s or more."
                )

    def _told(self, posed: Posed, comparison: Comparison, heard: tuple[float, float]) -> tuple[Side, Side]:
        names = dict(zip((one.id for one in comparison.entries), labels(comparison.entries, self._titles), strict=True))
        question = posed.question

        def side(entry: str, name: str, seconds: float) -> Side:
            degraded = question.degraded == name
            values: Mapping[str, Any] = comparison.entry(entry).values
            takes = self.store.rendering(comparison.id, entry).takes
            label = f"{names[entry]}, made worse" if degraded else names[entry]
            return Side(entry, values, takes, label, degraded, round(seconds, 2))

        return side(question.first, "first", heard[0]), side(question.second, "second", heard[1])


def _why(kept: Vote | None) -> str:
    if kept:
        return "This question was answered before; the first answer counts."
    return "You were told before you answered, so no answer counts."
