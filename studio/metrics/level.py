"""How loud a sound is, and whether it was cut off at full scale. Loudness and true peak are `studio.loudness`'s."""

from __future__ import annotations

import math

import numpy as np

from studio.audio import Audio, Samples

FLAT = 0.995  # of the largest sample: what lies above is a top of the wave
EVEN = 0.9995  # where most of a top is as high as this, it is flat: that of a low tone is round
LEAST_RUN = 3  # neighbours that make a top
PEAK_SECONDS, CROWDED = 0.02, 0.7
LEAST_PEAKS = 50  # 1 s: a single vowel is as loud from its beginning to its end


def dbfs(amplitude: float) -> float:
    """An amplitude in dB, 1 being 0 dB; -inf for 0."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def rms_dbfs(audio: Audio) -> float:
    """Root of the mean square over the whole sound, in dB re full scale: a full-scale square wave has 0."""
    return dbfs(float(np.sqrt(np.square(audio.samples, dtype=np.float64).mean()))) if len(audio.samples) else -math.inf


def clipped_share(audio: Audio) -> float:
    """Share of samples at a flat top, 0 to 1: within 0.05 % of the largest of their sign, where at least one run of
    three or more neighbours within 0.5 % of it lies mostly there.

    A sound turned down after clipping shows it too; one that went through a lossy codec mostly does not. Clean speech
    has less than 0.0001.
    """
    if not audio.peak:
        return 0.0
    return (_flat(audio.samples) + _flat(-audio.samples)) / len(audio.samples)


def crowded_share(audio: Audio) -> float:
    """Share of the sounding 20 ms whose peaks lie within 3 dB of high ones (the 95th percentile), 0 to 1.

    A sound that was clipped and then went through a lossy codec has no flat tops any more, but its peaks are as high as
    each other: 0.56 to 0.8 when it was 12 dB too loud, 0.3 to 0.65 at 6 dB, and 0.12 to 0.37 in clean speech. 0 where
    less than 1 s sounds.
    """
    size = round(PEAK_SECONDS * audio.sample_rate)
    whole = len(audio.samples) // size
    peaks = np.abs(audio.samples[: whole * size].reshape(whole, size)).max(axis=1) if whole else np.zeros(0)
    sounding = peaks[peaks > 0.1 * peaks.max(initial=0.0)]
    return float((sounding > CROWDED * np.percentile(sounding, 95)).mean()) if len(sounding) >= LEAST_PEAKS else 0.0


def _flat(samples: Samples) -> int:
    """How many samples lie at a top that is flat."""
    top = float(samples.max())
    if top <= 0:
        return 0
    at_top = samples >= FLAT * top
    edges = np.flatnonzero(np.diff(np.concatenate([[False], at_top, [False]]).astype(np.int8))).reshape(-1, 2)
    is_even = samples >= EVEN * top
    even = np.concatenate([[0], np.cumsum(is_even)])
    sizes = edges[:, 1] - edges[:, 0]
    is_flat = (sizes >= LEAST_RUN) & (2 * (even[edges[:, 1]] - even[edges[:, 0]]) > sizes)
    return int(is_even.sum()) if is_flat.any() else 0
