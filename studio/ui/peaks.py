"""The picture of a sound file: its loudest samples over time. Reads in blocks, so that an hour needs little memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio import soundfiles

PER_SECOND = 20.0
MOST = 4000  # more than a screen is wide


@dataclass(frozen=True)
class Peaks:
    """values: (n,) largest absolute samples, 0 to 1, `per_second` of them for each second."""

    values: list[float]
    per_second: float


def peaks(path: Path, seconds: float) -> Peaks:
    """The peaks of a sound file of that length. Raises AudioError when it cannot be read."""
    per_second = min(PER_SECOND, MOST / max(seconds, 1.0))
    step = max(1, round(soundfiles.sample_rate_of(path) / per_second))
    values: list[float] = []
    rest = np.zeros(0, np.float32)
    for block in soundfiles.blocks_of(path):
        samples = np.abs(np.concatenate([rest, block.samples]))
        whole = len(samples) // step * step
        values += samples[:whole].reshape(-1, step).max(axis=1).round(3).tolist()
        rest = samples[whole:]
    if len(rest):
        values.append(round(float(rest.max()), 3))
    return Peaks(values, per_second)
