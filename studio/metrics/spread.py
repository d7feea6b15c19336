"""How values of repeated measuring lie: median, least and most, percentiles, and the interval of a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEAST_PAIRS = 3  # fewer differences say nothing of how they vary


@dataclass(frozen=True)
class Spread:
    """Of so many values: the median, and between which they lie."""

    median: float
    least: float
    most: float
    count: int


def spread(values: Sequence[float]) -> Spread | None:
    """None when there is no value."""
    found = sorted(value for value in values if math.isfinite(value))
    return Spread(percentile(found, 50), found[0], found[-1], len(found)) if found else None


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many of 100 lie, between two neighbours in proportion (Hyndman & Fan 1996, type 7).

    Raises ValueError when there is none.
    """
    if not len(values):
        raise ValueError("there is no value")
    return float(np.percentile(np.asarray(values, float), percent))


def interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of a mean difference by percentiles of 2000 resamples (Efron 1979), the same every time.

    None for fewer than three.
    """
    if len(differences) < LEAST_PAIRS:
        return None
    values = np.asarray(differences, float)
    drawn = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
