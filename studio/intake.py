"""From a file that somebody brings to a recording that can be kept: looked at, cut, made ready, its words written down.

What is done is told in sentences and kept as edits beside the original, which stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio import references, uploads
from studio.audio import Audio
from studio.engines.base import EngineSpec
from studio.errors import RequestError
from studio.hearing import Recogniser
from studio.library import Recording
from studio.metrics.activity import Span
from studio.metrics.words import Comparison, compare
from studio.references import Examination, Prepared
from studio.voice import TimedWord

SHOWN_DIFFERENCES, SHOWN_CHARACTERS = 3, 60
TYPE_IT = "Type exactly what is said in it."


@dataclass(frozen=True, eq=False)
class Intake:
    """A recording, ready for `Library.add`. found: about the file as it came. told: what was done and what to know."""

    recording: Recording
    found: Examination
    told: tuple[str, ...]


class Desk:
    """Takes recordings in. specs: the engines that shall follow them."""

    def __init__(self, specs: Iterable[EngineSpec], recogniser: Recogniser) -> None:
        self._specs = tuple(specs)
        self._recogniser = recogniser

    def take_in(
        self,
        source: Path | bytes,
        transcript: str = "",
        cut: Span | None = None,
        name: str = "",
        channel: int | None = None,
    ) -> Intake:
        """Take in a file. transcript: what is said in the stretch that is kept; without it that is written down here.
        cut: the stretch; without one and without a transcript the suggested one, else all. name: what to call bytes.
        channel: take this one (0-based) only.

        Raises AudioError for what is no sound, RequestError when nobody says its words.
        """
        upload = uploads.open_sound(source, name, channel)
        if cut and not cut.start < min(cut.end, upload.audio.seconds):
            raise RequestError(
                f"From {cut.start:g} to {cut.end:g} s there is nothing: it lasts {upload.audio.seconds:.1f} s.",
                "Choose a stretch within it.",
            )
        found = references.examine(upload.audio, upload.facts, self._specs)
        cut = cut or (None if transcript.strip() else found.trim)
        prepared = references.prepare(upload.audio, references.Steps(cut=cut))
        words, told = self._words(prepared.audio, transcript)
        recording = Recording(
            prepared.audio,
            transcript.strip() or " ".join(word.text for word in words),
            words,
            references.examine(prepared.audio).values()["measures"],
            edits(prepared, channel),
            source,
            name or (source.name if isinstance(source, Path) else ""),
        )
        doubts = (warning.text for warning in found.warnings)
        return Intake(recording, found, (*doubts, *map(_sentence, prepared.done), *told))

    def _words(self, audio: Audio, transcript: str) -> tuple[tuple[TimedWord, ...], tuple[str, ...]]:
        """What is said and when, and what to know of that. Raises RequestError when nobody says it."""
        if self._recogniser.obstacle:
            if not transcript.strip():
                raise RequestError(f"Nobody wrote down what is said. {self._recogniser.obstacle}", TYPE_IT)
            return (), ("The words were not compared with the sound: no recogniser is here.",)
        heard = self._recogniser.hear(audio)
        if transcript.strip():
            return heard.words, _differences(compare(transcript, heard.text))
        if not heard.words:
            raise RequestError("No words were heard in this recording.", TYPE_IT)
        return heard.words, (f"Heard by {heard.model}: “{heard.text}” See that this is what is said.",)


def _differences(comparison: Comparison) -> tuple[str, ...]:
    if comparison.matches:
        return ()
    pairs = comparison.differences[:SHOWN_DIFFERENCES]
    shown = ", ".join(f"“{_short(heard)}” for “{_short(said)}”" for said, heard in pairs)
    return (f"The words are not those that are heard ({shown}): a clone of this would be bad.",)


def _short(words: str) -> str:
    return words if 0 < len(words) <= SHOWN_CHARACTERS else f"{words[:SHOWN_CHARACTERS]}…" if words else "nothing"


def edits(prepared: Prepared, channel: int | None) -> dict[str, Any]:
    """What was done to a recording, as the library keeps it, to do it again to the original, otherwise."""
    chosen = {} if channel is None else {"channel": channel}
    cut = prepared.cut
    return {"start": round(cut.start, 3), "end": round(cut.end, 3), "done": list(prepared.done), **chosen}


def _sentence(done: str) -> str:
    return f"{done[:1].upper()}{done[1:]}."
