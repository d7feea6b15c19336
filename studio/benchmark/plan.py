"""What a benchmark is to do: who speaks what, how often and in which order, and how long that will take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studio.advice import advise
from studio.benchmark.store import BenchStore
from studio.benchmark.suites import Item
from studio.errors import RequestError
from studio.metrics.spread import percentile
from studio.request import MAX_SEED
from studio.studio import Studio

MOST_CELLS = 20_000
ALONE_SECONDS = 8.0  # to try an engine alone: a fresh process, two loads
JUDGING_RTF = 1.0  # recogniser, voices and ratings of a second of sound, on one core
GUESS_RTF = 0.1  # of an engine of which nothing is known, and which is no slow one


@dataclass(frozen=True)
class Plan:
    """engines: ids in the order of a menu. voices: speaker -> voice, for the engines that have it. sampling: engine ->
    settings. judge: whether sounds are listened to afterwards. Raises RequestError.
    """

    engines: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    repeats: int = 3
    voices: Mapping[str, str] = field(default_factory=dict)
    judge: bool = True

    def __post_init__(self) -> None:
        if not self.engines:
            raise RequestError("No engine is to be measured.", "Name one: --engines hibari")
        if len(set(self.engines)) < len(self.engines) or len(set(self.seeds)) < len(self.seeds):
            raise RequestError("An engine or a seed is named twice.", "Name each once.")
        if not self.seeds or any(not 0 <= seed <= MAX_SEED for seed in self.seeds):
            raise RequestError(f"Seeds are whole numbers from 0 to {MAX_SEED}.", "Give one at least: --seeds 0")
        if not 1 <= self.repeats <= 100:
            raise RequestError(f"A script cannot be repeated {self.repeats} times.", "Choose 1 to 100.")

    @property
    def values(self) -> dict[str, Any]:
        """As plain JSON; `Plan.of` is the same again."""
        return {
            "engines": list(self.engines), "seeds": list(self.seeds), "repeats": self.repeats,
            "voices": dict(self.voices), "judge": self.judge,
        }  # fmt: skip

    @staticmethod
    def of(values: Mapping[str, Any]) -> Plan:
        return Plan(
            tuple(values["engines"]), tuple(values["seeds"]), values["repeats"], values["voices"], values["judge"]
        )


@dataclass(frozen=True)
class Cell:
    """One thing to be spoken: row `number` of the benchmark."""

    number: int
    engine: str
    item: Item
    seed: int
    repeat: int


def cells(plan: Plan, items: Sequence[Item]) -> tuple[Cell, ...]:
    """All cells in order: engines take turns at every script, and another begins each time, so that whatever changes
    slowly on the machine (heat, other programs) falls on all alike. Raises RequestError when they are too many.
    """
    count = plan.repeats * len(plan.seeds) * len(items) * len(plan.engines)
    if count > MOST_CELLS:
        raise RequestError(f"That would be {count:,} rows; {MOST_CELLS:,} are the most.", "Take fewer repetitions.")
    return tuple(_cells(plan, items))


def _cells(plan: Plan, items: Sequence[Item]) -> Iterator[Cell]:
    number = 0
    for repeat in range(plan.repeats):
        for seed in plan.seeds:
            for at, item in enumerate(items):
                first = (at + repeat) % len(plan.engines)
                for engine in (*plan.engines[first:], *plan.engines[:first]):
                    yield Cell(number, engine, item, seed, repeat)
                    number += 1


@dataclass(frozen=True)
class Estimate:
    """How long a benchmark will take. engines: of each the RTF that was assumed and where it is from."""

    seconds: float
    sound_seconds: float
    engines: Mapping[str, tuple[float, str]]


def estimate(studio: Studio, store: BenchStore, plan: Plan, items: Sequence[Item]) -> Estimate:
    """An honest guess: by what was measured here before, else by what is known of the engine."""
    rates = {engine: _rtf(studio, store, engine) for engine in plan.engines}
    total, sound = 0.0, 0.0
    for engine in plan.engines:
        spec = studio.spec(engine)
        lengths = sum(advise(item.script, spec).seconds for item in items)
        rounds = plan.repeats * len(plan.seeds)
        seconds_each = lengths * (rates[engine][0] + 0.03)  # joining and measuring at once
        total += ALONE_SECONDS + rounds * seconds_each
        different = len(plan.seeds) if spec.stochastic else 1
        total += JUDGING_RTF * lengths * different if plan.judge else 0.0
        sound += rounds * lengths
    return Estimate(total, sound, rates)


def _rtf(studio: Studio, store: BenchStore, engine: str) -> tuple[float, str]:
    measured = [row.values["rtf"] for row in store.all_rows(engine) if "rtf" in row.values]
    if measured:
        return percentile(measured, 50), "measured here before"
    spec, device = studio.spec(engine), studio.manager.placement.device
    known = spec.takes(studio.precision(engine)).cpu_rtf
    if device == "cpu" and known:
        return known, "as its makers here measured it on two CPU cores"
    return GUESS_RTF, "a guess: nothing is known of it on this machine"
