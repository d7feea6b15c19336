"""`LentGpu`: engines on a GPU that is lent for one passage at a time (ZeroGPU). Knows the lender only through gpu.py.

Each passage is a call of one function, which runs in a process forked from ours. It has what was in memory at the fork,
so models are placed before the page opens. It has none of our threads, and a lock that one of them held never opens
there, so the function takes none.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace

from studio import engines, gpu
from studio.engines.base import Engine, EngineModule, EngineSpec, Obstacle, Placement, Speech
from studio.errors import EngineUnavailable, StudioError, SynthesisError
from studio.remote import Told, hearing, telling
from studio.request import SpeechRequest
from studio.voice import Voice

START_SECONDS = 12.0  # a new process moves the models to the card and makes the engine's kernels ready
LONG = 2.0  # a passage may take so many times what its text says
UNTRIED = 2.0  # until it has spoken here: half a card, without our own kernels, is slower than what was measured
PASSAGE_SECONDS = 20.0  # of sound at most: little is asked for at once, and little is lost when a quota ends
REMEMBERED = 5
LATE = Obstacle("It was not here when this Space started.", "Restart the Space: a lent GPU takes nothing in later.")


class LentGpu:
    """The engines that were placed at the start, and the one function that borrows the GPU."""

    def __init__(self, find: Callable[[str], EngineModule] = engines.module) -> None:
        """find: engine id -> its module. Raises EngineUnavailable where nobody lends."""
        self._find = find
        self._placed: dict[str, Engine] = {}
        self._refused: dict[str, Obstacle] = {}
        self._is_open = False
        self._rtfs: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._borrow = gpu.borrowing(self._speak, self.seconds)

    def module(self, engine_id: str) -> EngineModule:
        """The engine's module: as it is, or speaking on the lent GPU if it is one of PyTorch's."""
        module = self._find(engine_id)
        return _Lent(module, self) if module.SPEC.is_torch else module

    def refuse(self, engine_id: str, error: StudioError) -> None:
        """Remember why an engine could not be placed."""
        self._refused[engine_id] = Obstacle(error.message, error.remedy)

    def open(self) -> None:
        """From now on nothing more is placed: the page is about to open."""
        self._is_open = True

    def seconds(self, engine_id: str, request: SpeechRequest) -> int:
        """For how long the GPU is asked for: the smallest honest time, by the text and by how fast it was lately."""
        spec = self._find(engine_id).SPEC
        expected = request.script.characters / spec.characters_per_second
        rtf = max(self._rtfs[engine_id], default=UNTRIED * spec.gpu_rtf)
        return math.ceil(START_SECONDS + LONG * expected * rtf)

    def obstacle(self, module: EngineModule, placement: Placement) -> Obstacle | None:
        """Why an engine cannot speak on the lent GPU, or None. Of one that is placed the files may be gone: the lender
        turns weights into a form of its own.
        """
        if module.SPEC.id in self._placed:
            return None
        here = module.obstacle(placement)
        return here or (self._refused.get(module.SPEC.id, LATE) if self._is_open else None)

    def engine(self, module: EngineModule, placement: Placement) -> Engine:
        """The engine, placed now if the page is not open yet. Raises EngineUnavailable."""
        if module.SPEC.id not in self._placed:
            if self._is_open:
                raise EngineUnavailable(LATE.reason, LATE.remedy)
            self._placed[module.SPEC.id] = module.load(placement)
        return _Borrower(module.SPEC, self)

    def speak(self, engine_id: str, request: SpeechRequest) -> Speech:
        """One passage, spoken there and heard here. Raises GpuRefused, SynthesisError and what the engine raises."""
        unended = SynthesisError("The GPU gave no end of the passage.", f"Try again. {gpu.KEPT}")
        with closing(self._borrow(engine_id, request)) as told:
            done = yield from hearing(told, unended)
        if done.sound_seconds:
            self._rtfs[engine_id].append(done.work_seconds / done.sound_seconds)
        return done.words

    def _speak(self, engine_id: str, request: SpeechRequest) -> Generator[Told, None, None]:
        """In the forked process."""
        yield from telling(self._find(engine_id).SPEC.title, lambda: self._placed[engine_id].synthesize(request))


class _Lent:
    """What the rest of the studio sees of an engine that speaks on the lent GPU."""

    def __init__(self, module: EngineModule, lent: LentGpu) -> None:
        spec, limits = module.SPEC, module.SPEC.limits
        characters = min(limits.characters, int(PASSAGE_SECONDS * spec.characters_per_second))
        # text that is still being written cannot be handed to another process
        self.SPEC: EngineSpec = replace(spec, limits=replace(limits, characters=characters), hears_text=False)
        self._module = module
        self._lent = lent

    def obstacle(self, placement: Placement) -> Obstacle | None:
        return self._lent.obstacle(self._module, placement)

    def voice(self, voice_id: str) -> Voice:
        return self._module.voice(voice_id)

    def load(self, placement: Placement) -> Engine:
        return self._lent.engine(self._module, placement)


@dataclass(frozen=True)
class _Borrower:
    """An engine as the director uses it; the model is in the process that has the GPU."""

    spec: EngineSpec
    lent: LentGpu

    def synthesize(self, request: SpeechRequest) -> Speech:
        return self.lent.speak(self.spec.id, request)

    def close(self) -> None:
        """It stays: what was placed at the start cannot be placed again."""
