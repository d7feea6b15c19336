"""Benchmarks on disk: one SQLite file, shared by threads and processes. Knows rows and states, not how they come about.

A row is there whole or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.database import Database
from studio.errors import RequestError

# One script a version. Never change one that was released: add the next.
MIGRATIONS = (
    """
    CREATE TABLE benches (
        id TEXT PRIMARY KEY,
        created TEXT NOT NULL,
        state TEXT NOT NULL,
        suite TEXT NOT NULL,
        plan TEXT NOT NULL,         -- JSON object
        items TEXT NOT NULL,        -- JSON list
        facts TEXT NOT NULL,        -- JSON object: machine, engines, alone, warnings
        cells INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE rows (
        bench TEXT NOT NULL REFERENCES benches (id) ON DELETE CASCADE,
        cell INTEGER NOT NULL,
        engine TEXT NOT NULL,
        item TEXT NOT NULL,
        seed INTEGER NOT NULL,
        repeat INTEGER NOT NULL,
        state TEXT NOT NULL,        -- begun, ok, failed
        tries INTEGER NOT NULL,     -- how often it was begun
        error TEXT NOT NULL,
        run TEXT NOT NULL,          -- the run whose sound it has
        sound TEXT NOT NULL,        -- hash of the sound as the engine made it
        judged INTEGER NOT NULL,
        val TEXT NOT NULL,          -- JSON object: measure -> number
        missing TEXT NOT NULL,      -- JSON object: measure -> why it is missing
        turns TEXT NOT NULL,        -- JSON list: of each turn
        created TEXT NOT NULL,
        PRIMARY KEY (bench, cell)
    ) WITHOUT ROWID;
    """,
)
OPEN_STATES = ("new", "waiting", "running", "paused")


@dataclass(frozen=True)
class Bench:
    """One benchmark. state: "new", "waiting", "running" (or killed), "paused", "stopped", "finished".

    plan: engines, seeds, repeats, voices. items: the scripts, as JSON. facts: machine, engines, alone, warnings.
    cells: how many rows there are to be; done, failed: how many there are.
    """

    id: str
    created: str
    state: str
    suite: str
    plan: Mapping[str, Any]
    facts: Mapping[str, Any]
    cells: int
    done: int = 0
    failed: int = 0
    items: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Row:
    """One engine, script, seed and repetition. values: measure -> number; missing: measure -> why there is none."""

    cell: int
    engine: str
    item: str
    seed: int
    repeat: int
    state: str
    error: str = ""
    run: str = ""
    sound: str = ""
    judged: bool = False
    values: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    turns: tuple[Mapping[str, Any], ...] = ()
    created: str = ""


class BenchStore:
    """One file. It is made when something is first written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = Database(path, "benchmarks", MIGRATIONS)

    def add(self, bench: Bench) -> None:
        """Keep a new benchmark. Raises OutputError."""
        with self._db.writing() as db:
            db.execute(
                "INSERT INTO benches VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (bench.id, bench.created, bench.state, bench.suite, _json(bench.plan), _json(bench.items),
                 _json(bench.facts), bench.cells),
            )  # fmt: skip

    def get(self, bench_id: str) -> Bench:
        """One benchmark with its scripts. Raises RequestError when it is not there."""
        found = self._benches("WHERE id = ?", (bench_id,), with_items=True)
        if not found:
            raise RequestError(f"There is no benchmark {bench_id!r}.", "See: python -m studio bench --list")
        return found[0]

    def recent(self, limit: int = 50) -> list[Bench]:
        """The newest first, without their scripts."""
        return self._benches("ORDER BY created DESC, id DESC LIMIT ?", (limit,))

    def _benches(self, where: str, values: tuple[Any, ...], with_items: bool = False) -> list[Bench]:
        if not self.path.exists():
            return []
        columns = "id, created, state, suite, plan, facts, cells" + (", items" if with_items else "")
        counts = "SELECT state, COUNT(*) FROM rows WHERE bench = ? GROUP BY state"
        with self._db.reading() as db:
            found = db.execute(f"SELECT {columns} FROM benches {where}", values).fetchall()
            done = {row["id"]: dict(db.execute(counts, (row["id"],)).fetchall()) for row in found}
        return [
            Bench(
                row["id"], row["created"], row["state"], row["suite"], json.loads(row["plan"]),
                json.loads(row["facts"]), row["cells"], done[row["id"]].get("ok", 0),
                done[row["id"]].get("failed", 0), tuple(json.loads(row["items"])) if with_items else (),
            )
            for row in found
        ]  # fmt: skip

    def rows(self, bench_id: str, after: int = -1) -> list[Row]:
        """The rows that are done, in order. after: only cells beyond this."""
        if not self.path.exists():
            return []
        query = "SELECT * FROM rows WHERE bench = ? AND cell > ? AND state != 'begun' ORDER BY cell"
        with self._db.reading() as db:
            return [_row(row) for row in db.execute(query, (bench_id, after))]

    def all_rows(self, engine: str, limit: int = 200) -> list[Row]:
        """The newest rows of an engine in all benchmarks."""
        if not self.path.exists():
            return []
        query = "SELECT rows.* FROM rows JOIN benches ON benches.id = bench WHERE engine = ? AND rows.state = 'ok' "
        query += "ORDER BY benches.created DESC LIMIT ?"
        with self._db.reading() as db:
            return [_row(row) for row in db.execute(query, (engine, limit))]

    def tries(self, bench_id: str) -> dict[int, tuple[str, int]]:
        """Cell -> its state and how often it was begun."""
        with self._db.reading() as db:
            rows = db.execute("SELECT cell, state, tries FROM rows WHERE bench = ?", (bench_id,))
            return {row["cell"]: (row["state"], row["tries"]) for row in rows}

    def begin(self, bench_id: str, row: Row) -> None:
        """Note that a cell is being spoken, before it is: who dies of it is known by that."""
        with self._db.writing() as db:
            known = db.execute("SELECT tries FROM rows WHERE bench = ? AND cell = ?", (bench_id, row.cell)).fetchone()
            _put(db, bench_id, row, known["tries"] + 1 if known else 1)

    def put(self, bench_id: str, row: Row) -> None:
        """Keep a row in place of what its cell held."""
        with self._db.writing() as db:
            known = db.execute("SELECT tries FROM rows WHERE bench = ? AND cell = ?", (bench_id, row.cell)).fetchone()
            _put(db, bench_id, row, known["tries"] if known else 1)

    def put_all(self, bench_id: str, rows: Iterable[Row]) -> None:
        """Keep many rows at once."""
        with self._db.writing() as db:
            for row in rows:
                _put(db, bench_id, row, 1)

    def change(self, bench_id: str, state: str = "", facts: Mapping[str, Any] | None = None) -> None:
        """Another state, or other facts."""
        with self._db.writing() as db:
            if state:
                db.execute("UPDATE benches SET state = ? WHERE id = ?", (state, bench_id))
            if facts is not None:
                db.execute("UPDATE benches SET facts = ? WHERE id = ?", (_json(facts), bench_id))

    def delete(self, bench_id: str) -> None:
        """Forget a benchmark and its rows."""
        with self._db.writing() as db:
            db.execute("DELETE FROM benches WHERE id = ?", (bench_id,))


def _put(db: sqlite3.Connection, bench_id: str, row: Row, tries: int) -> None:
    values = (
        bench_id, row.cell, row.engine, row.item, row.seed, row.repeat, row.state, tries, row.error, row.run, row.sound,
        int(row.judged), _json(row.values), _json(row.missing), _json(row.turns), row.created,
    )  # fmt: skip
    db.execute(f"INSERT OR REPLACE INTO rows VALUES ({', '.join('?' * len(values))})", values)


def _row(row: sqlite3.Row) -> Row:
    return Row(
        row["cell"], row["engine"], row["item"], row["seed"], row["repeat"], row["state"], row["error"], row["run"],
        row["sound"], bool(row["judged"]), json.loads(row["val"]), json.loads(row["missing"]),
        tuple(json.loads(row["turns"])), row["created"],
    )  # fmt: skip


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
