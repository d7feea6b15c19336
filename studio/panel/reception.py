"""`Reception`: who comes by a link. Looks at the link, at the listener's secret and at whose question it is, then asks.

Knows no HTTP. What the link's session fixes (which test, of what) cannot be changed by who uses it.
"""

from __future__ import annotations

from collections.abc import Callable

from studio.errors import NotInvited, RequestError, StudioError
from studio.panel.sitting import Json, Sitting
from studio.trials.sessions import Session, Sessions
from studio.trials.store import TrialStore

MOST_KEY_CHARACTERS = 100
RATINGS = ("rating_sheet", "rating_answer")
QUESTIONS = ("blind_question", "blind_answer", "blind_reveal")


class Reception:
    """Of one store."""

    def __init__(self, store: TrialStore) -> None:
        self.store = store
        self.sessions = Sessions(store)
        self._sitting = Sitting(store)

    def call(self, token: str, name: str, asked: Json) -> Json:
        """What the page at a link asks. An error for a person is a part of the answer.

        Raises NotInvited for a link that leads nowhere, LookupError for a name that is no question.
        """
        session = self.sessions.get(token)
        answers = self._answers()
        if name not in answers:
            raise LookupError(name)
        try:
            _check_test(session, name)
            return answers[name](session, asked)
        except StudioError as error:
            return {"error": {"message": error.message, "remedy": error.remedy, "code": error.code}}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return {"error": {"message": f"The page asked wrongly: {error!r}.", "remedy": "Reload it."}}

    def _answers(self) -> dict[str, Callable[[Session, Json], Json]]:
        sitting = self._sitting
        return {
            "welcome": self._welcome,
            "join": self._join,
            "blind_question": lambda session, asked: sitting.blind_question(self._mine(session, asked)),
            "rating_sheet": lambda session, asked: sitting.rating_sheet(self._mine(session, asked)),
            "blind_answer": self._answered,
            "blind_reveal": self._revealed,
            "rating_answer": self._rated,
        }

    def _welcome(self, session: Session, asked: Json) -> Json:
        scripts = self.store.members(session.target)
        return {
            "test": session.test,
            "tells": session.tells,
            "reference": bool(session.reference),
            "scripts": len(scripts),
            "name": scripts[0].name,
        }

    def _join(self, session: Session, asked: Json) -> Json:
        name = " ".join(str(asked["name"]).split())
        key = self.sessions.join(session, name, str(asked.get("key") or "")[:MOST_KEY_CHARACTERS])
        return {"name": name, "key": key}

    def _mine(self, session: Session, asked: Json) -> Json:
        """The question as the session has it, for the listener who asks."""
        return {
            "id": session.target,
            "listener": self._listener(session, asked),
            "test": session.test,
            "pair": session.pair,
            "reference": session.reference,
        }

    def _listener(self, session: Session, asked: Json) -> str:
        return self.sessions.listener(session, str(asked["key"])[:MOST_KEY_CHARACTERS])

    def _answered(self, session: Session, asked: Json) -> Json:
        self._check_own(session, asked, self._sitting.owner_of_question(asked))
        return _as_told(session, self._sitting.blind_answer(asked))

    def _rated(self, session: Session, asked: Json) -> Json:
        self._check_own(session, asked, self._sitting.owner_of_sheet(asked))
        return _as_told(session, self._sitting.rating_answer(asked))

    def _revealed(self, session: Session, asked: Json) -> Json:
        self._check_own(session, asked, self._sitting.owner_of_question(asked))
        if not session.tells:
            raise RequestError("In this test nothing is told.", "Answer, or come back to it later.")
        return self._sitting.blind_reveal(asked)

    def _check_own(self, session: Session, asked: Json, owner: tuple[str, str]) -> None:
        """Raises NotInvited when the question is somebody else's, or of another test. owner: listener, comparison."""
        here = {comparison.id for comparison in self.store.members(session.target)}
        listener, comparison = owner
        if listener != self._listener(session, asked) or comparison not in here:
            raise NotInvited("This question was put to somebody else.", "Reload the page.")


def _check_test(session: Session, name: str) -> None:
    """Raises NotInvited for a question of another test: what that tells, this one may have to keep."""
    if name in (QUESTIONS if session.test == "rating" else RATINGS):
        raise NotInvited("This link leads to another test.", "Reload the page.")


def _as_told(session: Session, told: Json) -> Json:
    """As much of an answer's outcome as the session tells."""
    return told if session.tells else {"counted": told["counted"], "why": told["why"]}
