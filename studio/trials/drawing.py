"""Which question comes next: the pair heard least, both ways round; now and then one again, or one with a known answer.

Pure: what was asked comes in, chance comes in. A pair is always of one script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

from studio.errors import RequestError

REPEAT_EVERY = 6
GOLD_EVERY = 10
RUN = 16  # ABX trials that belong together: 12 right are needed, which who hears it four times in five gets mostly
SIDES = ("first", "second")

Pools = Mapping[str, Sequence[str]]  # comparison -> its entries that can be heard
Pair = tuple[str, str, str]  # comparison, one entry, the other


@dataclass(frozen=True)
class Question:
    """A pair of entries of a comparison in the order of hearing. kind: "pair", "repeat", "gold" or "abx".

    repeats: the id of the question that is asked again. degraded: the side of a gold question that was made worse,
    "first" or "second". x: the side that X is, in an ABX.
    """

    comparison: str
    first: str
    second: str
    kind: str = "pair"
    repeats: str = ""
    degraded: str = ""
    x: str = ""


@dataclass(frozen=True)
class Asked:
    """A question that was put to somebody."""

    id: str
    listener: str
    question: Question


def draw(pools: Pools, asked: Sequence[Asked], listener: str, chance: Random) -> Question:
    """The next question for a listener. asked: to everybody, oldest first. Raises RequestError where no script has two
    entries.
    """
    pairs = _pairs(pools)
    own = [one for one in asked if one.listener == listener and one.question.kind != "abx"]
    if len(own) % REPEAT_EVERY == REPEAT_EVERY - 1 and (again := _repeat(own, pools, chance)):
        return again
    if len(own) % GOLD_EVERY == GOLD_EVERY // 2 - 1:
        return _gold(pools, own, chance)
    return _pair(pairs, asked, listener, "pair", chance)


def draw_abx(
    pools: Pools, asked: Sequence[Asked], listener: str, chance: Random, wanted: Sequence[str] = ()
) -> Question:
    """The next trial: of the run that is not complete, else of a new one. wanted: two entries, instead of all pairs."""
    pairs = [pair for pair in _pairs(pools) if not wanted or set(pair[1:]) == set(wanted)]
    if not pairs:
        raise RequestError("One of these two cannot be heard.", "Choose two entries that are spoken.")
    own = [one.question for one in asked if one.listener == listener and one.question.kind == "abx"]
    done, here = Counter(map(_key, own)), {_sorted(pair) for pair in pairs}
    begun = [one for one in own if done[_key(one)] % RUN and _key(one) in here]
    last = begun[-1] if begun else _pair(pairs, asked, listener, "abx", chance)
    return Question(last.comparison, last.first, last.second, "abx", x=chance.choice(SIDES))


def _pairs(pools: Pools) -> list[Pair]:
    pairs = [(comparison, *pair) for comparison, entries in pools.items() for pair in combinations(entries, 2)]
    if not pairs:
        raise RequestError("There is only one entry to hear.", "A blind test needs two that are spoken. Add another.")
    return pairs


def _sorted(pair: Pair) -> Pair:
    one, two = sorted(pair[1:])
    return pair[0], one, two


def _key(question: Question) -> Pair:
    return _sorted((question.comparison, question.first, question.second))


def _pair(pairs: Sequence[Pair], asked: Sequence[Asked], listener: str, kind: str, chance: Random) -> Question:
    """The pair that was asked least, of all people and then of this one, rather not of the script just heard; the way
    round that was asked less.
    """
    plain = [one for one in asked if one.question.kind == kind]
    ways = Counter((one.question.comparison, one.question.first, one.question.second) for one in plain)
    own = [one.question for one in plain if one.listener == listener]
    mine, last = Counter(map(_key, own)), own[-1].comparison if own else ""

    def rank(pair: Pair) -> tuple[int, int, bool, float]:
        comparison, one, two = pair
        return ways[pair] + ways[comparison, two, one], mine[_sorted(pair)], comparison == last, chance.random()

    comparison, one, two = min(pairs, key=rank)
    ahead = ways[comparison, one, two] - ways[comparison, two, one]
    turned = ahead > 0 or (ahead == 0 and chance.random() < 0.5)
    return Question(comparison, two, one, kind) if turned else Question(comparison, one, two, kind)


def _repeat(own: Sequence[Asked], pools: Pools, chance: Random) -> Question | None:
    """A question of before, the last two excepted, with its sides changed; each at most once."""
    again = {one.question.repeats for one in own}
    there = [
        one
        for one in own[:-2]
        if one.question.kind == "pair" and one.id not in again and can_be_heard(one.question, pools)
    ]
    if not there:
        return None
    one = chance.choice(there)
    return Question(one.question.comparison, one.question.second, one.question.first, "repeat", one.id)


def can_be_heard(question: Question, pools: Pools) -> bool:
    """Whether both entries are there to be heard."""
    return {question.first, question.second} <= set(pools.get(question.comparison, ()))


def _gold(pools: Pools, own: Sequence[Asked], chance: Random) -> Question:
    """An entry against itself made worse; the side changes each time."""
    comparison, entry = chance.choice([(key, entry) for key, entries in pools.items() for entry in entries])
    before = [one.question.degraded for one in own if one.question.kind == "gold"]
    side = "first" if (before[-1] if before else chance.choice(SIDES)) == "second" else "second"
    return Question(comparison, entry, entry, "gold", degraded=side)
