"""Counters of energy that drivers keep: of the processor's package (RAPL) and of an NVIDIA card (NVML). In joules since
some moment; only a difference means anything.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.metrics import Missing

Counter = Callable[[], float | Missing]
RAPL = Path("/sys/class/powercap")  # a folder for each package, of AMD's processors under the same name
NO_DRIVER = Missing(
    "the package nvidia-ml-py, which asks the driver, is not installed", "Run: pip install nvidia-ml-py"
)


def counters(device: str) -> dict[str, Counter]:
    """The counter behind each measure of energy, for engines on a device."""
    return {"energy_j": processor, "gpu_energy_j": _first_card if device == "cuda" else lambda: _no_card(device)}


def processor(folder: Path = RAPL) -> float | Missing:
    """What the processor's packages have taken, with all that runs on them."""
    packages = [path for path in folder.glob("intel-rapl:*/energy_uj") if path.parent.name.count(":") == 1]
    try:
        joules = [int(path.read_text(encoding="ascii")) / 1e6 for path in packages]
    except (OSError, ValueError):  # only for its administrator
        joules = []
    return sum(joules) if joules else Missing("the processor's counter (RAPL) cannot be read here")


def card(driver: Any, uuid: str) -> float | Missing:
    """What a card has taken since its driver was loaded, with all that runs on it. driver: the module pynvml or what
    stands in for it. uuid: "GPU-…".
    """
    try:
        driver.nvmlInit()
        return float(driver.nvmlDeviceGetTotalEnergyConsumption(driver.nvmlDeviceGetHandleByUUID(uuid))) / 1e3
    except driver.NVMLError as error:  # a card before Volta, a part of one (MIG), a driver that refuses
        return Missing(f"the card's driver does not tell it: {error}")


def _first_card() -> float | Missing:
    """The card that engines run on."""
    try:
        import pynvml
    except ImportError:
        return NO_DRIVER
    import torch

    return card(pynvml, f"GPU-{torch.cuda.get_device_properties(0).uuid}")


def _no_card(device: str) -> Missing:
    return Missing(f"engines run on {device}")


def taken(before: float | Missing, after: float | Missing) -> float | Missing:
    """Joules between two readings. A counter that began anew in between tells nothing."""
    if isinstance(before, Missing):
        return before
    if isinstance(after, Missing):
        return after
    return after - before if after >= before else Missing("the counter began anew meanwhile")
