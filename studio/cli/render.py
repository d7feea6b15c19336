"""The command `render`: many scripts, each into its own sound file, in this process or on a cluster. Shows progress."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from studio.cli.terminal import MENDABLE, Stopped, first_ready, opened, put_json, tell
from studio.disk import sweep
from studio.render import Outcome, Speak, Wish, one_by_one, places, render
from studio.script import speaker_id


def run(options: argparse.Namespace) -> int:
    """Make what is not there yet. 1 when a script failed. Raises StudioError."""
    wanted = places(options.scripts, options.output, options.format)
    sweep(options.output)
    voices = {speaker_id(who): voice for who, voice in options.voice}
    done: list[Outcome] = []
    with opened() as studio, ExitStack() as stack:
        engine = options.engine or first_ready(studio)
        wish = Wish(engine, voices, dict(options.set), options.seed, options.precision, options.format)
        speak: Speak = partial(one_by_one, studio)
        if options.ray:
            from studio import cluster
            from studio.cluster import tasks

            stack.enter_context(cluster.running())
            speak = partial(tasks.spoken, studio.settings)
        outcomes = render(studio, wanted, wish, speak, options.fresh)
        try:
            with closing(outcomes):  # type: ignore[type-var]  # it is a generator
                for one in _shown(outcomes, len(wanted)):
                    done.append(one)
        except KeyboardInterrupt:
            raise Stopped(f"Stopped; {_counted(done)}.", "Run it again to go on from there.") from None
    if options.json:
        put_json({**_counts(done), "scripts": [_values(one) for one in done]})
    tell(f"{options.output}: {_counted(done)}.")
    return MENDABLE if _counts(done)["failed"] else 0


def _shown(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """The outcomes, told as they come: in a terminal as a bar and what failed, else each in a line."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Speaking", total=total)
        for number, one in enumerate(outcomes, 1):
            bar.update(task, completed=number, description=one.place.script.name)
            if one.error:
                bar.console.print(f"{one.place.script}: {one.error}", markup=False, highlight=False, soft_wrap=True)
            elif one.state == "made" and not console.is_terminal:
                tell(f"{number}/{total} {one.place.target}: {one.seconds:.1f} s")
            yield one


def _counts(done: list[Outcome]) -> dict[str, int]:
    states = Counter(one.state for one in done)
    return {state: states[state] for state in ("made", "there", "failed")}


def _counted(done: list[Outcome]) -> str:
    counts = _counts(done)
    return f"{counts['made']} made, {counts['there']} there before, {counts['failed']} failed"


def _values(one: Outcome) -> dict[str, Any]:
    """An outcome for a program."""
    values = {"script": str(one.place.script), "file": str(one.place.target), "state": one.state}
    if one.error:
        return {**values, "error": {"code": one.error.code, "message": one.error.message, "remedy": one.error.remedy}}
    return {**values, "seconds": one.seconds}
