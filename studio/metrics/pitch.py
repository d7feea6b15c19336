"""The pitch of a voice, by autocorrelation. Knows samples, not speakers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from studio.audio import Audio
from studio.metrics import Missing

RATE = 8000  # of the sound that is looked at, Hz
STEP = 80  # samples from one frame to the next: 10 ms
LOWEST_HZ, HIGHEST_HZ = 60.0, 420.0
VOICED = 0.5  # normalised autocorrelation at the period from which a frame counts as voiced (Boersma 1993 uses 0.45)
LEAST_VOICED_SECONDS = 0.2


def track(audio: Audio) -> npt.NDArray[np.float64]:
    """(frames,) fundamental in Hz every 10 ms, 0 where nothing is voiced.

    Frames of 80 ms, Hann window, autocorrelation over that of the window (Boersma 1993, "Accurate short-term analysis
    of the fundamental frequency"), no smoothing. Frames softer than the loudest by 30 dB are not voiced.
    """
    size = RATE // 25
    samples = np.pad(audio.resampled(RATE).samples.astype(np.float64), (size, size))
    frames = np.lib.stride_tricks.sliding_window_view(samples, 2 * size)[::STEP]
    level = np.concatenate([part.std(axis=1) for part in np.array_split(frames, 1 + len(frames) // 2000)])
    pitch = np.zeros(len(frames))
    loud = np.flatnonzero(level > max(10 ** (-30 / 20) * level.max(initial=0.0), 1e-6))
    window = np.hanning(2 * size)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 4 * size)) ** 2)[:size]
    low, high = int(RATE / HIGHEST_HZ), int(RATE / LOWEST_HZ)
    for part in np.array_split(loud, max(1, len(loud) // 500)):  # a long recording needs no more memory than a short
        centred = (frames[part] - frames[part].mean(axis=1, keepdims=True)) * window
        echo = np.fft.irfft(np.abs(np.fft.rfft(centred, 4 * size)) ** 2)[:, :size]
        echo = echo / np.maximum(echo[:, :1], 1e-12) * own[0] / own
        lag = low + echo[:, low:high].argmax(axis=1)
        here = echo[np.arange(len(part)), lag]
        top = (here >= echo[np.arange(len(part)), lag - 1]) & (here >= echo[np.arange(len(part)), lag + 1])
        voiced = top & (here > VOICED)  # a rumble only rises towards the ends of what is looked at
        pitch[part] = np.where(voiced, RATE / lag, 0.0)
    return pitch


def median_hz(audio: Audio) -> float | Missing:
    """Median fundamental in Hz over voiced frames (`track`); men mostly 85 to 155, women 165 to 255 (Titze 1994)."""
    pitch = track(audio)
    voiced = pitch[pitch > 0]
    if len(voiced) * STEP / RATE < LEAST_VOICED_SECONDS:
        return Missing("no voiced sound was found")
    return float(np.median(voiced))
