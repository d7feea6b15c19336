"""A benchmark written to a file, in the form that the file's ending says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from studio.benchmark import report, writing
from studio.benchmark.bench import Benchmarks
from studio.benchmark.store import Bench
from studio.disk import aside


def write(benchmarks: Benchmarks, bench: Bench, path: Path) -> None:
    """Write it whole or not at all: .csv (rows), .json (all), .md, .html (a report). Raises OutputError."""
    rows = benchmarks.store.rows(bench.id)
    texts: dict[str, Callable[[], str]] = {
        ".csv": lambda: writing.as_csv(rows),
        ".json": lambda: writing.as_json(bench, rows),
        ".md": lambda: writing.as_markdown(bench, rows),
        ".html": lambda: report.as_html(benchmarks, bench, rows),
    }
    with aside(path.resolve()) as part:
        part.write_text(texts[path.suffix.lower()](), encoding="utf-8", newline="")
