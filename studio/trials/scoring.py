"""Strengths from paired comparisons with ties: Davidson's extension of the Bradley-Terry model. Knows numbers only.

Davidson 1970, "On extending the Bradley-Terry model to accommodate ties in paired comparison experiments": i i is
preferred to j in proportion to exp(s_i), j to i to exp(s_j), and neither to exp(t + (s_i + s_j) / 2).
Intervals are those of the profile likelihood, which stay right where votes are few or one-sided.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from studio.errors import RequestError

Numbers = npt.NDArray[np.float64]

SPREAD = 3.0  # how far strengths lie apart before any vote, as a standard deviation: odds of 20 to 1 are not unusual
CHI2_95 = 3.841458820694124  # 95 % of chi-square with one degree of freedom
Z_95, Z_80 = 1.959963984540054, 0.8416212335729143
FARTHEST = 60.0
MOST_STEPS = 100
CLEAR = 0.975  # a difference is settled when the better one is better with this probability: 95 % on two sides
MOST_VOTES = 5000  # more than anybody casts


@dataclass(frozen=True, eq=False)
class Tally:
    """What was answered. wins: (n, n) how often the row was preferred to the column; ties: (n, n), symmetric, how often
    neither was. Raises RequestError when the tables do not fit.
    """

    wins: Numbers
    ties: Numbers

    def __post_init__(self) -> None:
        fits = self.wins.ndim == 2 and self.wins.shape[0] == self.wins.shape[1] and self.wins.shape == self.ties.shape
        if not fits or (self.wins < 0).any() or (self.ties < 0).any() or not np.array_equal(self.ties, self.ties.T):
            raise RequestError("A tally wants a square table of wins and a symmetric one of ties.")

    @property
    def size(self) -> int:
        return len(self.wins)

    @property
    def votes(self) -> float:
        return float(self.wins.sum() + np.triu(self.ties, 1).sum())

    def heard(self) -> Numbers:
        """(n,) the votes that each was part of."""
        return np.asarray((self.wins + self.wins.T + self.ties).sum(axis=1), np.float64)


@dataclass(frozen=True, eq=False)
class Fit:
    """Strengths, sum zero, in natural logarithms of odds. tie: how likely a tie is between equals, as log odds.

    covariance: (n + 1, n + 1) of strengths and tie, at the maximum.
    """

    tally: Tally
    strengths: Numbers
    tie: float
    covariance: Numbers
    spread: float = SPREAD

    def beats(self, one: int, two: int) -> tuple[float, float, float]:
        """How likely the next vote prefers one, prefers two, or neither."""
        half = (self.strengths[one] - self.strengths[two]) / 2
        odds = np.exp(np.array([half, -half, self.tie]))
        win, loss, tie = odds / odds.sum()
        return float(win), float(loss), float(tie)

    def error(self, one: int, two: int) -> float:
        """The standard error of the difference of two strengths."""
        cov = self.covariance
        return math.sqrt(max(0.0, cov[one, one] + cov[two, two] - 2 * cov[one, two]))

    def is_better(self, one: int, two: int) -> float:
        """How sure it is after these votes that one is the better of two: 0.5 knows nothing.

        By the signed root of the likelihood ratio against their being equal, which one-sided votes do not spoil.
        """
        return 0.5 * (1 + math.erf(self._root(one, two) / math.sqrt(2)))

    def _root(self, one: int, two: int) -> float:
        model = _Model(self.tally, self.spread)
        best = np.append(self.strengths, self.tie)
        halfway = best.copy()
        halfway[[one, two]] = best[[one, two]].mean()
        equal = _climb(model, halfway, _contrasts(self.tally.size, (one, two)))
        ratio = max(0.0, 2 * (model.loss(equal) - model.loss(best)))
        return math.copysign(math.sqrt(ratio), self.strengths[one] - self.strengths[two])

    def votes_to_settle(self, one: int, two: int) -> int | None:
        """About how many more votes on this pair would show with 95 % who is better, four times in five, if they fall
        as they did so far: 0 if it is settled, None for more than MOST_VOTES: they are as good as equal.
        """
        root = abs(self._root(one, two))
        if root >= Z_95:
            return 0
        win, loss, _ = self.beats(one, two)
        told = sum(share * math.log(2 * share / (win + loss)) for share in (win, loss))  # by one vote, in nats
        more = ((Z_95 + Z_80) ** 2 - root**2) / (2 * told) if told > 0 else math.inf
        return max(1, math.ceil(more)) if more <= MOST_VOTES else None

    @cached_property
    def intervals(self) -> Numbers:
        """(n, 2) the 95 % interval of each strength, by profile likelihood."""
        model = _Model(self.tally, self.spread)
        best = np.append(self.strengths, self.tie)
        floor = model.loss(best) + CHI2_95 / 2
        ends = [[_end(model, best, item, floor, sign) for sign in (-1, 1)] for item in range(self.tally.size)]
        return np.array(ends)


def fit(tally: Tally, spread: float = SPREAD) -> Fit:
    """The most likely strengths. spread: of a normal prior around the middle, which keeps one that always wins from
    being infinitely good; math.inf for none (plain maximum likelihood).

    Raises RequestError for fewer than two entries or no vote.
    """
    if tally.size < 2 or not tally.votes:
        raise RequestError("There are no votes to count.", "Vote on a pair first.")
    model = _Model(tally, spread)
    middle = _contrasts(tally.size)
    best = _climb(model, np.zeros(tally.size + 1), middle)
    inside = np.linalg.inv(middle.T @ model.curvature(best) @ middle)
    return Fit(tally, best[:-1], float(best[-1]), middle @ inside @ middle.T, spread)


@dataclass(frozen=True, eq=False)
class _Model:
    """Minus the logarithm of the likelihood, and its slopes. A point is (strengths, tie), (n + 1,)."""

    tally: Tally
    spread: float
    pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] = field(init=False)
    features: Numbers = field(init=False)  # (pairs, 3, n + 1): what a win, a loss and a tie add up
    counts: Numbers = field(init=False)  # (pairs, 3)

    def __post_init__(self) -> None:
        one, two = np.triu_indices(self.tally.size, 1)
        met = (self.tally.wins + self.tally.wins.T + self.tally.ties)[one, two] > 0
        one, two = one[met], two[met]
        features = np.zeros((len(one), 3, self.tally.size + 1))
        at = np.arange(len(one))
        features[at, 0, one], features[at, 0, two] = 0.5, -0.5
        features[at, 1, one], features[at, 1, two] = -0.5, 0.5
        features[:, 2, -1] = 1.0
        counts = np.stack([self.tally.wins[one, two], self.tally.wins[two, one], self.tally.ties[one, two]], axis=1)
        for name, value in (("pairs", (one, two)), ("features", features), ("counts", counts)):
            object.__setattr__(self, name, value)

    def loss(self, point: Numbers) -> float:
        scores = self.features @ point
        top = scores.max(axis=1)
        total = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
        prior = float(point @ point) / (2 * self.spread**2)
        return float((self.counts.sum(axis=1) * total).sum() - (self.counts * scores).sum()) + prior

    def _shares(self, point: Numbers) -> Numbers:
        scores = self.features @ point
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def slope(self, point: Numbers) -> Numbers:
        rest = self.counts.sum(axis=1, keepdims=True) * self._shares(point) - self.counts
        return np.asarray(np.einsum("pk,pkx->x", rest, self.features) + point / self.spread**2)

    def curvature(self, point: Numbers) -> Numbers:
        shares, votes = self._shares(point), self.counts.sum(axis=1)
        mean = np.einsum("pk,pkx->px", shares, self.features)
        square = np.einsum("p,pk,pkx,pky->xy", votes, shares, self.features, self.features)
        least = np.full(len(point), 1 / self.spread**2 + 1e-9)  # a tie that nobody ever cast has no curve of its own
        return np.asarray(square - np.einsum("p,px,py->xy", votes, mean, mean) + np.diag(least))


def _contrasts(size: int, equal: tuple[int, int] | None = None) -> Numbers:
    """(size + 1, directions) in which strengths may move while their sum stays zero, and the tie. equal: two that move
    together.
    """
    fixed = [np.ones(size)]
    if equal:
        fixed.append(np.eye(size)[equal[0]] - np.eye(size)[equal[1]])
    basis = np.linalg.svd(np.stack(fixed))[2][len(fixed) :].T
    free = np.zeros((size + 1, basis.shape[1] + 1))
    free[:-1, :-1], free[-1, -1] = basis, 1.0
    return free


def _climb(model: _Model, point: Numbers, free: Numbers) -> Numbers:
    """The lowest loss that can be reached from a point in the free directions (Newton, shorter where it rises)."""
    now = model.loss(point)
    for _ in range(MOST_STEPS):
        slope = free.T @ model.slope(point)
        if np.abs(slope).max(initial=0.0) < 1e-8:
            break
        step = free @ np.linalg.solve(free.T @ model.curvature(point) @ free, -slope)
        for length in _halves():
            ahead = model.loss(point + length * step)
            if ahead <= now + 1e-12:
                point, now = point + length * step, ahead
                break
        else:
            break
    return point


def _halves() -> Iterator[float]:
    return (2.0**-power for power in range(30))


def _end(model: _Model, best: Numbers, item: int, floor: float, sign: int) -> float:
    """How far a strength can go up or down until the rest, at its best, makes the votes too unlikely."""
    from scipy.optimize import brentq  # 0.2 s: only when somebody looks at scores

    size = model.tally.size
    lever = np.full(size + 1, -1.0 / (size - 1))
    lever[item], lever[-1] = 1.0, 0.0
    others = np.array([other for other in range(size) if other != item])
    free = np.zeros((size + 1, size - 1))
    if size > 2:
        free[others, :-1] = _contrasts(size - 1)[:-1, :-1]
    free[-1, -1] = 1.0

    def excess(away: float) -> float:
        return model.loss(_climb(model, best + sign * away * lever, free)) - floor

    reach = 0.5
    while excess(reach) < 0:
        reach *= 2
        if reach > FARTHEST:
            return sign * math.inf
    return float(best[item] + sign * brentq(excess, 0.0, reach, xtol=1e-4))
