"""Figures that others have published: shown beside measured ones, never among them. Knows a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "assets" / "published.json"
READ = "2026-11"


@dataclass(frozen=True)
class Figure:
    """engine: the id of ours that this is about, or "". measure: a name of `measures`, or another's own.

    least, most: the value in `unit`, or between what it lay (RTF where they wrote its inverse); None where they gave
    words. published: as they wrote it. date: of the source, "" where it has none. address: where it can be read.
    caveat: what to keep in mind.
    """

    engine: str
    system: str
    measure: str
    least: float | None
    most: float | None
    unit: str
    published: str
    hardware: str
    date: str
    source: str
    address: str
    caveat: str

    @property
    def values(self) -> dict[str, Any]:
        """As plain JSON; when we read it where the source has no date."""
        return {**asdict(self), "date": self.date or f"read {READ}"}


@cache
def figures() -> tuple[Figure, ...]:
    """All of them, in the order of the file."""
    return tuple(Figure(**one) for one in json.loads(FILE.read_text(encoding="utf-8"))["figures"])


def of(engine: str) -> list[Figure]:
    """Those about one engine of ours."""
    return [figure for figure in figures() if figure.engine == engine]
