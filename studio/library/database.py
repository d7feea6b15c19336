"""The library's tables, and voices as their rows. Knows SQL; how the file is opened knows studio.database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from studio.database import Database
from studio.errors import LibraryError
from studio.library.entries import LibraryVoice, Reference
from studio.voice import Consent, TimedWord

# One script a version. Never change one that was released: add the next.
MIGRATIONS = (
    """
    CREATE TABLE voices (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        tags TEXT NOT NULL,         -- JSON list
        language TEXT NOT NULL,
        notes TEXT NOT NULL,
        source TEXT NOT NULL,
        consent TEXT NOT NULL,      -- JSON object
        settings TEXT NOT NULL,     -- JSON object
        favourite INTEGER NOT NULL,
        created TEXT NOT NULL,
        changed TEXT NOT NULL,
        deleted TEXT NOT NULL,      -- when it was put into the bin, else empty
        revision INTEGER NOT NULL,
        folded TEXT NOT NULL,       -- the name, casefolded
        haystack TEXT NOT NULL      -- all that a search looks into, casefolded
    ) WITHOUT ROWID;
    CREATE INDEX voices_by_name ON voices (folded);
    CREATE TABLE recordings (
        voice TEXT NOT NULL REFERENCES voices (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        sound TEXT NOT NULL,
        seconds REAL NOT NULL,
        sample_rate INTEGER NOT NULL,
        transcript TEXT NOT NULL,
        words TEXT NOT NULL,        -- JSON: text, start, end, confidence
        measurements TEXT NOT NULL, -- JSON object
        edits TEXT NOT NULL,        -- JSON object
        original TEXT NOT NULL,
        original_name TEXT NOT NULL,
        PRIMARY KEY (voice, position)
    ) WITHOUT ROWID;
    CREATE TABLE gone (             -- voices taken out of the bin for good: that they were is still told
        id TEXT PRIMARY KEY,
        deleted TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
)
VERSION = len(MIGRATIONS)


def voices_in(path: Path) -> Database:
    """The database of a library."""
    rescue = f"Move {path} away and import your last export; the sounds beside it are not lost."
    return Database(path, "voices", MIGRATIONS, rescue, LibraryError)


def insert(db: sqlite3.Connection, voice: LibraryVoice) -> None:
    """A voice and its recordings, in place of what was there under this id."""
    db.execute("DELETE FROM voices WHERE id = ?", (voice.id,))
    db.execute("DELETE FROM gone WHERE id = ?", (voice.id,))
    row = {
        "id": voice.id,
        "name": voice.name,
        "tags": _json(voice.tags),
        "language": voice.language,
        "notes": voice.notes,
        "source": voice.source,
        "consent": _json(voice.consent.values),
        "settings": _json(voice.settings),
        "favourite": int(voice.favourite),
        "created": voice.created,
        "changed": voice.changed,
        "deleted": voice.deleted,
        "revision": voice.revision,
        "folded": voice.name.casefold(),
        "haystack": voice.haystack,
    }
    _insert(db, "voices", row)
    for position, reference in enumerate(voice.references):
        values = {name: _json(value) if name in _NESTED else value for name, value in reference.record.items()}
        _insert(db, "recordings", {"voice": voice.id, "position": position, **values})


_NESTED = {"words", "measurements", "edits"}


def _insert(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def select(db: sqlite3.Connection, where: str, values: Sequence[Any] = ()) -> list[LibraryVoice]:
    """The voices for which an SQL condition holds, favourites first, then by name."""
    rows = db.execute(f"SELECT * FROM voices WHERE {where} ORDER BY favourite DESC, folded, id", values).fetchall()
    query = f"SELECT * FROM recordings WHERE voice IN (SELECT id FROM voices WHERE {where}) ORDER BY voice, position"
    references: dict[str, list[Reference]] = {}
    for row in db.execute(query, values):
        references.setdefault(row["voice"], []).append(_reference(row))
    return [_voice(row, references[row["id"]]) for row in rows]


def _voice(row: sqlite3.Row, references: Iterable[Reference]) -> LibraryVoice:
    return LibraryVoice(
        id=row["id"],
        name=row["name"],
        consent=Consent(**json.loads(row["consent"])),
        references=tuple(references),
        tags=tuple(json.loads(row["tags"])),
        language=row["language"],
        notes=row["notes"],
        source=row["source"],
        settings=json.loads(row["settings"]),
        favourite=bool(row["favourite"]),
        created=row["created"],
        changed=row["changed"],
        deleted=row["deleted"],
        revision=row["revision"],
    )


def _reference(row: sqlite3.Row) -> Reference:
    return Reference(
        sound=row["sound"],
        seconds=row["seconds"],
        sample_rate=row["sample_rate"],
        transcript=row["transcript"],
        words=tuple(TimedWord(*word) for word in json.loads(row["words"])),
        measurements=json.loads(row["measurements"]),
        edits=json.loads(row["edits"]),
        original=row["original"],
        original_name=row["original_name"],
    )


def files(db: sqlite3.Connection) -> tuple[set[str], set[str]]:
    """The hashes of all sounds and of all originals that belong to a voice, one in the bin too."""
    rows = db.execute("SELECT sound, original FROM recordings").fetchall()
    return {row["sound"] for row in rows}, {row["original"] for row in rows if row["original"]}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
