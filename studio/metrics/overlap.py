"""Whether two people speak at the same time in a sound: a second pitch under the first. Knows no speakers, no turns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from studio.audio import Audio
from studio.metrics import Missing, pitch

RATE = 16000  # so fine that a voice is taken away whole: half a sample is much of a high voice's period
HIGHEST_HZ = 1500.0  # above, harmonics are too near to each other, and breath is loud
STEP = 160  # samples from one frame to the next: 10 ms
SIZE = 560  # of a frame, of which as much again as the longest period is looked at: 35 ms, so that no pitch glides
SHORTEST, LONGEST = int(RATE / pitch.HIGHEST_HZ), int(RATE / pitch.LOWEST_HZ)  # periods, in samples
VOICED, SECOND = 0.4, 0.6  # normalised autocorrelation of a voice, and of what is left without it
REST = 0.18  # of the power: less than this, and nothing is left
NEAR = 0.17  # a period nearer to the first is that of a pitch that glides, or of its echo
SIMPLE, NEAR_SIMPLE = (1 / 3, 1 / 2, 2 / 3, 3 / 2, 2, 3), 0.07  # its harmonics and subharmonics
LASTS, GLIDES = 3, 0.06  # frames that a second pitch is held, and by how many octaves it moves from one to the next
LEAST_FRAMES = 60  # voiced: 0.6 s
# Percent of the voiced frames. 22 speakers (14 recorded, 8 synthetic), also with noise 15 and 20 dB below, over a
# telephone, clipped and with an echo of 0.5 to 1.6 s: none of 176 sounds has more than 1.6. Of 207 mixtures of two at
# the same level, like pitches and unlike, 61 % are over 2.
AT_ONCE = 2.0

Frames = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def percent(audio: Audio) -> float | Missing:
    """Of the voiced frames, those that hold a second voice; above AT_ONCE two people speak at once.

    A voice is taken away by subtracting the sound one period earlier (de Cheveigne 1993, "Separation of concurrent
    harmonic sounds"); a second voice is a period in the rest that is in no simple ratio to the first, and lasts.
    """
    samples = _low(audio.resampled(RATE).samples.astype(np.float64))
    if len(samples) < SIZE + LONGEST:
        return Missing("it is too short")
    frames = np.lib.stride_tricks.sliding_window_view(samples, SIZE + LONGEST)[::STEP]
    level = frames.std(axis=1)
    loud = np.flatnonzero(level > max(0.1 * level.max(), 1e-6))
    voiced, period = np.zeros(len(frames), bool), np.zeros(len(frames))
    for part in np.array_split(loud, 1 + len(loud) // 500):
        if len(part):
            voiced[part], period[part] = _second(frames[part])
    if voiced.sum() < LEAST_FRAMES:
        return Missing(f"there is less than {LEAST_FRAMES * STEP / RATE:g} s of voiced sound")
    return float(100 * _lasting(period).sum() / voiced.sum())


def _low(samples: Frames) -> Frames:
    """What lies below HIGHEST_HZ, in step with the whole."""
    from scipy.signal import butter, sosfiltfilt

    filter_ = butter(4, HIGHEST_HZ, fs=RATE, output="sos")
    return np.asarray(sosfiltfilt(filter_, samples)) if len(samples) > SIZE else samples


def _second(frames: Frames) -> tuple[Flags, Frames]:
    """(frames,) whether each is voiced, and the period of its second voice, 0 for none."""
    echo = _echo(frames)
    period = SHORTEST + echo[:, SHORTEST:].argmax(axis=1)
    is_voiced = echo[:, SHORTEST:].max(axis=1) >= VOICED
    rest = np.take_along_axis(frames, period[:, None] + np.arange(SIZE), axis=1) - frames[:, :SIZE]
    left = np.square(rest).mean(axis=1) > REST * 2 * np.square(frames).mean(axis=1)
    again = _echo(rest)
    inner = again[:, 1:-1]
    top = np.pad((inner > again[:, :-2]) & (inner >= again[:, 2:]), ((0, 0), (1, 1)))
    top[:, :SHORTEST] = False
    lags = np.arange(LONGEST + 1)
    for ratio in (1.0, *SIMPLE):
        near = NEAR if ratio == 1 else NEAR_SIMPLE
        top &= np.abs(lags - ratio * period[:, None]) > near * ratio * period[:, None] + 1
    strength = np.where(top, again, 0)
    return is_voiced, np.where(is_voiced & left & (strength.max(axis=1) > SECOND), strength.argmax(axis=1), 0)


def _lasting(period: Frames) -> Flags:
    """Which frames belong to a second pitch that is held, gliding at most. period: (frames,), 0 for none."""
    there = period > 0
    height = np.log2(np.maximum(period, 1))
    goes_on = there[1:] & there[:-1] & (np.abs(np.diff(height)) < GLIDES)
    run = np.cumsum(np.concatenate([[True], ~goes_on]))
    return np.asarray(there & (np.bincount(run)[run] >= LASTS))


def _echo(frames: Frames) -> Frames:
    """(frames, LONGEST + 1) normalised autocorrelation, over that of the window (see `pitch.track`)."""
    window = np.hanning(frames.shape[1])
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2048)) ** 2)[: LONGEST + 1]
    centred = (frames - frames.mean(axis=1, keepdims=True)) * window
    echo = np.fft.irfft(np.abs(np.fft.rfft(centred, 2048)) ** 2)[:, : LONGEST + 1]
    return np.asarray(echo / np.maximum(echo[:, :1], 1e-12) * own[0] / own)
