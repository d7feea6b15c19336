"""What page and studio tell each other, as plain JSON: rows of the editor, engines, runs. Knows no gradio."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from studio.advice import Note
from studio.errors import RequestError, ScriptError, StudioError
from studio.runs import Run
from studio.script import Script, Turn
from studio.studio import EngineRow

Json = dict[str, Any]
Made = TypeVar("Made")
# A row is read between these two speakers, whom no cast holds: so pauses and tags in it mean what they always mean.
_OWN, _AFTER = "S999", "S998"


@dataclass(frozen=True)
class Row:
    """One turn as the editor holds it: what was typed, not yet a `Turn`. pause: seconds after it, or None."""

    speaker: str
    text: str
    pause: float | None = None
    id: str = ""


@dataclass(frozen=True)
class Written:
    """A script and where it came from. owners: for each turn of the script the index of its row."""

    script: Script
    owners: tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """All that the page sends to have a script reviewed or spoken. Raises RequestError when it is not that."""

    rows: tuple[Row, ...]
    engine: str
    lead: float = 0.0
    voices: Mapping[str, str] = field(default_factory=dict)
    sampling: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    precision: str = ""
    token: str = ""
    fresh: bool = False

    @staticmethod
    def read(data: Any) -> Order:
        """The order in a JSON value from outside."""
        try:
            rows = tuple(
                Row(_text(row, "speaker"), _text(row, "text"), row.get("pause"), _text(row, "id"))
                for row in data["rows"]
            )
            voices = {str(speaker): str(voice) for speaker, voice in dict(data.get("voices") or {}).items()}
            return Order(
                rows=rows,
                engine=str(data["engine"]),
                lead=float(data.get("lead") or 0.0),
                voices=voices,
                sampling=dict(data.get("sampling") or {}),
                seed=data.get("seed", 0),
                precision=str(data.get("precision") or "")[:20],
                token=str(data.get("token", ""))[:64],
                fresh=data.get("fresh") is True,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestError("The page sent something that is not a script.", "Reload the page.") from error

    def voices_in(self, script: Script) -> dict[str, str]:
        """The voices of those who speak in the script; the page may hold more of a cast."""
        return {speaker: self.voices[speaker] for speaker in script.speakers if speaker in self.voices}

    def written(self) -> Written:
        """The rows as a script. Raises ScriptError, naming the turn, for what cannot be read."""
        turns: list[Turn] = []
        owners: list[int] = []
        lead = self.lead
        for index, row in enumerate(self.rows):
            before, found = _read(row, index)
            if before and turns:
                turns[-1] = replace(turns[-1], pause_after=(turns[-1].pause_after or 0.0) + before)
            else:
                lead += before
            turns += found
            owners += [index] * len(found)
        return Written(Script(tuple(turns), lead), tuple(owners))


class RowError(ScriptError):
    """A row that cannot be read. row: its id."""

    def __init__(self, row: str, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.row = row

    @property
    def note(self) -> Json:
        """The error as a note at its row."""
        message = f"{self.message.partition(': ')[2]} {self.remedy}"
        return {"row": self.row, "start": 0, "end": 0, "level": "error", "kind": "error", "message": message}


def _text(row: Any, name: str) -> str:
    value = row.get(name) or ""
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _read(row: Row, index: int) -> tuple[float, list[Turn]]:
    """The pause that a row begins with, in seconds, and its turns: several when it holds pauses or tags, often one."""
    text = " ".join(row.text.split())
    if not text:
        return 0.0, []
    try:
        script = Script.parse(f"[{_OWN}] {text} [{_AFTER}] .")
        turns = [replace(turn, speaker=row.speaker) if turn.speaker == _OWN else turn for turn in script.turns[:-1]]
        if turns and row.pause is not None:
            turns[-1] = replace(turns[-1], pause_after=(turns[-1].pause_after or 0.0) + float(row.pause))
        return script.lead_in, turns
    except (ScriptError, TypeError, ValueError) as error:
        message = error.message if isinstance(error, StudioError) else "its pause is not a number."
        remedy = error.remedy if isinstance(error, StudioError) else "Give the pause in seconds."
        raise RowError(row.id, f"Turn {index + 1}: {message.removeprefix('Line 1: ')}", remedy) from error


def rows_of(script: Script) -> list[Json]:
    """One row for each turn."""
    return [{"speaker": turn.speaker, "text": turn.text, "pause": turn.pause_after} for turn in script.turns]


def desk_of(script: Script) -> Json:
    """A script as the page lays it on the desk, with nothing decided but the words."""
    return {"rows": rows_of(script), "lead": script.lead_in, "cast": [{"name": name} for name in script.speakers]}


def engine_form(row: EngineRow) -> Json:
    """An engine for the menu: its card, its voices, its cues, its parameters and precisions, the usual one first."""
    spec = row.spec
    names = ("id", "title", "summary", "licence", "memory_gb", "memory_is_measured", "needs_gpu", "max_speakers")
    more = ("cues", "unknown_cue", "clones", "stochastic", "sample_rate")
    return {
        **{name: getattr(spec, name) for name in (*names, *more)},
        "voices": [
            {"id": v.id, "name": v.name, "description": v.description, "language": v.language} for v in spec.voices
        ],
        "parameters": [asdict(parameter) for parameter in spec.parameters],
        "precisions": [{"name": name, **asdict(spec.takes(name))} for name in row.precisions],
        "obstacle": asdict(row.obstacle) if row.obstacle else None,
    }


def run_form(run: Run, title: str) -> Json:
    """A run for the list of takes. title: of its engine."""
    opening = run.script.turns[0].text
    return {
        "id": run.id,
        "engine": run.engine,
        "engine_title": title,
        "created": run.created,
        "state": run.state,
        "seconds": run.seconds,
        "work_seconds": run.work_seconds,
        "opening": opening if len(opening) <= 80 else opening[:79].rstrip() + "…",
        "passages": run.passages,
        "done": len(run.takes),
        "playable": run.output is not None and run.output.is_file(),
    }


def run_desk(run: Run) -> Json:
    """A run as it was on the desk: its script, cast and settings."""
    script = desk_of(run.script)
    cast = [{"name": one["name"], "voice": run.voices.get(one["name"], "")} for one in script["cast"]]
    return {
        **script,
        "cast": cast,
        "engine": run.engine,
        "sampling": dict(run.sampling),
        "seed": run.seed,
        "precision": run.provenance.get("precision", ""),
    }


def file_url(path: Path) -> str:
    """Where the page finds a file of the runs folder, relative to itself."""
    return f"gradio_api/file={quote(path.as_posix())}"


def timings_form(run: Run) -> list[Json]:
    """Where each turn sounds, in seconds."""
    return [{"turn": t.turn, "start": round(t.start, 3), "end": round(t.end, 3)} for t in run.timings]


class FieldError(RequestError):
    """Something in a form is missing or cannot be. field: its name there; at: which of several, 0-based."""

    def __init__(self, field: str, message: str, remedy: str = "", at: int = 0) -> None:
        super().__init__(message, remedy)
        self.field = field
        self.at = at


def checked(field: str, make: Callable[[], Made]) -> Made:
    """What `make` gives; its RequestError is one of this field. Raises FieldError."""
    try:
        return make()
    except (RequestError, TypeError) as error:
        message, remedy = (error.message, error.remedy) if isinstance(error, RequestError) else (f"{error}.", "")
        raise FieldError(field, message, remedy) from error


def problem(error: StudioError) -> Json:
    """An error as the page shows it, with the field of a form that it belongs to."""
    told = {"message": error.message, "remedy": error.remedy, "code": error.code}
    return {**told, "field": error.field, "at": error.at} if isinstance(error, FieldError) else told


_LETTERS = {
    "failed": ("f", "."),
    "stopped": (".", "."),
}  # of a turn being spoken, and of one not begun


def turn_states(passages: Sequence[Sequence[int]], done: int, now: int | None, turns: int, phase: str) -> str:
    """One letter a turn: d done, s being spoken, w waiting, f failed, "." neither.

    done: passages spoken. now: the passage being spoken. A turn cut into several passages is done with its last.
    """
    active, waiting = _LETTERS.get(phase, ("s", "w"))
    states = ["d"] * turns  # a turn in no passage has nothing to be spoken
    begun = {turn for index, passage in enumerate(passages) if index < done or index == now for turn in passage}
    for passage in passages[done:]:
        for turn in passage:
            states[turn] = active if turn in begun else waiting
    return "".join(states)


def note_form(note: Note, order: Order, written: Written) -> Json:
    """A note at its row, with where in the typed text it stands; without a row it is about the whole script."""
    told: Json = {"row": None, "start": 0, "end": 0, "level": note.level, "kind": note.kind, "message": note.message}
    if note.turn is None:
        return told
    row = order.rows[written.owners[note.turn]]
    start = _typed_at(row.text, written.script.turns[note.turn].text, note.start, note.end)
    fix = None if note.fix is None else {"label": f"Write {note.fix}" if note.fix else "Take it out", "text": note.fix}
    return {**told, "row": row.id, "start": start, "end": start + note.end - note.start, "fix": fix}


def _typed_at(typed: str, text: str, start: int, end: int) -> int:
    """Where a slice of a turn's text stands in what was typed, which may have more spaces, pauses and tags in it."""
    if typed == text:
        return start
    said, at = text[start:end], -1
    for _ in range(text.count(said, 0, start) + 1):
        at = typed.find(said, at + 1)
    return max(at, 0)
