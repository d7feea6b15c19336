"""The terminal: where a command's answers, messages and errors go, and the studio that it works with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from studio.errors import EngineUnavailable, OutputError, StudioError

if TYPE_CHECKING:
    from studio.studio import Studio

MENDABLE, STOPPED = 1, 130


class Stopped(StudioError):
    """Ctrl-C in long work; what was finished is kept."""

    code = "stopped"


def tell(message: str) -> None:
    """One line for the person at the terminal."""
    print(message, file=sys.stderr, flush=True)


def put(text: str) -> None:
    """What was asked for, on standard output. Raises OutputError when it takes no more."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise no_output(error) from error


def put_json(value: Any) -> None:
    """The one JSON document of a command. ASCII only, so that no console code page can spoil it."""
    put(json.dumps(value, indent=1, allow_nan=False))


def no_output(error: OSError) -> OutputError:
    """The error for a person when standard output fails; from here on it swallows what is still to be flushed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OutputError(f"Standard output cannot be written: {error.strerror}.", "Send it to another place.")


@contextmanager
def opened() -> Iterator[Studio]:
    """The studio that the environment describes, closed at the end. Raises RequestError for a bad setting."""
    from studio.settings import Settings
    from studio.studio import Studio

    studio = Studio(Settings.from_environment())
    try:
        yield studio
    finally:
        studio.close()


def first_ready(studio: Studio) -> str:
    """The first engine that can run here. Raises EngineUnavailable."""
    for row in studio.engines():
        if row.obstacle is None:
            return row.spec.id
    raise EngineUnavailable("No engine can run here.", "`python -m studio doctor` says why.")


def fail(error: StudioError, as_json: bool) -> None:
    """What is wrong and what to do next, on stderr; with as_json as a document on stdout too."""
    if as_json:
        put_json({"error": {"code": error.code, "message": error.message, "remedy": error.remedy}})
    tell(f"{error.message}\n{error.remedy}".strip())
