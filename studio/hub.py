"""Files of models on the Hugging Face hub: which an engine needs, and whether they are on this disk. Knows no engine.

Everything is kept in the hub's own cache (HF_HOME), where other programs find it too. Speaking never downloads: an
engine asks `snapshot`, which only looks; `studio.download` fetches when a person asks for it. Files that could run code
when they are read (pickles) are never asked for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import RequestError

if TYPE_CHECKING:
    from hashlib import _Hash

SAFE = (".safetensors", ".onnx", ".bin", ".json", ".txt", ".model")
PICKLED = ("*pytorch_model*.bin", "*training_args*.bin", "*optimizer*.bin")
PARTIAL = ".partial"  # the end of the name of a blob that has not come whole

# How far long work on files is: (bytes done, bytes in all, bytes of them that are this call's own work).
Progress = Callable[[int, int, int], None]


class Stopped(Exception):
    """Long work on files was stopped as asked. What is done is kept."""


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model that an engine needs.

    repo: "owner/name" on the hub. revision: a commit, so that the files never change. patterns: exact paths or
    wildcards. size: bytes in all, as known when this was written. gated: a person must accept terms on the hub first.
    Raises RequestError for patterns that admit pickles.
    """

    repo: str
    revision: str
    patterns: tuple[str, ...]
    size: int
    gated: bool = False

    def __post_init__(self) -> None:
        for pattern in self.patterns:
            if not pattern.endswith(SAFE) or any(fnmatch(pattern, pickled) for pickled in PICKLED):
                raise RequestError(f"{pattern!r} could bring a file that runs code.", f"Name one of {', '.join(SAFE)}.")

    @property
    def megabytes(self) -> int:
        return round(self.size / 1e6)


def cache_folder() -> Path:
    """Where the hub keeps its files: HF_HUB_CACHE, else HF_HOME/hub, else its folder among the user's caches."""
    if "HF_HUB_CACHE" in os.environ:
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    return Path(os.environ.get("HF_HOME", caches / "huggingface")).expanduser() / "hub"


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids the network."""
    words = {os.environ.get(name, "").lower() for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    return bool(words & {"1", "on", "yes", "true"})


def has_token() -> bool:
    """Whether the hub's own places hold a token. It is looked for, never read, shown or kept by us."""
    if any(os.environ.get(name) for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")):
        return True
    home = os.environ.get("HF_HOME", os.environ.get("XDG_CACHE_HOME", "~/.cache") + "/huggingface")
    return Path(os.environ.get("HF_TOKEN_PATH", home + "/token")).expanduser().is_file()


def repository(files: ModelFiles) -> Path:
    """The cache's folder for a repository: `blobs`, named by their hash, and `snapshots` of links to them."""
    return cache_folder() / f"models--{files.repo.replace('/', '--')}"


def revision_folder(files: ModelFiles) -> Path:
    """Where the files of the revision are linked, there or not. A branch leads to the commit it was at when fetched."""
    model = repository(files)
    reference = model / "refs" / files.revision
    commit = reference.read_text().strip() if reference.is_file() else files.revision
    return model / "snapshots" / commit


def snapshot(files: ModelFiles) -> Path | None:
    """The folder that holds all the files, or None. Only looks at the disk, in about a millisecond.

    A wildcard is met by one file; `download` fetches exact paths last, so that they are there only when all are.
    """
    folder = revision_folder(files)
    met = all(any(path.is_file() for path in folder.glob(pattern)) for pattern in files.patterns)
    return folder if met else None


def new_digest(name: str, size: int) -> _Hash:
    """What computes the name of a blob from its bytes, by the name's kind: SHA-256, else git's SHA-1 (size: bytes)."""
    if len(name) == 64:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
