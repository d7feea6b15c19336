"""Runs: scripts spoken from beginning to end, or as far as they came. Knows files and the ids of takes."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from studio import __version__
from studio.disk import cannot_write, read_json, sweep, write_json
from studio.engines.base import EngineSpec
from studio.errors import RequestError, ScriptError
from studio.request import SpeechRequest
from studio.script import Script, Turn
from studio.takes import now

TAKES = "takes.txt"
PASSING = "passing.txt"  # in the folder of a run of which nothing is to stay: who speaks it, and what it has made


@dataclass(frozen=True)
class TurnTiming:
    """Where a turn sounds in a run's file, in seconds from its start."""

    turn: int
    speaker: str
    start: float
    end: float


@dataclass(frozen=True)
class WordTiming:
    """When a word begins to sound in a run's file, in seconds from its start. turn: of the script; of turns that were
    spoken as one, the first.
    """

    turn: int
    word: str
    start: float


@dataclass(frozen=True)
class Run:
    """One script spoken from beginning to end, or as far as it came.

    state: "unfinished" (running, or the process was killed), "finished", "stopped" or "failed". takes: ids of the
    passages spoken so far, in order. passages: how many there are to be. output: the finished WAV.
    """

    id: str
    engine: str
    script: Script
    voices: Mapping[str, str]
    sampling: Mapping[str, float]
    seed: int
    created: str
    passages: int
    state: str = "unfinished"
    takes: tuple[str, ...] = ()
    output: Path | None = None
    seconds: float = 0.0
    work_seconds: float = 0.0
    loudness_lufs: float | None = None
    timings: tuple[TurnTiming, ...] = ()
    words: tuple[WordTiming, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def alias(self) -> str:
        """What its files call it: with the id itself, whoever gets one could open the run on a shared studio."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:16]


class RunStore:
    """The runs below one folder: `<id>/run.json`, the takes in `takes.txt` as they are spoken, the sound beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sweep(folder)

    def start(
        self, spec: EngineSpec, device: str, request: SpeechRequest, passages: int, notes: tuple[str, ...] = ()
    ) -> Run:
        """A new run, on disk before the first sound, so that nothing spoken is lost when the process is killed.

        notes: what is to be told about it already. Its provenance keeps who each voice was and by which right.
        """
        run = Run(
            id=f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{uuid4().hex[:16]}",
            engine=spec.id,
            script=request.script,
            voices={speaker: voice.id for speaker, voice in request.voices.items()},
            sampling=dict(request.sampling),
            seed=request.seed,
            created=now(),
            passages=passages,
            notes=notes,
            provenance={
                "revision": spec.revision,
                "codec": spec.codec,
                "licence": spec.licence,
                "device": device,
                "precision": request.precision,
                "studio": __version__,
                "voices": {speaker: voice.values for speaker, voice in request.voices.items()},
                **({"suited": dict(request.suited)} if request.suited else {}),
            },
        )
        return self.save(run)

    def save(self, run: Run) -> Run:
        """Write the run as it now is. Raises OutputError."""
        record = asdict(run)
        record["output"] = run.output.name if run.output else None
        del record["takes"]
        write_json(self.path(run.id) / "run.json", record)
        return run

    def add_take(self, run_id: str, take_id: str) -> None:
        """Note a finished passage at once; one short line, so that long runs stay cheap. Raises OutputError."""
        _append(self.path(run_id) / TAKES, take_id)

    def note_passing(self, run_id: str, take_id: str = "") -> None:
        """Note that nothing is to stay of a run, nor of a take that it has made. Raises OutputError."""
        _append(self.path(run_id) / PASSING, take_id or str(os.getpid()))

    def left_behind(self) -> Iterator[tuple[str, list[str]]]:
        """The runs of which nothing was to stay and whose process is no more, each with the takes that it has made."""
        for note in list(self.folder.glob(f"*/{PASSING}")):
            with suppress(OSError, UnicodeError):  # its process has just come to its end, and removed it
                process, *takes = note.read_text(encoding="ascii").split() or ["0"]
                if not (process.isdecimal() and psutil.pid_exists(int(process))):
                    yield note.parent.name, [take for take in takes if take.isalnum()]

    def forget(self, run_id: str) -> None:
        """Remove what is left of a run, whole or not."""
        shutil.rmtree(self.path(run_id), ignore_errors=True)

    def get(self, run_id: str) -> Run:
        """The run with this id. Raises RequestError."""
        run = _read_run(self.path(run_id))
        if run is None:
            raise RequestError(f"There is no run {run_id!r}.", "See `python -m studio runs` for what is kept.")
        return run

    def recent(self, limit: int = 20) -> list[Run]:
        """The newest runs first. A record that cannot be read is left out."""
        found: list[Run] = []
        folders = sorted(self.folder.glob("*/"), key=lambda path: path.name, reverse=True)
        for folder in folders:
            run = _read_run(folder)
            if run is not None:
                found.append(run)
            if len(found) == limit:
                break
        return found

    def delete(self, run_id: str) -> None:
        """Remove a run and its files; takes stay, others may share them. Raises RequestError when it is not there."""
        self.get(run_id)
        shutil.rmtree(self.path(run_id))

    def path(self, run_id: str) -> Path:
        """The run's folder. Raises RequestError for what cannot be an id (and so never leaves our folder)."""
        if not run_id or not run_id.replace("-", "").isalnum():
            raise RequestError(f"{run_id!r} is not the id of a run.")
        return self.folder / run_id


def _append(path: Path, line: str) -> None:
    try:
        with path.open("a", encoding="ascii") as file:
            file.write(line + "\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def _read_run(folder: Path) -> Run | None:
    record = read_json(folder / "run.json")
    try:
        script = Script(tuple(Turn(**turn) for turn in record["script"]["turns"]), record["script"]["lead_in"])
        timings = tuple(TurnTiming(**timing) for timing in record["timings"])
        words = tuple(WordTiming(**word) for word in record.get("words", ()))
        output = folder / record["output"] if record["output"] else None
        values = {
            "script": script,
            "timings": timings,
            "words": words,
            "output": output,
            "notes": tuple(record["notes"]),
        }
        return Run(**{**record, **values, "takes": _read_takes(folder)})
    except (TypeError, KeyError, ScriptError):  # not there, damaged, or written by another version
        return None


def _read_takes(folder: Path) -> tuple[str, ...]:
    path = folder / TAKES
    return tuple(path.read_text(encoding="ascii").split()) if path.is_file() else ()
