"""What ABX trials say: whether a difference is heard at all, by the exact binomial test. Knows votes only.

Who hears none is right half of the time. p: how likely somebody who only guesses is right so often or more often. Only
whole runs are counted, whose length was fixed before: who may stop when it looks good finds a difference in noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

from studio.trials.comparison import Entry, labels
from studio.trials.drawing import RUN, Question
from studio.trials.votes import Side, Vote

LEVEL = 0.05


@dataclass(frozen=True)
class Audibility:
    """Of two entries, by one listener or by all (an empty name). right, trials: of whole runs. open: trials of a run
    that is not complete, which are not told yet. p: None without a whole run.
    """

    labels: tuple[str, str]
    listener: str
    right: int
    trials: int
    open: int
    p: float | None
    verdict: str


def p_value(right: int, trials: int) -> float:
    """How likely who guesses is right so often or more often: exact, one-sided."""
    return float(sum(comb(trials, hits) for hits in range(right, trials + 1)) / 2**trials)


def audibility(votes: Sequence[Vote], titles: Mapping[str, str]) -> list[Audibility]:
    """For each pair of entries, all listeners together and each alone. titles: engine -> its name."""
    pairs: dict[frozenset[str], list[Vote]] = {}
    for vote in votes:
        if vote.kind == "abx":
            pairs.setdefault(frozenset((vote.first.entry, vote.second.entry)), []).append(vote)
    told = []
    for found in pairs.values():
        people = list(dict.fromkeys(vote.listener for vote in found))
        runs = {who: _whole([vote for vote in found if vote.listener == who]) for who in people}
        names = _names(found[0], titles)
        if len(people) > 1:
            whole = [vote for run in runs.values() for vote in run]
            told.append(_judged(names, "", whole, len(found) - len(whole)))
        for who, run in runs.items():
            told.append(_judged(names, who, run, sum(vote.listener == who for vote in found) - len(run)))
    return told


def alike(votes: Sequence[Vote], like: Question | Vote) -> list[Vote]:
    """The ABX votes on the pair, and the script, of a question or vote."""
    sides = {_entry(like.first), _entry(like.second)}
    same = [vote for vote in votes if vote.kind == "abx" and vote.comparison == like.comparison]
    return [vote for vote in same if {vote.first.entry, vote.second.entry} == sides]


def _entry(side: Side | str) -> str:
    return side if isinstance(side, str) else side.entry


def _whole(votes: Sequence[Vote]) -> list[Vote]:
    """The votes of complete runs; a run is of one script."""
    scripts: dict[str, list[Vote]] = {}
    for vote in votes:
        scripts.setdefault(vote.comparison, []).append(vote)
    return [vote for found in scripts.values() for vote in found[: len(found) - len(found) % RUN]]


def _names(vote: Vote, titles: Mapping[str, str]) -> tuple[str, str]:
    sides = sorted((vote.first, vote.second), key=lambda side: side.entry)
    one, two = labels([Entry(**side.values) for side in sides], titles)
    return one, two


def _judged(names: tuple[str, str], listener: str, run: Sequence[Vote], waiting: int) -> Audibility:
    right, trials = sum(vote.is_right for vote in run), len(run)
    p = p_value(right, trials) if trials else None
    return Audibility(names, listener, right, trials, waiting, p, verdict(right, trials))


def verdict(right: int, trials: int) -> str:
    """The result in words. A difference that was not found is not shown to be absent."""
    if not trials:
        return f"Too few to tell: a run has {RUN} trials, and none is complete."
    p = p_value(right, trials)
    if p < LEVEL:
        return f"A difference is heard: {right} of {trials} right, which guessing reaches with p = {_odds(p)}."
    return (
        f"Too few to tell: {right} of {trials} right is reached by guessing with p = {_odds(p)}. "
        "That does not show that there is no difference."
    )


def _odds(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"
