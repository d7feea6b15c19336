"""A recorded voice as the page shows it: a row of the library, and all of it to be changed."""

from __future__ import annotations

from pathlib import Path

from studio.library import LibraryVoice, Reference
from studio.ui.forms import Json, file_url
from studio.voice import CONSENTS

MOST_OPENING = 140


def length(voice: LibraryVoice) -> str:
    """How long its recordings are: "7.0 s", "21.3 s in 3 recordings"."""
    count = len(voice.references)
    return f"{voice.seconds:.1f} s" if count == 1 else f"{voice.seconds:.1f} s in {count} recordings"


def row(voice: LibraryVoice, sound: Path) -> Json:
    """A voice in the list. sound: of its first recording."""
    said = voice.references[0].transcript
    return {
        "id": voice.id,
        "name": voice.name,
        "tags": list(voice.tags),
        "language": voice.language,
        "about": length(voice),
        "opening": said if len(said) <= MOST_OPENING else said[: MOST_OPENING - 1].rstrip() + "…",
        "consent": voice.consent.values,
        "right": CONSENTS[voice.consent.kind],
        "favourite": voice.favourite,
        "is_sample": voice.is_sample,
        "revision": voice.revision,
        "settings": {engine: dict(values) for engine, values in voice.settings.items()},
        "deleted": voice.deleted[:10],
        "url": file_url(sound),
    }


def binned(voice: LibraryVoice) -> Json:
    """A voice that was deleted."""
    return {"id": voice.id, "name": voice.name, "deleted": voice.deleted[:10], "about": length(voice)}


def reference(one: Reference, sound: Path, has_original: bool) -> Json:
    """A recording of a voice. has_original: whether it can be cut anew from what was brought."""
    cut = [one.edits["start"], one.edits["end"]] if "start" in one.edits and "end" in one.edits else None
    steps = {"cut": cut, **{name: one.edits.get(name, True) for name in ("silence", "rate", "loudness")}}
    return {
        "sound": one.sound,
        "seconds": round(one.seconds, 3),
        "text": one.transcript,
        "words": [[word.text, word.start, word.end, word.confidence] for word in one.words],
        "steps": steps if has_original else None,
        "name": one.original_name or "recording",
        "url": file_url(sound),
        "has_original": has_original,
    }
