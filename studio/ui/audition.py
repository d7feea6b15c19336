"""`Auditions`: a voice tried on a line, in each engine that clones, and how like its recording it sounds.

The speaking goes through the studio's own queue. A page asks how far it is; one that no longer asks has left, and what
it wanted is stopped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

from studio import soundfiles
from studio.errors import RequestError, StudioError
from studio.events import Assembling, Event, Events, Finished, Loading, Speaking, Waiting
from studio.library import Recording
from studio.metrics import Missing, speakers
from studio.runs import Run
from studio.script import Script
from studio.studio import EngineRow, Studio
from studio.ui import forms
from studio.ui.forms import FieldError, Json, file_url
from studio.ui.voice_library import VoiceLibrary, consent_of
from studio.voice import Voice

MOST_CHARACTERS = 400
LEFT_SECONDS = 20.0  # a page that has not asked for so long is gone
KEPT = 64
SPEAKER = "S1"
UNSAVED = "v-unsaved"


@dataclass
class _Audition:
    """One engine's turn. phase: as the dock's."""

    recording: Recording
    stop: threading.Event = field(default_factory=threading.Event)
    asked_at: float = field(default_factory=time.monotonic)
    state: Json = field(default_factory=lambda: {"phase": "asked"})


class Auditions:
    """One for all visitors."""

    def __init__(self, studio: Studio, voices: VoiceLibrary) -> None:
        self.studio = studio
        self._voices = voices
        self._all: dict[str, _Audition] = {}
        self._lock = threading.Lock()

    def functions(self) -> list[Callable[[Any], Json]]:
        """What the page may call, each by its name."""
        return [self.cloning, self._voices.in_turn(self.begin_audition), self.audition, self.end_audition]

    def cloning(self, asked: Json) -> Json:
        """The engines that follow recordings, with what is in the way; the names of those that do not; the scale."""
        rows = self.studio.engines()
        missing = speakers.obstacle()
        return {
            "engines": [_engine(row) for row in rows if row.spec.clones],
            "others": [row.spec.title for row in rows if not row.spec.clones],
            "scale": {
                "same": speakers.SAME_PERSON,
                "surely_same": speakers.SURELY_SAME,
                "surely_different": speakers.SURELY_DIFFERENT,
                "missing": str(missing) if missing else "",
            },
        }

    def begin_audition(self, asked: Json) -> Json:
        """Begin to speak a line. asked: {token, engine, line, seed, sampling, recording, consent, name}.

        Raises FieldError, EngineUnavailable at once when the engine cannot run.
        """
        engine = str(asked["engine"])
        line = " ".join(str(asked.get("line") or "").split())
        if not 0 < len(line) <= MOST_CHARACTERS:
            raise FieldError("line", f"A line to try has 1 to {MOST_CHARACTERS} characters.", "Type one.")
        recording = self._voices.recording(asked["recording"])
        voice = Voice(
            id=_id(asked["recording"]),
            name=str(asked.get("name") or "A voice not yet saved")[:80],
            audio=recording.audio,
            transcript=recording.transcript,
            words=recording.words,
            consent=consent_of(asked.get("consent")),
        )
        spec = self.studio.spec(engine)
        if not spec.clones:
            raise RequestError(f"{spec.title} cannot follow a recording.", "Choose an engine that clones.")
        script = Script.parse(f"[{SPEAKER}] {line}")
        sampling = dict(asked.get("sampling") or {})
        request = self.studio.request_in(script, engine, {SPEAKER: voice}, sampling, int(asked.get("seed") or 0))
        self._begin(str(asked["token"])[:64], _Audition(recording), self.studio.speak(engine, request))
        return {"begun": True}

    def audition(self, asked: Json) -> Json:
        """How far it is. asked: {token}."""
        audition = self._get(asked["token"])
        audition.asked_at = time.monotonic()
        return audition.state

    def end_audition(self, asked: Json) -> Json:
        """Stop it within one step of the engine. asked: {token}."""
        self._get(asked["token"]).stop.set()
        return {"stopping": True}

    def _get(self, token: Any) -> _Audition:
        with self._lock:
            found = self._all.get(str(token))
        if found is None:
            raise RequestError("This trial is not known any more.", "Try again.")
        return found

    def _begin(self, token: str, audition: _Audition, events: Events) -> None:
        with self._lock:
            self._all[token] = audition
            while len(self._all) > KEPT:
                del self._all[next(iter(self._all))]
        threading.Thread(target=self._follow, args=(audition, events), name="audition", daemon=True).start()

    def _follow(self, audition: _Audition, events: Events) -> None:
        try:
            with closing(events):
                for event in events:
                    if audition.stop.is_set() or time.monotonic() - audition.asked_at > LEFT_SECONDS:
                        audition.state = {"phase": "stopped"}
                        return
                    audition.state = _state(event, audition)
        except StudioError as error:
            audition.state = {"phase": "failed", "error": forms.problem(error)}


def _state(event: Event | None, audition: _Audition) -> Json:
    match event:
        case Waiting(position):
            return {"phase": "waiting", "position": position}
        case Loading():
            return {"phase": "loading"}
        case Speaking():
            return {"phase": "speaking"}
        case Assembling():
            return {"phase": "assembling"}
        case Finished(run):
            return {"phase": "finished", **_result(run, audition.recording)}
    return audition.state


def _result(run: Run, recording: Recording) -> Json:
    assert run.output is not None
    likeness = speakers.similarity(soundfiles.read(run.output), recording.audio)
    return {
        "run": run.id,
        "url": file_url(run.output),
        "seconds": run.seconds,
        "work_seconds": run.work_seconds,
        "sampling": dict(run.sampling),
        "notes": list(run.notes),
        "likeness": None if isinstance(likeness, Missing) else round(likeness, 3),
        "judged": str(likeness) if isinstance(likeness, Missing) else speakers.judged(likeness),
    }


def _id(recording: Json) -> str:
    """The id of the voice whose recording it is, as it is kept; UNSAVED for any other."""
    is_kept = "voice" in recording["source"] and recording.get("changed") is not True
    return str(recording["source"]["voice"]) if is_kept else UNSAVED


def _engine(row: EngineRow) -> Json:
    obstacle = row.obstacle and {"reason": row.obstacle.reason, "remedy": row.obstacle.remedy}
    parameters = [asdict(parameter) for parameter in row.spec.parameters]
    return {"id": row.spec.id, "title": row.spec.title, "obstacle": obstacle, "parameters": parameters}
