"""Speech as source and filter, 80 frames a second, and what can be done to it there: another voice, another pace.

This is how hibari's model gives its speech before it becomes samples; nothing here knows the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from studio.audio import Samples

BIN_HZ = 20.0  # spectra have 601 bins up to 12 kHz
VOICED_HZ = 40.0  # frames below have no pitch


@dataclass(frozen=True)
class Timbre:
    """What makes a voice from another: factors on its pitch and on its formants (a longer throat has lower ones)."""

    pitch: float = 1.0
    formant: float = 1.0


@dataclass(frozen=True, eq=False)
class Frames:
    """Three log spectra with their phases, and the pitch.

    All (601, frames) float32 except pitch_hz, (frames,), 0 where there is no voice. The free part has its own phase.
    """

    harmonic: Samples
    phase: Samples
    noise: Samples
    free: Samples
    free_phase: Samples
    pitch_hz: Samples


def paced(frames: Frames, count: int) -> Frames:
    """The same speech in `count` frames: drawn closer or apart in time, pitch and formants as they were."""
    held = len(frames.pitch_hz)
    if count == held:
        return frames
    at = np.clip((np.arange(count) + 0.5) * held / count - 0.5, 0, held - 1)
    before = at.astype(np.intp)
    after, nearest = np.minimum(before + 1, held - 1), np.rint(at).astype(np.intp)
    share = (at - before).astype(np.float32)

    def between(part: Samples) -> Samples:
        return np.asarray(part[..., before] * (1 - share) + part[..., after] * share, np.float32)

    # Between a voiced and an unvoiced frame there is no pitch in the middle, nor is there between two random phases.
    voiced = np.minimum(frames.pitch_hz[before], frames.pitch_hz[after]) > VOICED_HZ
    return Frames(
        harmonic=between(frames.harmonic),
        phase=between(frames.phase),
        noise=between(frames.noise),
        free=between(frames.free),
        free_phase=frames.free_phase[:, nearest],
        pitch_hz=np.where(voiced, between(frames.pitch_hz), frames.pitch_hz[nearest]),
    )


def moved(frames: Frames, timbre: Timbre, melody: float) -> Frames:
    """The same words by another voice: the pitch curve scaled and stretched about its median, the spectra warped.

    The harmonic spectrum only means something at the harmonics of the old pitch; it is read there and drawn through
    before other harmonics are taken from it.
    """
    pitch = frames.pitch_hz
    voiced = np.flatnonzero(pitch > VOICED_HZ)
    if not len(voiced):
        return replace(frames, noise=_warped(frames.noise, timbre.formant), free=_warped(frames.free, timbre.formant))
    harmonic, bins = frames.harmonic.copy(), np.arange(len(frames.harmonic))
    for frame in voiced:
        at = np.arange(1, int(BIN_HZ * (len(bins) - 1) / pitch[frame]) + 1) * (pitch[frame] / BIN_HZ)
        harmonic[:, frame] = np.interp(bins, at, np.interp(at, bins, harmonic[:, frame]))
    harmonic += np.float32(0.5 * math.log(timbre.pitch))  # more harmonics in a lower voice: keep the loudness
    curve = np.where(pitch > VOICED_HZ, pitch, np.float32(1.0))
    curve = curve * timbre.pitch * (curve / np.median(pitch[voiced])) ** (melody - 1.0)
    return Frames(
        harmonic=_warped(harmonic, timbre.formant),
        phase=_warped(frames.phase, timbre.formant),
        noise=_warped(frames.noise, timbre.formant),
        free=_warped(frames.free, timbre.formant),
        free_phase=frames.free_phase,
        pitch_hz=np.where(pitch > VOICED_HZ, np.maximum(curve, VOICED_HZ + 5), 0.0).astype(np.float32),
    )


def _warped(spectrum: Samples, factor: float) -> Samples:
    """(bins, frames) stretched along frequency by the factor, read between bins."""
    last = len(spectrum) - 1
    source = np.minimum(np.arange(last + 1) / factor, last)
    below = source.astype(np.intp)
    share = (source - below)[:, None].astype(np.float32)
    return np.asarray(spectrum[below] * (1 - share) + spectrum[np.minimum(below + 1, last)] * share, np.float32)
