"""Where a sound file of the command line goes: chosen before the long work, written whole or not at all after it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from studio import soundfiles
from studio.cli.terminal import no_output
from studio.disk import aside, cannot_write
from studio.errors import OutputError

STDIO = "-"


@dataclass(frozen=True)
class Target:
    """Where the sound goes and in which of soundfiles.FORMATS. path None is standard output."""

    path: Path | None
    form: str


def target_of(options: argparse.Namespace) -> Target:
    """Where to and in which format. Exits with 2 when the words contradict each other or leave it open."""
    output, form = options.output, options.format
    if output == STDIO:
        if options.json:
            options.fail("--json and -o - both want standard output; give the sound a file")
        if sys.stdout.isatty():
            options.fail("a terminal cannot play sound; send it on, as in: -o - > hello.wav")
        return Target(None, form or "wav")
    if output is None:
        form = form or "wav"
        stem = "dialogue" if options.script == STDIO else Path(options.script).stem
        path = Path(f"{stem}.{form}")
        if path.exists():
            raise OutputError(f"{path} is there already.", f"To write over it: -o {path}")
        return Target(path, form)
    path = Path(output)
    ending = path.suffix[1:].lower()
    known = ending if ending in soundfiles.FORMATS else None
    if form is None and known is None and not path.is_dir():
        options.fail(
            f"{path.name} does not say the format; end it in .{', .'.join(soundfiles.FORMATS)} or give --format"
        )
    if form and known and form != known:
        options.fail(f"{path.name} says {known} and --format says {form}; which is it?")
    return Target(path, form or known or "wav")


def check_place(path: Path | None) -> None:
    """Raises OutputError before the long work when its result could not be written."""
    if path is None or is_device(path):
        return
    if path.is_dir():
        raise OutputError(f"{path} is a folder.", f"Name a file in it: -o {path / 'dialogue.wav'}")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise OutputError(f"There is no folder {folder}.", "Make it first, or choose another place.")
    try:
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "it may not be written over")
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise cannot_write(path, error) from error


def is_device(path: Path) -> bool:
    """/dev/null, a named pipe and the like: written straight, since a rename would replace them by a file."""
    return path.exists() and not path.is_file() and not path.is_dir()


def deliver(sound: Path, target: Path | None) -> None:
    """Copy the finished sound to where it is wanted, whole or not at all. Raises OutputError."""
    if target is None:
        try:
            with sound.open("rb") as source:
                shutil.copyfileobj(source, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise no_output(error) from error
    elif is_device(target):
        try:
            with sound.open("rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
        except OSError as error:
            raise cannot_write(target, error) from error
    else:
        with aside(target.resolve()) as part:  # resolved: a link stays a link, and what it points at changes
            shutil.copyfile(sound, part)
