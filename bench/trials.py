"""How honest the scores of blind tests are: panels of known strengths vote, and the scores must find them again.

    python -m bench.trials [--runs 200]

For each of several panels: the share of true strengths inside their 95 % intervals, how often the best came out first,
and how often "is better than all others" was said of one that is not the best. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from studio.trials import scoring
from studio.trials.scoring import Tally, fit

# name: strengths, log odds of a tie between equals, votes on each pair
PANELS = {
    "two, few votes": ([0.3, -0.3], -0.7, 15),
    "two alike": ([0.0, 0.0], -0.7, 30),
    "four": ([0.9, 0.2, -0.3, -0.8], -0.7, 15),
    "four, far apart": ([2.0, 0.7, -0.7, -2.0], -0.7, 15),
    "four, many ties": ([0.6, 0.2, -0.2, -0.6], 1.0, 20),
    "eight": ([1.2, 0.8, 0.4, 0.1, -0.2, -0.5, -0.7, -1.1], -0.7, 8),
}


def votes(strengths: np.ndarray, tie: float, each: int, chance: np.random.Generator) -> Tally:
    """`each` votes on every pair."""
    size = len(strengths)
    wins, ties = np.zeros((size, size)), np.zeros((size, size))
    for one in range(size):
        for two in range(one + 1, size):
            half = (strengths[one] - strengths[two]) / 2
            odds = np.exp([half, -half, tie])
            wins[one, two], wins[two, one], ties[one, two] = chance.multinomial(each, odds / odds.sum())
            ties[two, one] = ties[one, two]
    return Tally(wins, ties)


def panel(name: str, runs: int) -> dict[str, object]:
    """What `runs` tests with this panel say."""
    strengths, tie, each = np.array(PANELS[name][0]), PANELS[name][1], PANELS[name][2]
    chance = np.random.default_rng(2026)
    inside, first, wrong, begun = 0, 0, 0, time.perf_counter()
    for _ in range(runs):
        found = fit(votes(strengths, tie, each, chance))
        low, high = found.intervals.T
        inside += int(((low <= strengths) & (strengths <= high)).sum())
        best = int(np.argmax(low))
        first += strengths[best] == strengths.max()
        settled = all(found.is_better(best, other) >= scoring.CLEAR for other in range(len(strengths)) if other != best)
        wrong += settled and (strengths[best] < strengths.max() or (strengths == strengths.max()).sum() > 1)
    return {
        "panel": name,
        "runs": runs,
        "coverage": round(inside / (runs * len(strengths)), 4),
        "best_is_first": round(first / runs, 3),
        "wrongly_settled": round(wrong / runs, 3),
        "seconds_a_fit": round((time.perf_counter() - begun) / runs, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    rows = [panel(name, options.runs) for name in PANELS]
    for row in rows:
        print(
            f"{row['panel']:<18}{row['coverage']:>8.1%} inside{row['best_is_first']:>8.0%} best first"
            f"{row['wrongly_settled']:>8.1%} wrongly settled{row['seconds_a_fit']:>8} s"
        )
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
