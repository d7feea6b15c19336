"""How fast someone speaks, by the sound alone. Knows no words."""

from __future__ import annotations

import numpy as np

from studio.audio import Audio
from studio.metrics import Missing, pitch
from studio.metrics.activity import Activity

STEP_SECONDS = pitch.STEP / pitch.RATE
SMOOTH_FRAMES = 3  # 30 ms
DIP_DB = 1.5  # between two vowels the level falls by this much at least
RANGE_DB = 25.0  # what is softer than the loudest vowel by more is none
LEAST_SECONDS = 1.0


def syllables_per_second(audio: Audio, speech: Activity) -> float | Missing:
    """Syllables in a second of speech, pauses left out; 4 to 5.5 is usual in English.

    A syllable is a voiced peak of the level, 1.5 dB or more above the dips beside it (de Jong & Wempe 2009, "Praat
    script to detect syllable nuclei"). Syllables that run together are counted as one: mostly a sixth low.
    """
    if speech.speech_seconds < LEAST_SECONDS:
        return Missing(f"there is {speech.speech_seconds:.1f} s of speech, and {LEAST_SECONDS:g} s are needed")
    from scipy.signal import find_peaks  # 0.3 s

    samples = audio.resampled(pitch.RATE).samples.astype(np.float64)
    whole = len(samples) // pitch.STEP
    power = np.square(samples[: whole * pitch.STEP].reshape(whole, pitch.STEP)).mean(axis=1)
    level = 10 * np.log10(np.convolve(power, np.ones(SMOOTH_FRAMES) / SMOOTH_FRAMES, "same") + 1e-10)
    peaks, _ = find_peaks(level, prominence=DIP_DB, height=level.max() - RANGE_DB)
    voiced = pitch.track(audio) > 0
    return float(voiced[peaks].sum() / speech.speech_seconds)
