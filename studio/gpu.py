"""Which device engines run on and how much memory is free there. The only place that asks torch about hardware."""

from __future__ import annotations

import importlib.util

import psutil

from studio.errors import RequestError

GB = 1e9


def choose_device(wanted: str) -> str:
    """ "cuda", "mps" or "cpu" for a setting that may be "auto".

    torch is imported only if it is installed and the choice is open. Raises RequestError when a device is asked for by
    name and is not there.
    """
    if wanted == "cpu" or importlib.util.find_spec("torch") is None:
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of a model's code means that memory ran out, on the host or the device."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"  # torch's, without torch


def free_gb(device: str) -> float:
    """Free memory of the device in GB (10^9 bytes): the card's for "cuda", the machine's otherwise."""
    if device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0] / GB)
    return float(psutil.virtual_memory().available / GB)
