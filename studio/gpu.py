"""Which device engines run on and how much memory is free there. The only place that asks torch about hardware."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import platform
import sys
from pathlib import Path

import psutil

from studio.errors import RequestError

GB = 1e9
MOST_THREADS = 8  # more would wait for memory
# How torch's host allocator, CUDA and its libraries say it where they have no error of their own for it.
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "alloc_failed")


def choose_device(wanted: str) -> str:
    """ "cuda", "mps" or "cpu" for a setting that may be "auto".

    torch takes seconds to import, so it is asked only when it is installed and there is a driver for a device it could
    use. Raises RequestError when a device is asked for by name and is not there.
    """
    if wanted == "cpu" or (wanted == "auto" and not _has_driver()) or importlib.util.find_spec("torch") is None:
        if wanted in ("cuda", "mps"):
            raise RequestError(
                f"The device {wanted} needs PyTorch, which is not installed.", "See README: Install torch."
            )
        return "cpu"
    import torch

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, there in present.items() if there)
    if not present[wanted]:
        raise RequestError(f"PyTorch finds no {wanted} device.", "Use STUDIO_DEVICE=auto, or check the driver.")
    return wanted


def share_cores() -> None:
    """Have threads that compute together sleep while they wait; to be called before torch is imported.

    Left alone they wait awake for milliseconds, and where something else runs on a core everything becomes several
    times slower. Those that sleep at once wake up slowly: a product of a million weights takes twice as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def cores() -> int:
    """How many threads suit a large model on the CPU: a core each, up to what memory can feed."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(mine, psutil.cpu_count(logical=False) or mine, MOST_THREADS))


def _has_driver() -> bool:
    """Whether there is a sign of an NVIDIA or AMD driver, or this is a Mac with Apple silicon."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return ctypes.util.find_library("nvcuda") is not None
    return any(Path(place).exists() for place in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd"))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of a model's code means that memory ran out, on the host or the device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, without torch
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in OUT_OF_MEMORY)


def free_gb(device: str) -> float:
    """Free memory of the device in GB (10^9 bytes): the card's for "cuda", the machine's otherwise."""
    if device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0] / GB)
    return float(psutil.virtual_memory().available / GB)
