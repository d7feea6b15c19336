"""`TrialStore`: comparisons, their renderings, questions and votes, kept from many threads and processes at once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from random import Random, SystemRandom
from typing import Any
from uuid import uuid4

from studio.errors import RequestError
from studio.trials import drawing
from studio.trials.comparison import Comparison
from studio.trials.database import trials_in
from studio.trials.drawing import Asked, Pools, Question
from studio.trials.renderings import Rendering
from studio.trials.votes import Vote, check_listener

FOLDER = "trials"  # below the data folder


@dataclass(frozen=True)
class Posed:
    """A question as it is kept. revealed: the listener was told what it was, so that no answer counts any more."""

    id: str
    listener: str
    question: Question
    revealed: bool = False


@dataclass(frozen=True)
class Merged:
    """What became of an import: votes that were new, that were there already, and whose question has another answer
    here, which stays.
    """

    added: int
    known: int
    differing: int


class TrialStore:
    """One folder: `trials.sqlite3`, and `sounds/` with names that tell nothing."""

    def __init__(self, folder: Path, chance: Random | None = None) -> None:
        """chance: for order and sides; the system's unless a test wants to know it."""
        self.folder = folder
        self.sounds = folder / "sounds"
        self.database = trials_in(folder / "trials.sqlite3")
        self._chance = chance or SystemRandom()

    def add(self, comparison: Comparison) -> None:
        """Keep a comparison. Raises RequestError when its id is taken."""
        with self.database.writing() as db:
            if _row(db, "comparisons", comparison.id) is not None:
                raise RequestError(f"There is a comparison {comparison.id} already.")
            db.execute("INSERT INTO comparisons (id, body) VALUES (?, ?)", (comparison.id, _json(comparison.values)))

    def get(self, comparison_id: str) -> Comparison:
        """The comparison with this id. Raises RequestError."""
        with self.database.reading() as db:
            row = _row(db, "comparisons", comparison_id)
        if row is None:
            raise _unknown(comparison_id)
        return Comparison.read(json.loads(row["body"]))

    def members(self, target: str) -> list[Comparison]:
        """The comparison with this id, or all of the series with this id, oldest first. Raises RequestError."""
        with self.database.reading() as db:
            rows = db.execute(
                "SELECT body FROM comparisons WHERE NOT deleted AND (id = ? OR json_extract(body, '$.series') = ?)"
                " ORDER BY number",
                (target, target),
            ).fetchall()
        if not rows:
            raise _unknown(target)
        return [Comparison.read(json.loads(row["body"])) for row in rows]

    def recent(self, limit: int = 20) -> list[Comparison]:
        """The newest comparisons first."""
        with self.database.reading() as db:
            rows = db.execute("SELECT body FROM comparisons WHERE NOT deleted ORDER BY number DESC LIMIT ?", (limit,))
            return [Comparison.read(json.loads(row["body"])) for row in rows]

    def delete(self, comparison_id: str) -> None:
        """Take a comparison out of the list, with its sounds. Its votes stay, and takes, which others may share."""
        sounds = [one.sound for one in self.renderings(self.get(comparison_id)) if one.sound]
        with self.database.writing() as db:
            found = db.execute("SELECT body FROM recordings WHERE comparison = ?", (comparison_id,)).fetchone()
            sounds += [json.loads(found["body"])["sound"]] if found else []
            db.execute("UPDATE comparisons SET deleted = 1 WHERE id = ?", (comparison_id,))
            for table in ("renderings", "recordings"):
                db.execute(f"DELETE FROM {table} WHERE comparison = ?", (comparison_id,))
        for sound in sounds:
            (self.sounds / sound).unlink(missing_ok=True)

    def rendering(self, comparison: str, entry: str) -> Rendering:
        """How an entry is; one whose sound is gone waits to be spoken again."""
        return self._there(self._renderings(comparison).get(entry, Rendering(entry)))

    def renderings(self, comparison: Comparison) -> list[Rendering]:
        """How each entry is, in the comparison's order."""
        found = self._renderings(comparison.id)
        return [self._there(found.get(entry.id, Rendering(entry.id))) for entry in comparison.entries]

    def _renderings(self, comparison: str) -> dict[str, Rendering]:
        with self.database.reading() as db:
            rows = db.execute("SELECT body FROM renderings WHERE comparison = ?", (comparison,)).fetchall()
        found = [Rendering.read(json.loads(row["body"])) for row in rows]
        return {one.entry: one for one in found}

    def _there(self, found: Rendering) -> Rendering:
        lost = found.is_ready and not (self.sounds / found.sound).is_file()
        return Rendering(found.entry) if lost else found

    def keep(self, comparison: str, rendering: Rendering) -> None:
        """Note how an entry is."""
        with self.database.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO renderings (comparison, entry, body) VALUES (?, ?, ?)",
                (comparison, rendering.entry, _json(rendering.values)),
            )

    def pose(self, pools: Pools, listener: str, test: str = "pair", wanted: Sequence[str] = ()) -> Posed:
        """The listener's open question, which outlives a restart, or a new one. pools: what can be heard. test: "pair"
        or "abx", which may be of two wanted entries only.

        Raises RequestError for a name that is none, or when there is only one entry.
        """
        check_listener(listener)
        with self.database.writing() as db:
            asked = [_posed(row) for row in _questions(db, pools)]
            done = _answered(db, pools)
            for one in reversed(asked):
                question, is_open = one.question, one.id not in done and not one.revealed
                fits = not wanted or {question.first, question.second} == set(wanted)
                is_there = (question.kind == "abx") == (test == "abx") and drawing.can_be_heard(question, pools)
                if one.listener == listener and is_open and is_there and fits:
                    return one
            past = [Asked(one.id, one.listener, one.question) for one in asked if one.id in done]
            posed = Posed(uuid4().hex, listener, _drawn(pools, past, listener, test, wanted, self._chance))
            db.execute(
                "INSERT INTO questions (id, listener, comparison, first, second, kind, repeats, degraded, x)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (posed.id, listener, *astuple(posed.question)),
            )
            return posed

    def posed(self, question_id: str) -> Posed:
        """The question with this id. Raises RequestError."""
        with self.database.reading() as db:
            row = _row(db, "questions", question_id)
        if row is None:
            raise RequestError("This question was never asked.", "Reload the page.")
        return _posed(row)

    def reveal(self, question_id: str) -> None:
        """Note that the listener was told what it was."""
        with self.database.writing() as db:
            db.execute("UPDATE questions SET revealed = 1 WHERE id = ?", (question_id,))

    def cast(self, vote: Vote) -> bool:
        """Keep a vote, unless its question was answered or revealed before; says whether it counts."""
        with self.database.writing() as db:
            row = _row(db, "questions", vote.id)
            if row is None or row["revealed"] or _row(db, "votes", vote.id) is not None:
                return False
            db.execute("UPDATE questions SET revealed = 1 WHERE id = ?", (vote.id,))
            _insert(db, vote)
            return True

    def vote(self, question_id: str) -> Vote | None:
        """The answer to a question, if it has one."""
        with self.database.reading() as db:
            row = _row(db, "votes", question_id)
        return Vote.read(json.loads(row["body"])) if row else None

    def votes(self, target: str = "") -> list[Vote]:
        """All votes, or those of one comparison or series, in the order of writing."""
        of_series = "SELECT id FROM comparisons WHERE json_extract(body, '$.series') = ?"
        where = f"WHERE comparison = ? OR comparison IN ({of_series})" if target else ""
        values = (target, target) if target else ()
        with self.database.reading() as db:
            rows = db.execute(f"SELECT body FROM votes {where} ORDER BY number", values)
            return [Vote.read(json.loads(row["body"])) for row in rows]

    def merge(self, votes: Iterable[Vote]) -> Merged:
        """Add votes from elsewhere, all or none; those that are here already are not added again."""
        added = known = differing = 0
        with self.database.writing() as db:
            for vote in votes:
                row = _row(db, "votes", vote.id)
                if row is None:
                    _insert(db, vote)
                    added += 1
                elif Vote.read(json.loads(row["body"])) == vote:
                    known += 1
                else:
                    differing += 1
        return Merged(added, known, differing)


