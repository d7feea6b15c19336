"""`Database`: one SQLite file that threads and processes share. Knows how it is opened and fails, no table.

A connection lasts one transaction, so it is never shared between threads, and a killed process leaves nothing open.
Write-ahead logging lets readers read while one writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from studio.disk import cannot_write
from studio.errors import OutputError, StudioError

WAIT_SECONDS = 20.0  # for another process that writes


@dataclass(frozen=True)
class Database:
    """One file. It is made when something is first read from it or written to it.

    holds: what is in it, as a person calls it ("votes"). scripts: SQL that makes its tables, one a version; one that
    was released is never changed, the next is added. rescue: what to do when the file is damaged. unreadable: the
    error for a file that is damaged or of a later version.
    """

    path: Path
    holds: str
    scripts: tuple[str, ...]
    rescue: str = "Move it away: a new one is begun."
    unreadable: type[StudioError] = OutputError

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A view of one moment. Raises OutputError, and `unreadable` when the file is not one of ours."""
        with self._connected() as db:
            db.execute("BEGIN")
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The right to write, alone; kept when the block ends well, else nothing was done. Raises as `reading`."""
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
                db.execute("PRAGMA foreign_keys = ON")
                db.execute("PRAGMA synchronous = FULL")
                if not _migrate(db, self.scripts):
                    raise self.unreadable(
                        f"The {self.holds} in {self.path} were written by a newer Dialogue Studio.",
                        "Update this one; nothing was touched.",
                    )
                yield db
        except sqlite3.Error as error:
            raise self._explained(error) from error
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _explained(self, error: sqlite3.Error) -> StudioError:
        """The error for a person behind one of SQLite's."""
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return OutputError(f"Another program is writing the {self.holds}.", "Wait a moment and try again.")
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
            return OutputError(
                f"The {self.holds} could not be written: {error}.", f"Is the disk full? Free space near {self.path}."
            )
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return OutputError(f"The {self.holds} cannot be opened: {error}.", f"Mend the permissions of {self.path}.")
        return self.unreadable(f"The file of {self.holds}, {self.path}, is damaged: {error}.", self.rescue)


def _migrate(db: sqlite3.Connection, scripts: tuple[str, ...]) -> bool:
    """Run the scripts that the file has not seen, whichever process comes first; quick when it has. Its version is
    SQLite's user_version. False when the file is of a later version than these: nothing was touched.
    """
    version = _version(db)
    if version < len(scripts):
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN IMMEDIATE")
        version = _version(db)  # another process may have been first
        for script in scripts[version:]:
            for statement in script.split(";\n"):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {max(version, len(scripts))}")
        db.execute("COMMIT")
    return version <= len(scripts)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
