"""`BlindTest`: sounds of which nobody can tell what they are, an answer, and only then what they were.

Two kinds: of two, which is better; and ABX, whether a third is the first or the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from studio import __version__, soundfiles
from studio.audio import Audio
from studio.errors import RequestError
from studio.trials import playing, votes
from studio.trials.comparison import Comparison
from studio.trials.drawing import Pools, Question
from studio.trials.renderings import Rendering
from studio.trials.store import Posed, TrialStore
from studio.trials.votes import Side, Vote

TESTS = ("pair", "abx")
Ready = Mapping[str, Sequence[Rendering]]  # comparison -> the entries that can be heard


@dataclass(frozen=True, eq=False)
class Heard:
    """What a listener is given: a question's id and sounds of the same rate, length and loudness: A, B and maybe X."""

    id: str
    sounds: tuple[Audio, ...]

    @property
    def first(self) -> Audio:
        return self.sounds[0]

    @property
    def second(self) -> Audio:
        return self.sounds[1]


@dataclass(frozen=True)
class Answer:
    """What a listener says. heard_seconds: of each sound, in their order. by: "keys" or "pointer"."""

    choice: str
    heard_seconds: tuple[float, ...]
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
    """Of one store."""

    def __init__(self, store: TrialStore) -> None:
        self.store = store
        self._prepared = playing.Prepared()

    def ready(self, comparison: Comparison) -> list[Rendering]:
        """The entries that can be heard blind: spoken, and not silent."""
        return [one for one in self.store.renderings(comparison) if one.is_ready and one.loudness_lufs is not None]

    def ask(self, target: str, listener: str, test: str = "pair", wanted: Sequence[str] = ()) -> Heard:
        """The listener's next question about a comparison or a series, or the one still open. test: of TESTS. wanted:
        two entries that an ABX is to be of.

        Raises RequestError when there are not two to hear.
        """
        if test not in TESTS:
            raise RequestError(f"There is no blind test {test!r}.", f"There is: {', '.join(TESTS)}.")
        ready = {one.id: self.ready(one) for one in self.store.members(target)}
        pools: Pools = {key: [one.entry for one in found] for key, found in ready.items()}
        posed = self.store.pose(pools, listener, test, wanted)
        return Heard(posed.id, self._sounds(posed.question, ready))

    def _sounds(self, question: Question, ready: Ready) -> tuple[Audio, ...]:
        """Both sides, and X; at one rate in all scripts, and of one length in each, so that neither tells the pair."""
        rate = max(soundfiles.sample_rate_of(self._path(one)) for found in ready.values() for one in found)
        here = ready[question.comparison]
        key = (question.comparison, rate, *((one.entry, one.sound) for one in here))
        sounds = self._prepared.sounds(key, lambda: self._made(here, rate))
        sides = {
            "first": sounds[_name(question.first, question.degraded == "first")],
            "second": sounds[_name(question.second, question.degraded == "second")],
        }
        return (*sides.values(), sides[question.x]) if question.x else tuple(sides.values())

    def _made(self, ready: Sequence[Rendering], rate: int) -> Mapping[str, Audio]:
        """Every entry, and every entry made worse, so that no question takes longer than another."""
        whole = {one.entry: soundfiles.read(self._path(one)) for one in ready}
        worse = {_name(entry, True): playing.degraded(sound) for entry, sound in whole.items()}
        every = {**whole, **worse}
        return dict(zip(every, playing.together(list(every.values()), rate), strict=True))

    def _path(self, rendering: Rendering) -> Any:
        return self.store.sounds / rendering.sound

    def answer(self, question_id: str, answer: Answer) -> Reveal:
        """Take an answer and tell what it was. One that comes again, or after the reveal, changes nothing.

        Raises RequestError when a sound was not heard, and then tells nothing.
        """
        posed = self.store.posed(question_id)
        question = posed.question
        comparison = self.store.get(question.comparison)
        if not posed.revealed:
            self._check_heard(question, answer)
        sides = self._told(question, comparison, answer.heard_seconds)
        counted = self.store.cast(_vote(posed, comparison, sides, answer))
        kept = self.store.vote(posed.id)
        return Reveal(*sides, question.kind, counted, "" if counted else _why(kept), kept)

    def give_up(self, question_id: str) -> Reveal:
        """Tell what it was without an answer; none counts afterwards. Raises RequestError for an ABX, where that would
        be a way to try again.
        """
        posed = self.store.posed(question_id)
        if posed.question.kind == "abx":
            raise RequestError("In an ABX every trial counts.", "Answer it, or go away and come back to it.")
        self.store.reveal(posed.id)
        sides = self._told(posed.question, self.store.get(posed.question.comparison), (0.0, 0.0))
        kept = self.store.vote(posed.id)
        return Reveal(*sides, posed.question.kind, False, _why(kept), kept)

    def _check_heard(self, question: Question, answer: Answer) -> None:
        entries = (question.first, question.second)
        # of every side as much: a refusal may not tell which is the shorter one, and they are played equally long
        longest = max(self.store.rendering(question.comparison, entry).seconds for entry in entries)
        least, count = min(votes.LEAST_HEARD_SECONDS, 0.9 * longest), 3 if question.x else 2
        # not a number is not enough
        if len(answer.heard_seconds) != count or not all(heard >= least for heard in answer.heard_seconds):
            which = "All three" if question.x else "Both sides"
            raise RequestError(
                f"{which} must be heard first.", f"Play each for {votes.LEAST_HEARD_SECONDS:g} s or more."
            )

    def _told(self, question: Question, comparison: Comparison, heard: Sequence[float]) -> tuple[Side, Side]:
        def side(entry: str, name: str, seconds: float) -> Side:
            degraded = question.degraded == name
            values: Mapping[str, Any] = comparison.entry(entry).values
            takes = self.store.rendering(comparison.id, entry).takes
            label = f"{comparison.names[entry]}, made worse" if degraded else comparison.names[entry]
            return Side(entry, values, takes, label, degraded, round(seconds, 2))

        return side(question.first, "first", heard[0]), side(question.second, "second", heard[1])


def _name(entry: str, is_worse: bool) -> str:
    return f"{entry} worse" if is_worse else entry


def _vote(posed: Posed, comparison: Comparison, sides: tuple[Side, Side], answer: Answer) -> Vote:
    question = posed.question
    return Vote(
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
        x=question.x,
        x_heard_seconds=round(answer.heard_seconds[2], 2) if question.x else 0.0,
    )


def _why(kept: Vote | None) -> str:
    if kept:
        return "This question was answered before; the first answer counts."
    return "You were told before you answered, so no answer counts."
