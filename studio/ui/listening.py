"""`Listening`: files that a page may fetch for a while, to be heard or to be taken away. Knows files only."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from uuid import uuid4

from studio import soundfiles
from studio.audio import Audio
from studio.ui.forms import file_url

MOST_BYTES = 500_000_000  # of sounds; the newest are kept
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
                self._remove(_over(sorted(self.folder.glob("*.flac"), key=_age), MOST_BYTES))
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
            self._remove(sorted((path for path in self.folder.iterdir() if path.is_dir()), key=_age)[MOST_PARCELS:])
        return file_url(folder / name)

    def _remove(self, old: list[Path]) -> None:
        for path in old:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _over(files: list[Path], most: int) -> list[Path]:
    """The files that are too many for so many bytes, but never the first."""
    sizes = list(accumulate(path.stat().st_size for path in files))
    return [path for path, size in zip(files[1:], sizes[1:], strict=True) if size > most]


def _age(path: Path) -> float:
    """Newest first."""
    return -path.stat().st_mtime
