"""An engine that exists only in a test: it says every turn by playing the recording of its voice."""

from __future__ import annotations

import sys
from collections.abc import Generator
from dataclasses import replace
from types import ModuleType

import pytest

from studio import engines
from studio.audio import Audio
from studio.engines import tone
from studio.request import SpeechRequest


class _Parrot:
    def __init__(self) -> None:
        self.spec = replace(tone.SPEC, id="parrot", title="Parrot", clones=True)

    def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
        for turn in request.script.turns:
            audio = request.voices[turn.speaker].audio
            if audio is None:
                yield from tone.ToneEngine().synthesize(request)
            else:
                yield audio.resampled(self.spec.sample_rate)

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of that engine, in the menu while the test lasts."""
    module = ModuleType("studio.engines.parrot")
    values = {
        "SPEC": _Parrot().spec,
        "FILES": (),
        "obstacle": tone.obstacle,
        "voice": tone.voice,
        "load": lambda *_: _Parrot(),
    }
    for name, value in values.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(engines, "MODULES", (*engines.MODULES, "parrot"))
    return "parrot"
