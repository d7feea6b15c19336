"""A benchmark as plain JSON: for the terminal, for files, for the page. Computes nothing of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from studio.benchmark.measures import ALL, Measure
from studio.benchmark.store import Bench, Row
from studio.benchmark.summary import Difference, Summary, summaries, warnings
from studio.metrics.spread import Spread

Json = dict[str, Any]


def bench_values(bench: Bench, rows: Sequence[Row]) -> Json:
    """All but the rows."""
    return {
        **head_values(bench),
        "facts": {name: bench.facts[name] for name in ("machine", "engines", "suite", "recogniser")},
        "summary": [summary_values(summary) for summary in summaries(bench, rows)],
        "warnings": warnings(bench, rows),
    }


def head_values(bench: Bench) -> Json:
    """What a list of benchmarks shows."""
    return {
        "id": bench.id,
        "created": bench.created,
        "state": bench.state,
        "suite": bench.suite,
        "title": bench.facts["suite"]["title"],
        "plan": dict(bench.plan),
        "cells": bench.cells,
        "done": bench.done,
        "failed": bench.failed,
    }


def summary_values(summary: Summary) -> Json:
    """One engine. measures: name -> median, least, most, count."""
    first = dict(zip(("p50", "p90", "p95"), summary.first_sound or (None,) * 3, strict=True))
    return {
        "engine": summary.engine,
        "title": summary.title,
        "rows": summary.rows,
        "failed": summary.failed,
        "measures": {name: spread_values(spread) for name, spread in summary.spreads.items()},
        "first_sound_s": first,
        "missing": dict(summary.missing),
        "errors": list(summary.errors),
    }


def spread_values(spread: Spread) -> Json:
    """Median, least, most and count."""
    return asdict(spread)


def row_values(row: Row) -> Json:
    """A row."""
    return {**asdict(row), "values": dict(row.values), "missing": dict(row.missing), "turns": list(row.turns)}


def difference_values(difference: Difference) -> Json:
    """What changed in a measure."""
    return asdict(difference)


def measure_values(measure: Measure) -> Json:
    """What a measure is."""
    return {
        "name": measure.name,
        "title": measure.title,
        "unit": measure.unit,
        "better": measure.better,
        "definition": measure.definition,
    }


def definitions() -> list[Json]:
    """Every measure there is."""
    return [measure_values(measure) for measure in ALL.values()]
