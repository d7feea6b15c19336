"""Rendering a comparison: every entry through the studio's queue, each model loaded once, results as they come."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from studio.disk import cannot_write
from studio.errors import OutputError, StudioError
from studio.events import Assembling, Event, Finished, Loading, Planned, Speaking, Waiting
from studio.runs import Run
from studio.studio import Studio
from studio.trials.comparison import Comparison, Entry
from studio.trials.memory import Memory
from studio.trials.renderings import Rendering, Shelf


def render(
    studio: Studio, shelf: Shelf, comparisons: Sequence[Comparison], stopped: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Comparison, Rendering]]:
    """Speak what is not spoken yet, telling how each entry is. An entry that fails says why and the next one begins.

    comparisons: of the same entries; each entry speaks all scripts before the next one, so that a model loads once.
    stopped: asked between steps of the engine; what is done stays, the rest says that it was stopped. Closing the
    iterator does the same.
    """
    for entry in comparisons[0].order():
        for comparison in comparisons:
            with closing(_entry_of(studio, shelf, comparison, entry, stopped)) as told:
                yield from ((comparison, rendering) for rendering in told)


def _entry_of(
    studio: Studio, shelf: Shelf, comparison: Comparison, entry: Entry, stopped: Callable[[], bool]
) -> Generator[Rendering, None, None]:
    """One entry of one script, unless it is spoken."""
    last = shelf.rendering(comparison.id, entry.id)
    if not last.is_ready:
        last = Rendering(entry.id, "stopped")
        try:
            if not stopped():
                with closing(_spoken(studio, shelf, comparison, entry, stopped)) as told:
                    for last in told:
                        if not last.is_ready:
                            yield last
        except StudioError as error:
            last = Rendering(entry.id, "failed", reason=error.message, remedy=error.remedy)
        finally:
            last = Rendering(entry.id, "stopped") if last.state == "speaking" else last
            shelf.keep(comparison.id, last)
    yield last


def _spoken(
    studio: Studio, shelf: Shelf, comparison: Comparison, entry: Entry, stopped: Callable[[], bool]
) -> Generator[Rendering, None, None]:
    """The entry while it is spoken, and at last finished. Ends earlier when stopped. Raises StudioError."""
    precision = studio.precision(entry.engine, entry.precision)
    script = comparison.script
    voices = {speaker: voice for speaker, voice in entry.voices.items() if speaker in script.speakers}
    request = studio.request(script, entry.engine, voices, entry.sampling, entry.seed, precision)
    now = Rendering(entry.id, "speaking", "In line", precision=precision)
    run: Run | None = None
    memory = Memory(studio.device_of(entry.engine))
    try:
        with closing(studio.speak(entry.engine, request)) as events:
            for event in events:
                memory.see(event)
                if isinstance(event, Planned | Finished):
                    run = event.run
                now = _further(now, event)
                if stopped() and not isinstance(event, Finished):
                    return
                yield now
    except StudioError:
        if run:
            _forget(studio, run)
        raise
    if run and run.state == "finished":
        yield replace(_finished(now, run, shelf.sounds), measures={"memory": memory.told()})
        _forget(studio, run)


def _further(now: Rendering, event: Event | None) -> Rendering:
    """How the entry is after an event."""
    match event:
        case Waiting(position):
            return replace(now, doing=f"In line, number {position}")
        case Loading():
            return replace(now, doing="Loading the model")
        case Speaking(passage):
            return replace(now, doing=f"Speaking part {passage + 1}")
        case Assembling():
            return replace(now, doing="Putting it together")
    return now


def _finished(now: Rendering, run: Run, sounds: Path) -> Rendering:
    """The rendering of a finished run; its sound is taken over, under a name that tells nothing. Raises OutputError."""
    if run.output is None:
        raise OutputError(f"Run {run.id} has no sound.", "Render it again.")
    kept = sounds / f"{uuid4().hex}.wav"
    try:
        sounds.mkdir(parents=True, exist_ok=True)
        run.output.replace(kept)
    except OSError as error:
        raise cannot_write(kept, error) from error
    return replace(
        now,
        state="finished",
        doing="",
        sound=kept.name,
        seconds=run.seconds,
        work_seconds=run.work_seconds,
        loudness_lufs=run.loudness_lufs,
        timings=tuple((timing.turn, timing.start, timing.end) for timing in run.timings),
        takes=run.takes,
        voices=run.voices,
    )


def _forget(studio: Studio, run: Run) -> None:
    """The run is a part of the comparison now. In the list of takes it would tell a blind listener how long it is."""
    try:
        studio.delete_run(run.id)
    except StudioError:  # somebody was quicker
        return
