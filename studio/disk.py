"""Files that are there whole or not at all: written aside, then renamed. Knows bytes and JSON, nothing of sound."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from studio.errors import OutputError

PART = ".part"


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; it becomes `path` when the block ends well and vanishes when it does not.

    Raises OutputError when the folder or the file cannot be written; `path` keeps what it held.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}-{uuid4().hex[:8]}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # it is not there when all went well, or when its folder cannot be
            part.unlink()


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for a person behind an operating system's error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutputError(f"The disk is full: {path.name} was not written.", f"Free space near {path.parent}.")
    reason = error.strerror or str(error)
    return OutputError(f"{path} cannot be written: {reason}.", "Choose another place, or mend the permissions.")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document, whole or not at all. Raises OutputError."""
    with aside(path) as part:
        part.write_text(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The JSON document, or None when it is not there or not readable as one."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def sweep(folder: Path) -> None:
    """Remove what a killed process left half-written below `folder`; what a living one is writing stays."""
    for part in folder.rglob(f".*{PART}"):
        writer = part.name.removesuffix(PART).rpartition(".")[2].partition("-")[0]
        if not (writer.isdecimal() and psutil.pid_exists(int(writer))):
            part.unlink(missing_ok=True)
