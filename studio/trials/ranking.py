"""What votes say, in numbers and in words: who is better, how sure that is, and how steady each listener was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.errors import RequestError
from studio.trials import scoring
from studio.trials.comparison import Entry, labels
from studio.trials.scoring import Fit, Tally
from studio.trials.votes import Side, Vote

WAYS = ("entry", "system", "engine")  # what is ranked: every entry, entries without their seeds, engines


@dataclass(frozen=True)
class Place:
    """One row. strength: in natural logarithms of odds against the average. low, high: its 95 % interval. score: the
    share of votes it would win against an average one, a tie counting half; score_low, score_high: of the interval.
    """

    id: str
    label: str
    strength: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int

    @property
    def votes(self) -> int:
        return self.wins + self.ties + self.losses

    @property
    def scores(self) -> tuple[float, float, float]:
        """Strength and interval as odds against the average, low, middle, high, each from 0 to 1."""
        return _share(self.low), _share(self.strength), _share(self.high)


@dataclass(frozen=True)
class Ranking:
    """places: by the lower bound, the best first. met: [row][column] wins, ties. better: [row][column] how sure the row
    is better than the column; preferred: how likely it wins the next vote, a tie counting half. verdict: in words.
    """

    places: tuple[Place, ...]
    met: tuple[tuple[tuple[int, int], ...], ...]
    better: tuple[tuple[float, ...], ...]
    preferred: tuple[tuple[float, ...], ...]
    votes: int
    verdict: str
    power: str


@dataclass(frozen=True)
class Outline:
    """A ranking without its intervals, which take their time. scores: id -> as `Place.scores` has it in the middle."""

    scores: Mapping[str, float]
    verdict: str


@dataclass(frozen=True)
class Steadiness:
    """How a listener answers: repeats answered alike, gold pairs answered rightly, of how many; how often the first
    was preferred among votes with a preference.
    """

    listener: str
    votes: int
    repeats: tuple[int, int]
    gold: tuple[int, int]
    first: tuple[int, int]


def rank(votes: Sequence[Vote], titles: Mapping[str, str], way: str = "system") -> Ranking:
    """The ranking by votes; hidden repeats and gold pairs are not counted in it. titles: engine -> its name.

    Raises RequestError when no vote is left to count, or for a way that is none of WAYS.
    """
    counted, ids, names, fit = _fitted(votes, titles, way)
    order = sorted(range(len(ids)), key=lambda at: -fit.intervals[at, 0])
    places = tuple(_place(fit, at, ids[at], names[at]) for at in order)
    wins, ties = fit.tally.wins, fit.tally.ties
    return Ranking(
        places=places,
        met=tuple(tuple((int(wins[one, two]), int(ties[one, two])) for two in order) for one in order),
        better=tuple(tuple(0.5 if one == two else fit.is_better(one, two) for two in order) for one in order),
        preferred=tuple(tuple(_preferred(fit, one, two) for two in order) for one in order),
        votes=counted,
        verdict=_verdict(fit, names, order),
        power=_power(fit, places, order),
    )


def outline(votes: Sequence[Vote], names: Mapping[str, str], way: str = "system") -> Outline:
    """What `rank` says, without intervals. names: id -> what to call it. Raises as `rank` does."""
    _, ids, _, fit = _fitted(votes, {}, way)
    order = sorted(range(len(ids)), key=lambda at: -fit.strengths[at])
    return Outline(
        {ids[at]: _share(fit.strengths[at]) for at in order}, _verdict(fit, [names[one] for one in ids], order)
    )


def _fitted(votes: Sequence[Vote], titles: Mapping[str, str], way: str) -> tuple[int, list[str], list[str], Fit]:
    """How many votes count, what is ranked, its names, and the fit. Raises RequestError when none counts."""
    key = _key(way)
    counted = [vote for vote in votes if vote.kind == "pair" and key(vote.first) != key(vote.second)]
    if not counted:
        raise RequestError("There is no vote yet that tells two apart.", "Vote on a few pairs first.")
    sides = {key(side): side for vote in counted for side in (vote.first, vote.second)}
    names = _names(list(sides.values()), titles, way)
    return len(counted), list(sides), names, scoring.fit(_tally(counted, list(sides), key))


def steadiness(votes: Sequence[Vote]) -> list[Steadiness]:
    """How each listener answers, in order of appearance."""
    by_id = {vote.id: vote for vote in votes}
    told = []
    for listener in dict.fromkeys(vote.listener for vote in votes):
        own = [vote for vote in votes if vote.listener == listener]
        again = [(vote, by_id[vote.repeats]) for vote in own if vote.kind == "repeat" and vote.repeats in by_id]
        gold = [vote for vote in own if vote.kind == "gold"]
        sure = [vote for vote in own if vote.kind == "pair" and vote.winner]
        told.append(
            Steadiness(
                listener,
                len(own),
                (sum(_winner(one) == _winner(two) for one, two in again), len(again)),
                (sum(bool(vote.winner and not vote.winner.degraded) for vote in gold), len(gold)),
                (sum(vote.choice == "first" for vote in sure), len(sure)),
            )
        )
    return told


def tags(votes: Sequence[Vote], titles: Mapping[str, str], way: str = "system") -> dict[str, dict[str, int]]:
    """Who was preferred for what: tag -> label -> votes."""
    key, found = _key(way), dict[str, Counter[str]]()
    sides = {key(vote.winner): vote.winner for vote in votes if vote.kind == "pair" and vote.winner}
    names = dict(zip(sides, _names(list(sides.values()), titles, way), strict=True))
    for vote in votes:
        for tag in vote.tags if vote.kind == "pair" and vote.winner else ():
            found.setdefault(tag, Counter())[names[key(vote.winner)]] += 1  # type: ignore[arg-type]
    return {tag: dict(counts.most_common()) for tag, counts in found.items()}


def _winner(vote: Vote) -> str:
    return vote.winner.entry if vote.winner else ""


def _key(way: str) -> Callable[[Side], str]:
    if way not in WAYS:
        raise RequestError(f"Votes cannot be ranked by {way!r}.", f"Choose one of: {', '.join(WAYS)}.")
    return {
        "entry": lambda side: side.entry,
        "system": lambda side: json.dumps(Entry(**side.values).system, sort_keys=True),
        "engine": lambda side: str(side.values["engine"]),
    }[way]


def _names(sides: Sequence[Side], titles: Mapping[str, str], way: str) -> list[str]:
    entries = [Entry(**side.values) for side in sides]
    if way == "system":
        entries = [Entry(**{**entry.system, "seed": 0}) for entry in entries]
    if way == "engine":
        entries = [Entry(entry.engine) for entry in entries]
    return labels(entries, titles)


def _tally(votes: Sequence[Vote], ids: Sequence[str], key: Callable[[Side], str]) -> Tally:
    at = {name: number for number, name in enumerate(ids)}
    wins, ties = np.zeros((len(ids), len(ids))), np.zeros((len(ids), len(ids)))
    for vote in votes:
        one, two = at[key(vote.first)], at[key(vote.second)]
        if vote.winner is vote.first:
            wins[one, two] += 1
        elif vote.winner is vote.second:
            wins[two, one] += 1
        else:  # both bad: neither is better
            ties[one, two] += 1
            ties[two, one] += 1
    return Tally(wins, ties)


def _place(fit: Fit, at: int, key: str, label: str) -> Place:
    low, high = fit.intervals[at]
    wins, ties, losses = fit.tally.wins[at].sum(), fit.tally.ties[at].sum(), fit.tally.wins[:, at].sum()
    return Place(key, label, float(fit.strengths[at]), float(low), float(high), int(wins), int(ties), int(losses))


def _share(strength: float) -> float:
    return float(1 / (1 + np.exp(-strength)))


def _preferred(fit: Fit, one: int, two: int) -> float:
    win, _, tie = fit.beats(one, two)
    return 0.5 if one == two else win + tie / 2


def _verdict(fit: Fit, names: Sequence[str], order: Sequence[int]) -> str:
    best, *others = order
    surely = [fit.is_better(best, other) >= scoring.CLEAR for other in others]
    if all(surely):
        return f"{names[best]} is better than {'the other' if len(others) == 1 else 'all others'}."
    open_ones = [names[other] for other, sure in zip(others, surely, strict=True) if not sure]
    if any(surely):
        return f"Too few votes to tell which is best of {', '.join([names[best], *open_ones])}."
    return "Too few votes to tell."


def _power(fit: Fit, places: Sequence[Place], order: Sequence[int]) -> str:
    """How many votes would settle the first place, of the pair that is hardest to tell apart."""
    best = order[0]
    wanted = {place.label: fit.votes_to_settle(best, at) for at, place in zip(order[1:], places[1:], strict=True)}
    if not any(more != 0 for more in wanted.values()):
        return ""
    hopeless = [label for label, more in wanted.items() if more is None]
    if hopeless:
        return f"{places[0].label} and {hopeless[0]} are as good as equal: thousands of votes would not settle it."
    label, more = max(wanted.items(), key=lambda item: item[1] or 0)
    votes = "one more vote" if more == 1 else f"{more} more votes"
    return f"About {votes} between {places[0].label} and {label} would settle it, if they fall as they did so far."
