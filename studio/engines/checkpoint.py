"""What a checkpoint on disk holds, from its headers alone: safetensors, one file or shards with an index.

Reads no weights and needs no torch. A pickle is never opened: it could run any code.
The format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.errors import EngineUnavailable

ITEM_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
FLOATS = ("F64", "F32", "F16", "BF16")
PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".pkl")
MAX_HEADER_BYTES = 100_000_000
REMEDY = "Delete the files and download them again."


@dataclass(frozen=True)
class Stored:
    """A tensor in a file. offset: bytes from the start of the file. kind: its type in the format's word, "F32"."""

    file: Path
    offset: int
    shape: tuple[int, ...]
    kind: str

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * ITEM_BYTES[self.kind]


@dataclass(frozen=True)
class Checkpoint:
    """Where every tensor lies. remedy: what a person should do when something is wrong with the files."""

    tensors: Mapping[str, Stored]
    remedy: str = REMEDY
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the tensors, in order of name."""
        return tuple(sorted({stored.file for stored in self.tensors.values()}))

    @staticmethod
    def open(path: Path, remedy: str = REMEDY, stem: str = "model") -> Checkpoint:
        """The checkpoint in a folder (`<stem>.safetensors`, or `<stem>.safetensors.index.json` and its shards), or
        the one that a path to a `.safetensors` or an index names.

        Raises EngineUnavailable for what is missing, cut short or damaged, and for pickles.
        """
        if path.is_dir():
            path = _weights_in(path, remedy, stem)
        if path.suffix in PICKLES:
            raise _is_pickle(path, remedy)
        if path.name.endswith(".index.json"):
            return Checkpoint(_sharded(path, remedy), remedy)
        tensors, metadata = _header(path, remedy)
        return Checkpoint(tensors, remedy, metadata)


def _weights_in(folder: Path, remedy: str, stem: str) -> Path:
    for name in (f"{stem}.safetensors", f"{stem}.safetensors.index.json"):
        if (folder / name).is_file():
            return folder / name
    pickles = sorted(path for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles:
        raise _is_pickle(pickles[0], remedy)
    raise EngineUnavailable(f"There is no {stem}.safetensors in {folder}.", remedy)


def _is_pickle(path: Path, remedy: str) -> EngineUnavailable:
    return EngineUnavailable(
        f"{path.name} is a pickle, which can run any code when it is opened, so it is not.",
        f"Only safetensors are read. {remedy}",
    )


def _sharded(index: Path, remedy: str) -> dict[str, Stored]:
    places = _json(index, index.read_bytes(), remedy).get("weight_map")
    if not isinstance(places, dict) or not all(_is_plain_name(name) for name in places.values()):
        raise _damaged(index, "it does not say which file holds which tensor", remedy)
    tensors: dict[str, Stored] = {}
    for name in sorted(set(places.values())):
        tensors |= _header(index.with_name(name), remedy)[0]
    lost = sorted(name for name, file in places.items() if name not in tensors or tensors[name].file.name != file)
    if lost:
        raise _damaged(index, f"{shown(lost)} {'is' if len(lost) == 1 else 'are'} not in the file it names", remedy)
    return tensors


def _is_plain_name(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(".safetensors") and Path(name).name == name


def _header(path: Path, remedy: str) -> tuple[dict[str, Stored], dict[str, str]]:
    """The tensors of one file and its metadata, checked against the file's length."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8).ljust(8, b"\xff"))[0]
            if length > min(MAX_HEADER_BYTES, size - 8):
                raise _damaged(path, "it has no whole header", remedy)
            entries = _json(path, file.read(length), remedy)
    except OSError as error:
        raise EngineUnavailable(f"{path.name} cannot be read: {error.strerror or error}.", remedy) from error
    metadata = entries.pop("__metadata__", {})
    try:
        tensors = {name: _stored(path, 8 + length, entry) for name, entry in entries.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"its header cannot be understood ({error})", remedy) from error
    end = 8 + length
    for stored in sorted(tensors.values(), key=lambda stored: stored.offset):  # one behind the other, without a gap
        if stored.offset != end and stored.bytes:
            raise _damaged(path, "its tensors overlap or leave gaps", remedy)
        end += stored.bytes
    if end != size:
        raise _damaged(path, f"it should have {end:,} bytes and has {size:,}", remedy)
    return tensors, metadata


def _stored(path: Path, start: int, entry: Mapping[str, Any]) -> Stored:
    begin, end = entry["data_offsets"]
    stored = Stored(path, start + begin, tuple(int(size) for size in entry["shape"]), entry["dtype"])
    if begin < 0 or any(size < 0 for size in stored.shape) or stored.bytes != end - begin:
        raise ValueError(f"{list(stored.shape)} {stored.kind} in {end - begin} bytes")
    return stored


def _json(path: Path, text: bytes, remedy: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise _damaged(path, "its header is not JSON", remedy) from error
    if not isinstance(value, dict):
        raise _damaged(path, "its header is not a JSON object", remedy)
    return value


def _damaged(path: Path, how: str, remedy: str) -> EngineUnavailable:
    return EngineUnavailable(f"{path.name} is damaged: {how}.", remedy)


def shown(names: list[str], most: int = 4) -> str:
    """A few names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
