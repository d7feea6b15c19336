"""The sheets that listeners rate on, the ratings, and recordings that are a reference; kept beside the votes.

Ratings can be added and never changed or taken away, as votes can.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from random import Random, SystemRandom
from typing import Any
from uuid import uuid4

from studio import loudness, soundfiles
from studio.audio import Audio
from studio.errors import RequestError
from studio.trials.ratings import Rating
from studio.trials.store import Merged, TrialStore
from studio.trials.votes import check_listener

Stimuli = Mapping[str, tuple[tuple[str, str], ...]]  # comparison -> what is to be rated: (role, entry)


@dataclass(frozen=True)
class Sheet:
    """What a listener is to rate. stimuli: (role, entry) in the order shown, the entry empty for the reference's."""

    id: str
    comparison: str
    listener: str
    reference: str
    stimuli: tuple[tuple[str, str], ...]

    @staticmethod
    def read(values: Mapping[str, Any]) -> Sheet:
        return Sheet(**{**values, "stimuli": tuple((role, entry) for role, entry in values["stimuli"])})


@dataclass(frozen=True)
class Recording:
    """A reference that was brought. sound: the file's name below the folder of sounds. name: of the file it was."""

    sound: str
    name: str
    seconds: float


class SheetStore:
    """On a store's database."""

    def __init__(self, store: TrialStore, chance: Random | None = None) -> None:
        self._store = store
        self._db = store.database
        self._chance = chance or SystemRandom()

    def pose(self, wanted: Stimuli, listener: str, reference: str) -> Sheet | None:
        """The listener's open sheet, or one for a script that this listener has not rated; None when all are.

        wanted: what is to be rated of each script. Raises RequestError for a name that is none.
        """
        check_listener(listener)
        with self._db.writing() as db:
            rated = {row["id"] for row in db.execute("SELECT id FROM ratings")}
            rows = db.execute("SELECT body FROM sheets WHERE listener = ? ORDER BY number", (listener,)).fetchall()
            given = [Sheet.read(json.loads(row["body"])) for row in rows]
            own = [sheet for sheet in given if _fits(sheet, wanted, reference)]
            for sheet in own:
                if sheet.id not in rated:
                    return sheet
            left = [key for key in wanted if key not in {sheet.comparison for sheet in own}]
            if not left:
                return None
            key = self._chance.choice(left)
            stimuli = list(wanted[key])
            self._chance.shuffle(stimuli)
            sheet = Sheet(uuid4().hex, key, listener, reference, tuple(stimuli))
            body = json.dumps(asdict(sheet))
            row = (sheet.id, key, listener, body)
            db.execute("INSERT INTO sheets (id, comparison, listener, body) VALUES (?, ?, ?, ?)", row)
            return sheet

    def sheet(self, sheet_id: str) -> Sheet:
        """The sheet with this id. Raises RequestError."""
        with self._db.reading() as db:
            row = db.execute("SELECT body FROM sheets WHERE id = ?", (sheet_id,)).fetchone()
        if row is None:
            raise RequestError("This sheet was never given out.", "Reload the page.")
        return Sheet.read(json.loads(row["body"]))

    def cast(self, rating: Rating) -> bool:
        """Keep a rating, unless its sheet was rated before; says whether it counts."""
        return self.merge([rating]).added == 1

    def rating(self, sheet_id: str) -> Rating | None:
        """What was given on a sheet, if it was rated."""
        with self._db.reading() as db:
            row = db.execute("SELECT body FROM ratings WHERE id = ?", (sheet_id,)).fetchone()
        return Rating.read(json.loads(row["body"])) if row else None

    def ratings(self, target: str = "") -> list[Rating]:
        """All ratings, or those of one comparison or series, in the order of writing."""
        of_series = "SELECT id FROM comparisons WHERE json_extract(body, '$.series') = ?"
        where = f"WHERE comparison = ? OR comparison IN ({of_series})" if target else ""
        with self._db.reading() as db:
            rows = db.execute(
                f"SELECT body FROM ratings {where} ORDER BY number", (target, target) if target else ()
            ).fetchall()
        return [Rating.read(json.loads(row["body"])) for row in rows]

    def merge(self, ratings: Iterable[Rating]) -> Merged:
        """Add ratings, all or none; those that are here already are not added again."""
        added = known = differing = 0
        with self._db.writing() as db:
            for rating in ratings:
                row = db.execute("SELECT body FROM ratings WHERE id = ?", (rating.id,)).fetchone()
                if row is None:
                    _insert(db, rating)
                    added += 1
                elif Rating.read(json.loads(row["body"])) == rating:
                    known += 1
                else:
                    differing += 1
        return Merged(added, known, differing)

    def keep_recording(self, comparison: str, audio: Audio, name: str) -> Recording:
        """Take a recording of the comparison's words as its reference. Raises RequestError for silence, OutputError."""
        self._store.get(comparison)
        if loudness.loudness(audio) is None:
            raise RequestError("The recording is silent.", "Bring another.")
        kept = Recording(f"{uuid4().hex}.wav", name, audio.seconds)
        self._store.sounds.mkdir(parents=True, exist_ok=True)
        soundfiles.write(self._store.sounds / kept.sound, [audio], audio.sample_rate)
        before = self.recording(comparison)
        with self._db.writing() as db:
            row = (comparison, json.dumps(asdict(kept)))
            db.execute("INSERT OR REPLACE INTO recordings (comparison, body) VALUES (?, ?)", row)
        if before:
            (self._store.sounds / before.sound).unlink(missing_ok=True)
        return kept

    def recording(self, comparison: str) -> Recording | None:
        """The comparison's recorded reference, if it is there."""
        with self._db.reading() as db:
            row = db.execute("SELECT body FROM recordings WHERE comparison = ?", (comparison,)).fetchone()
        found = Recording(**json.loads(row["body"])) if row else None
        return found if found and (self._store.sounds / found.sound).is_file() else None


def _fits(sheet: Sheet, wanted: Stimuli, reference: str) -> bool:
    return sheet.reference == reference and set(sheet.stimuli) == set(wanted.get(sheet.comparison, ()))


def _insert(db: sqlite3.Connection, rating: Rating) -> None:
    body = json.dumps(rating.values, ensure_ascii=False, allow_nan=False)
    row = (rating.id, rating.comparison, body)
    db.execute("INSERT INTO ratings (id, comparison, body) VALUES (?, ?, ?)", row)
