"""`SpeechRequest`: all that decides a sound. From here on nothing else may."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from studio.audio import Audio
from studio.errors import RequestError
from studio.script import Script
from studio.voice import Voice

MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Parameter:
    """One sampling parameter of an engine: its range, its default and what it does, for menu, CLI and API alike."""

    name: str
    title: str
    default: float
    minimum: float
    maximum: float
    step: float
    help: str

    def checked(self, value: float) -> float:
        """The value as a float. Raises RequestError when it is not a number within the range."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise RequestError(f"{self.title} must be a number, not {value!r}.", self._range())
        if not self.minimum <= value <= self.maximum:
            raise RequestError(f"{self.title} cannot be {value:g}.", self._range())
        return float(value)

    def _range(self) -> str:
        return f"Choose {self.minimum:g} to {self.maximum:g}; {self.default:g} is usual."


@dataclass(frozen=True)
class Spoken:
    """A passage that has been spoken already, given to the engine as context: its script and its sound."""

    script: Script
    audio: Audio


@dataclass(frozen=True)
class SpeechRequest:
    """A script, a voice for each of its speakers, checked sampling values and a seed.

    voices: speaker -> Voice, one for every speaker of the script. sampling: parameter name -> value, complete.
    seed: 0 to MAX_SEED. context: earlier passages, oldest first, for engines that continue from them. precision: of the
    engine's weights, "exact" or "int8". suited: parameter name -> id of the voice with which its value was kept, for
    those that nobody set.
    Raises RequestError when a speaker has no voice or the seed is out of range.
    """

    script: Script
    voices: Mapping[str, Voice]
    sampling: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    context: tuple[Spoken, ...] = ()
    precision: str = "exact"
    suited: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = [speaker for speaker in self.script.speakers if speaker not in self.voices]
        if missing:
            raise RequestError(f"No voice is cast for {', '.join(missing)}.", "Give every speaker a voice.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed <= MAX_SEED:
            raise RequestError(f"The seed must be a whole number from 0 to {MAX_SEED}, not {self.seed!r}.")
