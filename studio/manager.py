"""`ModelManager`: which engines are in memory. Knows ids, gigabytes and order of use; never a tensor."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from studio import engines, fitting
from studio.engines.base import Engine, EngineModule, EngineSpec, Obstacle, Placement
from studio.errors import EngineUnavailable, OutOfMemory, StudioError
from studio.gpu import is_out_of_memory


@dataclass
class Resident:
    """An engine in memory. precision: of its weights. users: how many lend it now. last_used: by the manager's clock,
    in seconds.
    """

    id: str
    engine: Engine
    precision: str
    memory_gb: float
    users: int
    last_used: float


class ModelManager:
    """Loads engines when they are needed and closes the least recently used until the budget holds.

    budget_gb: what all engines together may hold; None means what they hold now plus what is free, by `free_gb`.
    find: engine id -> its module (UnknownEngine if there is none). One lock guards the book-keeping and the loading,
    so loads are serial; speaking happens outside it.
    """

    def __init__(
        self,
        placement: Placement,
        budget_gb: float | None,
        free_gb: Callable[[], float],
        find: Callable[[str], EngineModule] = engines.module,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.placement = placement
        self._budget_gb = budget_gb
        self._free_gb = free_gb
        self._find = find
        self._clock = clock
        self._lock = threading.Lock()
        self._residents: dict[str, Resident] = {}

    def obstacle(self, engine_id: str) -> Obstacle | None:
        """Why the engine cannot run here, or None."""
        return self._find(engine_id).obstacle(self.placement)

    def placement_in(self, precision: str) -> Placement:
        """Where and how engines are loaded in this precision."""
        return replace(self.placement, precision=precision)

    def is_loaded(self, engine_id: str, precision: str = "") -> bool:
        """Whether the engine is in memory, in this precision if one is named."""
        with self._lock:
            resident = self._residents.get(engine_id)
            return resident is not None and precision in ("", resident.precision)

    def loaded(self) -> tuple[Resident, ...]:
        """The engines in memory, the least recently used first. Does not wait for one that is just being loaded."""
        return tuple(sorted(self._residents.values(), key=lambda resident: resident.last_used))

    def budget_gb(self) -> float:
        """What all engines together may hold now."""
        held = sum(resident.memory_gb for resident in self.loaded())
        return self._free_gb() + held if self._budget_gb is None else self._budget_gb

    @contextmanager
    def lend(self, engine_id: str, precision: str = "exact") -> Iterator[Engine]:
        """The engine in this precision, loaded if it was not; it stays in memory at least until the block ends.

        Never is it there twice: one of another precision goes first. Raises UnknownEngine, and EngineUnavailable when
        it cannot run or fit here.
        """
        with self._lock:
            resident = self._resident(engine_id, precision) or self._load(engine_id, precision)
            resident.users += 1
            resident.last_used = self._clock()
        try:
            yield resident.engine
        finally:
            with self._lock:
                resident.users -= 1
                resident.last_used = self._clock()

    def unload(self, engine_id: str) -> bool:
        """Give an engine's memory back. False when it is not loaded or is in use just now."""
        with self._lock:
            resident = self._residents.get(engine_id)
            if resident is None or resident.users:
                return False
            self._close(resident)
            return True

    def unload_others(self, engine_id: str) -> None:
        """Unload every engine but this one, as far as they are not in use."""
        with self._lock:
            for resident in list(self._residents.values()):
                if resident.id != engine_id and not resident.users:
                    self._close(resident)

    def unload_idle(self, seconds: float) -> None:
        """Unload every engine that nobody has used for so long."""
        now = self._clock()
        with self._lock:
            for resident in list(self._residents.values()):
                if not resident.users and now - resident.last_used >= seconds:
                    self._close(resident)

    def abandon(self) -> None:
        """Forget what is in use or being loaded: whoever has it hangs and will not give it back. Its memory stays taken
        for as long as it hangs; the next who asks gets an engine of its own.
        """
        self._lock = threading.Lock()
        self._residents = {name: resident for name, resident in self._residents.items() if not resident.users}

    def close(self) -> None:
        """Unload everything that is not in use."""
        self.unload_idle(0.0)

    def _resident(self, engine_id: str, precision: str) -> Resident | None:
        """The engine if it is there as wanted; one of another precision is closed, unless it is in use."""
        resident = self._residents.get(engine_id)
        if resident is None or resident.precision == precision:
            return resident
        if resident.users:
            title = resident.engine.spec.title
            raise EngineUnavailable(f"{title} is in use in precision {resident.precision}.", "Wait until that is done.")
        self._close(resident)
        return None

    def _load(self, engine_id: str, precision: str) -> Resident:
        module, residents = self._find(engine_id), self._residents
        placement = self.placement_in(precision)
        obstacle = module.obstacle(placement)
        if obstacle:
            raise EngineUnavailable(f"{module.SPEC.title} cannot run here: {obstacle.reason}", obstacle.remedy)
        memory_gb = module.SPEC.takes(precision).memory_gb
        self._make_room(module.SPEC, memory_gb)
        # entered only when loading succeeded: a failed load leaves nothing behind
        engine = self._loaded(module, placement) or self._loaded(module, placement, is_last_try=True)
        assert engine is not None
        resident = Resident(engine_id, engine, precision, memory_gb, 0, self._clock())
        residents[engine_id] = resident
        return resident

    def _loaded(self, module: EngineModule, placement: Placement, is_last_try: bool = False) -> Engine | None:
        """The engine; None when memory ran out, after all others that are not in use were closed.

        The one boundary to the code that loads models: whatever it raises becomes a StudioError.
        """
        spec = module.SPEC
        try:
            return module.load(placement)
        except StudioError:
            raise
        except Exception as error:
            if not is_out_of_memory(error):
                told = f"{spec.title} cannot be loaded: {error or type(error).__name__}."
                raise EngineUnavailable(told, "Check its files: python -m studio models check.") from error
            if is_last_try:
                remedy = fitting.others(spec, self.budget_gb(), placement) or "Close other programs."
                raise OutOfMemory(f"Memory ran out while {spec.title} was loaded.", remedy) from error
        # out of the handler, so that what the failed load had is no longer held by its error
        for resident in list(self._residents.values()):
            if not resident.users:
                self._close(resident)
        gc.collect()
        return None

    def _make_room(self, spec: EngineSpec, needed_gb: float) -> None:
        """Close what is unused until the engine fits, the longest unused first; close nothing if it can never fit."""
        held = sum(resident.memory_gb for resident in self._residents.values())
        budget = self.budget_gb()
        in_use = sum(resident.memory_gb for resident in self._residents.values() if resident.users)
        if needed_gb > budget - in_use:
            room = max(0.0, budget - in_use)
            remedies = ("Close other programs, or raise STUDIO_BUDGET_GB.", fitting.others(spec, room, self.placement))
            wanted = f"{spec.title} needs {needed_gb:.1f} GB and {room:.1f} GB can be had."
            raise EngineUnavailable(wanted, " ".join(filter(None, remedies)))
        for resident in sorted(self._residents.values(), key=lambda resident: resident.last_used):
            if held + needed_gb <= budget:
                return
            if not resident.users:
                held -= resident.memory_gb
                self._close(resident)

    def _close(self, resident: Resident) -> None:
        """Forget the engine only once it is closed: a refused close leaves it listed, never a second copy."""
        resident.engine.close()
        del self._residents[resident.id]
        gc.collect()
