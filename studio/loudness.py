"""Loudness after ITU-R BS.1770-4 (measured by pyloudnorm) and a true-peak limiter; knows samples, not scripts."""

from __future__ import annotations

import math

import numpy as np
import soxr

from studio.audio import Audio, Samples

TARGET_LUFS = -16.0  # what podcast hosts ask for in mono speech
CEILING_DBTP = -1.2  # a little under -1 dBTP: rounding to 16 bits and the gain's own slope need room
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
BLOCK_SECONDS = 0.4
ATTACK_SECONDS = 0.005
KNEE = 0.7  # of full scale: louder peaks of live sound are bent


def block_loudness(audio: Audio) -> list[float]:
    """Loudness of each 400 ms block (75 % overlap) in LUFS. A sound shorter than a block is repeated to fill one."""
    import pyloudnorm  # 0.3 s of scipy.signal: only when something is measured

    shortest = math.ceil(BLOCK_SECONDS * audio.sample_rate) + 1
    if not len(audio.samples):
        return []
    samples = audio.samples if len(audio.samples) >= shortest else np.resize(audio.samples, shortest)
    meter = pyloudnorm.Meter(audio.sample_rate)
    meter.integrated_loudness(samples.astype(np.float64))
    return [float(block) for block in meter.blockwise_loudness]


def integrated(blocks: list[float]) -> float | None:
    """Gated loudness in LUFS of blocks from one or several sounds (BS.1770-4 eq. 5-7); None when all is silence."""
    power = np.power(10.0, np.asarray([block for block in blocks if block >= ABSOLUTE_GATE_LUFS]) / 10)
    if not power.size:
        return None
    gate = power.mean() * 10 ** (RELATIVE_GATE_LU / 10)
    return float(10 * np.log10(power[power > gate].mean()))


def loudness(audio: Audio) -> float | None:
    """Integrated loudness of a whole sound in LUFS, None for silence."""
    return integrated(block_loudness(audio))


def gain_to(target_lufs: float, measured_lufs: float | None) -> float:
    """The linear gain from one loudness to another; 1 when there is nothing to measure."""
    return 1.0 if measured_lufs is None else float(10 ** ((target_lufs - measured_lufs) / 20))


def live(piece: Audio, usual_lufs: float) -> Audio:
    """A piece of a sound that is not whole yet, near the target by the engine's usual level.

    Peaks are bent below full scale; quieter sound keeps its form. The file gets the limiter, which needs to look ahead.
    """
    samples = piece.scaled(gain_to(TARGET_LUFS, usual_lufs)).samples
    loud = np.abs(samples)
    bent = KNEE + (1 - KNEE) * np.tanh((loud - KNEE) / (1 - KNEE))
    return Audio(np.where(loud > KNEE, np.copysign(bent, samples), samples).astype(np.float32), piece.sample_rate)


def true_peak_envelope(audio: Audio) -> Samples:
    """(n,) the largest absolute value around each sample, on a grid of at least 176 kHz (BS.1770-4, annex 2)."""
    factor = math.ceil(176_000 / audio.sample_rate)
    dense = np.abs(soxr.resample(audio.samples, audio.sample_rate, factor * audio.sample_rate, quality="HQ"))
    dense = np.resize(dense, len(audio.samples) * factor)  # the resampler may end a sample early or late
    peaks = np.abs(audio.samples)
    for step in range(factor):
        np.maximum(peaks, dense[step::factor], out=peaks)
    around: Samples = peaks.copy()  # a peak between two samples belongs to both
    np.maximum(around[1:], peaks[:-1], out=around[1:])
    np.maximum(around[:-1], peaks[1:], out=around[:-1])
    return around


def true_peak_dbtp(audio: Audio) -> float:
    """The highest true peak in dBTP; -inf for silence."""
    peak = float(true_peak_envelope(audio).max(initial=0.0)) if len(audio.samples) else 0.0
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def limited(audio: Audio, ceiling_dbtp: float = CEILING_DBTP) -> Audio:
    """The same sound with its true peaks under the ceiling: look-ahead gain, 5 ms to each side, never a clipped wave.

    The gain at each sample is the mean over a window of the least gain needed within that window, so it is never
    above what that sample needs.
    """
    if not len(audio.samples):
        return audio
    ceiling = 10 ** (ceiling_dbtp / 20)
    if audio.peak < ceiling / 2:  # no wave rises to twice its samples between them
        return audio
    peaks = true_peak_envelope(audio)
    if peaks.max() <= ceiling:
        return audio
    from scipy.ndimage import minimum_filter1d, uniform_filter1d  # 0.3 s: only when something is loud

    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    window = 2 * round(ATTACK_SECONDS * audio.sample_rate) + 1
    gain = uniform_filter1d(minimum_filter1d(needed, window), window)
    return Audio((audio.samples * gain).astype(np.float32), audio.sample_rate)
