"""Comparisons that are spoken to the end, made of noise that rises and falls as speech does: no engine is needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio import soundfiles
from studio.audio import Audio
from studio.script import Script
from studio.trials.comparison import Comparison, Entry
from studio.trials.renderings import Rendering
from studio.trials.store import TrialStore

SCRIPTS = ("[S1] One two three. [S2] Four five.", "[S1] Six seven. [S2] Eight nine ten.")
TITLES = {"hibari": "Hibari (built in)", "kokoro": "Kokoro 82M", "tone": "Tone"}
RATES = (24_000, 24_000, 16_000)


def speechlike(seconds: float, sample_rate: int, seed: int) -> Audio:
    """Noise in syllables of a quarter of a second, peaks below half of full scale."""
    count = round(seconds * sample_rate)
    noise = np.random.default_rng(seed).standard_normal(count)
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * np.arange(count) / sample_rate)
    return Audio((0.1 * noise * syllables).clip(-0.5, 0.5).astype(np.float32), sample_rate)


def finished(
    store: TrialStore, scripts: Sequence[str] = SCRIPTS, engines: Sequence[str] = tuple(TITLES), seconds: float = 1.5
) -> list[Comparison]:
    """A set of scripts by engines that differ in length, loudness and rate: comparisons c0, c1, ... of series s1."""
    entries = tuple(Entry(engine) for engine in engines)
    store.sounds.mkdir(parents=True, exist_ok=True)
    made = []
    for number, text in enumerate(scripts):
        comparison = Comparison(Script.parse(text), entries, id=f"c{number}", series="s1", titles=TITLES)
        store.add(comparison)
        for at, entry in enumerate(entries):
            audio = speechlike(seconds + 0.4 * at, RATES[at], 10 * number + at).scaled(0.3 + 0.3 * at)
            name = f"{number}{at}{'f' * 30}.wav"
            soundfiles.write(store.sounds / name, [audio], audio.sample_rate)
            kept = Rendering(entry.id, "finished", sound=name, seconds=audio.seconds, loudness_lufs=-20.0)
            store.keep(comparison.id, kept)
        made.append(comparison)
    return made
