"""Which device engines run on and how much memory is free there, or who lends one. The only place that asks torch about
hardware, and that imports `spaces`, the package by which Hugging Face lends GPUs (ZeroGPU).
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import ParamSpec, TypeVar

import psutil

from studio.errors import EngineUnavailable, GpuRefused, RequestError

P = ParamSpec("P")
T = TypeVar("T")
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
    times slower. Those that sleep at once wake up slowly: a product of a million weights takes twice as long. So they
    stay awake as long as what a single thread does between two products takes, about 0.1 ms: a frame of CSM in 8 bits
    takes 170 ms where 2000 rounds of waiting make it 205, and on cores that others use both take the same.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "4000")


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


def borrowing(
    work: Callable[P, Generator[T, None, None]], seconds: Callable[P, int]
) -> Callable[P, Generator[T, None, None]]:
    """`work` as a generator function that runs on a GPU which is lent for as long as `seconds` of its arguments says.

    It runs in a process forked from this one, so that its arguments and what it yields are pickled. Call this on the
    main thread before models are loaded, which from then on are placed on "cuda" though no GPU is there yet; launch the
    page afterwards. What it makes raises GpuRefused when no GPU is lent, and EngineUnavailable here without `spaces`.
    """
    try:
        import spaces
    except ImportError as error:
        raise EngineUnavailable("The package spaces is not installed.", "Spaces with ZeroGPU bring it.") from error
    lent = spaces.GPU(duration=seconds)(work)

    def asked(*args: P.args, **options: P.kwargs) -> Generator[T, None, None]:
        try:
            yield from lent(*args, **options)
        except Exception as error:
            refusal = _refusal(error)
            if refusal is None:
                raise
            raise refusal from error

    return asked


def is_here() -> bool:
    """Whether the card that engines are loaded for can be used: a lent one is only promised until a call has it."""
    lender = sys.modules.get("spaces.zero.wrappers")
    return lender is None or bool(lender.forked)


KEPT = "What was spoken is kept: speak again to go on from there."


def _refusal(error: Exception) -> GpuRefused | None:
    """What `spaces` tells a visitor, in our words; None for an error that is not of its making.

    Its errors are gradio's, known by their titles: https://pypi.org/project/spaces, zero/client.py and wrappers.py.
    """
    title, message = str(getattr(error, "title", "")), str(getattr(error, "message", ""))
    if not title.startswith("ZeroGPU"):
        return None
    match title.removeprefix("ZeroGPU "):
        case "quota exceeded" if "No GPU was available" in message:
            return GpuRefused("No GPU was free within a minute.", f"Try again in a while. {KEPT}")
        case "quota exceeded":
            return _spent(message)
        case "pending credits exceeded":
            return GpuRefused("Too much GPU time of yours is in use already.", f"Wait until that is done. {KEPT}")
        case "illegal duration":
            return GpuRefused("This passage takes longer than a GPU is lent for.", "Write shorter turns.")
        case "worker error":
            return GpuRefused("The GPU was taken back before the passage was done.", f"Try again. {KEPT}")
        case _:
            return GpuRefused("No GPU is to be had now.", f"Try again in a while. {KEPT}")


def _spent(message: str) -> GpuRefused:
    """A quota has ended; what the message tells of it is told on."""
    amounts = re.search(r"(\d+)s requested vs\. (-?\d+)s left", message)
    after = re.search(r"Try again in ((?:\d+ days?, )?\d+:\d\d:\d\d)", message)
    told = f": this passage asks for {amounts[1]} s, {amounts[2]} s are left" if amounts else ""
    when = (
        f"Try again in {after[1]} hours" if after else "Try again tomorrow, or log in to Hugging Face to have your own"
    )
    return GpuRefused(f"The GPU time of today is used up{told}.", f"{when}. {KEPT} The built-in engine needs no GPU.")
