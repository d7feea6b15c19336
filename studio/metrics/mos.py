"""DNSMOS: how a listener would rate noise and sound of a recording, estimated by the networks of speechmos 0.0.1.1.

Reddy et al. 2021 and 2022 ("DNSMOS P.835"). It hears noise and echo; it is nearly blind to clipping and to a missing
top of the spectrum, and knows nothing of words or of how natural a reading is. It rates clean synthetic speech above
real recordings: compare with it only what is alike. Only the package's model files are used.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from studio.audio import Audio, Samples
from studio.metrics import Missing, mel

RATE = 16000
LENGTH = 144160  # samples that the networks hear at once: 9.01 s; shorter sounds are repeated to fill them
MOST_WINDOWS = 6  # a window takes 0.2 to 0.5 s of work
LEAST_SECONDS = 0.5
LEAST_PEAK = 1e-4
LEVEL_RMS = 0.05  # -26 dBFS: the rating depends on the level, so that is always the same
REMEDY = "Run: make run METRICS=1"
MODELS = {
    "sig_bak_ovr.onnx": "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd",
    "model_v8.onnx": "9246480c58567bc6affd4200938e77eef49468c8bc7ed3776d109c07456f6e91",
}
# From the networks' numbers to ratings, as published with them (highest power first).
_SIGNAL = (-0.08397278, 1.22083953, 0.0052439)
_BACKGROUND = (-0.13166888, 1.60915514, -0.39604546)
_OVERALL = (-0.06766283, 1.11546468, 0.04602535)


@dataclass(frozen=True)
class Mos:
    """Ratings from 1 (bad) to 5 (excellent). p808: of the whole, by another network."""

    signal: float
    background: float
    overall: float
    p808: float


def obstacle() -> Missing | None:
    """Why sounds cannot be rated here, or None."""
    sessions = _sessions()
    return sessions if isinstance(sessions, Missing) else None


def dnsmos(audio: Audio) -> Mos | Missing:
    """The mean of the ratings of 9 s windows, a second apart or more, six at most, evenly over the sound.

    (The package itself rates all windows a second apart.) Missing for silence and for less than half a second.
    """
    if audio.seconds < LEAST_SECONDS or audio.peak < LEAST_PEAK:
        return Missing("the sound is silent or shorter than 0.5 s")
    sessions = _sessions()
    if isinstance(sessions, Missing):
        return sessions
    samples = audio.resampled(RATE).samples
    samples = samples * np.float32(LEVEL_RMS / np.sqrt(np.square(samples).mean()))
    samples = samples / np.float32(max(1.0, np.abs(samples).max()))
    samples = samples if len(samples) >= LENGTH else np.resize(samples, LENGTH)
    room = len(samples) - LENGTH
    starts = np.linspace(0, room, min(MOST_WINDOWS, 1 + room // RATE)).astype(int)
    ratings = [_rated(sessions, samples[at : at + LENGTH]) for at in starts]
    return Mos(*(float(value) for value in np.mean(ratings, axis=0)))


def _rated(sessions: tuple[Any, Any], samples: Samples) -> tuple[float, float, float, float]:
    signal, background, overall = sessions[0].run(None, {"input_1": samples[None]})[0][0]
    power = mel.power(samples[:-160], 321, 160, 120)
    level = 10 * np.log10(np.maximum(power, 1e-10) / max(float(power.max()), 1e-10))
    spectrum = ((np.maximum(level, -80) + 40) / 40).astype(np.float32)
    p808 = sessions[1].run(None, {"input_1": spectrum[None]})[0][0][0]
    return (
        float(np.polyval(_SIGNAL, signal)),
        float(np.polyval(_BACKGROUND, background)),
        float(np.polyval(_OVERALL, overall)),
        float(p808),
    )


@cache
def _sessions() -> tuple[Any, Any] | Missing:
    found = importlib.util.find_spec("speechmos")
    if found is None or not found.origin:
        return Missing("the judge of sound (speechmos) is not installed", REMEDY)
    folder = Path(found.origin).with_name("dnsmos_models")
    for name, digest in MODELS.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            return Missing(f"{path} is not the judge of sound that is known here", REMEDY)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = [
        onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"]) for name in MODELS
    ]
    return sessions[0], sessions[1]
