"""app.py as a Space with ZeroGPU runs it, on a machine without a card: `python -m tests.space.space`.

The package `spaces` is the real one. What would touch a card is left out: PyTorch says that it was built for one, and
the process that gets the GPU neither sets it up nor moves weights to it. The engine `beeper` is one of PyTorch's: it
puts a tensor on the device, beeps as Tone does, and writes to standard error where it is and with which threads. The
files of `late` come after the start.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from types import ModuleType

import torch

from studio import engines
from studio.audio import Audio
from studio.engines.base import Engine, EngineSpec, Obstacle, Placement
from studio.errors import Unspeakable
from studio.request import SpeechRequest
from studio.ui import fast_gradio

tone = engines.module("tone")
ASKED: list[Placement] = []


class Beeper:
    """Tone, with a tensor that was put on the device."""

    spec: EngineSpec = replace(tone.SPEC, id="beeper", title="Beeper", packages=("torch",), gpu_rtf=0.5)

    def __init__(self, placement: Placement) -> None:
        self.device = str(torch.ones(4).to(placement.device).device)
        self.tone = tone.load(placement)

    def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
        threads = [thread.name for thread in threading.enumerate()]
        told = {"pid": os.getpid(), "threads": threads, "device": self.device}
        sys.stderr.write(f"beeper {json.dumps(told)}\n")
        text = str(request.script)
        if "nothing" in text:
            raise Unspeakable("There is nothing in it.", "Write something.")
        if "broken" in text:
            raise ValueError("a tensor has the wrong shape")
        try:
            yield from self.tone.synthesize(request)
        finally:
            sys.stderr.write("beeper ended\n")

    def close(self) -> None: ...


def engine(spec: EngineSpec, obstacle: Callable[[Placement], Obstacle | None]) -> ModuleType:
    module = ModuleType(f"studio.engines.{spec.id}")

    def load(placement: Placement) -> Engine:
        return Beeper(placement)

    module.__dict__.update(SPEC=spec, obstacle=obstacle, voice=tone.voice, load=load)
    return module


def files_come_late(placement: Placement) -> Obstacle | None:
    """In the way once, when the studio looks what it can place."""
    if not ASKED:
        ASKED.append(placement)
        return Obstacle("Its files are not on this disk.", "Fetch them.")
    return None


def main() -> int:
    torch.version.cuda = "12.8"
    torch._C._cuda_init = lambda: None
    torch.cuda._is_in_bad_fork = torch.cuda.is_available
    fast_gradio.install()
    import spaces.zero.torch

    spaces.zero.torch.init = lambda uuid: None
    spaces.zero.torch.move = lambda callback=None: None
    sys.modules["studio.engines.beeper"] = engine(Beeper.spec, lambda placement: None)
    sys.modules["studio.engines.late"] = engine(replace(Beeper.spec, id="late"), files_come_late)
    engines.MODULES = (*engines.MODULES, "beeper", "late")
    import app

    return app.main()


if __name__ == "__main__":
    sys.exit(main())
