"""Bringing the tables of an SQLite file to this version, whichever process comes first. Knows no table."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


def migrate(db: sqlite3.Connection, scripts: Sequence[str]) -> bool:
    """Run the scripts, one a version, that the file has not seen; quick when it has. Its version is SQLite's
    user_version. False when the file is of a later version than these: nothing was touched.
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
