"""`TrialStore`: comparisons, their renderings, questions and votes, kept from many threads and processes at once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom
from typing import Any
from uuid import uuid4

from studio.errors import RequestError
from studio.trials import drawing
from studio.trials.comparison import Comparison
from studio.trials.database import trials_in
from studio.trials.drawing import Asked, Question
from studio.trials.renderings import Rendering
from studio.trials.votes import Vote, check_listener


@dataclass(frozen=True)
class Posed:
    """A question as it is kept. revealed: the listener was told what it was, so that no answer counts any more."""

    id: str
    comparison: str
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
        self._db = trials_in(folder / "trials.sqlite3")
        self._chance = chance or SystemRandom()

    def add(self, comparison: Comparison) -> None:
        """Keep a comparison. Raises RequestError when its id is taken."""
        with self._db.writing() as db:
            if _row(db, "comparisons", comparison.id) is not None:
                raise RequestError(f"There is a comparison {comparison.id} already.")
            db.execute("INSERT INTO comparisons (id, body) VALUES (?, ?)", (comparison.id, _json(comparison.values)))

    def get(self, comparison_id: str) -> Comparison:
        """The comparison with this id. Raises RequestError."""
        with self._db.reading() as db:
            row = _row(db, "comparisons", comparison_id)
        if row is None:
            raise RequestError(
                f"There is no comparison {comparison_id!r}.", "It may have been deleted; reload the page."
            )
        return Comparison.read(json.loads(row["body"]))

    def recent(self, limit: int = 20) -> list[Comparison]:
        """The newest comparisons first."""
        with self._db.reading() as db:
            rows = db.execute("SELECT body FROM comparisons WHERE NOT deleted ORDER BY number DESC LIMIT ?", (limit,))
            return [Comparison.read(json.loads(row["body"])) for row in rows]

    def delete(self, comparison_id: str) -> None:
        """Take a comparison out of the list, with its sounds. Its votes stay, and takes, which others may share."""
        renderings = self.renderings(self.get(comparison_id))
        with self._db.writing() as db:
            db.execute("UPDATE comparisons SET deleted = 1 WHERE id = ?", (comparison_id,))
            db.execute("DELETE FROM renderings WHERE comparison = ?", (comparison_id,))
        for rendering in renderings:
            if rendering.sound:
                (self.sounds / rendering.sound).unlink(missing_ok=True)

    def rendering(self, comparison: str, entry: str) -> Rendering:
        """How an entry is; one whose sound is gone waits to be spoken again."""
        return self._there(self._renderings(comparison).get(entry, Rendering(entry)))

    def renderings(self, comparison: Comparison) -> list[Rendering]:
        """How each entry is, in the comparison's order."""
        found = self._renderings(comparison.id)
        return [self._there(found.get(entry.id, Rendering(entry.id))) for entry in comparison.entries]

    def _renderings(self, comparison: str) -> dict[str, Rendering]:
        with self._db.reading() as db:
            rows = db.execute("SELECT body FROM renderings WHERE comparison = ?", (comparison,)).fetchall()
        found = [Rendering.read(json.loads(row["body"])) for row in rows]
        return {one.entry: one for one in found}

    def _there(self, found: Rendering) -> Rendering:
        lost = found.is_ready and not (self.sounds / found.sound).is_file()
        return Rendering(found.entry) if lost else found

    def keep(self, comparison: str, rendering: Rendering) -> None:
        """Note how an entry is."""
        with self._db.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO renderings (comparison, entry, body) VALUES (?, ?, ?)",
                (comparison, rendering.entry, _json(rendering.values)),
            )

    def pose(self, comparison: str, entries: list[str], listener: str) -> Posed:
        """The listener's open question, which outlives a restart, or a new one. entries: those that can be heard.

        Raises RequestError for a name that is none, or when there is only one entry.
        """
        check_listener(listener)
        with self._db.writing() as db:
            asked = [_posed(row) for row in _questions(db, comparison)]
            done = _answered(db, comparison)
            for one in reversed(asked):
                is_there = {one.question.first, one.question.second} <= set(entries)
                if one.listener == listener and one.id not in done and not one.revealed and is_there:
                    return one
            past = [Asked(one.id, one.listener, one.question) for one in asked if one.id in done]
            question = drawing.draw(entries, past, listener, self._chance)
            posed = Posed(uuid4().hex, comparison, listener, question)
            db.execute(
                "INSERT INTO questions (id, comparison, listener, first, second, kind, repeats, degraded)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (posed.id, comparison, listener, *_words(question)),
            )
            return posed

    def posed(self, question_id: str) -> Posed:
        """The question with this id. Raises RequestError."""
        with self._db.reading() as db:
            row = _row(db, "questions", question_id)
        if row is None:
            raise RequestError("This question was never asked.", "Reload the page.")
        return _posed(row)

    def reveal(self, question_id: str) -> None:
        """Note that the listener was told what it was."""
        with self._db.writing() as db:
            db.execute("UPDATE questions SET revealed = 1 WHERE id = ?", (question_id,))

    def cast(self, vote: Vote) -> bool:
        """Keep a vote, unless its question was answered or revealed before; says whether it counts."""
        with self._db.writing() as db:
            row = _row(db, "questions", vote.id)
            if row is None or row["revealed"] or _row(db, "votes", vote.id) is not None:
                return False
            db.execute("UPDATE questions SET revealed = 1 WHERE id = ?", (vote.id,))
            _insert(db, vote)
            return True

    def vote(self, question_id: str) -> Vote | None:
        """The answer to a question, if it has one."""
        with self._db.reading() as db:
            row = _row(db, "votes", question_id)
        return Vote.read(json.loads(row["body"])) if row else None

    def votes(self, comparison: str = "") -> list[Vote]:
        """All votes, or those of one comparison, in the order of writing."""
        where, values = ("WHERE comparison = ?", (comparison,)) if comparison else ("", ())
        with self._db.reading() as db:
            rows = db.execute(f"SELECT body FROM votes {where} ORDER BY number", values)
            return [Vote.read(json.loads(row["body"])) for row in rows]

    def merge(self, votes: Iterable[Vote]) -> Merged:
        """Add votes from elsewhere, all or none; those that are here already are not added again."""
        added = known = differing = 0
        with self._db.writing() as db:
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


def _row(db: sqlite3.Connection, table: str, key: str) -> sqlite3.Row | None:
    gone = " AND NOT deleted" if table == "comparisons" else ""
    found: sqlite3.Row | None = db.execute(f"SELECT * FROM {table} WHERE id = ?{gone}", (key,)).fetchone()
    return found


def _insert(db: sqlite3.Connection, vote: Vote) -> None:
    query = "INSERT INTO votes (id, comparison, body) VALUES (?, ?, ?)"
    db.execute(query, (vote.id, vote.comparison, _json(vote.values)))


def _questions(db: sqlite3.Connection, comparison: str) -> list[sqlite3.Row]:
    return db.execute("SELECT * FROM questions WHERE comparison = ? ORDER BY number", (comparison,)).fetchall()


def _answered(db: sqlite3.Connection, comparison: str) -> set[str]:
    return {row["id"] for row in db.execute("SELECT id FROM votes WHERE comparison = ?", (comparison,))}


def _words(question: Question) -> tuple[str, ...]:
    return question.first, question.second, question.kind, question.repeats, question.degraded


def _posed(row: sqlite3.Row) -> Posed:
    question = Question(row["first"], row["second"], row["kind"], row["repeats"], row["degraded"])
    return Posed(row["id"], row["comparison"], row["listener"], question, bool(row["revealed"]))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
