"""The command `say`: a script from a file or standard input becomes a sound file. Shows progress, decides nothing."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from studio import listings, soundfiles
from studio.advice import Advice, advise
from studio.cli.terminal import Stopped, no_output, opened, put_json, tell
from studio.disk import aside, cannot_write
from studio.errors import EngineUnavailable, OutputError, ScriptError
from studio.events import Assembling, Event, Finished, Listening, Loading, Planned, Sound, Speaking, Spoke
from studio.formats import Reading, read
from studio.formats.reading import MAX_BYTES
from studio.runs import Run
from studio.script import Script, speaker_id
from studio.studio import Studio

Events = Generator[Event | None, None, None]
STDIO = "-"
SHOWN_CHARACTERS, SHOWN_LINES, SHOWN_SPEAKERS = 40, 5, 8


@dataclass(frozen=True)
class Target:
    """Where the sound goes and in which of soundfiles.FORMATS. path None is standard output."""

    path: Path | None
    form: str


@dataclass
class Progressed:
    """How far a run has come. script: None while it is being written. kept: passages on disk, of which `reused` were
    spoken before; seconds: of sound.
    """

    script: Script | None
    passages: int = 0
    kept: int = 0
    reused: int = 0
    seconds: float = 0.0
    doing: str = "Starting"
    run: Run | None = None
    started: float = field(default_factory=time.perf_counter)

    def note(self, event: Event | None) -> None:
        """Take in what happened."""
        match event:
            case Loading(engine):
                self.doing = f"Loading {engine}"
            case Planned(run, passages):
                self.run, self.passages = run, len(passages)
            case Listening():
                self.doing = "Listening"
            case Speaking(_, turns):
                turn = self.script.turns[turns[0]] if self.script else None
                self.doing = f"{turn.speaker}: {turn.text[:SHOWN_CHARACTERS]}" if turn else "Speaking"
            case Sound():
                self.seconds += event.audio.seconds
            case Spoke():
                self.kept += 1
                self.reused += event.reused
            case Assembling(share):
                self.doing = f"Putting it together, {share:.0%}"
            case Finished(run):
                self.run, self.passages = run, run.passages

    @property
    def finished(self) -> Run:
        """The finished run; only asked for after the last event."""
        assert self.run is not None
        return self.run

    @property
    def elapsed(self) -> float:
        """Seconds since it began, loading included."""
        return time.perf_counter() - self.started

    @property
    def rate(self) -> str:
        """How much sound there is and how fast it comes."""
        return f"{self.seconds:.0f} s of sound, {self.seconds / max(self.elapsed, 1e-3):.1f} x real time"


def run(options: argparse.Namespace) -> None:
    """Speak `options.script` to `options.output`. Raises StudioError; SystemExit(2) for options that contradict."""
    if options.live:
        from studio.cli import live

        return live.run(options)
    target = target_of(options)
    check_place(target.path)
    voices = {speaker_id(who): voice for who, voice in options.voice}
    reading = read_script(options.script, voices)
    with opened() as studio:
        engine = options.engine or first_ready(studio)
        request = studio.request(
            reading.script, engine, voices, dict(options.set), options.seed, options.precision or ""
        )
        advice = advise(reading.script, studio.spec(engine), studio.manager.placement.device, request.precision)
        notes = _notes(reading, advice)
        for note in notes:
            tell(f"note: {note}")
        done = Progressed(request.script)
        follow(studio.speak(engine, request, options.fresh), done)
        deliver(studio.export(done.finished.id, target.form), target.path)
    if options.json:
        put_json(report(done, target, notes))
    tell(summary(done, target))


def _notes(reading: Reading, advice: Advice) -> list[str]:
    """What a writer should know before hearing it: lines that are not spoken, cues that the engine does not perform."""
    left_out = [f"not spoken: {line}" for line in reading.left_out[:SHOWN_LINES]]
    if len(reading.left_out) > SHOWN_LINES:
        left_out.append(f"not spoken: {len(reading.left_out) - SHOWN_LINES} more lines")
    return [*left_out, *map(str, advice.notes)]


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


def read_script(source: str, cast: Iterable[str]) -> Reading:
    """The script of a file or of standard input. Raises ScriptError."""
    if source != STDIO:
        try:
            with open(source, "rb") as file:
                return read(file.read(MAX_BYTES + 1), source, cast)
        except OSError as error:
            raise ScriptError(
                f"{source} cannot be read: {error.strerror or error}.", "Name a file, or - for input."
            ) from error
    if sys.stdin is None:
        raise ScriptError("There is no standard input.", "Name a file.")
    if sys.stdin.isatty():
        tell("Write the script; Ctrl-D ends it.")
    return read(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input", cast)


def first_ready(studio: Studio) -> str:
    """The first engine that can run here. Raises EngineUnavailable."""
    for row in studio.engines():
        if row.obstacle is None:
            return row.spec.id
    raise EngineUnavailable("No engine can run here.", "`python -m studio doctor` says why.")


def follow(events: Events, done: Progressed) -> None:
    """Follow a run to its end. Raises Stopped at Ctrl-C, StudioError when speaking fails."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    try:
        with (
            Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
            closing(events),
        ):
            task = bar.add_task(done.doing, total=None, rate="")
            for event in events:
                done.note(event)
                total = done.passages or None
                bar.update(task, description=done.doing, total=total, completed=done.kept, rate=done.rate)
    except KeyboardInterrupt:
        kept = (
            f"{done.kept} of {done.passages} passages are kept" if done.passages else f"{done.kept} passages are kept"
        )
        raise Stopped(f"Stopped; {kept}.", "Run it again to go on from there.") from None


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


def report(done: Progressed, target: Target, notes: list[str]) -> dict[str, Any]:
    """The run for a program: listings.run_values, the file, and what this call had to do."""
    assert done.finished.output is not None
    return {
        "file": str(target.path),
        "format": target.form,
        "sample_rate": soundfiles.sample_rate_of(done.finished.output),
        **listings.run_values(done.finished),
        "passages_reused": done.reused,
        "elapsed_seconds": round(done.elapsed, 3),
        "notes": [*notes, *done.finished.notes],
    }


def summary(done: Progressed, target: Target) -> str:
    run = done.finished
    cast = ", ".join(f"{speaker} is {voice}" for speaker, voice in list(run.voices.items())[:SHOWN_SPEAKERS])
    cast += f" and {len(run.voices) - SHOWN_SPEAKERS} more" if len(run.voices) > SHOWN_SPEAKERS else ""
    worked = f"worked {run.work_seconds:.1f} s" if done.reused < done.passages else "had spoken all of it before"
    loudness = "" if run.loudness_lufs is None else f", {run.loudness_lufs:.1f} LUFS"
    lines = [f"note: {note}" for note in run.notes]
    lines.append(f"{target.path or 'standard output'}: {run.seconds:.1f} s of sound{loudness}. {cast}.")
    lines.append(f"{run.engine} {worked}. Seed {run.seed}, run {run.id}.")
    return "\n".join(lines)