def _unknown(comparison: str) -> RequestError:
    return RequestError(f"There is no comparison {comparison!r}.", "It may have been deleted; reload the page.")


def _row(db: sqlite3.Connection, table: str, key: str) -> sqlite3.Row | None:
    gone = " AND NOT deleted" if table == "comparisons" else ""
    found: sqlite3.Row | None = db.execute(f"SELECT * FROM {table} WHERE id = ?{gone}", (key,)).fetchone()
    return found


def _insert(db: sqlite3.Connection, vote: Vote) -> None:
    query = "INSERT INTO votes (id, comparison, body) VALUES (?, ?, ?)"
    db.execute(query, (vote.id, vote.comparison, _json(vote.values)))


def _questions(db: sqlite3.Connection, pools: Pools) -> list[sqlite3.Row]:
    marks = ", ".join("?" * len(pools))
    query = f"SELECT * FROM questions WHERE comparison IN ({marks}) ORDER BY number"
    return db.execute(query, tuple(pools)).fetchall()


def _answered(db: sqlite3.Connection, pools: Pools) -> set[str]:
    marks = ", ".join("?" * len(pools))
    return {row["id"] for row in db.execute(f"SELECT id FROM votes WHERE comparison IN ({marks})", tuple(pools))}


def _drawn(
    pools: Pools, past: Sequence[Asked], listener: str, test: str, wanted: Sequence[str], chance: Random
) -> Question:
    if test == "abx":
        return drawing.draw_abx(pools, past, listener, chance, wanted)
    return drawing.draw(pools, past, listener, chance)


def _posed(row: sqlite3.Row) -> Posed:
    question = Question(**{field.name: row[field.name] for field in fields(Question)})
    return Posed(row["id"], row["listener"], question, bool(row["revealed"]))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
