"""How loud a sound is, and whether it was cut off at full scale. Loudness and true peak are `studio.loudness`'s."""

from __future__ import annotations

import math

import numpy as np

from studio.audio import Audio, Samples

FLAT = 0.995  # of the largest sample: what lies above is the flat top of a clipped wave
LEAST_RUN = 3  # neighbours that lie there; a wave that is whole touches its own top with fewer


def dbfs(amplitude: float) -> float:
    """An amplitude in dB, 1 being 0 dB; -inf for 0."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def rms_dbfs(audio: Audio) -> float:
    """Root of the mean square over the whole sound, in dB re full scale: a full-scale square wave has 0."""
    return dbfs(float(np.sqrt(np.square(audio.samples, dtype=np.float64).mean()))) if len(audio.samples) else -math.inf


def clipped_share(audio: Audio) -> float:
    """Share of samples that lie on flat tops, 0 to 1: runs of three or more within 0.5 % of the largest of their sign.

    A sound turned down after clipping shows it too; one that went through a lossy codec mostly does not. Clean speech
    has less than 0.0001.
    """
    if not audio.peak:
        return 0.0
    return (_flat(audio.samples) + _flat(-audio.samples)) / len(audio.samples)


def _flat(samples: Samples) -> int:
    """How many samples lie in runs at the top."""
    top = float(samples.max())
    if top <= 0:
        return 0
    at_top = np.concatenate([[False], samples >= FLAT * top, [False]]).astype(np.int8)
    runs = np.flatnonzero(np.diff(at_top)).reshape(-1, 2)
    sizes = runs[:, 1] - runs[:, 0]
    return int(sizes[sizes >= LEAST_RUN].sum())
