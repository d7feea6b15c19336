"""Whether two people speak at the same time in a sound: a second pitch under the first. Knows no speakers, no turns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from studio.audio import Audio
from studio.metrics import Missing, pitch

RATE = pitch.RATE
STEP = 160  # samples from one frame to the next: 20 ms
SIZE = 640  # of a frame, of which as much again as the longest period is looked at: 80 ms
SHORTEST, LONGEST = int(RATE / pitch.HIGHEST_HZ), int(RATE / pitch.LOWEST_HZ)  # periods, in samples
VOICED, SECOND = 0.4, 0.6  # normalised autocorrelation of a voice, and of what is left without it
REST = 0.05  # of the power: less than this, and nothing is left
NEAR = 0.17  # a period nearer to the first is that of a pitch that glides, or of its echo
SIMPLE, NEAR_SIMPLE = (1 / 3, 1 / 2, 2 / 3, 3 / 2, 2, 3), 0.07  # its harmonics and subharmonics
LEAST_FRAMES = 50  # voiced: 1 s
# Percent of the voiced frames. Of 160 sounds of one speaker (also with noise, over a telephone, in a small room) none
# has more; of 50 mixtures of two at the same level, like pitches and unlike, 20. An echo is a second voice too.
AT_ONCE = 7.0
DRY_SECONDS = 0.25  # where a sound fades in longer than this (see `echo`), most of one person have less than this:
AT_ONCE_IN_ECHO = 12.0

Frames = npt.NDArray[np.float64]


def percent(audio: Audio) -> float | Missing:
    """Of the voiced frames, those that hold a second voice; above AT_ONCE two people speak at once.

    A voice is taken away by subtracting the sound one period earlier (de Cheveigne 1993, "Separation of concurrent
    harmonic sounds"); a second voice is a period in the rest that is in no simple ratio to the first.
    """
    samples = audio.resampled(RATE).samples.astype(np.float64)
    if len(samples) < SIZE + LONGEST:
        return Missing("it is too short")
    frames = np.lib.stride_tricks.sliding_window_view(samples, SIZE + LONGEST)[::STEP]
    level = frames.std(axis=1)
    frames = frames[level > max(0.1 * level.max(), 1e-6)]
    found = [_second(part) for part in np.array_split(frames, 1 + len(frames) // 500) if len(part)]
    voiced, second = (sum(counts) for counts in zip(*found, strict=True)) if found else (0, 0)
    return 100 * second / voiced if voiced >= LEAST_FRAMES else Missing("there is less than 1 s of voiced sound")


def _second(frames: Frames) -> tuple[int, int]:
    """How many frames are voiced, and how many of these hold a second voice."""
    echo = _echo(frames)
    period = SHORTEST + echo[:, SHORTEST:].argmax(axis=1)
    is_voiced = echo.max(axis=1, initial=0, where=np.arange(LONGEST + 1) >= SHORTEST) >= VOICED
    frames, period = frames[is_voiced], period[is_voiced]
    earlier = np.arange(SIZE)
    rest = np.take_along_axis(frames, period[:, None] + earlier, axis=1) - frames[:, :SIZE]
    left = np.square(rest).mean(axis=1) > REST * 2 * np.square(frames).mean(axis=1)
    again = _echo(rest)
    inner = again[:, 1:-1]
    top = np.pad((inner > again[:, :-2]) & (inner >= again[:, 2:]), ((0, 0), (1, 1)))
    top[:, :SHORTEST] = False
    lags = np.arange(LONGEST + 1)
    for ratio in (1.0, *SIMPLE):
        near = NEAR if ratio == 1 else NEAR_SIMPLE
        top &= np.abs(lags - ratio * period[:, None]) > near * ratio * period[:, None] + 0.5
    second = left & (again.max(axis=1, initial=0, where=top) > SECOND)
    return len(frames), int(second.sum())


def _echo(frames: Frames) -> Frames:
    """(frames, LONGEST + 1) normalised autocorrelation, over that of the window (see `pitch.track`)."""
    window = np.hanning(frames.shape[1])
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2048)) ** 2)[: LONGEST + 1]
    centred = (frames - frames.mean(axis=1, keepdims=True)) * window
    echo = np.fft.irfft(np.abs(np.fft.rfft(centred, 2048)) ** 2)[:, : LONGEST + 1]
    return np.asarray(echo / np.maximum(echo[:, :1], 1e-12) * own[0] / own)
