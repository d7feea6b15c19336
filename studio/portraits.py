"""Recorded voices as a table or lines for people and as plain values for programs. Writes to no stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from studio.library import LibraryVoice
from studio.tables import Table
from studio.voice import CONSENTS


def length(voice: LibraryVoice) -> str:
    """How long its recordings are, for people."""
    count = len(voice.references)
    return f"{voice.seconds:.1f} s" if count == 1 else f"{voice.seconds:.1f} s in {count} recordings"


def table(voices: Iterable[LibraryVoice]) -> Table:
    """Recorded voices."""
    cells = [
        (
            voice.id,
            ("* " if voice.favourite else "") + voice.name,
            length(voice),
            voice.language,
            ", ".join(voice.tags),
            CONSENTS[voice.consent.kind],
        )
        for voice in voices
    ]
    return Table(("voice", "name", "length", "language", "tags", "consent"), tuple(cells))


def lines(voice: LibraryVoice, paths: Sequence[Path]) -> Iterator[str]:
    """All about a recorded voice, for people. paths: of its recordings."""
    yield f"{voice.name} ({voice.id}){', a sample of the studio' if voice.is_sample else ''}"
    told = {
        "language": voice.language,
        "tags": ", ".join(voice.tags),
        "consent": str(voice.consent),
        "source": voice.source,
        "notes": voice.notes.replace("\n", "\n" + " " * 11),
        "made": f"{voice.created}, changed {voice.changed}" if voice.changed != voice.created else voice.created,
    }
    yield from (f"{name:<11}{value}" for name, value in told.items() if value)
    for engine, values in voice.settings.items():
        yield f"{engine:<11}{', '.join(f'{name}={value:g}' for name, value in values.items())}"
    for reference, path in zip(voice.references, paths, strict=True):
        times = f", {len(reference.words)} words with their times" if reference.words else ""
        yield f"recording  {reference.seconds:.2f} s at {reference.sample_rate} Hz{times}: {path}"
        yield f"           {reference.transcript}"


def values(voice: LibraryVoice) -> dict[str, Any]:
    """A recorded voice for a program. engine: null, every engine that clones can follow it."""
    return {
        **voice.record,
        "engine": None,
        "deleted": voice.deleted or None,
        "revision": voice.revision,
        "is_sample": voice.is_sample,
        "seconds": round(voice.seconds, 4),
    }
