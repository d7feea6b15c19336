"""What the tests of CSM share: requests, sounds to clone, and a model that ends, which untrained ones never do."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from studio.audio import Audio, concatenate
from studio.engines import csm
from studio.engines.base import Placement
from studio.engines.csm.engine import CsmEngine
from studio.engines.csm.model import Csm
from studio.errors import SynthesisError
from studio.request import SpeechRequest, Spoken
from studio.script import Script
from studio.voice import Consent, Voice

BOOKS, VOCABULARY = 8, 67
GREEDY = {"temperature": 0.0, "top_k": 1.0}
PLACED = Placement("cpu", 1, Path("/dev/null/models"))  # where nothing can be written


def sound(seconds: float, seed: int = 0) -> Audio:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * 24000))
    return Audio((0.1 * noise).astype(np.float32), 24000)


def reference(name: str, seconds: float = 1.3, words: str = "I speak like this.") -> Voice:
    return Voice(name, name, audio=sound(seconds, seed=len(name)), transcript=words, consent=Consent("synthetic"))


def request(text: str, *context: Spoken, seed: int = 1, **changes: Any) -> SpeechRequest:
    """changes: a speaker's voice, or a sampling value; other speakers have presets in order."""
    script = Script.parse(text)
    speakers = dict.fromkeys([*(name for spoken in context for name in spoken.script.speakers), *script.speakers])
    voices = {name: csm.voice(f"random-{at}") for at, name in enumerate(speakers, start=1)}
    sampling = {"temperature": 0.9, "top_k": 50.0} | {key: value for key, value in changes.items() if key in GREEDY}
    voices |= {key: value for key, value in changes.items() if key not in GREEDY}
    return SpeechRequest(script, voices, sampling, seed, context)


def spoken(text: str, seconds: float = 1.0, seed: int = 9) -> Spoken:
    return Spoken(Script.parse(text), sound(seconds, seed))


class Ending:
    """A model that ends after some frames: untrained ones never do. Notes what it read and said.

    raised: added to every code it says.
    """

    def __init__(self, model: Csm, frames: int, raised: int = 0) -> None:
        self._csm, self._frames, self._raised = model, frames, raised
        self.reads: list[tuple[int, int]] = []  # where each part of a prompt began and ended
        self.said: list[Any] = []  # of the last turn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._csm, name)

    def read(self, x: Any, start: int) -> None:
        self.reads.append((start, start + len(x)))
        self._csm.read(x, start)

    def begin(self, *end: Any) -> None:
        self.said = []
        self._csm.begin(*end)

    def frame(self, *how: Any) -> Any:
        frame = self._csm.frame(*how) + self._raised
        self.said.append(frame if len(self.said) < self._frames else torch.zeros_like(frame))
        return self.said[-1]


def like(engine: CsmEngine, frames: int = 12, raised: int = 0) -> tuple[CsmEngine, Ending]:
    """An engine with the same weights that ends its turns, with nothing in its cache."""
    ending: Any = Ending(engine._csm, frames, raised)
    made = CsmEngine(ending, engine._mimi, engine._words)
    made._heard = engine._heard
    return made, ending


def said(engine: CsmEngine, asked: SpeechRequest) -> Audio:
    return concatenate(engine.synthesize(asked))


def heard(engine: CsmEngine, asked: SpeechRequest) -> Audio:
    """All that comes until the end, which a model that never ends comes to by an error."""
    pieces = []
    with suppress(SynthesisError):
        for piece in engine.synthesize(asked):
            pieces.append(piece)
    return concatenate(pieces)
