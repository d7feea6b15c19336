"""`Voice`: what a speaker sounds like, and by which right. Knows no engine's code, only the id of a preset's engine."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from studio.audio import Audio
from studio.errors import RequestError

# The rights by which a recorded voice may be kept; each is a choice in a menu.
CONSENTS = {
    "own": "My own voice",
    "person": "I have this person's consent",
    "synthetic": "Synthetic: no one's voice",
    "licensed": "Public domain or licensed",
}
MAX_CONSENT_CHARACTERS = 2000


@dataclass(frozen=True)
class Consent:
    """By which right a recorded voice is used.

    kind: one of CONSENTS. who, when: whose consent and since when, wanted for "person". source: where the recording and
    its licence are found, wanted for "licensed". note: anything else. Raises RequestError when something is missing.
    """

    kind: str
    who: str = ""
    when: str = ""
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, str) or len(value) > MAX_CONSENT_CHARACTERS:
                raise RequestError(
                    f"{name!r} of a consent must be a text of at most {MAX_CONSENT_CHARACTERS} characters."
                )
            object.__setattr__(self, name, " ".join(value.split()))
        if self.kind not in CONSENTS:
            choices = ", ".join(f"{kind} ({title})" for kind, title in CONSENTS.items())
            raise RequestError("Nobody has said by which right this voice is used.", f"Choose one of: {choices}.")
        if self.kind == "person" and not (self.who and self.when):
            raise RequestError("A person's consent wants a name and a date.", "Say who gave it and when.")
        if self.kind == "licensed" and not self.source:
            raise RequestError("A licensed voice wants its source.", "Say where the recording and its licence are.")

    def __str__(self) -> str:
        details = ", ".join(filter(None, (self.who, self.when, self.source, self.note)))
        return f"{CONSENTS[self.kind]} ({details})" if details else CONSENTS[self.kind]

    @property
    def values(self) -> dict[str, str]:
        """As plain values, the empty ones left out; `Consent(**values)` is the same again."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class TimedWord:
    """A word of a recording and when it sounds, in seconds from its start. confidence: 0 to 1, None when not known.

    Raises RequestError when it would end before it begins.
    """

    text: str
    start: float
    end: float
    confidence: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.start, self.end, self.confidence or 0.0)
        if not isinstance(self.text, str) or not all(
            isinstance(number, int | float) and math.isfinite(number) for number in numbers
        ):
            raise RequestError(f"The time of {self.text!r} is no number.")
        if not 0 <= self.start <= self.end or not 0 <= (self.confidence or 0.0) <= 1:
            raise RequestError(f"{self.text!r} cannot sound from {self.start:g} s to {self.end:g} s.")


@dataclass(frozen=True, eq=False)
class Voice:
    """A voice is either a preset of one engine or a reference recording that cloning engines can follow.

    id: stable, unique within its engine ("heart") or in the library ("v-…"). name: for people.
    engine: the engine whose preset this is; None for a reference, which every cloning engine can use.
    audio, transcript: the reference sound and its exact words; empty for a preset. words: their times, if known.
    consent: the right to use a reference; None for a preset. settings: of the engine that is to speak, by name, those
    that were found to suit a reference.
    """

    id: str
    name: str
    engine: str | None = None
    description: str = ""
    language: str = "en"
    audio: Audio | None = None
    transcript: str = ""
    consent: Consent | None = None
    words: tuple[TimedWord, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.engine is None) == (self.audio is None):
            raise RequestError(f"Voice {self.id!r} must be either an engine's preset or a reference sound.")
        if self.audio is not None and not self.transcript.strip():
            raise RequestError(f"Voice {self.id!r} has a sound but not its words.", "Type what is said in it.")

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides how this voice sounds: a preset's id, or a recording, its words and their times.
        What people call a recorded voice and by which right they use it changes no sound.
        """
        if self.audio is None:
            decides = [self.engine or "", self.id, "", ""]
        else:
            times = [f"{word.text}@{word.start:.3f}-{word.end:.3f}" for word in self.words]
            decides = ["", self.audio.digest, self.transcript, *times]
        return hashlib.sha256("\0".join(decides).encode()).hexdigest()

    @property
    def values(self) -> Mapping[str, Any]:
        """What a take keeps of its voice, beside what decided its sound."""
        consent = self.consent.values if self.consent else None
        kept = {"settings": dict(self.settings)} if self.settings else {}
        return {"id": self.id, "name": self.name, "digest": self.digest, "consent": consent, **kept}
