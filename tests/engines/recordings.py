"""Recordings for tests: spoken by the built-in engine, then spoilt as recordings are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from studio.audio import Audio, concatenate, silence

RATE = 24000
SENTENCES = (
    "The train was late again, so we walked along the river.",
    "Nobody knew who had left the letter on the kitchen table.",
    "I thought the concert would be longer, but I liked it anyway.",
    "In the morning the whole garden was covered with snow.",
    "She asked me twice, and I could not give her an answer.",
)

Speak = Callable[..., Audio]


def clip(speak: Speak, sentences: int = 2, voice: str = "heart", pause: float = 0.5) -> Audio:
    """Sentences with silence before, between and after them."""
    gap = silence(pause, RATE)
    parts = [gap]
    for at in range(sentences):
        parts += [speak(SENTENCES[at % len(SENTENCES)], voice, seed=at), gap]
    return concatenate(parts)


def in_turns(speak: Speak, seconds: float, *voices: str) -> Audio:
    """About 12 s in which voices take turns, each going on in what it says."""
    spoken = [concatenate([speak(sentence, voice) for sentence in SENTENCES]) for voice in voices]
    turns = []
    for at in range(round(12 / seconds)):
        start = at // len(voices) * seconds
        turns.append(spoken[at % len(voices)].samples[round(start * RATE) : round((start + seconds) * RATE)])
        turns.append(silence(0.2, RATE).samples)
    return Audio(np.concatenate(turns), RATE)


def at_once(speak: Speak, one: str, two: str) -> Audio:
    """Two voices that say different sentences at the same time."""
    first = concatenate([speak(sentence, one) for sentence in SENTENCES[:2]])
    second = concatenate([speak(sentence, two) for sentence in SENTENCES[2:4]])
    count = min(len(first.samples), len(second.samples))
    return Audio(first.samples[:count] + second.samples[:count], RATE)


def with_noise(audio: Audio, spoken_power: float, snr_db: float, seed: int = 0) -> Audio:
    """White noise added, so far under the mean power of what is spoken."""
    random = np.random.default_rng(seed).standard_normal(len(audio.samples))
    noise = random * (spoken_power / 10 ** (snr_db / 10)) ** 0.5
    return Audio((audio.samples + noise).astype(np.float32), audio.sample_rate)


def noise(seconds: float, level: float = 0.05) -> Audio:
    random = np.random.default_rng(3).standard_normal(round(seconds * RATE))
    return Audio((level * random).astype(np.float32), RATE)


def tune(seconds: float) -> Audio:
    """Chords of plucked strings, two a second, over a drum."""
    random = np.random.default_rng(5)
    at = np.arange(round(seconds * RATE)) / RATE
    sound = np.zeros(len(at))
    for beat in np.arange(0, seconds, 0.5):
        since = np.clip(at - beat, 0, None)
        for key in random.choice([0, 2, 4, 5, 7, 9, 11], 3, replace=False):
            pitch = 220 * 2 ** (key / 12)
            for harmonic in range(1, 9):
                wave = np.sin(2 * np.pi * pitch * harmonic * since) / harmonic
                sound += wave * np.exp(-3 * since) * (since > 0)
        sound += 0.5 * random.standard_normal(len(at)) * np.exp(-40 * since) * (since > 0)
    return Audio((0.3 * sound / np.abs(sound).max()).astype(np.float32), RATE)
