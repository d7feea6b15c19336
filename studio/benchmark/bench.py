"""The protocol of a benchmark: alone, warmed up, in turns, each row kept at once, and only then listened to.

Knows plans, rows and the studio; shows nothing. One benchmark at a time on a machine's data folder: others wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from studio import soundfiles
from studio.advice import advise
from studio.audio import Audio
from studio.benchmark import hearing, machine, plan, probe
from studio.benchmark.meters import Meters
from studio.benchmark.plan import Cell, Estimate, Plan
from studio.benchmark.probe import Alone, Probe
from studio.benchmark.store import OPEN_STATES, Bench, BenchStore, Row
from studio.benchmark.suites import Item, Suite
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
AT_WORK = ("waiting", "running")
MOST_TRIES = 2  # of a cell in which the whole process ended
HEARTBEAT_SECONDS = 0.25


@dataclass(frozen=True)
class Doing:
    """What is going on, a sentence."""

    text: str


@dataclass(frozen=True)
class Done:
    """A row is there, or is filled in."""

    row: Row


@dataclass(frozen=True)
class Over:
    """The benchmark as it is at its end."""

    bench: Bench


Event = Doing | Done | Over
Events = Generator[Event | None, None, None]


class Benchmarks:
    """All benchmarks of a studio. probe: tries an engine alone; another in tests."""

    def __init__(self, studio: Studio, probe: Probe | None = None) -> None:
        self.studio = studio
        self.folder = studio.settings.data / "benchmarks"
        self.store = BenchStore(self.folder / "benchmarks.sqlite")
        self._probe = probe

    def ready(self) -> list[str]:
        """The engines that can run here."""
        return [row.spec.id for row in self.studio.engines() if row.obstacle is None]

    def estimate(self, wanted: Plan, suite: Suite) -> Estimate:
        """How long it would take. Raises RequestError as `new` does."""
        self._check(wanted, suite)
        return plan.estimate(self.studio, self.store, wanted, suite.items)

    def new(self, wanted: Plan, suite: Suite) -> Bench:
        """A benchmark, kept and not begun. Raises UnknownEngine, RequestError for an engine that cannot run here."""
        self._check(wanted, suite)
        studio = self.studio
        specs = {engine: studio.spec(engine) for engine in wanted.engines}
        warnings = [*suite.broken, *filter(None, [machine.load_warning()])]
        facts: dict[str, Any] = {
            "machine": machine.facts(studio.manager.placement.device, studio.manager.placement.threads),
            "engines": {name: machine.engine_facts(spec, studio.precision(name)) for name, spec in specs.items()},
            "suite": {"title": suite.title, "source": suite.source, "licence": suite.licence},
            "recogniser": studio.recogniser.model,
            "alone": {},
            "warnings": warnings,
        }
        bench = Bench(
            f"b-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:4]}", now(), "new", suite.id, wanted.values, facts,
            len(plan.cells(wanted, suite.items)), items=tuple(item.values for item in suite.items),
        )  # fmt: skip
        self.store.add(bench)
        return bench

    def run(self, bench_id: str) -> Events:
        """Do what is left of a benchmark and tell of it; None is a heartbeat. Closing the iterator pauses: rows that
        are done stay, and the next `run` goes on from there. Raises RequestError for one that is over.
        """
        bench = self.store.get(bench_id)
        if bench.state not in OPEN_STATES:
            raise RequestError(f"The benchmark {bench_id} is {bench.state}.", "Begin a new one.")
        try:
            with _Turn(self.folder) as turn:
                if not turn.mine():
                    self.store.change(bench_id, "waiting")
                    yield Doing("Waiting for another benchmark")
                while not turn.mine():
                    time.sleep(HEARTBEAT_SECONDS)
                    yield None
                self.store.change(bench_id, "running")
                yield from _Session(self, self.store.get(bench_id), self._probe or probe.probe).work()
                self.store.change(bench_id, "finished")
            yield Over(self.store.get(bench_id))
        finally:
            if self.store.get(bench_id).state in ("waiting", "running"):
                self.store.change(bench_id, "paused")

    def stop(self, bench_id: str) -> None:
        """Say that a benchmark that is not running will not go on."""
        if self.store.get(bench_id).state in OPEN_STATES:
            self.store.change(bench_id, "stopped")

    def recent(self, limit: int = 50) -> list[Bench]:
        """The newest first. One whose process was killed is "paused": it can go on."""
        with _Turn(self.folder) as turn:
            is_idle = turn.mine()
        found = self.store.recent(limit)
        return [replace(one, state="paused") if is_idle and one.state in AT_WORK else one for one in found]

    def delete(self, bench_id: str) -> None:
        """Forget a benchmark, its rows and its sounds. Raises RequestError while one runs."""
        with _Turn(self.folder) as turn:
            if self.store.get(bench_id).state in AT_WORK and not turn.mine():
                raise RequestError("It is running.", "Stop it first.")
        runs = {row.run for row in self.store.rows(bench_id) if row.run}
        self.store.delete(bench_id)
        for run in runs:
            with suppress(RequestError):
                self.runs.delete(run)

    @property
    def runs(self) -> RunStore:
        """The runs of all benchmarks, apart from what people speak."""
        return RunStore(self.folder / "runs")

    def sound(self, row: Row) -> Path | None:
        """The finished sound of a row, if it is kept."""
        if not row.run:
            return None
        path = self.folder / "runs" / row.run / "dialogue.wav"
        return path if path.is_file() else None

    def _check(self, wanted: Plan, suite: Suite) -> None:
        plan.cells(wanted, suite.items)
        for engine in wanted.engines:
            spec, obstacle = self.studio.spec(engine), self.studio.manager.obstacle(engine)
            if obstacle:
                raise RequestError(f"{spec.title} cannot run here: {obstacle.reason}", obstacle.remedy)
        for word in wanted.voices.values():
            if word.startswith("v-"):
                self.studio.library.get(word)


class _Turn:
    """The right to measure: one process and thread at a time, given back when a process dies."""

    def __init__(self, folder: Path) -> None:
        from filelock import FileLock

        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "lock", thread_local=False)

    def __enter__(self) -> _Turn:
        return self

    def mine(self) -> bool:
        """Whether the turn has come; asked again and again."""
        from filelock import Timeout

        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        if self._lock.is_locked:
            self._lock.release()


class _Session:
    """One stretch of a benchmark, from its begin or where it was left to its end or where it is left again."""

    def __init__(self, benchmarks: Benchmarks, bench: Bench, probe: Probe) -> None:
        self._studio, self._store, self._bench, self._probe = benchmarks.studio, benchmarks.store, bench, probe
        self._items = {values["id"]: Item.of(dict(values)) for values in bench.items}
        self._plan = Plan.of(bench.plan)
        self._takes = TakeStore(benchmarks.folder / "takes")
        self._runs = benchmarks.runs
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
                row = replace(row, state="failed", error="The whole process ended twice while this was spoken.")
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
        figures = {**hearing.spoken(run, takes, sound), **meters.values, **meters.missing}
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
