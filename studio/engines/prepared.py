"""A copy of a model's weights as the model holds them: right type, projections fused. It is mapped, not read: at once.

The published files are fp32 and twice as large, so that every load reads and converts them. The copy is written when a
person wants it, once, in safetensors; its name says of which files and for which plan it is, so that it is never used
for others. Its metadata hold the SHA-256 of the files it was made from.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from studio.disk import aside
from studio.engines.checkpoint import ITEM_BYTES, Checkpoint
from studio.engines.weights import Plan, Target, check, held, kind_of, one, order, stream
from studio.errors import EngineUnavailable, OutputError

if TYPE_CHECKING:
    import torch

FOLDER = "prepared"  # below that of our models
SPARE_BYTES = 200_000_000  # left free on the disk
ALIGNED_BYTES = 64  # where tensors begin, so that they can be mapped and are read by whole cache lines
REMEDY = "Delete this copy: it is made again on request."

Progress = Callable[[int, int], None]  # (bytes written, bytes in all)


def copy_bytes(plan: Plan) -> int:
    """How large the copy is, but for a small header."""
    return sum(math.prod(target.shape) * ITEM_BYTES[kind_of(target.dtype)] for target in plan.values())


def load(
    checkpoint: Checkpoint, plan: Plan, device: str, folder: Path | None, ignore: str = "", precision: str = "exact"
) -> Mapping[str, torch.Tensor]:
    """All tensors of the plan, from the copy in the folder if there is one; see `held`. Raises EngineUnavailable."""
    copy = find(checkpoint, plan, folder) if folder else None
    if copy is None:
        return held(checkpoint, plan, device, precision, ignore)
    return held(copy, as_copied(plan), device, precision)


def as_copied(plan: Plan) -> dict[str, Target]:
    """The plan for the copy: each tensor under the model's own name, whole."""
    return {name: one(name, target.shape, target.dtype) for name, target in plan.items()}


def find(checkpoint: Checkpoint, plan: Plan, folder: Path) -> Checkpoint | None:
    """The copy of these very files for this plan; None when it was not made. Looks at names and times only.

    Raises EngineUnavailable when it is damaged.
    """
    path = _path(checkpoint, plan, folder)
    return Checkpoint.open(path, f"{REMEDY} It is {path}.") if path.is_file() else None


def write(
    checkpoint: Checkpoint, plan: Plan, folder: Path, ignore: str = "", progress: Progress = lambda done, total: None
) -> Path:
    """Make the copy, whole or not at all, one tensor at a time. Raises EngineUnavailable, and OutputError when the
    disk is too small.
    """
    check(checkpoint, plan, ignore)
    path, total = _path(checkpoint, plan, folder), copy_bytes(plan)
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if total + SPARE_BYTES > (free := shutil.disk_usage(place).free):
        raise OutputError(
            f"The copy needs {total / 1e9:.1f} GB at {folder}, and {free / 1e9:.1f} GB are free.", "Free some space."
        )
    sources = {file.name: _digest(file) for file in checkpoint.files}
    done = 0
    with aside(path) as part, part.open("wb") as file:
        file.write(_header(checkpoint, plan, sources))
        for _, tensor in stream(checkpoint, plan, "cpu"):
            file.write(_bytes(tensor))
            done += tensor.numel() * tensor.element_size()
            progress(done, total)
    return path


def _path(checkpoint: Checkpoint, plan: Plan, folder: Path) -> Path:
    """The copy's place: its name is a hash of which files and which plan it is for."""
    layout = [[name, str(target.dtype), target.parts] for name, target in sorted(plan.items())]
    sources = [identity(file) for file in checkpoint.files]
    return folder / f"{hashlib.sha256(json.dumps([sources, layout]).encode()).hexdigest()[:32]}.safetensors"


def identity(file: Path) -> list[str | int]:
    """What tells a file from any other without reading it."""
    if content := _content_name(file):
        return [content]
    known = file.stat()
    return [file.name, known.st_size, known.st_mtime_ns]


def _content_name(file: Path) -> str:
    """The SHA-256 that a file of the hub's cache is named by; empty for others."""
    name = file.resolve().name
    return name if re.fullmatch(r"[0-9a-f]{64}", name) else ""


def _digest(file: Path) -> str:
    if content := _content_name(file):
        return content
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise EngineUnavailable(f"{file.name} cannot be read: {error}.", "Download it again.") from error


def _header(checkpoint: Checkpoint, plan: Plan, sources: dict[str, str]) -> bytes:
    """The head of the copy, in the order of `stream`."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt", "sources": json.dumps(sources)}}
    at = 0
    for name in order(checkpoint, plan):
        target = plan[name]
        size = math.prod(target.shape) * ITEM_BYTES[kind_of(target.dtype)]
        entries[name] = {"dtype": kind_of(target.dtype), "shape": target.shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNED_BYTES)
    return len(text).to_bytes(8, "little") + text


def _bytes(tensor: torch.Tensor) -> memoryview:
    import torch

    return memoryview(tensor.contiguous().view(-1).view(torch.uint8).numpy())
