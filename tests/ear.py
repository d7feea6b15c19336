"""A recogniser that exists only in a test: it hears the same words in every sound, at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studio.audio import Audio
from studio.hearing import Heard, Recogniser
from studio.metrics import Missing, distillmos, mos
from studio.voice import TimedWord

SAID = "The kettle was just starting to sing when the letter came."


class Ear(Recogniser):
    """Each word lasts 0.4 s and comes 0.5 s after the one before; of the last it is unsure. asked: how often."""

    model = "ear"  # type: ignore[assignment]
    obstacle = ""  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def hear(self, audio: Audio) -> Heard:
        self.asked += 1
        words = [TimedWord(word, at / 2, at / 2 + 0.4, 0.9) for at, word in enumerate(SAID.split())]
        return Heard(SAID, (*words[:-1], replace(words[-1], confidence=0.3)), self.model)


def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody rates sound: the real judges take a second each."""
    nobody = Missing("nobody judges in a test", "Run: make run METRICS=1")
    monkeypatch.setattr(mos, "dnsmos", lambda audio: nobody)
    monkeypatch.setattr(distillmos, "distillmos", lambda audio: nobody)
