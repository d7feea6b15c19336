"""Whether work grows with its input as it should: by CPU time and by ratio, so that no clock and no load decides."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
NOISE_SECONDS = 0.05  # of CPU time, that are nothing to tell anything by


def cpu_seconds(work: Callable[[], object]) -> float:
    """The less of two runs."""
    spans = []
    for _ in range(2):
        begun = time.process_time()
        work()
        spans.append(time.process_time() - begun)
    return min(spans)


def assert_even(work: Callable[[T], object], tenth: T, whole: T) -> None:
    """Ten times the input may take about ten times as long, not a hundred times."""
    small, large = cpu_seconds(lambda: work(tenth)), cpu_seconds(lambda: work(whole))
    assert large < 30 * small + NOISE_SECONDS, f"{small:.3f} s for a tenth, {large:.3f} s for the whole"
