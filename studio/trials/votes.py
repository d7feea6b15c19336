"""`Vote`: one answer to one blind question, with everything to audit it; and votes as files, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from studio.errors import RequestError
from studio.trials.comparison import Entry

CHOICES = {"first": "the first is better", "second": "the second is better", "tie": "no difference", "bad": "both bad"}
TAGS = ("voice", "rhythm", "words", "artefacts", "emotion")
# a question; one asked again, sides changed; one whose answer is known; which of the two a third one is
KINDS = ("pair", "repeat", "gold", "abx")
LEAST_HEARD_SECONDS = 2.0  # of each side, or all of a shorter one
MOST_BYTES = 50_000_000
MOST_LISTENER_CHARACTERS = 40
FORMAT = "dialogue-studio-votes"
_SIDE = ("entry", "values", "takes", "label", "degraded", "heard_seconds")
_PLAIN = ("id", "created", "listener", "comparison", "name", "script", "kind", "repeats", "choice", "by", "studio", "x")
_LATER = {"x", "x_heard_seconds"}  # what the first version did not write
COLUMNS = (*_PLAIN, "x_heard_seconds", "tags", *(f"{side}_{name}" for side in ("first", "second") for name in _SIDE))


@dataclass(frozen=True)
class Side:
    """What was heard on one side. values: of its Entry. takes: ids. label: what the listener was told afterwards.

    degraded: it was made worse on purpose, to learn whether the listener hears that.
    """

    entry: str
    values: Mapping[str, Any]
    takes: tuple[str, ...] = ()
    label: str = ""
    degraded: bool = False
    heard_seconds: float = 0.0

    def __post_init__(self) -> None:
        if Entry(**self.values).id != self.entry:
            raise RequestError("A side of this vote is not the entry that it says it is.")
        check_seconds(self.heard_seconds)


@dataclass(frozen=True)
class Vote:
    """One answer. id: of the question, so that a question has one answer wherever it is kept. first, second: in the
    order shown. choice: one of CHOICES. tags: why, of TAGS. kind: one of KINDS. repeats: the question asked again.
    by: "keys" or "pointer". script: digest of the script; name: what the comparison is called. created: UTC; nothing
    depends on it. x: the side that X was, in an ABX, whose choice is the side that X was said to be.
    """

    id: str
    comparison: str
    script: str
    listener: str
    first: Side
    second: Side
    choice: str
    name: str = ""
    tags: tuple[str, ...] = ()
    kind: str = "pair"
    repeats: str = ""
    by: str = ""
    created: str = ""
    studio: str = ""
    x: str = ""
    x_heard_seconds: float = 0.0

    def __post_init__(self) -> None:
        for title, value in (("id", self.id), ("comparison", self.comparison), ("script", self.script)):
            if not (value.isascii() and value.isalnum() and len(value) <= 64):
                raise RequestError(f"{value[:40]!r} is not the {title} of a vote.")
        if self.choice not in CHOICES:
            raise RequestError(f"{self.choice!r} is no answer.", f"There is: {', '.join(CHOICES)}.")
        if self.kind not in KINDS or any(tag not in TAGS for tag in self.tags):
            raise RequestError(f"A vote cannot be of the kind {self.kind!r} with the tags {list(self.tags)}.")
        sides = ("first", "second")
        if (self.x in sides) != (self.kind == "abx") or (self.kind == "abx" and self.choice not in sides):
            raise RequestError("What X was, and what it was said to be, does not fit this kind of vote.")
        check_seconds(self.x_heard_seconds)
        check_listener(self.listener)

    @property
    def is_right(self) -> bool:
        """Whether X was known for what it was."""
        return self.kind == "abx" and self.choice == self.x

    @property
    def winner(self) -> Side | None:
        """The better side, None when neither."""
        return {"first": self.first, "second": self.second}.get(self.choice)

    @property
    def values(self) -> dict[str, Any]:
        """As plain values, for `Vote.read`."""
        return asdict(self)

    @staticmethod
    def read(values: Any) -> Vote:
        """The vote in plain values from outside. Raises RequestError for what is not one."""
        try:
            sides = {name: _side(values[name]) for name in ("first", "second")}
            words = {name: str(values.get(name, "")) for name in _PLAIN}
            more = {
                "tags": tuple(map(str, values.get("tags", ()))),
                "x_heard_seconds": float(values.get("x_heard_seconds") or 0.0),
            }
            return Vote(**{**words, **sides, **more})  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestError(f"This is not a vote: {error!r}.") from error


def check_listener(name: str) -> str:
    """The nickname. Raises RequestError when it is empty, too long or not printable."""
    if not name.strip() or len(name) > MOST_LISTENER_CHARACTERS or not name.isprintable():
        raise RequestError(
            f"A listener needs a name of 1 to {MOST_LISTENER_CHARACTERS} letters.", "A nickname is enough."
        )
    return name


def check_seconds(heard: float) -> float:
    """How long something was heard. Raises RequestError for what is no time."""
    if not math.isfinite(heard) or heard < 0:
        raise RequestError(f"Nobody can hear {heard} seconds.")
    return heard


def _side(values: Mapping[str, Any]) -> Side:
    return Side(
        entry=str(values["entry"]),
        values={**values["values"]},
        takes=tuple(map(str, values.get("takes", ()))),
        label=str(values.get("label", "")),
        degraded=values.get("degraded") is True,
        heard_seconds=float(values.get("heard_seconds", 0.0)),
    )


def to_json(votes: Iterable[Vote]) -> str:
    """The votes as one JSON document."""
    return json.dumps({"format": FORMAT, "version": 1, "votes": [vote.values for vote in votes]}, indent=1)


def to_csv(votes: Iterable[Vote]) -> str:
    """The votes as a table, one a line; what is nested is JSON in its cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for vote in votes:
        row: dict[str, Any] = {name: getattr(vote, name) for name in (*_PLAIN, "x_heard_seconds")}
        row["tags"] = " ".join(vote.tags)
        for name in ("first", "second"):
            side = asdict(getattr(vote, name))
            row |= {f"{name}_{key}": side[key] for key in _SIDE}
            row[f"{name}_values"] = json.dumps(side["values"], sort_keys=True)
            row[f"{name}_takes"] = " ".join(side["takes"])
        writer.writerow({name: harmless(value) for name, value in row.items()})
    return out.getvalue()


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: such a text gets an apostrophe, which `read` takes away."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "'") else value


