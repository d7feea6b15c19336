"""The stand-in engine: a tone for every word, at once and without a model. For tests, demos and trying the page."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from zlib import crc32

import numpy as np

from studio.audio import Audio
from studio.engines.base import EngineSpec, Limits, Obstacle, Placement
from studio.errors import Unspeakable
from studio.request import Parameter, SpeechRequest
from studio.voice import Voice

SPEC = EngineSpec(
    id="tone",
    title="Tone",
    summary="Beeps, one a word. Speaks nothing; shows that everything around an engine works.",
    sample_rate=24000,
    licence="Apache-2.0",
    source="this repository",
    revision="1",
    memory_gb=0.01,
    memory_is_measured=True,
    limits=Limits(characters=600, seconds=60.0),
    cues=("(laughs)",),
    voices=(Voice("high", "High", "tone", "A high beep"), Voice("deep", "Deep", "tone", "A deep beep")),
    parameters=(
        Parameter("word_seconds", "Seconds a word", 0.2, 0.05, 1.0, 0.05, "How long each beep sounds."),
        Parameter("work_seconds", "Work a word", 0.0, 0.0, 2.0, 0.1, "How long each beep takes to make, in seconds."),
    ),
    characters_per_second=25.0,
    loudness_lufs=-20.0,
)

PITCH_HZ = {"high": 440.0, "deep": 220.0}


class ToneEngine:
    """One beep a word; the pitch says the voice, the seed shifts it a little."""

    spec = SPEC

    def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
        for turn in request.script.turns:
            base = PITCH_HZ[request.voices[turn.speaker].id] * (1 + request.seed % 100_003 / 1_000_030)
            words = re.findall(r"\w+|\(\w+\)", turn.text)
            if not words:
                raise Unspeakable(f"There is no word in {turn.text!r}.", "Write something to say.")
            for word in words:
                time.sleep(request.sampling["work_seconds"])
                yield _beep(base * (1 + crc32(word.encode()) % 12 / 24), request.sampling["word_seconds"])

    def close(self) -> None:
        """Nothing is held."""


def _beep(pitch_hz: float, seconds: float) -> Audio:
    t = np.arange(round(seconds * SPEC.sample_rate)) / SPEC.sample_rate
    rise = np.minimum(1.0, np.minimum(t, t[::-1]) / 0.01)
    return Audio((0.2 * rise * np.sin(2 * np.pi * pitch_hz * t)).astype(np.float32), SPEC.sample_rate)


def obstacle(placement: Placement) -> Obstacle | None:
    """Never in the way: there is nothing to load."""
    return None


def voice(voice_id: str) -> Voice:
    """The preset with this id. Raises UnknownVoice."""
    return SPEC.voice(voice_id)


def load(placement: Placement) -> ToneEngine:
    """The engine, ready at once."""
    return ToneEngine()
