"""`Benchmarks`: begun, run, paused, gone on with, forgotten. Knows who may measure when; how is `session`'s.

One benchmark at a time on a machine's data folder: others wait.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from studio.benchmark import machine, plan, probe
from studio.benchmark.plan import Estimate, Plan
from studio.benchmark.probe import Probe
from studio.benchmark.session import HEARTBEAT_SECONDS, Doing, Done, Session
from studio.benchmark.store import OPEN_STATES, Bench, BenchStore, Row
from studio.benchmark.suites import Suite
from studio.engines.base import EngineSpec
from studio.errors import RequestError, UnknownVoice
from studio.runs import RunStore
from studio.studio import Studio
from studio.takes import now

AT_WORK = ("waiting", "running")


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
        warnings = [*suite.broken, *filter(None, [machine.load_warning(), _unfollowed(wanted, list(specs.values()))])]
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
                yield from Session(self, self.store.get(bench_id), self._probe or probe.probe).work()
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
        for speaker, word in wanted.voices.items():
            if word.startswith("v-"):
                self.studio.library.get(word)
            else:
                self._check_voice(wanted.engines, suite, speaker, word)

    def _check_voice(self, engines: Sequence[str], suite: Suite, speaker: str, word: str) -> None:
        """Raises UnknownVoice for a voice that none of the engines has; one that has it is enough."""
        script = next((item.script for item in suite.items if speaker in item.script.speakers), None)
        if script is None:
            return  # he says nothing
        unknown = list[UnknownVoice]()
        for engine in engines:
            try:
                self.studio.cast(script, engine, {speaker: word})
            except UnknownVoice as error:
                unknown.append(error)
        if len(unknown) == len(engines):
            raise unknown[0]


def _unfollowed(wanted: Plan, specs: Sequence[EngineSpec]) -> str:
    """A sentence when recordings are to be followed and there is nobody who could."""
    if any(spec.clones for spec in specs) or not any(word.startswith("v-") for word in wanted.voices.values()):
        return ""
    return "No engine here follows recordings: each speaks in its own voices."


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
