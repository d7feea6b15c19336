"""`Comparison`: one script and the entries it is heard in. Knows what is wanted, not how it is spoken or kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from studio.errors import RequestError
from studio.request import MAX_SEED
from studio.script import Script, Turn

MOST_ENTRIES = 8
MOST_NAME_CHARACTERS = 60


@dataclass(frozen=True)
class Entry:
    """How the script is to be spoken once: everything `Studio.request` takes beside the script.

    voices, sampling: what is chosen; the rest is what the engine takes without a choice. seed: 0 to MAX_SEED.
    """

    engine: str
    seed: int = 0
    voices: Mapping[str, str] = field(default_factory=dict)
    sampling: Mapping[str, float] = field(default_factory=dict)
    precision: str = ""

    def __post_init__(self) -> None:
        if not self.engine:
            raise RequestError("An entry has no engine.", "Choose one.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed <= MAX_SEED:
            raise RequestError(f"The seed must be a whole number from 0 to {MAX_SEED}, not {self.seed!r}.")

    @property
    def id(self) -> str:
        """The same for equal entries, here and elsewhere."""
        return hashlib.sha256(json.dumps(self.values, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def values(self) -> dict[str, Any]:
        """As plain values; `Entry(**values)` is the same again."""
        return {**asdict(self), "voices": dict(self.voices), "sampling": dict(self.sampling)}

    @property
    def system(self) -> dict[str, Any]:
        """All of it but the seed: what speaks, of which a seed is one try."""
        return {name: value for name, value in self.values.items() if name != "seed"}


@dataclass(frozen=True)
class Comparison:
    """A script in one to MOST_ENTRIES entries that differ. id: letters and digits. created: UTC, ISO 8601.

    series: shared by the comparisons of one set of scripts, empty for a script alone. titles: engine -> its name.

    Raises RequestError for no entry, too many, or two that are the same.
    """

    script: Script
    entries: tuple[Entry, ...]
    name: str = ""
    id: str = field(default_factory=lambda: uuid4().hex[:12])
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    series: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.entries:
            raise RequestError("There is nothing to compare.", "Add an entry: an engine and a seed.")
        if len(self.entries) > MOST_ENTRIES:
            raise RequestError(
                f"{len(self.entries)} entries are too many; {MOST_ENTRIES} can be told apart.", "Take some away."
            )
        ids = [entry.id for entry in self.entries]
        twice = next((at for at, found in enumerate(ids) if found in ids[:at]), None)
        if twice is not None:
            raise RequestError(
                f"Entry {twice + 1} is the same as entry {ids.index(ids[twice]) + 1}.",
                "Give it another seed, voice or setting.",
            )
        if not self.name:
            opening = " ".join(self.script.turns[0].text.split())
            short = opening if len(opening) <= MOST_NAME_CHARACTERS else f"{opening[: MOST_NAME_CHARACTERS - 1]}…"
            object.__setattr__(self, "name", short)
        for key in (self.id, self.series or self.id):
            if not key.isalnum():
                raise RequestError(f"{key!r} is not the id of a comparison.")

    @property
    def script_digest(self) -> str:
        """SHA-256 of the script, to tell votes on the same words from others."""
        return hashlib.sha256(str(self.script).encode()).hexdigest()[:16]

    def entry(self, entry_id: str) -> Entry:
        """The entry with this id. Raises RequestError."""
        for entry in self.entries:
            if entry.id == entry_id:
                return entry
        raise RequestError(f"There is no entry {entry_id!r} in this comparison.", "Reload the page.")

    @property
    def names(self) -> dict[str, str]:
        """Entry -> what to call it."""
        return dict(zip((one.id for one in self.entries), labels(self.entries, self.titles), strict=True))

    def order(self) -> list[Entry]:
        """The entries in the order of rendering: those of one model together, so that each model loads once."""
        models = list(dict.fromkeys((entry.engine, entry.precision) for entry in self.entries))
        return sorted(self.entries, key=lambda entry: models.index((entry.engine, entry.precision)))

    @property
    def values(self) -> dict[str, Any]:
        """As plain values, for `Comparison.read`."""
        return {
            "id": self.id,
            "name": self.name,
            "created": self.created,
            "script": asdict(self.script),
            "entries": [entry.values for entry in self.entries],
            "series": self.series,
            "titles": dict(self.titles),
        }

    @staticmethod
    def read(values: Any) -> Comparison:
        """The comparison in plain values. Raises RequestError for what is not one."""
        try:
            script = Script(tuple(Turn(**turn) for turn in values["script"]["turns"]), values["script"]["lead_in"])
            entries = tuple(Entry(**entry) for entry in values["entries"])
            plain = (values["name"], values["id"], values["created"])
            return Comparison(script, entries, *plain, values.get("series", ""), values.get("titles", {}))
        except (KeyError, TypeError, AttributeError) as error:
            raise RequestError(f"This is not a comparison: {error}.", "It was written by another version.") from error


def sweep(entry: Entry, seeds: Sequence[int] = (), name: str = "", values: Iterable[float] = ()) -> list[Entry]:
    """The entry once for each seed, or for each value of one of its engine's parameters."""
    if name:
        return [Entry(**{**entry.values, "sampling": {**entry.sampling, name: value}}) for value in values]
    return [Entry(**{**entry.values, "seed": seed}) for seed in seeds]


def labels(entries: Sequence[Entry], titles: Mapping[str, str]) -> list[str]:
    """What to call each entry: its engine, and whatever tells it from the others. titles: engine -> its name."""
    told = []
    for entry in entries:
        alike = [other for other in entries if other.engine == entry.engine]
        parts = [titles.get(entry.engine, entry.engine)]
        if len({other.precision for other in alike}) > 1:
            parts.append(entry.precision or "usual precision")
        if len({json.dumps(dict(other.voices), sort_keys=True) for other in alike}) > 1:
            parts.append(", ".join(entry.voices.values()) or "usual voices")
        for name in sorted({name for other in alike for name in other.sampling}):
            if len({other.sampling.get(name) for other in alike}) > 1:
                value = entry.sampling.get(name)
                parts.append(f"{name.replace('_', ' ')} {'as usual' if value is None else format(value, 'g')}")
        if len({other.seed for other in alike}) > 1:
            parts.append(f"seed {entry.seed}")
        told.append(" · ".join(parts))
    return told
