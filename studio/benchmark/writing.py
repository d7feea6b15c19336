"""A benchmark as a file: its rows (CSV), all of it (JSON), what matters of it (Markdown). Knows words only."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from studio.benchmark.measures import ALL, MEASURES, Measure, shown
from studio.benchmark.store import Bench, Row
from studio.benchmark.summary import Summary, summaries, warnings
from studio.benchmark.values import bench_values, definitions, row_values
from studio.tables import Table

MATTER = (
    "rtf", "first_sound_s", "load_cold_s", "load_warm_s", "host_gb", "alone_gpu_reserved_gb", "tokens_per_s",
    "energy_j", "gpu_energy_j", "wer", "cer", "similarity", "swap_share", "mos", "distillmos", "runaway_share",
    "cut_share", "longest_silence_s", "words_per_s",
)  # fmt: skip
HEAD = ("engine", "item", "seed", "repeat", "state", "error", "created")


def as_csv(rows: Sequence[Row]) -> str:
    """A line a row; what is missing is empty. Measures by their names and units of `measures`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*HEAD, *(measure.name for measure in MEASURES)))
    for row in rows:
        head = [_safe(str(getattr(row, name))) for name in HEAD]
        writer.writerow((*head, *(row.values.get(measure.name, "") for measure in MEASURES)))
    return out.getvalue()


def _safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def as_json(bench: Bench, rows: Sequence[Row]) -> str:
    """Everything: summary, rows, scripts and what the measures mean."""
    told = {
        **bench_values(bench, rows),
        "measures": definitions(),
        "items": list(bench.items),
        "rows": [row_values(row) for row in rows],
    }
    return json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def as_markdown(bench: Bench, rows: Sequence[Row]) -> str:
    """A table of engines, the machine, and what makes the figures doubtful."""
    found = summaries(bench, rows)
    suite, machine = bench.facts["suite"], bench.facts["machine"]
    parts = [
        f"# Benchmark {bench.id}",
        f"{suite['title']}: {len(bench.items)} scripts, {bench.plan['repeats']} times each, seeds "
        f"{', '.join(map(str, bench.plan['seeds']))}. {bench.done} of {bench.cells} rows, {bench.failed} failed; "
        f"begun {bench.created}.",
        "Median, and between what it lay.",
        table(found).markdown(),
        f"Machine: {machine_line(bench)}.",
        "Models: " + "; ".join(f"{name} {one['revision']}, {one['precision']}" for name, one in _models(bench)) + ".",
        f"Packages: {', '.join(f'{name} {version}' for name, version in machine['packages'].items())}.",
        f"Words were heard by {bench.facts['recogniser'] or 'nobody'}. Suite: {suite['source']} {suite['licence']}.",
        *(f"- Doubtful: {warning}" for warning in warnings(bench, rows)),
        *(f"- {one.title} failed: {error}" for one in found for error in one.errors),
    ]
    return "\n\n".join(parts) + "\n"


def _models(bench: Bench) -> list[tuple[str, dict[str, str]]]:
    return list(bench.facts["engines"].items())


def machine_line(bench: Bench) -> str:
    """The machine in one line."""
    told = bench.facts["machine"]
    card = f", {told['card']}" if told["card"] else ""
    threads = "one thread" if told["threads"] == 1 else f"{told['threads']} threads"
    return (
        f"{told['processor']}, {told['cores']} cores, {told['memory_gb']} GB{card}; engines on {told['device']} with "
        f"{threads}; {told['system']}, Python {told['python']}, Dialogue Studio {told['studio']}"
    )


def table(found: Sequence[Summary]) -> Table:
    """A row a measure that any engine has, a column an engine."""
    measures = [ALL[name] for name in MATTER if any(name in one.spreads for one in found)]
    heads = ("", *(one.title for one in found))
    rows = [(measure.title, *(cell(one, measure) for one in found)) for measure in measures]
    percents = ("Time to first sound, p50 / p90 / p95", *(_percents(one) for one in found))
    return Table(heads, (*tuple(rows[:2]), percents, *tuple(rows[2:])))


def cell(summary: Summary, measure: Measure) -> str:
    """A figure of an engine, or that there is none."""
    found = summary.spreads.get(measure.name)
    if found is None:
        return "missing"
    if found.least == found.most:
        return shown(measure, found.median)
    return f"{shown(measure, found.median)} ({shown(measure, found.least)} to {shown(measure, found.most)})"


def _percents(summary: Summary) -> str:
    return " / ".join(f"{value:.3f}" for value in summary.first_sound) + " s" if summary.first_sound else "missing"
