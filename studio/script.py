"""`Script`: a dialogue as written, its text form, and the cues in it. Knows no engine and no file format."""

from __future__ import annotations

from dataclasses import dataclass

from studio.errors import ScriptError

MAX_PAUSE_SECONDS = 60.0


@dataclass(frozen=True)
class Turn:
    """What one speaker says without interruption.

    speaker: an id ("S1", "Anna"). text: the words and cues, one line, never markup.
    pause_after: seconds of silence that follow, exact; None leaves it to the director.
    """

    speaker: str
    text: str
    pause_after: float | None = None


@dataclass(frozen=True)
class Script:
    """A dialogue: turns in order. lead_in: seconds of silence before the first."""

    turns: tuple[Turn, ...]
    lead_in: float = 0.0

    def __post_init__(self) -> None:
        if not self.turns:
            raise ScriptError("The script is empty.", "Write at least one line.")

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers in order of their first turn."""
        return tuple(dict.fromkeys(turn.speaker for turn in self.turns))
