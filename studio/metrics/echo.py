"""How slowly a sound fades, by which a room that echoes is known. Knows samples, no speakers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from studio.audio import Audio
from studio.metrics import Missing

RATE, STEP = 16000, 160  # the level is looked at every 10 ms
SMOOTH_FRAMES = 5
ABOVE_FLOOR_DB, UNDER_TOP_DB = 8.0, 25.0  # a fall is looked at between these: above the noise, below the loudest
LEAST_FRAMES, LEAST_FALL_DB = 6, 8.0
LEAST_FALLS = 2  # where there are many words, so few are a sign of an echo themselves
FASTEST = 10  # percent of falls: mouths close slowly too, but a room lets none be fast


def decay_seconds(audio: Audio) -> float | Missing:
    """The time in which the sound would fade by 60 dB, as fast as the fastest tenth of its falls do.

    A fall is a stretch of 80 ms or more in which the level only sinks. Four readers in quiet rooms have 0.13 to 0.21 s,
    the same with white noise or voices 20 dB below 0.2 to 0.32; with an echo of 0.8 s 0.29 to 0.36, of 1.6 s 0.37 to
    0.42. Missing when there are fewer than two falls.
    """
    samples = audio.resampled(RATE).samples.astype(np.float64)
    whole = len(samples) // STEP
    power = np.square(samples[: whole * STEP].reshape(whole, STEP)).mean(axis=1)
    if whole < 2 * LEAST_FRAMES or not power.any():
        return Missing("the sound is silent or too short")
    level = 10 * np.log10(np.convolve(power, np.ones(SMOOTH_FRAMES) / SMOOTH_FRAMES, "same") + 1e-12)
    floor = float((10 * np.log10(np.sort(power)[: max(1, whole // 20)] + 1e-12)).mean())
    top = float(np.percentile(level, 95))
    falls = [slope for fall in _falls(level) if (slope := _slope(fall, floor, top)) < 0]
    if len(falls) < LEAST_FALLS:
        return Missing("it fades too rarely to tell")
    return float(-60 / np.percentile(falls, FASTEST))


def _falls(level: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """The stretches in which the level only sinks, from the frame before it does."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.diff(level) < 0, [False]]).astype(np.int8)))
    return [level[first : last + 1] for first, last in edges.reshape(-1, 2) if last - first >= LEAST_FRAMES + 2]


def _slope(fall: npt.NDArray[np.float64], floor: float, top: float) -> float:
    """dB a second while the fall is well above the floor, its beginning left out; 0 for one that says nothing."""
    part = fall[fall > floor + ABOVE_FLOOR_DB][2:]
    is_telling = len(part) >= LEAST_FRAMES and part[0] > top - UNDER_TOP_DB and part[0] - part[-1] > LEAST_FALL_DB
    return float(np.polyfit(np.arange(len(part)) * STEP / RATE, part, 1)[0]) if is_telling else 0.0
