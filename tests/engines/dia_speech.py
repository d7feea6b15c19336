"""What the tests of Dia share: requests, sounds to clone, passages to go on from. Needs no torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from studio.audio import Audio
from studio.engines import dia
from studio.request import SpeechRequest, Spoken
from studio.script import Script
from studio.voice import Consent, Voice

RATE, HOP, BOOKS = 44100, 512, 9
DIALOGUE = "[S1] Hello there. [S2] Well, hi!"


def sound(seconds: float, seed: int = 0, rate: int = RATE) -> Audio:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return Audio((0.1 * noise).astype(np.float32), rate)


def reference(name: str, seconds: float = 0.5, words: str = "I speak like this.", seed: int = 1) -> Voice:
    return Voice(name, name, audio=sound(seconds, seed), transcript=words, consent=Consent("synthetic"))


def request(text: str, voices: dict[str, Voice] | None = None, seed: int = 1, **sampling: float) -> SpeechRequest:
    """voices: of some speakers, the others have their own; of speakers in the context too."""
    script = Script.parse(text)
    cast = {speaker: dia.voice("random-1") for speaker in script.speakers} | (voices or {})
    return SpeechRequest(script, cast, dia.SPEC.sampling(sampling), seed)


def spoken(text: str, seconds: float = 0.5) -> Spoken:
    return Spoken(Script.parse(text), sound(seconds, seed=5))


def following(text: str, *context: Spoken, voices: dict[str, Voice] | None = None) -> SpeechRequest:
    cast = {speaker: dia.voice("random-1") for part in context for speaker in part.script.speakers}
    return replace(request(text, cast | (voices or {})), context=context)
