"""One stretch of a benchmark: alone, warmed up, in turns, each row kept at once, and only then listened to.

Knows plans, rows and engines; not who may run when, and shows nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from studio import soundfiles
from studio.advice import advise
from studio.audio import Audio
from studio.benchmark import hearing, plan
from studio.benchmark.meters import Meters
from studio.benchmark.plan import Cell, Plan
from studio.benchmark.probe import Alone, Probe
from studio.benchmark.store import Bench, BenchStore, Row
from studio.benchmark.suites import Item
from studio.director import Director
from studio.errors import QueueFull, RequestError, ShuttingDown, StudioError, UnknownVoice
from studio.events import Finished, Planned, Spoke
from studio.jobs import Asker
from studio.metrics import Missing
from studio.request import SpeechRequest
from studio.runs import Run, RunStore
from studio.studio import Studio
from studio.takes import Take, TakeStore, now
from studio.voice import Consent, Voice

ASKER = Asker("benchmark", batch=True)
MOST_TRIES = 3  # of a cell in which the whole process ended; a person who kills it twice loses no row
HEARTBEAT_SECONDS = 0.25


class Place(Protocol):
    """Where a benchmark is kept and who speaks."""

    @property
    def studio(self) -> Studio: ...
    @property
    def store(self) -> BenchStore: ...
    @property
    def folder(self) -> Path: ...
    @property
    def runs(self) -> RunStore: ...


@dataclass(frozen=True)
class Doing:
    """What is going on, a sentence."""

    text: str


@dataclass(frozen=True)
class Done:
    """A row is there, or is filled in."""

    row: Row


Event = Doing | Done


class Session:
    """One stretch of a benchmark, from its begin or where it was left to its end or where it is left again."""

    def __init__(self, place: Place, bench: Bench, probe: Probe) -> None:
        self._studio, self._store, self._bench, self._probe = place.studio, place.store, bench, probe
        self._items = {values["id"]: Item.of(dict(values)) for values in bench.items}
        self._plan = Plan.of(bench.plan)
        self._takes = TakeStore(place.folder / "takes")
        self._runs = place.runs
        self._director = Director(self._studio.manager, self._takes, self._runs, self._studio.settings.watermark)
        self._sounds: dict[tuple[str, str, str], str] = {}  # (engine, item, hash of sound) -> the run that has it
        self._voices: dict[tuple[str, str], dict[str, Voice]] = {}

    def work(self) -> Iterator[Event | None]:
        """Everything that is left."""
        cells = plan.cells(self._plan, list(self._items.values()))
        known = self._store.tries(self._bench.id)
        for row in self._store.rows(self._bench.id):
            if row.sound:
                self._sounds.setdefault((row.engine, row.item, row.sound), row.run)
        left = [cell for cell in cells if known.get(cell.number, ("begun", 0))[0] == "begun"]
        if left:
            yield from self._alone()
        for cell in left:
            row = _row(cell)
            if known.get(cell.number, ("", 0))[1] >= MOST_TRIES:
                row = replace(
                    row, state="failed", error=f"The whole process ended {MOST_TRIES} times while this was spoken."
                )
            else:
                self._store.begin(self._bench.id, replace(row, state="begun"))
                row = yield from self._measured(cell, row)
            self._store.put(self._bench.id, row)
            yield Done(row)
        if self._plan.judge:
            yield from self._judge()

    def _alone(self) -> Iterator[Event | None]:
        """Each engine by itself in a fresh process, before the others are loaded here. Once a benchmark."""
        facts = {**self._bench.facts, "alone": dict(self._bench.facts["alone"])}
        longest = max(self._items.values(), key=lambda item: item.script.characters)
        for engine in self._plan.engines:
            if engine in facts["alone"]:
                continue
            yield Doing(f"{engine} alone in a process of its own")
            self._studio.manager.unload_others("")
            found = yield from self._tried(engine, str(longest.script))
            values, missing = ({}, {"": found.reason}) if isinstance(found, Missing) else hearing.split(found)
            facts["alone"][engine] = {"values": values, "missing": missing.get("", "")}
            self._store.change(self._bench.id, facts=facts)
            yield None

    def _tried(self, engine: str, script: str) -> Generator[None, None, Alone]:
        """What the other process found; it is ended when nobody waits for it any more."""
        stop = threading.Event()
        precision = self._bench.facts["engines"][engine]["precision"]
        with ThreadPoolExecutor(1) as pool:
            asked = (self._studio.settings, engine, precision, script, stop.is_set)
            future = pool.submit(self._probe, *asked)
            try:
                while not wait([future], HEARTBEAT_SECONDS).done:
                    yield None
            finally:
                stop.set()
            return future.result()

    def _measured(self, cell: Cell, row: Row) -> Generator[Event | None, None, Row]:
        """The row of a cell. An engine that fails gives a row that says so."""
        yield Doing(f"{cell.engine}: {cell.item.id}, {cell.repeat + 1} of {self._plan.repeats}, seed {cell.seed}")
        try:
            request = self._request(cell.engine, cell.item, cell.seed)
            if not self._studio.manager.is_loaded(cell.engine, request.precision):
                yield from self._warm_up(cell)
            with Meters(self._studio.manager.placement.device) as meters:
                run, takes = yield from self._spoken(cell.engine, request)
        except (ShuttingDown, QueueFull):  # no fault of the engine: the cell is spoken when the benchmark goes on
            raise
        except StudioError as error:
            return replace(row, state="failed", error=str(error))
        sound = hearing.joined(takes)
        rate = self._studio.spec(cell.engine).frame_rate
        figures = {**hearing.spoken(run, takes, sound, rate), **meters.values, **meters.missing}
        values, missing = hearing.split(figures)
        for take in takes:
            self._takes.delete(take.id)
        kept = self._sounds.setdefault((cell.engine, cell.item.id, sound.digest), run.id)
        if kept != run.id:  # the same sound once more: one file is enough
            self._runs.delete(run.id)
        return replace(row, run=kept, sound=sound.digest, values=values, missing=missing)

    def _warm_up(self, cell: Cell) -> Iterator[Event | None]:
        """Load the engine and let it speak the shortest script once, unmeasured. Raises StudioError."""
        yield Doing(f"Loading {cell.engine} and warming it up")
        spec = self._studio.spec(cell.engine)
        shortest = min(self._items.values(), key=lambda item: advise(item.script, spec).seconds)
        run, takes = yield from self._spoken(cell.engine, self._request(cell.engine, shortest, cell.seed))
        self._runs.delete(run.id)
        for take in takes:
            self._takes.delete(take.id)

    def _spoken(self, engine: str, request: SpeechRequest) -> Generator[None, None, tuple[Run, list[Take]]]:
        """The finished run and its takes, nothing reused. What was begun and not finished leaves nothing behind."""
        spec, takes, begun = self._studio.spec(engine), list[Take](), ""
        work = self._studio.runner.run(lambda: self._director.perform(spec, request, fresh=True), ASKER)
        try:
            with closing(work) as events:
                for event in events:
                    if isinstance(event, Planned):
                        begun = event.run.id
                    elif isinstance(event, Spoke):
                        takes.append(event.take)
                    elif isinstance(event, Finished):
                        begun = ""
                        return event.run, takes
                    yield None
        finally:
            if begun:
                for take in takes:
                    self._takes.delete(take.id)
                with suppress(RequestError):
                    self._runs.delete(begun)
        raise RequestError("The engine ended without a sound.")

    def _request(self, engine: str, item: Item, seed: int) -> SpeechRequest:
        """The same words for every engine, in the voices that were asked for where the engine has them."""
        voices = self._cast(engine, item)
        precision = self._bench.facts["engines"][engine]["precision"]
        return SpeechRequest(item.script, voices, self._studio.spec(engine).sampling({}), seed, precision=precision)

    def _cast(self, engine: str, item: Item) -> dict[str, Voice]:
        if (engine, item.id) in self._voices:
            return self._voices[engine, item.id]
        spec = self._studio.spec(engine)
        wanted = {}
        for speaker, word in self._plan.voices.items():
            with suppress(UnknownVoice):  # another engine's voice: this one gives its own
                if speaker in item.script.speakers and self._studio.cast(item.script, engine, {speaker: word}):
                    wanted[speaker] = word
        voices = self._studio.cast(item.script, engine, wanted)
        if spec.clones:
            voices |= {who: _recorded(who, one.path, one.transcript) for who, one in item.references.items()}
        return self._voices.setdefault((engine, item.id), voices)

    def _judge(self) -> Iterator[Event | None]:
        """Listen to every sound once. Rows with the same sound share what was heard."""
        heard: dict[tuple[str, str], Row] = {}
        for row in self._store.rows(self._bench.id):
            if row.state == "ok" and row.judged:
                heard.setdefault((row.item, row.sound), row)
        for row in self._store.rows(self._bench.id):
            if row.state != "ok" or row.judged:
                continue
            before = heard.get((row.item, row.sound))
            if before:
                row = _with_ears_of(row, before)
            else:
                yield Doing(f"Listening to {row.engine}: {row.item}")
                row = self._listened(row)
            heard.setdefault((row.item, row.sound), row)
            self._store.put(self._bench.id, row)
            yield Done(row)

    def _listened(self, row: Row) -> Row:
        voices = self._cast(row.engine, self._items[row.item])
        references = {who: voice.audio for who, voice in voices.items() if voice.audio is not None}
        try:
            run = self._runs.get(row.run)
            return hearing.judged(row, run, self._studio.recogniser, references)
        except StudioError as error:
            return replace(row, judged=True, missing={**row.missing, "wer": error.message})


def _row(cell: Cell) -> Row:
    return Row(cell.number, cell.engine, cell.item.id, cell.seed, cell.repeat, "ok", created=now())


def _with_ears_of(row: Row, before: Row) -> Row:
    """The row with all that another one with the same sound was found to have, beside its own times."""
    values, missing = {**before.values, **row.values}, {**before.missing, **row.missing}
    return replace(row, judged=True, values=values, missing=missing, turns=before.turns)


def _recorded(speaker: str, path: Path, transcript: str) -> Voice:
    """The voice of a recording that a suite brings. Raises AudioError."""
    audio: Audio = soundfiles.read(path)
    consent = Consent("licensed", source=f"the suite's {path.name}")
    return Voice(f"suite-{path.stem}", f"{speaker} of the suite", audio=audio, transcript=transcript, consent=consent)
