"""`Rendering`: how one entry of a comparison is, spoken or not. Knows no engine: who only listens needs none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

STATES = ("waiting", "speaking", "finished", "failed", "stopped")


@dataclass(frozen=True)
class Rendering:
    """One entry, spoken or not. state: one of STATES. doing: in words, while it is spoken.

    reason, remedy: why it failed. sound: the file's name below the folder of sounds. seconds: of sound.
    work_seconds: it took. loudness_lufs: None for silence. timings: (turn, start, end) in seconds. takes: ids.
    voices: speaker -> id. measures: name -> what was measured, see `measures`.
    """

    entry: str
    state: str = "waiting"
    doing: str = ""
    reason: str = ""
    remedy: str = ""
    sound: str = ""
    seconds: float = 0.0
    work_seconds: float = 0.0
    loudness_lufs: float | None = None
    timings: tuple[tuple[int, float, float], ...] = ()
    takes: tuple[str, ...] = ()
    voices: Mapping[str, str] = field(default_factory=dict)
    precision: str = ""
    measures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        return self.state == "finished"

    @property
    def rtf(self) -> float | None:
        """Seconds of work for a second of sound."""
        return self.work_seconds / self.seconds if self.seconds else None

    @property
    def values(self) -> dict[str, Any]:
        """As plain values, for `Rendering.read`."""
        return asdict(self)

    @staticmethod
    def read(values: Mapping[str, Any]) -> Rendering:
        """The rendering in plain values of ours."""
        timings = tuple((int(turn), float(start), float(end)) for turn, start, end in values["timings"])
        return Rendering(**{**values, "timings": timings, "takes": tuple(values["takes"])})


class Shelf(Protocol):
    """Where renderings are kept."""

    sounds: Path

    def rendering(self, comparison: str, entry: str) -> Rendering: ...

    def keep(self, comparison: str, rendering: Rendering) -> None: ...
