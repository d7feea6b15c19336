"""What is read off the machine: memory of known size; energy by drivers that tell, refuse, begin anew or are absent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from studio.benchmark import energy
from studio.benchmark.meters import Meters
from studio.events import Spoke, Waiting
from studio.metrics import Missing
from studio.trials.memory import LENT, REUSED, Memory

MB = 1_000_000
UUID = "GPU-0b6bd0ac-93a2-4a31-8a53-5b4e1f6f4f4e"


class Refusal(Exception):
    """The driver's own error."""


def driver(*millijoules: int, refuses: str = "") -> Any:
    """What stands in for pynvml: a counter that tells these values, one a question."""
    told: Iterator[int] = iter(millijoules)

    def total(handle: str) -> int:
        if refuses or handle != UUID:
            raise Refusal(refuses or "Invalid Argument")
        return next(told)

    found: Any = ModuleType("pynvml")
    found.NVMLError, found.nvmlInit = Refusal, lambda: None
    found.nvmlDeviceGetHandleByUUID = lambda uuid: uuid
    found.nvmlDeviceGetTotalEnergyConsumption = total
    return found


@pytest.fixture
def torch_with_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PyTorch that has one card and has allocated 2 GB on it."""
    cuda = SimpleNamespace(
        reset_peak_memory_stats=lambda: None,
        max_memory_allocated=lambda: 2_000 * MB,
        max_memory_reserved=lambda: 2_500 * MB,
        get_device_properties=lambda index: SimpleNamespace(uuid=UUID.removeprefix("GPU-")),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no peak can be begun anew")
def test_memory_that_was_in_use_for_a_moment_is_in_the_peak() -> None:
    np.ones(400 * MB, np.uint8)  # more than what is measured, and before
    with Meters("cpu") as meters:
        np.ones(200 * MB, np.uint8)
    assert meters.values["process_rise_gb"] == pytest.approx(0.2, abs=0.02)
    assert meters.values["process_gb"] > 0.2
    assert meters.missing["gpu_allocated_gb"].reason == "engines run on cpu"
    assert meters.missing["gpu_energy_j"].reason == "engines run on cpu"


def test_the_energy_of_a_card_is_what_its_driver_tells(
    torch_with_a_card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver(5_000_000, 5_123_400))
    with Meters("cuda") as meters:
        pass
    assert meters.values["gpu_energy_j"] == pytest.approx(123.4)
    assert (meters.values["gpu_allocated_gb"], meters.values["gpu_reserved_gb"]) == (2.0, 2.5)


@pytest.mark.parametrize(
    ("standing_in", "why"),
    [
        (None, "nvidia-ml-py, which asks the driver, is not installed"),
        (driver(refuses="Not Supported"), "the card's driver does not tell it: Not Supported"),
        (driver(900, 100), "the counter began anew meanwhile"),
    ],
)
def test_a_card_whose_energy_is_not_known_says_why(
    standing_in: Any, why: str, torch_with_a_card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", standing_in)
    with Meters("cuda") as meters:
        pass
    assert why in str(meters.missing["gpu_energy_j"]) and "gpu_energy_j" not in meters.values


def test_the_processors_counters_are_added_up_without_their_parts(tmp_path: Path) -> None:
    assert isinstance(energy.processor(tmp_path), Missing)
    for package, told in {"0": "1500000\n", "1": "2000000\n", "0:0": "700000\n"}.items():
        (tmp_path / f"intel-rapl:{package}").mkdir()
        (tmp_path / f"intel-rapl:{package}" / "energy_uj").write_text(told, encoding="ascii")
    assert energy.processor(tmp_path) == 3.5
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("?", encoding="ascii")
    assert isinstance(energy.processor(tmp_path), Missing)
    assert energy.taken(1.5, 4.0) == 2.5
    assert isinstance(energy.taken(1.5, 1.0), Missing)


def test_the_memory_of_an_entry_begins_when_its_turn_has_come() -> None:
    memory = Memory("cpu")
    np.ones(300 * MB, np.uint8)  # others, while we wait
    memory.see(Waiting(1))
    np.ones(100 * MB, np.uint8)
    memory.see(Spoke(0, SimpleNamespace(), reused=False))  # type: ignore[arg-type]
    told = memory.told()
    if sys.platform == "linux":
        assert told["rise_gb"] == pytest.approx(0.1, abs=0.02) and told["process_gb"] > told["rise_gb"]
        assert "gpu_gb" not in told
    else:
        assert "no peak" in told["missing"]


def test_the_memory_of_an_entry_that_was_not_spoken_here_is_missing(torch_with_a_card: None) -> None:
    reused, lent, carded = Memory("cpu"), Memory(""), Memory("cuda")
    reused.see(Spoke(0, SimpleNamespace(), reused=True))  # type: ignore[arg-type]
    assert reused.told() == {"missing": REUSED}
    for one in (lent, carded):
        one.see(Spoke(0, SimpleNamespace(), reused=False))  # type: ignore[arg-type]
    assert lent.told() == {"missing": LENT}
    assert carded.told()["gpu_gb"] == 2.0
