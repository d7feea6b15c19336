"""`Broadcast`: the events of one run as values for the dock. Knows the dock's JSON, not how it is carried."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterator
from typing import Any

from studio.audio import Audio
from studio.engines.base import EngineSpec
from studio.errors import StudioError
from studio.events import Assembling, Event, Finished, Loading, Planned, Sound, Speaking, Spoke, Waiting
from studio.loudness import live
from studio.runs import Run
from studio.ui.forms import Json, file_url, problem, timings_form, turn_states
from studio.ui.peaks import peaks

PIECE_SECONDS = 0.5
# The browser may see only the last of several values that come at once, so a value repeats the last pieces. They stay
# in their slots: of a value that changes in one slot, only that slot travels. Who misses more asks for it.
SLOTS = 4
KEPT_CHARACTERS = 4_000_000  # of pieces, a minute of sound

Piece = list[Any]  # [number, turn or -1 for silence, start in seconds, PCM of 16 bits as base64]


class Broadcast:
    """What the dock is told about one run: how far it is, and the last pieces of its sound.

    token: the page's own name for the run; the page ignores values with another. owners: turn -> row of the editor.
    seconds: how long it will sound, roughly.
    """

    def __init__(self, token: str, spec: EngineSpec, owners: tuple[int, ...], seconds: float) -> None:
        self.run: Run | None = None
        self._spec = spec
        self._turns = len(owners)
        self._passages: tuple[tuple[int, ...], ...] = ()
        self._done = 0
        self._speaking: int | None = None
        self._pieces = 0
        self._kept: deque[Piece] = deque()
        self._kept_characters = 0
        self._at = 0.0  # seconds of sound told so far
        self._state: dict[str, Any] = {
            "token": token,
            "phase": "asked",
            "states": "w" * self._turns,
            "owners": list(owners),
            "seconds": round(seconds, 1),
            "ring": [None] * SLOTS,
        }

    def values(self, event: Event | None) -> Iterator[Json]:
        """The values to send for an event: one for every piece of sound, else one; for a heartbeat the last again."""
        match event:
            case Waiting(position):
                self._state |= {"phase": "waiting", "position": position}
            case Loading():
                self._state["phase"] = "loading"
            case Planned(run, passages):
                self.run, self._passages, self._at = run, passages, run.script.lead_in
                self._state |= {"phase": "speaking", "run": run.id}
            case Speaking(passage):
                self._speaking = passage
                self._state["phase"] = "speaking"
            case Sound(_, turn, audio):
                self._state["phase"] = "speaking"  # a model that had to be loaded for it is there now
                for piece in _pieces(audio):
                    self._add(turn, piece)
                    yield self._value()
                return
            case Spoke(passage):
                self._done, self._speaking = passage + 1, None
            case Assembling(share):
                self._state |= {"phase": "assembling", "joined": round(share, 2)}
            case Finished(run):
                self.run = run
                self._state |= {"phase": "finished", "result": result(run)}
        yield self._value()

    def stopped(self) -> Json:
        """The value after a person's Stop."""
        self._state["phase"] = "stopped"
        return self._value()

    def failed(self, error: StudioError) -> Json:
        """The value after an error."""
        self._state |= {"phase": "failed", "error": problem(error)}
        return self._value()

    def _value(self) -> Json:
        if self._passages:
            told = (self._passages, self._done, self._speaking, self._turns, self._state["phase"])
            self._state |= {"states": turn_states(*told), "progress": round(self._done / len(self._passages), 4)}
        return dict(self._state)

    def _add(self, turn: int, piece: Audio) -> None:
        pcm = live(piece, self._spec.loudness_lufs).pcm16()
        sounding = turn if pcm.any() else -1
        text = base64.b64encode(pcm.tobytes()).decode()
        told: Piece = [self._pieces, sounding, round(self._at, 4), text]
        ring = list(self._state["ring"])
        ring[self._pieces % SLOTS] = told
        self._state["ring"] = ring
        self._keep(told)
        self._pieces += 1
        self._at += piece.seconds

    def _keep(self, piece: Piece) -> None:
        self._kept.append(piece)
        self._kept_characters += len(piece[3])
        while self._kept_characters > KEPT_CHARACTERS:
            self._kept_characters -= len(self._kept.popleft()[3])

    def pieces(self, first: int) -> list[Piece]:
        """The pieces from this number on that are still kept."""
        return [piece for piece in tuple(self._kept) if piece[0] >= first]


def _pieces(audio: Audio) -> Iterator[Audio]:
    """The sound in parts small enough to be sent often; nothing for an empty one."""
    step = round(PIECE_SECONDS * audio.sample_rate)
    for start in range(0, len(audio.samples), step):
        yield Audio(audio.samples[start : start + step], audio.sample_rate)


def result(run: Run) -> Json:
    """A finished run for the player: its file, its picture and where its turns sound."""
    if run.output is None:
        raise ValueError(f"Run {run.id} has no sound.")
    picture = peaks(run.output, run.seconds)
    return {
        "id": run.id,
        "url": file_url(run.output),
        "seconds": run.seconds,
        "work_seconds": run.work_seconds,
        "timings": timings_form(run),
        "peaks": picture.values,
        "peaks_per_second": picture.per_second,
        "notes": list(run.notes),
    }
