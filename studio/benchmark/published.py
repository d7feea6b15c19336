"""Figures that others have published: shown beside measured ones, never among them. Knows a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from studio.benchmark.measures import ALL

FILE = Path(__file__).parents[2] / "assets" / "published.json"
READ = "2026-11"
ARENA = {"arena_elo": "Rating of an arena", "win_rate": "Wins against a baseline"}  # what listeners or judges preferred
TITLES = {"utmos": "UTMOS", **ARENA}  # of measures that are others' own


@dataclass(frozen=True)
class Figure:
    """engine: the id of ours that this is about, or "". measure: a name of `measures`, or another's own.

    least, most: the value in `unit`, or between what it lay (RTF where they wrote its inverse); None where they gave
    words. published: as they wrote it. date: of the source, "" where it has none. address: where it can be read.
    caveat: what to keep in mind. checked: when the source was last seen to say so, "" where it could not be read.
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
    checked: str

    @property
    def title(self) -> str:
        """What was measured, as a person calls it."""
        return ALL[self.measure].title if self.measure in ALL else TITLES[self.measure]

    @property
    def values(self) -> dict[str, Any]:
        """As plain JSON; when we read it where the source has no date, and whether that could be checked."""
        told = {"title": self.title, "checked": self.checked or "not checked"}
        return {**asdict(self), **told, "date": self.date or f"read {READ}"}


@cache
def figures() -> tuple[Figure, ...]:
    """All of them, in the order of the file."""
    return tuple(Figure(**one) for one in json.loads(FILE.read_text(encoding="utf-8"))["figures"])


def of(engine: str) -> list[Figure]:
    """Those about one engine of ours."""
    return [figure for figure in figures() if figure.engine == engine]


def arenas() -> list[Figure]:
    """Those that say what others preferred, in pairs."""
    return [figure for figure in figures() if figure.measure in ARENA]
