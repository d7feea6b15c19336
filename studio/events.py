"""What happens while a script is spoken, told as small values: page, CLI and API all read this one stream."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.audio import Audio

if TYPE_CHECKING:
    from studio.runs import Run
    from studio.takes import Take


@dataclass(frozen=True)
class Waiting:
    """Others are before us. position: 1 is next."""

    position: int


@dataclass(frozen=True)
class Listening:
    """The script is still being written, and all that is known of it has been spoken."""


@dataclass(frozen=True)
class Loading:
    """The engine is being loaded."""

    engine: str


@dataclass(frozen=True)
class Planned:
    """The script is cut into passages. passages: for each, the turns (0-based) it renders; none are known while the
    script is being written.
    """

    run: Run
    passages: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Speaking:
    """A passage begins. passage: 0-based. turns: the turns it renders."""

    passage: int
    turns: tuple[int, ...]


@dataclass(frozen=True)
class Sound:
    """The next piece to play, pauses included. passage: 0-based. turn: the turn it belongs to, the first of several."""

    passage: int
    turn: int
    audio: Audio


@dataclass(frozen=True)
class Spoke:
    """A passage is done and its take is kept. reused: it had been spoken before and was not made again."""

    passage: int
    take: Take
    reused: bool


@dataclass(frozen=True)
class Assembling:
    """All passages are spoken; the file is being made. share: of the passages that are ready for it, 0 to 1."""

    share: float = 0.0


@dataclass(frozen=True)
class Finished:
    """The whole is on disk. run.output is the file, run.timings where each turn sounds."""

    run: Run


Event = Waiting | Listening | Loading | Planned | Speaking | Sound | Spoke | Assembling | Finished
Events = Generator[Event | None, None, None]
"""What happens, as it happens; None is a heartbeat."""
