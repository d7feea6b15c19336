"""What is read off this process and its machine while something runs: memory, energy, what others take."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

from studio.benchmark import energy
from studio.metrics import Missing

GB = 1e9


class Meters:
    """Between `with`, or the last `begin`, and its end. `values` and `missing` are there afterwards, by the names of
    measures. process_rise_gb: how far the peak of the process is above what it had at the beginning.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._counters = energy.counters(device)
        self.values: dict[str, float] = {}
        self.missing: dict[str, Missing] = {}

    def __enter__(self) -> Meters:
        self.begin()
        return self

    def begin(self) -> None:
        """Forget what was before: what is measured begins now."""
        self._rss = psutil.Process().memory_info().rss / GB
        self._peak_begins = _forget_peak()
        if self._device == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats()
        self._energy = {name: read() for name, read in self._counters.items()}
        self._begun, self._all, self._own = time.perf_counter(), _busy(), _own()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Read what there is since the beginning."""
        elapsed = max(1e-6, time.perf_counter() - self._begun)
        self.values["others_cores"] = max(0.0, (_busy() - self._all) - (_own() - self._own)) / elapsed
        self._read_memory()
        self._read_card()
        for name, read in self._counters.items():
            self._note(name, energy.taken(self._energy[name], read()))

    def _note(self, name: str, found: float | Missing) -> None:
        if isinstance(found, Missing):
            self.missing[name] = found
        else:
            self.values[name] = found

    def _read_memory(self) -> None:
        if self._peak_begins:
            self.values["process_gb"] = peak_gb()
            self.values["process_rise_gb"] = max(0.0, self.values["process_gb"] - self._rss)
        else:
            reason = Missing("this system keeps no peak of memory that can be begun anew")
            self.missing |= {"process_gb": reason, "process_rise_gb": reason}

    def _read_card(self) -> None:
        if self._device == "cuda":
            import torch

            self.values["gpu_allocated_gb"] = torch.cuda.max_memory_allocated() / GB
            self.values["gpu_reserved_gb"] = torch.cuda.max_memory_reserved() / GB
        else:
            for name in ("gpu_allocated_gb", "gpu_reserved_gb"):
                self.missing[name] = Missing(f"engines run on {self._device}")


def peak_gb() -> float:
    """The most resident memory this process has had, since `_forget_peak` where there is such a thing."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024 / GB
    memory = psutil.Process().memory_info()
    return float(getattr(memory, "peak_wset", memory.rss)) / GB


def _forget_peak() -> bool:
    """Let the peak of resident memory begin anew. False where the system knows no such thing."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return True
    return False


def _busy() -> float:
    """Seconds of all cores that were not idle."""
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def _own() -> float:
    times = os.times()
    return times.user + times.system
