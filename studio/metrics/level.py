"""How loud a sound is, and whether it was cut off at full scale. Loudness and true peak are `studio.loudness`'s."""

from __future__ import annotations

import math

import numpy as np

from studio.audio import Audio, Samples

FLAT = 0.995  # of the largest sample: what lies above is the flat top of a clipped wave
PEAK_SECONDS, CROWDED = 0.02, 0.7
LEAST_PEAKS = 50  # 1 s: a single vowel is as loud from its beginning to its end
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
    """How many samples lie in runs at the top."""
    top = float(samples.max())
    if top <= 0:
        return 0
    at_top = np.concatenate([[False], samples >= FLAT * top, [False]]).astype(np.int8)
    runs = np.flatnonzero(np.diff(at_top)).reshape(-1, 2)
    sizes = runs[:, 1] - runs[:, 0]
    return int(sizes[sizes >= LEAST_RUN].sum())
