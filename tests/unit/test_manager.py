"""The manager's book-keeping: who is in memory, who has to go, and what is refused."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from studio import engines, fitting
from studio.engines import tone
from studio.engines.base import Lighter, Obstacle, Placement
from studio.errors import EngineUnavailable, OutOfMemory
from studio.manager import ModelManager


class Shelf:
    """Engines of given sizes that note how they come and go."""

    def __init__(self, **sizes_gb: float) -> None:
        self.sizes, self.log, self.now = sizes_gb, [], 0.0
        self.broken: set[str] = set()
        self.failing: list[Exception] = []

    def find(self, engine_id: str) -> SimpleNamespace:
        def load(placement: Placement) -> SimpleNamespace:
            if self.failing:
                raise self.failing.pop(0)
            if engine_id in self.broken:
                raise EngineUnavailable("broken")
            self.log.append(f"+{engine_id}" + ("" if placement.precision == "exact" else f" {placement.precision}"))
            return SimpleNamespace(spec=spec, close=lambda: self.close(engine_id))

        size = self.sizes[engine_id]
        spec = replace(tone.SPEC, title=engine_id, memory_gb=size, int8=Lighter(size / 2, 1.0))
        return SimpleNamespace(SPEC=spec, load=load, obstacle=lambda placement: None)

    def close(self, engine_id: str) -> None:
        if f"stuck {engine_id}" in self.broken:
            raise EngineUnavailable("will not go")
        self.log.append(f"-{engine_id}")

    def clock(self) -> float:
        self.now += 1
        return self.now

    def manager(self, budget_gb: float | None, free_gb: float = 0.0) -> ModelManager:
        return ModelManager(Placement("cpu", 1, Path()), budget_gb, lambda: free_gb, self.find, self.clock)


def lend(manager: ModelManager, *engine_ids: str) -> None:
    for engine_id in engine_ids:
        with manager.lend(engine_id):
            pass


def test_what_was_used_longest_ago_goes_first_and_only_as_much_as_needed() -> None:
    shelf = Shelf(a=3, b=3, c=3)
    manager = shelf.manager(8)
    lend(manager, "a", "b", "a", "c")
    assert shelf.log == ["+a", "+b", "-b", "+c"]
    assert [resident.id for resident in manager.loaded()] == ["a", "c"]


def test_twenty_swaps_leave_one_engine() -> None:
    shelf = Shelf(a=5, b=5)
    manager = shelf.manager(8)
    lend(manager, "a", *["b", "a"] * 10)
    assert len(manager.loaded()) == 1
    assert shelf.log == ["+a", *["-a", "+b", "-b", "+a"] * 10]


def test_what_can_never_fit_is_refused_before_anything_goes() -> None:
    shelf = Shelf(a=3, big=9)
    manager = shelf.manager(8)
    lend(manager, "a")
    with pytest.raises(EngineUnavailable, match="needs 9.0 GB and 8.0 GB can be had"):
        lend(manager, "big")
    assert shelf.log == ["+a"]


def test_what_is_in_use_stays() -> None:
    shelf = Shelf(a=5, b=5)
    manager = shelf.manager(8)
    with manager.lend("a"):
        assert not manager.unload("a")
        with pytest.raises(EngineUnavailable, match="3.0 GB can be had"):
            lend(manager, "b")
    assert manager.unload("a") and not manager.unload("a")


def test_an_open_budget_is_what_is_held_and_what_is_free() -> None:
    shelf = Shelf(a=3, b=4)
    manager = shelf.manager(None, free_gb=3.5)
    lend(manager, "a", "b")
    assert shelf.log == ["+a", "-a", "+b"]


def test_a_failed_load_and_a_refused_close_leave_no_second_copy() -> None:
    shelf = Shelf(a=5, b=5)
    manager = shelf.manager(8)
    shelf.broken = {"a"}
    with pytest.raises(EngineUnavailable, match="broken"):
        lend(manager, "a")
    assert manager.loaded() == ()
    shelf.broken = {"stuck a"}
    lend(manager, "a")
    with pytest.raises(EngineUnavailable, match="will not go"):
        lend(manager, "b")
    assert [resident.id for resident in manager.loaded()] == ["a"]
    lend(manager, "a")
    assert shelf.log == ["+a"]


def test_idle_and_other_engines_are_unloaded() -> None:
    shelf = Shelf(a=1, b=1, c=1)
    manager = shelf.manager(8)
    lend(manager, "a", "b", "c")
    manager.unload_others("b")
    assert [resident.id for resident in manager.loaded()] == ["b"]
    manager.unload_idle(100)
    assert manager.is_loaded("b")
    manager.close()
    assert not manager.is_loaded("b")


def test_an_obstacle_is_an_error_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tone, "obstacle", lambda placement: Obstacle("It is asleep.", "Wake it."))
    manager = ModelManager(Placement("cpu", 1, Path()), None, lambda: 1.0)
    with pytest.raises(EngineUnavailable, match="asleep. Wake it"):
        lend(manager, "tone")


def test_another_precision_is_another_load_and_takes_other_memory() -> None:
    shelf = Shelf(a=6, b=4)
    manager = shelf.manager(8)
    lend(manager, "a")
    with manager.lend("a", "int8"):
        assert manager.is_loaded("a", "int8") and not manager.is_loaded("a", "exact")
        assert [(one.precision, one.memory_gb) for one in manager.loaded()] == [("int8", 3)]
        with pytest.raises(EngineUnavailable, match="in use in precision int8"):
            lend(manager, "a")
    lend(manager, "b")
    assert shelf.log == ["+a", "-a", "+a int8", "+b"], "3 and 4 GB fit together"
    with manager.lend("a", "int8"), manager.lend("a", "int8"):
        assert shelf.log.count("+a int8") == 1


def test_who_does_not_fit_is_told_what_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tone, "SPEC", replace(tone.SPEC, memory_gb=9.0, int8=Lighter(3.0, 1.0)))
    placement = Placement("cpu", 1, Path())
    with pytest.raises(EngineUnavailable) as caught:
        lend(ModelManager(placement, 3.5, lambda: 0.0), "tone")
    assert "needs 9.0 GB and 3.5 GB can be had" in caught.value.message
    ready, *others = caught.value.remedy.partition("This fits: ")[2].split(", ", 1)
    assert ready == "Hibari (built in) (0.35 GB)" and "in int8" in others[0] and "to download" in others[0]
    dia = engines.module("dia").SPEC
    assert fitting.others(dia, 4.0, placement).startswith("This fits: Dia 1.6B in int8 (3.7 GB, to download), Hibari")
    assert "Dia2 1B (3.4 GB, to download)" in fitting.others(dia, 3.5, replace(placement, device="cuda"))
    assert "int8" not in fitting.others(dia, 3.5, replace(placement, device="cuda"))
    assert fitting.others(dia, 0.1, placement) == ""


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory")],
)
def test_when_memory_runs_out_in_a_load_the_others_go_and_it_is_tried_once_more(error: Exception) -> None:
    shelf = Shelf(a=1, b=1)
    manager = shelf.manager(8)
    lend(manager, "a")
    shelf.failing = [error]
    lend(manager, "b")
    assert shelf.log == ["+a", "-a", "+b"]
    shelf.failing = [error, error]
    with pytest.raises(OutOfMemory, match="while a was loaded"):
        lend(manager, "a")
    assert manager.loaded() == () and shelf.log[-1] == "-b"
    shelf.failing = [ZeroDivisionError("a bug")]
    with pytest.raises(EngineUnavailable, match="a cannot be loaded: a bug"):
        lend(manager, "a")
