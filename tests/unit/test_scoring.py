"""Strengths from votes: published tables come out, intervals hold what they promise, words say what numbers mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from studio.errors import RequestError
from studio.trials.scoring import SPREAD, Tally, fit

# Davidson 1970, table of six brands of chocolate pudding: pair, preferences for each, no preference.
PUDDINGS = """
1 2 19 22 16 | 1 3 16 19 12 | 2 3 19 19 10 | 1 4 18 23 13 | 2 4 23 19 9 | 3 4 19 20 15 | 1 5 13 19 18 | 2 5 16 20 12
3 5 16 15 17 | 4 5 17 14 16 | 1 6 18 21 12 | 2 6 22 20 12 | 3 6 13 18 10 | 4 6 14 19 18 | 5 6 11 21 12
"""
# Agresti, Categorical Data Analysis, American League East 1987: wins of the row's team; Baltimore, the last, is zero.
BASEBALL = [
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]


def puddings() -> Tally:
    wins, ties = np.zeros((6, 6)), np.zeros((6, 6))
    for row in PUDDINGS.replace("|", "\n").strip().splitlines():
        one, two, first, second, neither = map(int, row.split())
        wins[one - 1, two - 1], wins[two - 1, one - 1] = first, second
        ties[one - 1, two - 1] = ties[two - 1, one - 1] = neither
    return Tally(wins, ties)


def pair(wins: int, losses: int, ties: int = 0) -> Tally:
    return Tally(np.array([[0.0, wins], [losses, 0]]), np.array([[0.0, ties], [ties, 0]]))


def simulated(strengths: np.ndarray, tie: float, each: int, chance: np.random.Generator) -> Tally:
    """`each` votes on every pair by listeners of these strengths."""
    size = len(strengths)
    wins, ties = np.zeros((size, size)), np.zeros((size, size))
    for one in range(size):
        for two in range(one + 1, size):
            half = (strengths[one] - strengths[two]) / 2
            odds = np.exp([half, -half, tie])
            wins[one, two], wins[two, one], ties[one, two] = chance.multinomial(each, odds / odds.sum())
            ties[two, one] = ties[one, two]
    return Tally(wins, ties)


def by_ford(wins: np.ndarray) -> np.ndarray:
    """Bradley-Terry worths by Ford's iteration (1957): another road to the maximum, without slopes or curvature."""
    worth, met = np.ones(len(wins)), wins + wins.T
    for _ in range(20_000):
        worth = wins.sum(axis=1) / (met / (worth[:, None] + worth[None, :])).sum(axis=1)
        worth /= worth.sum()
    return worth


def by_davidson(tally: Tally) -> tuple[np.ndarray, float]:
    """Worths and the parameter of ties by the equations of Davidson's paper, solved in turns: at the maximum each brand
    has the points, and all pairs together the ties, that the model expects.
    """
    worth, tie = np.ones(tally.size) / tally.size, 1.0
    met = tally.wins + tally.wins.T + tally.ties
    points = tally.wins.sum(axis=1) + tally.ties.sum(axis=1) / 2
    one, two = np.triu_indices(tally.size, 1)
    for _ in range(20_000):
        root = np.sqrt(worth[:, None] * worth[None, :])
        all_of_it = worth[:, None] + worth[None, :] + tie * root
        rest = (met * (1 + tie * root / (2 * worth[:, None])) / all_of_it).sum(axis=1)
        worth = points / rest
        worth /= worth.sum()
        root = np.sqrt(worth[one] * worth[two])
        tie = tally.ties[one, two].sum() / (met[one, two] * root / (worth[one] + worth[two] + tie * root)).sum()
    return worth, tie


