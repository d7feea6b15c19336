"""`Memory`: the most memory in use while an entry was spoken, as a benchmark measures it. Knows events, no engine."""

from __future__ import annotations

from typing import Any

from studio.benchmark.meters import Meters
from studio.events import Event, Spoke, Waiting

LENT = "it was spoken on a GPU that is lent, in a process of its own"
REUSED = "it was spoken before, and that take is used again"


class Memory:
    """Measures from its making, or the last moment of waiting for others, until it is asked.

    device: where the engine runs, "" when its process is not ours.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._meters = Meters(device or "cpu")
        self._meters.begin()
        self._is_fresh = False

    def see(self, event: Event | None) -> None:
        """What happened next."""
        match event:
            case Waiting():
                self._meters.begin()
            case Spoke(reused=False):
                self._is_fresh = True

    def told(self) -> dict[str, Any]:
        """{"process_gb", "rise_gb": above what the process had before, "gpu_gb": allocated on a card}, in GB; or
        {"missing": why}.
        """
        if not (self._is_fresh and self._device):
            return {"missing": REUSED if self._device else LENT}
        self._meters.end()
        names = {"process_gb": "process_gb", "process_rise_gb": "rise_gb", "gpu_allocated_gb": "gpu_gb"}
        found = {
            ours: round(self._meters.values[name], 3) for name, ours in names.items() if name in self._meters.values
        }
        return found or {"missing": self._meters.missing["process_gb"].reason}
