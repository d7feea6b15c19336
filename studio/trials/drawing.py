"""Which question comes next: the pair heard least, both ways round; now and then one again, or one with a known answer.

Pure: what was asked comes in, chance comes in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

from studio.errors import RequestError

REPEAT_EVERY = 6
GOLD_EVERY = 10


@dataclass(frozen=True)
class Question:
    """A pair of entries in the order of hearing. kind: "pair", "repeat" or "gold". repeats: the id of the question that
    is asked again. degraded: the side of a gold question that was made worse, "first" or "second".
    """

    first: str
    second: str
    kind: str = "pair"
    repeats: str = ""
    degraded: str = ""


@dataclass(frozen=True)
class Asked:
    """A question that was put to somebody."""

    id: str
    listener: str
    question: Question


def draw(entries: Sequence[str], asked: Sequence[Asked], listener: str, chance: Random) -> Question:
    """The next question for a listener. asked: to everybody, oldest first. Raises RequestError for one entry only."""
    if len(entries) < 2:
        raise RequestError("There is only one entry to hear.", "A blind test needs two that are spoken. Add another.")
    own = [one for one in asked if one.listener == listener]
    if len(own) % REPEAT_EVERY == REPEAT_EVERY - 1 and (again := _repeat(own, entries, chance)):
        return again
    if len(own) % GOLD_EVERY == GOLD_EVERY // 2 - 1:
        return _gold(entries, own, chance)
    return _pair(entries, asked, listener, chance)


def _pair(entries: Sequence[str], asked: Sequence[Asked], listener: str, chance: Random) -> Question:
    """The pair that was asked least, of all people and then of this one; the way round that was asked less."""
    plain = [one for one in asked if one.question.kind == "pair"]
    ways = Counter((one.question.first, one.question.second) for one in plain)
    own = Counter(frozenset((one.question.first, one.question.second)) for one in plain if one.listener == listener)

    def rank(pair: tuple[str, str]) -> tuple[int, int, float]:
        return ways[pair] + ways[pair[::-1]], own[frozenset(pair)], chance.random()

    one, two = min(combinations(entries, 2), key=rank)
    ahead = ways[one, two] - ways[two, one]
    turned = ahead > 0 or (ahead == 0 and chance.random() < 0.5)
    return Question(two, one) if turned else Question(one, two)


def _repeat(own: Sequence[Asked], entries: Sequence[str], chance: Random) -> Question | None:
    """A question of before, the last two excepted, with its sides changed; each at most once."""
    again = {one.question.repeats for one in own}
    there = [
        one
        for one in own[:-2]
        if one.question.kind == "pair"
        and one.id not in again
        and {one.question.first, one.question.second} <= set(entries)
    ]
    if not there:
        return None
    one = chance.choice(there)
    return Question(one.question.second, one.question.first, "repeat", one.id)


def _gold(entries: Sequence[str], own: Sequence[Asked], chance: Random) -> Question:
    """An entry against itself made worse; the side changes each time."""
    entry = chance.choice(list(entries))
    before = [one.question.degraded for one in own if one.question.kind == "gold"]
    side = "first" if (before[-1] if before else chance.choice(["first", "second"])) == "second" else "second"
    return Question(entry, entry, "gold", degraded=side)