def by_logistic_regression(wins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Strengths against the last one, and their standard errors, as a generalised linear model: iterated weighted least
    squares on a design of ones and minus ones, which knows nothing of pairs.
    """
    one, two = np.triu_indices(len(wins), 1)
    design = np.zeros((len(one), len(wins)))
    design[np.arange(len(one)), one], design[np.arange(len(one)), two] = 1, -1
    design, trials = design[:, :-1], (wins + wins.T)[one, two]
    weights, strengths = np.zeros(0), np.zeros(len(wins) - 1)
    for _ in range(50):
        share = 1 / (1 + np.exp(-design @ strengths))
        weights = trials * share * (1 - share)
        worked = design @ strengths + (wins[one, two] - trials * share) / weights
        root = np.sqrt(weights)
        strengths = np.linalg.lstsq(design * root[:, None], worked * root, rcond=None)[0]
    return strengths, np.sqrt(np.diag(np.linalg.inv(design.T @ (weights[:, None] * design))))


def test_davidsons_puddings() -> None:
    """Against the figures of the paper, and against its own equations."""
    found = fit(puddings(), math.inf)
    worth = np.exp(found.strengths)
    assert worth / worth.sum() == pytest.approx([0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], abs=5e-5)
    assert math.exp(found.tie) == pytest.approx(0.7468, abs=5e-5)
    expected, tie = by_davidson(puddings())
    assert worth / worth.sum() == pytest.approx(expected, rel=1e-6)
    assert math.exp(found.tie) == pytest.approx(tie, rel=1e-6)


def test_agrestis_baseball() -> None:
    """Against two other ways to the same estimate, and against what logistic regression says of its errors."""
    wins = np.array(BASEBALL, float)
    assert (wins + wins.T)[~np.eye(7, dtype=bool)].tolist() == [13.0] * 42, "thirteen games of every pair"
    found = fit(Tally(wins, np.zeros((7, 7))), math.inf)
    worth = np.exp(found.strengths)
    assert worth / worth.sum() == pytest.approx(by_ford(wins), rel=1e-6)
    strengths, errors = by_logistic_regression(wins)
    assert found.strengths[:-1] - found.strengths[-1] == pytest.approx(strengths, abs=1e-6)
    assert [found.error(team, 6) for team in range(6)] == pytest.approx(errors, rel=1e-5)
    assert strengths == pytest.approx([1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839], abs=1e-4), "as the book has it"


def test_two_with_ties_have_a_closed_form() -> None:
    """Of two the model fits exactly: its shares are those of the votes, and so are its strengths."""
    wins, losses, ties = 14.0, 6.0, 9.0
    found = fit(pair(14, 6, 9), math.inf)
    assert found.beats(0, 1) == pytest.approx((wins / 29, losses / 29, ties / 29), abs=1e-8)
    assert found.strengths[0] - found.strengths[1] == pytest.approx(math.log(wins / losses))
    assert math.exp(found.tie) == pytest.approx(ties / math.sqrt(wins * losses))
    assert found.error(0, 1) == pytest.approx(math.sqrt(1 / wins + 1 / losses), rel=1e-6)


def test_the_interval_is_where_the_likelihood_says() -> None:
    """Of two, ties apart, the difference is a logit of a share, whose likelihood interval can be written down."""
    found = fit(pair(15, 5), math.inf)
    low, high = found.intervals[0]

    def loss(strength: float) -> float:
        share = 1 / (1 + math.exp(-2 * strength))
        return -(15 * math.log(share) + 5 * math.log(1 - share))

    for end in (low, high):
        assert 2 * (loss(end) - loss(found.strengths[0])) == pytest.approx(3.8415, abs=1e-2)
    assert low < found.strengths[0] < high
    assert found.intervals[1] == pytest.approx([-high, -low], abs=1e-3)


def test_one_that_always_wins_has_a_finite_place() -> None:
    found = fit(pair(6, 0))
    assert np.isfinite(found.intervals).all()
    assert found.strengths[0] > 0 and found.intervals[0, 0] > 0


def test_ties_alone_say_that_they_are_equal() -> None:
    found = fit(pair(0, 0, 12))
    assert found.strengths == pytest.approx([0, 0], abs=1e-9)
    assert found.is_better(0, 1) == pytest.approx(0.5)
    assert found.votes_to_settle(0, 1) is None


def test_pairs_that_never_met_are_compared_through_others() -> None:
    wins = np.zeros((3, 3))
    wins[0, 1], wins[1, 0], wins[1, 2], wins[2, 1] = 12, 4, 12, 4
    found = fit(Tally(wins, np.zeros((3, 3))))
    assert found.strengths[0] > found.strengths[1] > found.strengths[2]
    assert found.is_better(0, 2) > found.is_better(0, 1) > 0.9
    assert found.error(0, 2) > found.error(0, 1)


def test_more_votes_settle_it() -> None:
    few = fit(pair(6, 4))
    more = few.votes_to_settle(0, 1)
    assert more is not None and 100 < more < 400
    assert fit(pair(6 + round(0.6 * more), 4 + round(0.4 * more))).votes_to_settle(0, 1) == 0
    assert fit(pair(30, 10)).votes_to_settle(0, 1) == 0


@pytest.mark.parametrize(
    "tally", [pair(0, 0), Tally(np.zeros((1, 1)), np.zeros((1, 1))), Tally(np.zeros((0, 0)), np.zeros((0, 0)))]
)
def test_without_votes_nothing_is_said(tally: Tally) -> None:
    with pytest.raises(RequestError, match="no votes"):
        fit(tally)


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RequestError, match="square"):
        Tally(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(RequestError, match="symmetric"):
        Tally(np.zeros((2, 2)), np.array([[0.0, 1], [2, 0]]))


def test_a_panel_of_known_strengths_is_found_again() -> None:
    """A part of bench/trials.py, which does it 200 times over."""
    strengths, chance = np.array([0.9, 0.2, -0.3, -0.8]), np.random.default_rng(5)
    inside, runs = 0, 20
    for _ in range(runs):
        found = fit(simulated(strengths, -0.7, 25, chance), SPREAD)
        low, high = found.intervals.T
        inside += int(((low <= strengths) & (strengths <= high)).sum())
        assert np.argmax(found.strengths) == 0
    assert 0.87 <= inside / (runs * len(strengths)) <= 1.0
