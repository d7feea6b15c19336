"""Recordings for tests of the library: tones, which nobody speaks, and a library of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from studio.audio import Audio
from studio.library import Library, LibraryVoice, Recording
from studio.voice import Consent, TimedWord

WORDS = (TimedWord("Hello", 0.1, 0.5, 0.9), TimedWord("there.", 0.5, 1.0, 0.8))


def tone(seconds: float = 1.0, pitch_hz: float = 220.0, rate: int = 24000) -> Audio:
    """A tone at half of full scale."""
    at = np.arange(round(seconds * rate)) / rate
    return Audio((0.5 * np.sin(2 * np.pi * pitch_hz * at)).astype(np.float32), rate)


def recording(seconds: float = 1.0, pitch_hz: float = 220.0, original: Path | None = None) -> Recording:
    """A tone with words, times and values."""
    return Recording(tone(seconds, pitch_hz), "Hello there.", WORDS, {"snr_db": 41.5}, {"start": 0.25}, original)


def library(folder: Path) -> Library:
    """A library without samples."""
    return Library(folder / "voices", folder / "no samples")


def kept(library: Library, name: str = "Anna", pitch_hz: float = 220.0, seconds: float = 1.0) -> LibraryVoice:
    """A voice with everything said of it."""
    return library.add(
        name,
        Consent("person", who="Anna Berg", when="2026-05-01", note="by mail"),
        [recording(seconds, pitch_hz)],
        tags=("warm", "low"),
        language="en-GB",
        notes="First line.\nSecond.",
        source="a phone",
        settings={"dia": {"cfg": 3.5}},
    )
