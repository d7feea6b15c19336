"""Rows summed up by engine, and two benchmarks set side by side. Knows numbers, no sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.benchmark.measures import ALONE, MEASURES, Measure
from studio.benchmark.store import Bench, Row
from studio.metrics.spread import Spread, interval, percentile, spread

BUSY_CORES = 0.25  # taken by others while an engine spoke: its times are doubtful
SLOWER = 1.1  # the last repetitions against the first: heat, or somebody else


@dataclass(frozen=True)
class Summary:
    """An engine in a benchmark. spreads: of what was measured. first_sound: percentiles 50, 90 and 95 in seconds.
    missing: why a measure has no value in any row.
    """

    engine: str
    title: str
    rows: int
    failed: int
    spreads: Mapping[str, Spread]
    first_sound: tuple[float, float, float] | None
    missing: Mapping[str, str]
    errors: tuple[str, ...] = ()


def summaries(bench: Bench, rows: Sequence[Row]) -> list[Summary]:
    """One an engine, in the order of the plan."""
    return [_summary(bench, engine, [row for row in rows if row.engine == engine]) for engine in bench.plan["engines"]]


def _summary(bench: Bench, engine: str, rows: Sequence[Row]) -> Summary:
    fine = [row for row in rows if row.state == "ok"]
    alone = bench.facts["alone"].get(engine, {"values": {}, "missing": "it has not been tried alone yet"})
    spreads: dict[str, Spread] = {}
    missing: dict[str, str] = {}
    for measure in MEASURES:
        found = spread([row.values[measure.name] for row in fine if measure.name in row.values])
        if found:
            spreads[measure.name] = found
        else:
            reasons = [row.missing[measure.name] for row in fine if measure.name in row.missing]
            missing[measure.name] = reasons[0] if reasons else _not_yet(bench, measure, rows)
    for measure in ALONE:
        if measure.name in alone["values"]:
            value = alone["values"][measure.name]
            spreads[measure.name] = Spread(value, value, value, 1)
        else:
            missing[measure.name] = alone["missing"] or f"engines run on {bench.facts['machine']['device']}"
    firsts = [row.values["first_sound_s"] for row in fine if "first_sound_s" in row.values]
    percents = (percentile(firsts, 50), percentile(firsts, 90), percentile(firsts, 95)) if firsts else None
    errors = tuple(dict.fromkeys(row.error for row in rows if row.error))
    title = bench.facts["engines"].get(engine, {}).get("title", engine)
    return Summary(engine, title, len(rows), len(rows) - len(fine), spreads, percents, missing, errors)


def _not_yet(bench: Bench, measure: Measure, rows: Sequence[Row]) -> str:
    if not rows:
        return "nothing has been spoken yet"
    if measure.by_ear and not bench.plan["judge"]:
        return "this benchmark listens to nothing"
    if measure.by_ear and not all(row.judged for row in rows if row.state == "ok"):
        return "sounds are listened to when all is spoken"
    return "no row has it"


def warnings(bench: Bench, rows: Sequence[Row]) -> list[str]:
    """What makes the figures doubtful, a sentence each."""
    found = list(bench.facts["warnings"])
    for engine in bench.plan["engines"]:
        fine = [row for row in rows if row.engine == engine and row.state == "ok"]
        busy = spread([row.values["others_cores"] for row in fine if "others_cores" in row.values])
        if busy and busy.median > BUSY_CORES:
            found.append(f"Other programs took {busy.median:.1f} cores while {engine} spoke: its times are too long.")
        last = max((row.repeat for row in fine), default=0)
        if last:
            first, end = ([row.values["rtf"] for row in fine if row.repeat == at] for at in (0, last))
            if first and end and percentile(end, 50) > SLOWER * percentile(first, 50):
                slower = percentile(end, 50) / percentile(first, 50) - 1
                found.append(
                    f"{engine} was {slower:.0%} slower in the last repetition than in the first: heat, or others?"
                )
    return found


@dataclass(frozen=True)
class Difference:
    """A measure of an engine now against before. change: now less before, over what both spoke, by script and seed.
    low, high: its 95 % interval, None for fewer than three pairs. verdict: "better", "worse" or "same".
    """

    engine: str
    measure: str
    before: float
    now: float
    change: float
    low: float | None
    high: float | None
    pairs: int
    verdict: str


def shared_scripts(now: Bench, before: Bench) -> set[str]:
    """The names of scripts that are the same in both; none where they have no engine or no seed in common."""
    if not all(set(now.plan[name]) & set(before.plan[name]) for name in ("engines", "seeds")):
        return set()
    known = {item["id"]: item["script"] for item in before.items}
    return {item["id"] for item in now.items if known.get(item["id"]) == item["script"]}


def compare(now: Sequence[Row], before: Sequence[Row], threshold: float = 0.0) -> list[Difference]:
    """What has changed, for engines that are in both. threshold: the share of the former value that a change must
    exceed to count, beside the measure's own grain; where there is an interval it must also leave out 0.
    """
    engines = [
        engine for engine in dict.fromkeys(row.engine for row in now) if any(engine == one.engine for one in before)
    ]
    found = []
    for engine in engines:
        for measure in MEASURES:
            new, old = _by_script(now, engine, measure.name), _by_script(before, engine, measure.name)
            both = [key for key in new if key in old]
            if measure.better and both:
                found.append(
                    _difference(engine, measure, [new[key] for key in both], [old[key] for key in both], threshold)
                )
    return found


def lost(now: Sequence[Row], before: Sequence[Row]) -> list[str]:
    """The measures with a good direction that only the earlier benchmark has: nothing says whether they got worse."""
    engines = {row.engine for row in now if row.state == "ok"}
    known = {name for row in now for name in row.values}
    former = {name for row in before if row.engine in engines for name in row.values}
    return [measure.name for measure in MEASURES if measure.better and measure.name in former - known]


def _by_script(rows: Sequence[Row], engine: str, name: str) -> dict[tuple[str, int], float]:
    """(script, seed) -> the median over repetitions."""
    found: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        if row.engine == engine and name in row.values:
            found.setdefault((row.item, row.seed), []).append(row.values[name])
    return {key: percentile(values, 50) for key, values in found.items()}


def _difference(
    engine: str, measure: Measure, new: Sequence[float], old: Sequence[float], threshold: float
) -> Difference:
    changes = [one - two for one, two in zip(new, old, strict=True)]
    change, before = sum(changes) / len(changes), sum(old) / len(old)
    bounds = interval(changes)
    is_large = abs(change) > max(threshold * abs(before), measure.grain)
    is_sure = bounds is None or bounds[0] > 0 or bounds[1] < 0
    went_up = change > 0
    verdict = "same" if not (is_large and is_sure) else "worse" if went_up == (measure.better == "lower") else "better"
    low, high = bounds if bounds else (None, None)
    return Difference(engine, measure.name, before, sum(new) / len(new), change, low, high, len(new), verdict)
