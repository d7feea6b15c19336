"""`BlindTests`: what the Compare tab asks about blind tests, its own and those for others by a link.

Functions from JSON to JSON. The page names entries by their numbers, so that nothing in it tells which is which.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from studio.errors import RequestError
from studio.panel.routes import PATH
from studio.panel.server import PanelServer
from studio.panel.sitting import Sitting
from studio.studio import Studio
from studio.trials.mushra import RECORDING
from studio.trials.sessions import Session, Sessions
from studio.trials.sheets import SheetStore
from studio.trials.trials import Trials
from studio.ui.forms import Json
from studio.ui.recordings import Recordings
from studio.uploads import MOST_BYTES, open_sound


class BlindTests:
    """One for all visitors. trials: opens the comparisons when they are first asked for."""

    def __init__(self, studio: Studio, trials: Callable[[], Trials], recordings: Recordings) -> None:
        self._studio = studio
        self._trials = trials
        self._recordings = recordings
        self._sitting: Sitting | None = None
        self._server: PanelServer | None = None
        self._lock = threading.Lock()

    def functions(self) -> list[Callable[[Any], Json]]:
        """What the page may call, each by its name."""
        return [
            self.test_card, self.blind_question, self.blind_answer, self.blind_reveal, self.rating_sheet,
            self.rating_answer, self._recordings.in_turn(self.bring_reference), self.sessions,
            self.open_session, self.reopen_session, self.close_session,
        ]  # fmt: skip

    @property
    def sitting(self) -> Sitting:
        """Opened when somebody first listens."""
        with self._lock:
            if self._sitting is None:
                self._sitting = Sitting(self._trials().store)
            return self._sitting

    def test_card(self, asked: Json) -> Json:
        """What can be tested. asked: {id}. recorded: scripts that have a recording as a reference."""
        store = self._trials().store
        members = store.members(str(asked["id"]))
        sheets = SheetStore(store)
        return {
            "id": str(asked["id"]),
            "entries": len(members[0].entries),
            "scripts": len(members),
            "recorded": sum(sheets.recording(one.id) is not None for one in members),
            "most_bytes": MOST_BYTES,
        }

    def _chosen(self, asked: Json) -> Json:
        """The question with entries by their ids instead of their numbers. Raises RequestError."""
        members = self._trials().store.members(str(asked["id"]))

        def entry(number: Any) -> str:
            if not 1 <= int(number) <= len(members[0].entries):
                raise RequestError(f"There is no entry {number} in this comparison.", "Reload the page.")
            return members[0].entries[int(number) - 1].id

        reference = str(asked.get("reference") or "")
        if reference not in ("", RECORDING):
            reference = entry(reference)
        return {**asked, "pair": [entry(number) for number in asked.get("pair") or ()], "reference": reference}

    def blind_question(self, asked: Json) -> Json:
        """See `Sitting.blind_question`; pair: numbers of entries."""
        return self.sitting.blind_question(self._chosen(asked))

    def blind_answer(self, asked: Json) -> Json:
        """See `Sitting.blind_answer`."""
        return self.sitting.blind_answer(asked)

    def blind_reveal(self, asked: Json) -> Json:
        """See `Sitting.blind_reveal`."""
        return self.sitting.blind_reveal(asked)

    def rating_sheet(self, asked: Json) -> Json:
        """See `Sitting.rating_sheet`; reference: an entry's number, "recording" or empty."""
        return self.sitting.rating_sheet(self._chosen(asked))

    def rating_answer(self, asked: Json) -> Json:
        """See `Sitting.rating_answer`."""
        return self.sitting.rating_answer(asked)

    def bring_reference(self, asked: Json) -> Json:
        """Take an upload as the recording of a comparison's words. asked: {id, source: {path, name}}."""
        path = self._recordings.upload(asked["source"])
        name = str(asked["source"].get("name") or path.name)[:200]
        kept = SheetStore(self._trials().store).keep_recording(str(asked["id"]), open_sound(path, name).audio, name)
        return asdict(kept)

    # --- for others

    def sessions(self, asked: Json) -> Json:
        """The open links of a comparison or series. asked: {id}."""
        found = self._links()
        return {"sessions": [self._form(found, session) for session in found.of(str(asked["id"]))]}

    def open_session(self, asked: Json) -> Json:
        """Make a link for others. asked: {id, test, pair, reference, tells}. Gives what `sessions` gives."""
        chosen = self._chosen(asked)
        self._links().open(
            Session(
                target=str(asked["id"]),
                test=str(asked["test"]),
                pair=tuple(chosen["pair"]),
                reference=chosen["reference"],
                tells=asked.get("tells") is not False,
            )
        )
        self._listen()
        return self.sessions(asked)

    def reopen_session(self, asked: Json) -> Json:
        """Listen on the network again, as after a restart. asked: {token}."""
        self._links().get(str(asked["token"]))
        self._listen()
        return {"open": True}

    def close_session(self, asked: Json) -> Json:
        """The link leads nowhere from now on; votes stay. asked: {token}."""
        self._links().close(str(asked["token"]))
        return {"closed": True}

    def _links(self) -> Sessions:
        return Sessions(self._trials().store)

    def _listen(self) -> None:
        """Where only this computer reaches the studio, a second door opens for the page at a link, and for it alone."""
        if self._studio.settings.is_shared:
            return
        with self._lock:
            if self._server is None:
                self._server = PanelServer(self._trials().store)
                self._studio.when_closed(self._server.close)

    def _form(self, links: Sessions, session: Session) -> Json:
        # without the stroke before it, since a proxy may have put the studio below another address
        url = PATH.lstrip("/") + session.token if self._studio.settings.is_shared else ""
        if self._server:
            url = self._server.url(session.token)
        return {
            "token": session.token,
            "test": session.test,
            "tells": session.tells,
            "url": url,
            "listeners": links.listeners(session),
        }