def read(text: str) -> list[Vote]:
    """The votes of a file, JSON or CSV. Raises RequestError, naming the vote, when a single one is not whole."""
    found = list(_json_rows(text) if text.lstrip()[:1] in ("{", "[") else _csv_rows(text))
    votes = []
    for number, values in enumerate(found, 1):
        try:
            votes.append(Vote.read(values))
        except RequestError as error:
            raise RequestError(f"Vote {number} of the file is damaged: {error.message}", REMEDY) from error
    return votes


REMEDY = "Nothing was imported. Export the votes again, as JSON or CSV."


def _json_rows(text: str) -> Iterator[Any]:
    try:
        told = json.loads(text)
        if told["format"] != FORMAT or told["version"] != 1:
            raise RequestError("These votes were written by another version.", "Update the studio, then try again.")
        yield from told["votes"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RequestError(f"The file does not hold votes: {error}.", REMEDY) from error


def _csv_rows(text: str) -> Iterator[Any]:
    try:
        lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
        if set(lines.fieldnames or ()) | _LATER != set(COLUMNS):
            raise RequestError("The file does not hold votes: its columns are others.", REMEDY)
        for line in lines:
            if None in line or None in line.values():
                raise RequestError(f"Line {lines.line_num} of the file has too many or too few cells.", REMEDY)
            yield _unfolded({name: cell.removeprefix("'") for name, cell in line.items()})
    except (csv.Error, ValueError) as error:
        raise RequestError(f"The file does not hold votes: {error}.", REMEDY) from error


def _unfolded(cells: Mapping[str, str]) -> dict[str, Any]:
    sides = {
        name: {
            "entry": cells[f"{name}_entry"],
            "values": json.loads(cells[f"{name}_values"]),
            "takes": cells[f"{name}_takes"].split(),
            "label": cells[f"{name}_label"],
            "degraded": cells[f"{name}_degraded"] == "True",
            "heard_seconds": cells[f"{name}_heard_seconds"],
        }
        for name in ("first", "second")
    }
    plain = {name: cells.get(name, "") for name in (*_PLAIN, "x_heard_seconds")}
    return {**plain, **sides, "tags": cells["tags"].split()}
