"""What the library keeps of a voice, as checked values and as the plain record that is exported. Knows no file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from studio.audio import Audio
from studio.errors import RequestError
from studio.script import clean
from studio.voice import Consent, TimedWord

_RECORD = frozenset(
    ("id", "name", "tags", "language", "notes", "source", "consent", "settings", "favourite", "created", "changed")
) | {"references"}
ID = re.compile(r"v-[a-z0-9][a-z0-9-]{0,39}")  # no preset begins with "v-"
HASH = re.compile(r"[0-9a-f]{64}")
DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00)?")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
MAX_NAME, MAX_TEXT, MAX_TAG, MAX_TAGS, MAX_REFERENCES = 80, 10_000, 40, 30, 20
MAX_VALUES = 100_000  # characters of JSON in measurements, edits or settings
MAX_SECONDS = 600.0


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording that is to be kept: what engines hear, its words, and the file it was made from.

    audio: mono. words: when they sound. measurements, edits: JSON values of those who measured and cut it.
    original: the file as it was brought, kept byte by byte. original_name: what it was called there.
    """

    audio: Audio
    transcript: str
    words: tuple[TimedWord, ...] = ()
    measurements: Mapping[str, Any] = field(default_factory=dict)
    edits: Mapping[str, Any] = field(default_factory=dict)
    original: Path | bytes | None = None
    original_name: str = ""


@dataclass(frozen=True)
class Reference:
    """A recording that is kept. sound, original: the SHA-256 of its files, "" where there is no original.

    Raises RequestError for what cannot be.
    """

    sound: str
    seconds: float
    sample_rate: int
    transcript: str
    words: tuple[TimedWord, ...] = ()
    measurements: Mapping[str, Any] = field(default_factory=dict)
    edits: Mapping[str, Any] = field(default_factory=dict)
    original: str = ""
    original_name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "transcript", clean(_text("The transcript", self.transcript)))
        object.__setattr__(self, "original_name", clean(_text("The name of a file", self.original_name))[:200])
        if not self.transcript:
            raise RequestError("A recording wants its words.", "Type what is said in it.")
        if not HASH.fullmatch(self.sound) or (self.original and not HASH.fullmatch(self.original)):
            raise RequestError("A recording is kept under the hash of its file.")
        object.__setattr__(self, "seconds", float(self.seconds))
        if not 0 < self.seconds <= MAX_SECONDS or not 1000 <= self.sample_rate <= 768_000:
            raise RequestError(
                f"A reference cannot last {self.seconds:.1f} s at {self.sample_rate} Hz.",
                f"Use up to {MAX_SECONDS:.0f} s; 5 to 10 are best.",
            )
        if len(self.words) > MAX_TEXT:
            raise RequestError("A recording has too many words.")
        _values("Measurements", self.measurements)
        _values("Edits", self.edits)

    @property
    def record(self) -> dict[str, Any]:
        """As plain JSON values."""
        words = [[word.text, word.start, word.end, word.confidence] for word in self.words]
        return {item.name: getattr(self, item.name) for item in fields(self)} | {"words": words}

    @staticmethod
    def of(record: Mapping[str, Any]) -> Reference:
        """From plain values. Raises RequestError or TypeError."""
        words = tuple(TimedWord(*word) for word in record["words"])
        return Reference(**{**record, "words": words})


