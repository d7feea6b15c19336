"""The tables of comparisons, questions and votes. Knows SQL; votes can be added and never changed or taken away.

Order is the order of writing: no clock is asked.
"""

from __future__ import annotations

from pathlib import Path

from studio.database import Database

# One script a version. Never change one that was released: add the next.
MIGRATIONS = (
    """
    CREATE TABLE comparisons (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL,         -- JSON: Comparison.values
        deleted INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE renderings (
        comparison TEXT NOT NULL,
        entry TEXT NOT NULL,
        body TEXT NOT NULL,         -- JSON: Rendering.values
        PRIMARY KEY (comparison, entry)
    ) WITHOUT ROWID;
    CREATE TABLE questions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        comparison TEXT NOT NULL,
        listener TEXT NOT NULL,
        first TEXT NOT NULL,        -- ids of entries
        second TEXT NOT NULL,
        kind TEXT NOT NULL,
        repeats TEXT NOT NULL,
        degraded TEXT NOT NULL,     -- "first", "second" or empty
        revealed INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX questions_by_listener ON questions (comparison, listener);
    CREATE TABLE votes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,    -- of the question
        comparison TEXT NOT NULL,
        body TEXT NOT NULL          -- JSON: Vote.values
    );
    CREATE INDEX votes_by_comparison ON votes (comparison);
    CREATE TRIGGER votes_stay BEFORE DELETE ON votes BEGIN SELECT RAISE(ABORT, 'votes are kept'); END;
    CREATE TRIGGER votes_are_final BEFORE UPDATE ON votes BEGIN SELECT RAISE(ABORT, 'votes are kept'); END
    """,
    """
    ALTER TABLE questions ADD COLUMN x TEXT NOT NULL DEFAULT '';
    CREATE TABLE sheets (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        comparison TEXT NOT NULL,
        listener TEXT NOT NULL,
        body TEXT NOT NULL          -- JSON: Sheet.values
    );
    CREATE TABLE ratings (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,    -- of the sheet
        comparison TEXT NOT NULL,
        body TEXT NOT NULL          -- JSON: Rating.values
    );
    CREATE INDEX ratings_by_comparison ON ratings (comparison);
    CREATE TRIGGER ratings_stay BEFORE DELETE ON ratings BEGIN SELECT RAISE(ABORT, 'ratings are kept'); END;
    CREATE TRIGGER ratings_are_final BEFORE UPDATE ON ratings BEGIN SELECT RAISE(ABORT, 'ratings are kept'); END;
    CREATE TABLE recordings (
        comparison TEXT PRIMARY KEY,
        body TEXT NOT NULL          -- JSON: Recording.values
    ) WITHOUT ROWID;
    CREATE TABLE sessions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        token TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL,         -- JSON: Session.values
        closed INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE listeners (
        target TEXT NOT NULL,       -- a comparison or a series
        name TEXT NOT NULL,
        key TEXT NOT NULL,          -- SHA-256 of what the listener's browser keeps
        PRIMARY KEY (target, name)
    ) WITHOUT ROWID
    """,
)


def trials_in(path: Path) -> Database:
    """The database of comparisons and votes."""
    return Database(path, "comparisons and votes", MIGRATIONS, f"Move {path} away and import your last export.")
