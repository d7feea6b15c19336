"""`Listening`: files that a page may fetch for a while, to be heard or to be taken away. Knows files only."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from studio import soundfiles
from studio.audio import Audio
from studio.ui.forms import file_url

MOST_SOUNDS = 60
MOST_PARCELS = 2  # exports, which may be large
HIGHEST_RATE = 48_000  # Hz: what every browser plays


class Listening:
    """One folder: sounds under a hash of what they are, parcels each in a folder that nobody can guess."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def sound(self, audio: Audio) -> str:
        """Where the page finds a sound, as 16-bit FLAC. Raises OutputError when the disk is full."""
        path = self.folder / f"{audio.digest[:40]}.flac"
        with self._lock:
            if path.is_file():
                path.touch()
            else:
                played = audio.resampled(min(audio.sample_rate, HIGHEST_RATE))
                self.folder.mkdir(parents=True, exist_ok=True)
                soundfiles.write(path, [played], played.sample_rate, "flac")
                self._keep(sorted(self.folder.glob("*.flac"), key=_age)[MOST_SOUNDS:])
        return file_url(path)

    def parcel(self, name: str, write: Callable[[Path], object]) -> str:
        """Where the page finds a file that `write` makes, of this name."""
        folder = self.folder / uuid4().hex
        folder.mkdir(parents=True)
        try:
            write(folder / name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._lock:
            self._keep(sorted((path for path in self.folder.iterdir() if path.is_dir()), key=_age)[MOST_PARCELS:])
        return file_url(folder / name)

    def _keep(self, old: list[Path]) -> None:
        for path in old:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    """Newest first."""
    return -path.stat().st_mtime
