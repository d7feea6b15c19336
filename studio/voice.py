"""`Voice`: what a speaker sounds like. Knows no engine's code, only the id of the engine a preset belongs to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from studio.audio import Audio
from studio.errors import RequestError


@dataclass(frozen=True, eq=False)
class Voice:
    """A voice is either a preset of one engine or a reference recording that cloning engines can follow.

    id: stable, unique within its engine ("heart") or in the library. name: for people.
    engine: the engine whose preset this is; None for a reference, which every cloning engine can use.
    audio, transcript: the reference sound and its exact words; empty for a preset.
    consent: how the right to use a reference was obtained; empty for a preset.
    """

    id: str
    name: str
    engine: str | None = None
    description: str = ""
    language: str = "en"
    audio: Audio | None = None
    transcript: str = ""
    consent: str = ""

    def __post_init__(self) -> None:
        if (self.engine is None) == (self.audio is None):
            raise RequestError(f"Voice {self.id!r} must be either an engine's preset or a reference sound.")
        if self.audio is not None and not self.transcript.strip():
            raise RequestError(f"Voice {self.id!r} has a sound but not its words.", "Type what is said in it.")

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides the sound of this voice."""
        sound = self.audio.digest if self.audio else ""
        return hashlib.sha256("\0".join((self.engine or "", self.id, sound, self.transcript)).encode()).hexdigest()
