"""The sample voices that come with the studio: read from a folder, never changed. bench/samples.py makes them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from studio.errors import LibraryError, RequestError
from studio.library.entries import LibraryVoice

MANIFEST = "voices.json"


class Samples:
    """The voices of one folder, none when it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def voices(self) -> list[LibraryVoice]:
        """All of them, in the order of their file."""
        return list(self._voices.values())

    def get(self, voice_id: str) -> LibraryVoice | None:
        """The sample with this id, or None."""
        return self._voices.get(voice_id)

    def path(self, sound: str) -> Path | None:
        """The file of a sample's sound, or None: `<id>.flac`, since each has one recording."""
        for voice in self.voices():
            if voice.references[0].sound == sound:
                return self.folder / f"{voice.id}.flac"
        return None

    @cached_property
    def _voices(self) -> dict[str, LibraryVoice]:
        path = self.folder / MANIFEST
        if not path.is_file():
            return {}
        try:
            records = json.loads(path.read_text(encoding="utf-8"))
            voices = [replace(LibraryVoice.of(record), is_sample=True) for record in records]
        except (OSError, ValueError, KeyError, TypeError, RequestError) as error:
            raise LibraryError(
                f"The sample voices in {path} cannot be read: {error}.", "Take them from the repository again."
            ) from error
        return {voice.id: voice for voice in voices}
