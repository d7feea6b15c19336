"""`Rating`: what one listener gave to all takes of one script, with everything to audit it; and ratings as files.

A rating with a reference is a MUSHRA test (ITU-R BS.1534-3): beside the entries there are the hidden reference and its
two anchors. Without one it is what ITU-R BS.2132 calls multiple stimuli without a given reference, and is kept apart.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from studio.errors import RequestError
from studio.trials.comparison import Entry
from studio.trials.votes import check_listener, check_seconds, harmless

METHODS = ("mushra", "plain")
LABELS = ("bad", "poor", "fair", "good", "excellent")  # the scale's five fifths, from 0 to 100
ENTRY, HIDDEN, LOW, MIDDLE = "entry", "reference", "low", "middle"
ROLES = {
    HIDDEN: "the reference, hidden",
    LOW: "anchor: the reference below 3.5 kHz",
    MIDDLE: "anchor: the reference below 7 kHz",
}
_PLAIN = ("id", "created", "listener", "comparison", "name", "script", "method", "reference", "by", "studio")
_CELLS = ("role", "entry", "values", "takes", "label", "score", "heard_seconds")
COLUMNS = (*_PLAIN, *_CELLS)


@dataclass(frozen=True)
class Stimulus:
    """One sound and its score, 0 to 100. role: ENTRY, or one of ROLES. entry, values, takes: of an entry, empty for a
    recording. label: what the listener was told afterwards.
    """

    role: str
    score: float
    entry: str = ""
    values: Mapping[str, Any] | None = None
    takes: tuple[str, ...] = ()
    label: str = ""
    heard_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.role != ENTRY and self.role not in ROLES:
            raise RequestError(f"A rating knows no {self.role!r}.")
        if (self.role == ENTRY or self.entry) and (not self.values or Entry(**self.values).id != self.entry):
            raise RequestError("What was rated is not the entry that it says it is.")
        if not (math.isfinite(self.score) and 0 <= self.score <= 100):
            raise RequestError(f"A score is from 0 to 100, not {self.score}.")
        check_seconds(self.heard_seconds)


@dataclass(frozen=True)
class Rating:
    """All scores of one listener for one script. id: of the sheet. stimuli: in the order shown. reference: an entry's
    id, "recording" or empty. created: UTC; nothing depends on it.
    """

    id: str
    comparison: str
    script: str
    listener: str
    stimuli: tuple[Stimulus, ...]
    method: str = "plain"
    reference: str = ""
    name: str = ""
    by: str = ""
    created: str = ""
    studio: str = ""

    def __post_init__(self) -> None:
        for title, value in (("id", self.id), ("comparison", self.comparison), ("script", self.script)):
            if not (value.isascii() and value.isalnum() and len(value) <= 64):
                raise RequestError(f"{value[:40]!r} is not the {title} of a rating.")
        check_listener(self.listener)
        hidden = sorted(one.role for one in self.stimuli if one.role != ENTRY)
        wanted = sorted(ROLES) if self.method == "mushra" else []
        entries = [one.entry for one in self.stimuli if one.role == ENTRY]
        if self.method not in METHODS or hidden != wanted or not entries or len(set(entries)) < len(entries):
            raise RequestError(f"What was rated is not what a rating of the kind {self.method!r} has.")

    @property
    def values(self) -> dict[str, Any]:
        """As plain values, for `Rating.read`."""
        return asdict(self)

    def score(self, role: str) -> float:
        """What one of ROLES was given."""
        return next(one.score for one in self.stimuli if one.role == role)

    @staticmethod
    def read(values: Any) -> Rating:
        """The rating in plain values from outside. Raises RequestError for what is not one."""
        try:
            words = {name: str(values.get(name) or "") for name in _PLAIN}
            return Rating(**words, stimuli=tuple(map(_stimulus, values["stimuli"])))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestError(f"This is not a rating: {error!r}.") from error


def _stimulus(values: Mapping[str, Any]) -> Stimulus:
    return Stimulus(
        role=str(values["role"]),
        score=float(values["score"]),
        entry=str(values.get("entry") or ""),
        values={**values["values"]} if values.get("values") else None,
        takes=tuple(map(str, values.get("takes") or ())),
        label=str(values.get("label") or ""),
        heard_seconds=float(values.get("heard_seconds") or 0.0),
    )


def to_csv(ratings: Iterable[Rating]) -> str:
    """The ratings as a table, a score a line; what is nested is JSON in its cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for rating in ratings:
        for one in rating.stimuli:
            row = {name: getattr(rating, name) for name in _PLAIN} | {name: getattr(one, name) for name in _CELLS}
            row |= {"values": json.dumps(one.values, sort_keys=True), "takes": " ".join(one.takes)}
            writer.writerow({name: harmless(value) for name, value in row.items()})
    return out.getvalue()


def of_rows(rows: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Plain values for `Rating.read` from the lines of `to_csv`."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        rating = found.setdefault(row["id"], {**{name: row[name] for name in _PLAIN}, "stimuli": []})
        stimulus = {**row, "values": json.loads(row["values"]), "takes": row["takes"].split()}
        rating["stimuli"].append({name: stimulus[name] for name in _CELLS})
    return list(found.values())
