"""`Session`: a blind test that several people take part in by a link, and who they are. Knows no HTTP.

The link holds a token that nobody can guess; it is the key to this one test and to nothing else. A listener is a
nickname and a secret that the listener's browser keeps: so nobody goes on, or answers, as somebody else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from studio.errors import NotInvited, RequestError
from studio.trials.store import TrialStore
from studio.trials.votes import check_listener

TESTS = ("pair", "abx", "rating")
MOST_LISTENERS = 500
TOKEN_BYTES = 24


@dataclass(frozen=True)
class Session:
    """target: a comparison or a series. test: of TESTS. pair: two entries, when an ABX is of them only. reference: for
    ratings, an entry or "recording", empty for none. tells: whether each answer is followed by what it was.
    """

    target: str
    test: str = "pair"
    pair: tuple[str, ...] = ()
    reference: str = ""
    tells: bool = True
    token: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES), repr=False)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        if self.test not in TESTS:
            raise RequestError(f"There is no test {self.test!r}.", f"There is: {', '.join(TESTS)}.")
        if len(self.pair) not in (0, 2):
            raise RequestError("An ABX is of two entries.", "Name two, or none for all pairs.")

    @property
    def values(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def read(values: Any) -> Session:
        return Session(**{**values, "pair": tuple(values["pair"])})


class Sessions:
    """Of one store, kept beside its votes, so that they outlive a restart."""

    def __init__(self, store: TrialStore) -> None:
        self._store = store
        self._db = store.database

    def open(self, session: Session) -> Session:
        """Begin it. The same test that is open already is given again, with its link. Raises RequestError."""
        self._store.members(session.target)
        for other in self.of(session.target):
            if {**other.values, "token": "", "created": ""} == {**session.values, "token": "", "created": ""}:
                return other
        with self._db.writing() as db:
            db.execute("INSERT INTO sessions (token, body) VALUES (?, ?)", (session.token, json.dumps(session.values)))
        return session

    def get(self, token: str) -> Session:
        """The open session of a link. Raises NotInvited."""
        with self._db.reading() as db:
            row = db.execute("SELECT body FROM sessions WHERE token = ? AND NOT closed", (token,)).fetchone()
        if row is None:
            raise NotInvited("This link leads to no open test.", "Ask who sent it for a new one.")
        return Session.read(json.loads(row["body"]))

    def of(self, target: str) -> list[Session]:
        """The open sessions of a comparison or series, oldest first."""
        with self._db.reading() as db:
            rows = db.execute("SELECT body FROM sessions WHERE NOT closed ORDER BY number").fetchall()
        found = [Session.read(json.loads(row["body"])) for row in rows]
        return [session for session in found if session.target == target]

    def close(self, token: str) -> None:
        """Its link leads nowhere from now on; votes stay."""
        with self._db.writing() as db:
            db.execute("UPDATE sessions SET closed = 1 WHERE token = ?", (token,))

    def join(self, session: Session, name: str, key: str = "") -> str:
        """Take part under a nickname; gives the secret to keep. key: one that was given before, to go on, in any
        session of the same target.

        Raises RequestError when the name is none or somebody else's, or too many take part.
        """
        name = check_listener(" ".join(name.split()))
        with self._db.writing() as db:
            rows = db.execute("SELECT name, key FROM listeners WHERE target = ?", (session.target,)).fetchall()
            known = {row["name"].casefold(): row["key"] for row in rows}
            if name.casefold() in known and hmac.compare_digest(known[name.casefold()], _digest(key)):
                return key
            if name.casefold() in known or name in self._answered(session.target):
                raise RequestError(
                    f"Somebody here is called {name} already.",
                    "Take another name; if it was you, go on in the browser where you began.",
                )
            if len(known) >= MOST_LISTENERS:
                raise RequestError(f"{MOST_LISTENERS} people take part already.", "Ask for a test of your own.")
            key = secrets.token_urlsafe(TOKEN_BYTES)
            row = (session.target, name, _digest(key))
            db.execute("INSERT INTO listeners (target, name, key) VALUES (?, ?, ?)", row)
        return key

    def _answered(self, target: str) -> set[str]:
        """Who answered elsewhere, such as in the studio's own page."""
        return {vote.listener for vote in self._store.votes(target)}

    def listener(self, session: Session, key: str) -> str:
        """Who keeps this secret. Raises NotInvited."""
        with self._db.reading() as db:
            query = "SELECT name FROM listeners WHERE target = ? AND key = ?"
            row = db.execute(query, (session.target, _digest(key))).fetchone()
        if row is None:
            raise NotInvited("The studio does not know you in this test.", "Reload the page and give your name.")
        return str(row["name"])

    def listeners(self, session: Session) -> list[str]:
        """Who takes part."""
        with self._db.reading() as db:
            rows = db.execute("SELECT name FROM listeners WHERE target = ? ORDER BY name", (session.target,)).fetchall()
        return [str(row["name"]) for row in rows]


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
