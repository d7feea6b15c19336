"""Sounds made ready for listening: one loudness, one rate, one length, no name. Knows samples, not entries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio import loudness
from studio.audio import Audio

MATCHED_LUFS = -20.0  # below the files' -16: room for every sound to get there without being bent
TOLERANCE_LU = 0.1
QUIETEST_LUFS = -45.0  # what is quieter is no speech, and would only be noise when raised
GOLD_HZ = 3500  # what a gold pair's worse side has left, as the low anchor of ITU-R BS.1534


def gain(measured_lufs: float | None) -> float:
    """The linear gain that brings a sound to MATCHED_LUFS; 1 for silence and for what is almost silent."""
    if measured_lufs is None or measured_lufs < QUIETEST_LUFS:
        return 1.0
    return loudness.gain_to(MATCHED_LUFS, measured_lufs)


def matched(audio: Audio) -> Audio:
    """The sound at MATCHED_LUFS, within TOLERANCE_LU where it is not silent, and never clipped."""
    for _ in range(3):  # the limiter, where it has work, takes a little away
        measured = loudness.loudness(audio)
        if measured is None or abs(measured - MATCHED_LUFS) < TOLERANCE_LU / 2:
            break
        audio = loudness.limited(audio.scaled(gain(measured)))
    return audio


def together(sounds: Sequence[Audio], sample_rate: int) -> list[Audio]:
    """The sounds matched, at one rate and as long as the longest: neither form nor size tells which is which."""
    even = [matched(sound.resampled(sample_rate)) for sound in sounds]
    longest = max(len(sound.samples) for sound in even)
    return [Audio(np.pad(sound.samples, (0, longest - len(sound.samples))), sample_rate) for sound in even]


def degraded(audio: Audio) -> Audio:
    """The sound as over a bad line, for whoever listens to hear the difference: only what is below GOLD_HZ."""
    low, length = audio.resampled(2 * GOLD_HZ).resampled(audio.sample_rate).samples, len(audio.samples)
    return Audio(np.pad(low, (0, max(0, length - len(low))))[:length], audio.sample_rate)