@dataclass(frozen=True)
class LibraryVoice:
    """A voice of the library. Change one with `dataclasses.replace` and give it to `Library.save`.

    id: "v-…", for ever. name: for people, need not be unique. references: at least one; engines choose among them.
    settings: engine id -> parameter -> value, what suited this voice. created, changed, deleted: UTC, ISO 8601; deleted
    is "" for a voice that is not in the bin. revision: counts its changes; a change to an old revision is refused.
    is_sample: it comes with the studio and cannot be changed. Raises RequestError for what cannot be.
    """

    id: str
    name: str
    consent: Consent
    references: tuple[Reference, ...]
    tags: tuple[str, ...] = ()
    language: str = "en"
    notes: str = ""
    source: str = ""
    settings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    favourite: bool = False
    created: str = ""
    changed: str = ""
    deleted: str = ""
    revision: int = 1
    is_sample: bool = False

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            raise RequestError(f"{self.id!r} is not the id of a voice in the library.")
        object.__setattr__(self, "name", named(self.name))
        object.__setattr__(self, "tags", tagged(self.tags))
        object.__setattr__(self, "notes", _text("The notes", self.notes))
        object.__setattr__(self, "source", clean(_text("The source", self.source)))
        object.__setattr__(self, "favourite", bool(self.favourite))
        if not isinstance(self.language, str) or not LANGUAGE.fullmatch(self.language):
            raise RequestError(f"{self.language!r} is not a language.", "Write its code, such as en or pt-BR.")
        if not all(DATE.fullmatch(date) for date in (self.created, self.changed, self.deleted)):
            raise RequestError("The dates of a voice must be in UTC, in the form of ISO 8601.")
        if not isinstance(self.consent, Consent):
            raise RequestError("A voice wants its consent.", "Say by which right it is used.")
        sounds = [reference.sound for reference in self.references]
        if not 1 <= len(sounds) <= MAX_REFERENCES or len(set(sounds)) < len(sounds):
            raise RequestError(
                f"A voice has 1 to {MAX_REFERENCES} different recordings, not {len(sounds)}.",
                "A recording that is there already need not be added again.",
            )
        _settings(self.settings)

    @property
    def seconds(self) -> float:
        """Of all its recordings."""
        return sum(reference.seconds for reference in self.references)

    @property
    def haystack(self) -> str:
        """What a search looks into."""
        spoken = (reference.transcript for reference in self.references)
        return "\n".join((self.id, self.name, *self.tags, self.language, self.notes, self.source, *spoken)).casefold()

    @property
    def record(self) -> dict[str, Any]:
        """As plain JSON values: all that goes with the voice to another library, so without revision and bin."""
        return {
            "id": self.id,
            "name": self.name,
            "tags": list(self.tags),
            "language": self.language,
            "notes": self.notes,
            "source": self.source,
            "consent": self.consent.values,
            "settings": {engine: dict(values) for engine, values in self.settings.items()},
            "favourite": self.favourite,
            "created": self.created,
            "changed": self.changed,
            "references": [reference.record for reference in self.references],
        }

    @staticmethod
    def of(record: Mapping[str, Any]) -> LibraryVoice:
        """From plain values. Raises RequestError, KeyError or TypeError."""
        if unknown := record.keys() - _RECORD:
            raise RequestError(f"A voice has no {', '.join(sorted(unknown))}.")
        values = {
            "consent": Consent(**record["consent"]),
            "tags": tuple(record["tags"]),
            "references": tuple(Reference.of(reference) for reference in record["references"]),
        }
        return LibraryVoice(**{**record, **values})

    def says_the_same(self, other: LibraryVoice) -> bool:
        """Whether two voices are equal in all but their dates and what a person marked as favourite."""
        passing = ("created", "changed", "favourite")
        mine, theirs = ({k: v for k, v in voice.record.items() if k not in passing} for voice in (self, other))
        return mine == theirs


def named(name: str) -> str:
    """The name of a voice, on one line. Raises RequestError."""
    name = clean(_text("The name", name))
    if not name:
        raise RequestError("The voice has no name.", "Give it one.")
    if len(name) > MAX_NAME:
        raise RequestError(
            f"A voice's name has at most {MAX_NAME} characters, not {len(name)}.", "Choose a shorter one."
        )
    return name


def tagged(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Tags, each once, in the order given. Raises RequestError."""
    found = dict.fromkeys(clean(_text("A tag", tag)) for tag in tags)
    kept = tuple(tag for tag in found if tag)
    if len(kept) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in kept):
        raise RequestError(f"A voice has at most {MAX_TAGS} tags of at most {MAX_TAG} characters.")
    return kept


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise RequestError(f"{what} must be a text of at most {MAX_TEXT} characters.", "Make it shorter.")
    return value.encode("utf-8", "replace").decode().strip()  # half a surrogate pair can be kept nowhere


def _values(what: str, value: Mapping[str, Any]) -> None:
    """Raises RequestError for what JSON cannot hold, and for too much of it."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestError(f"{what} of a voice must be plain values: {error}.") from error
    if not isinstance(value, Mapping) or len(text) > MAX_VALUES:
        raise RequestError(f"{what} of a voice are at most {MAX_VALUES} characters of JSON.")


def _settings(settings: Mapping[str, Mapping[str, float]]) -> None:
    _values("Settings", settings)
    for engine, values in settings.items():
        if not isinstance(values, Mapping) or not all(map(_is_number, values.values())):
            raise RequestError(f"The settings for {engine} must be numbers by name.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
