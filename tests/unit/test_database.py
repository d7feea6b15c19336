"""An SQLite file of ours: what is told when it is damaged, of a later version or held by another program."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from studio.benchmark import store as benchmarks
from studio.database import Database
from studio.errors import LibraryError, OutputError, StudioError
from studio.library.database import voices_in
from studio.trials.database import trials_in

FILES = {
    "voices": voices_in,
    "comparisons and votes": trials_in,
    "benchmarks": lambda path: Database(path, "benchmarks", benchmarks.MIGRATIONS),
}


@pytest.mark.parametrize("holds", FILES)
def test_what_ails_a_file_is_said_by_what_it_holds(holds: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.database.WAIT_SECONDS", 0.05)
    file = FILES[holds](tmp_path / "folder" / "f.sqlite")
    with file.writing() as db:
        before = db.execute("SELECT sql FROM sqlite_master").fetchall()

    with file.writing(), pytest.raises(OutputError, match=f"Another program is writing the {holds}"), file.writing():
        pass
    with closing(sqlite3.connect(file.path, isolation_level=None)) as other:
        other.execute("PRAGMA user_version = 99")
        with pytest.raises(StudioError, match=f"{holds} in .* by a newer Dialogue Studio"), file.reading():
            pass
        assert other.execute("SELECT sql FROM sqlite_master").fetchall() == [tuple(row) for row in before]
        assert other.execute("PRAGMA user_version").fetchone() == (99,), "a later version is never set back"

    file.path.write_bytes(b"not a database, " * 512)
    with pytest.raises(LibraryError if holds == "voices" else OutputError, match="is damaged") as told, file.reading():
        pass
    assert "Move" in told.value.remedy


def test_a_block_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    file = Database(tmp_path / "f.sqlite", "words", ("CREATE TABLE words (word TEXT)",))
    with pytest.raises(KeyError), file.writing() as db:
        db.execute("INSERT INTO words VALUES ('half')")
        raise KeyError
    with file.reading() as db:
        assert db.execute("SELECT * FROM words").fetchall() == []


def test_tables_grow_by_the_scripts_that_a_file_has_not_seen(tmp_path: Path) -> None:
    first = "CREATE TABLE words (word TEXT);\nINSERT INTO words VALUES ('old')"
    with Database(tmp_path / "f.sqlite", "words", (first,)).writing():
        pass
    second = "ALTER TABLE words ADD COLUMN length INTEGER"
    with Database(tmp_path / "f.sqlite", "words", (first, second)).reading() as db:
        assert [tuple(row) for row in db.execute("SELECT * FROM words")] == [("old", None)]
