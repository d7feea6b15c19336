"""A run as the terminal shows it: a bar while it goes, a report and a summary once it is done."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from studio import listings, soundfiles
from studio.cli.delivery import Target
from studio.cli.terminal import Stopped
from studio.events import Assembling, Event, Events, Finished, Listening, Loading, Planned, Sound, Speaking, Spoke
from studio.runs import Run
from studio.script import Script

SHOWN_CHARACTERS, SHOWN_SPEAKERS = 40, 8


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
