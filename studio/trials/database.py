"""The tables of comparisons, questions and votes. Knows SQL; votes can be added and never changed or taken away.

A connection lasts one transaction, so it is never shared between threads, and a killed process leaves nothing open.
Order is the order of writing: no clock is asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from studio.disk import cannot_write
from studio.errors import OutputError, RequestError, StudioError
from studio.migrations import migrate

WAIT_SECONDS = 20.0  # for another process that writes

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
)


class Database:
    """One file. It is made when something is first read from it or written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A view at one moment. Raises OutputError, StudioError when the file is not one of ours."""
        with self._connected() as db:
            db.execute("BEGIN")
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The right to write, alone; kept when the block ends well, else nothing was done."""
        with self._connected() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)) as db:
                db.row_factory = sqlite3.Row
                db.execute("PRAGMA synchronous = FULL")
                self._migrate(db)
                yield db
        except sqlite3.Error as error:
            raise self._explained(error) from error
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _migrate(self, db: sqlite3.Connection) -> None:
        if not migrate(db, MIGRATIONS):
            raise RequestError(
                f"The votes in {self.path} were written by a newer Dialogue Studio.",
                "Update this one; nothing was touched.",
            )

    def _explained(self, error: sqlite3.Error) -> StudioError:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return OutputError("Another program is writing votes.", "Wait a moment and try again.")
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return OutputError(f"The votes cannot be written: {error}.", f"Look after the disk near {self.path}.")
        return OutputError(
            f"The file of votes is damaged: {error}.", f"Move {self.path} away and import your last export."
        )
