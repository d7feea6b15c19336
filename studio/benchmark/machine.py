"""The machine that a benchmark ran on, as it is told beside every figure, and how busy others keep it."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from studio import __version__
from studio.engines.base import EngineSpec

GB = 1e9
BUSY_SHARE = 0.25  # of the cores: more load than this before the start makes times doubtful
PACKAGES = ("numpy", "onnxruntime", "torch", "transformers")


def facts(device: str, threads: int) -> dict[str, Any]:
    """What decides speed, as plain JSON: processor, memory, card, versions."""
    return {
        "studio": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / GB, 1),
        "device": device,
        "card": _card(device),
        "threads": threads,
        "packages": {name: found for name in PACKAGES if (found := version(name))},
    }


def same(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    """What differs between two machines' facts, a word each; nothing when figures of both may be compared."""
    return [name for name in ("processor", "cores", "device", "card", "threads", "packages", "studio") if
            one.get(name) != two.get(name)]  # fmt: skip


def version(package: str) -> str:
    """The installed version, or nothing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def engine_facts(spec: EngineSpec, precision: str) -> dict[str, Any]:
    """Which model it was."""
    return {
        "title": spec.title,
        "revision": spec.revision,
        "codec": spec.codec,
        "source": spec.source,
        "precision": precision,
        "sample_rate": spec.sample_rate,
    }


def load_warning() -> str:
    """A sentence when others keep this machine busy already; empty when they do not, or nobody can say."""
    try:
        load = os.getloadavg()[0]
    except (OSError, AttributeError):  # Windows has none
        return ""
    cores = os.cpu_count() or 1
    if load <= max(0.5, BUSY_SHARE * cores):
        return ""
    return f"The load average is {load:.1f} on {cores} cores before the start: other programs make times longer."


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _card(device: str) -> str:
    if device != "cuda":
        return ""
    import torch

    return f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"
