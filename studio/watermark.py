"""The inaudible mark that says "made by a machine": put into speech and found again. Knows sound, not files or runs.

The model is Perth's "implicit" watermarker by Resemble AI (MIT; package resemble-perth), which changes magnitudes
below 2 kHz a little. It carries one bit, there or not there, and other programs use it too, so a find says "synthetic
speech", not who made it. Only the weights are read from the package, as bare numbers out of a file whose hash is known:
none of its code runs, nothing is unpickled, and PyTorch is not needed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
from scipy import fft

from studio.audio import Audio, Samples
from studio.engines.base import Obstacle
from studio.errors import EngineUnavailable

PACKAGE = "resemble-perth"
NAME = "Perth implicit 250000"
WEIGHTS = "perth_net/pretrained/implicit/perth_net_250000.pth.tar"
SHA256 = "a15bce457ebc53ce5e6c9c3f11df78cf7ee2bf9cdab0a798902135b4c4027670"
LAYERS = 7  # of each of the four nets: 1 wide, five of 7 frames, 1 wide
ENCODER, SLOW, NORMAL, FAST = 0, 14, 28, 42  # where each net's arrays begin in the file: weight, bias, weight, ...
STRETCHES = ((SLOW, 1.25), (NORMAL, 1.0), (FAST, 0.75))  # the decoder listens at three speeds

RATE = 32000  # Hz, of the model; hop, frame and bands are at this rate
HOP, FRAME, BANDS = 320, 2048, 128
FLOOR_DB, SPAN_DB = -180.0, 195.0  # magnitudes from -180 to +15 dB are what the nets see as 0 to 1
SOUNDING = 35.0  # sum over a frame's 1025 magnitudes, of about 700 in speech: below it is digital silence
# Of the change as the model makes it, for every 250 Hz up to 2 kHz. Most of what a listener may notice (0.07 of DNSMOS)
# comes from 250 to 750 Hz, where speech is loudest; the decoder needs the rest as much.
STRENGTHS = (0.5, 0.07, 0.25, 0.6, 1.0, 1.0, 1.0, 1.0)
THRESHOLD = 0.5  # 200 unmarked clips stay far below, marked ones near 1: bench/results/watermark.json
LEAST_SECONDS = 0.5  # of sound in which a mark can be told
PIECE_SECONDS, AROUND_SECONDS = 10, 1  # whole seconds, so that pieces begin on a sample at every rate

Array = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class Detection:
    """What was heard. probability: of the piece (10 s) that is most surely marked, None when nothing can be told.

    share: of the sound, 0 to 1, how much lies in pieces that are marked. reason: why nothing can be told.
    """

    probability: float | None
    share: float = 0.0
    reason: str = ""

    @property
    def found(self) -> bool:
        return self.probability is not None and self.probability >= THRESHOLD


@dataclass(frozen=True)
class Marker:
    """What becomes of finished sound. apply: marks it, or leaves it as it is; state: one line for the file's metadata;
    note: what a listener should be told, empty when all is as wanted.
    """

    apply: Callable[[Audio], Audio]
    state: str
    note: str = ""


def marker(is_wanted: bool) -> Marker:
    """The marker for settings that want marks or not. What stands in the way is said, and the sound stays as it is."""
    if not is_wanted:
        return Marker(_unmarked, "none, switched off")
    try:
        _net(ENCODER)
    except EngineUnavailable as error:
        state = "none, package missing" if _weights_file() is None else "none, package damaged"
        return Marker(_unmarked, state, f"Not watermarked. {error}")
    return Marker(mark, NAME)


def _unmarked(audio: Audio) -> Audio:
    return audio


def obstacle() -> Obstacle | None:
    """Why nothing can be marked here, or None. Reads no weights."""
    if _weights_file() is None:
        return Obstacle(f"the package {PACKAGE} is not installed", f"Run: pip install {PACKAGE}==1.0.1")
    return None


def meaning(is_wanted: bool) -> str:
    """What a setting means here and now, for a person."""
    if not is_wanted:
        return "Finished sound is not marked as made by a machine: STUDIO_WATERMARK is off."
    hindrance = obstacle()
    if hindrance:
        return f"Finished sound cannot be marked as made by a machine: {hindrance.reason}. {hindrance.remedy}."
    return "Finished sound carries an inaudible mark that says it was made by a machine."


def mark(audio: Audio) -> Audio:
    """The same sound, as long to the sample, with the mark in it; silence stays as it is.

    Needs about 0.01 s of work for a second. Long sounds are marked in pieces that know what lies around them, so that
    there are no seams. Raises EngineUnavailable when the model is not here.
    """
    if audio.peak == 0.0:
        return audio
    net = _net(ENCODER)
    rate, marked = audio.sample_rate, audio.samples.copy()
    step, around = PIECE_SECONDS * rate, AROUND_SECONDS * rate
    for start in range(0, len(marked), step):
        first, end = max(0, start - around), min(len(marked), start + step)
        change = _change(audio.samples[first : end + around], rate, net)
        marked[start:end] += change[start - first : end - first]
    return Audio(marked, rate)


def detect(pieces: Iterable[Audio]) -> Detection:
    """Whether a sound, given in pieces of at most about 10 s, is marked. Raises EngineUnavailable without the model."""
    nets = [(_net(start), stretch) for start, stretch in STRETCHES]
    heard = [found for piece in pieces if (found := _heard(piece, nets))]
    if sum(seconds for seconds, _ in heard) < LEAST_SECONDS:
        return Detection(None, reason=f"there is less than {LEAST_SECONDS:g} s of sound in it")
    heard = [one for one in heard if one[0] >= 2 * LEAST_SECONDS] or heard  # a last piece of a few frames says little
    marked = sum(seconds for seconds, probability in heard if probability >= THRESHOLD)
    return Detection(max(probability for _, probability in heard), marked / sum(seconds for seconds, _ in heard))


def _change(samples: Samples, rate: int, net: list[Array]) -> Samples:
    """(n,) what the mark adds to the samples."""
    spectrum = _spectrum(_padded(_resampled(samples, rate, RATE)))
    magnitudes, sounding = _magnitudes(spectrum)
    strengths = np.repeat(np.array(STRENGTHS, np.float32), BANDS // len(STRENGTHS))
    added = strengths * _run(magnitudes[:, :BANDS], net) * sounding[:, None]
    change_of_bands = np.zeros_like(spectrum)
    change_of_bands[:, :BANDS] = spectrum[:, :BANDS] * (10 ** (added * (SPAN_DB / 20)) - 1)
    change = _resampled(_sound(change_of_bands), RATE, rate)[: len(samples)]
    return np.pad(change, (0, len(samples) - len(change)))


def _heard(piece: Audio, nets: list[tuple[list[Array], float]]) -> tuple[float, float] | None:
    """Seconds of sound in the piece and how surely it is marked, 0 to 1; None for silence."""
    if piece.peak == 0.0:
        return None
    magnitudes, sounding = _magnitudes(_spectrum(_padded(_resampled(piece.samples, piece.sample_rate, RATE))))
    seconds = float(sounding.sum()) * HOP / RATE
    if not seconds:
        return None
    means = []
    for net, stretch in nets:
        count = int(len(magnitudes) * stretch)
        said = _run(_stretched(magnitudes[:, :BANDS], count), net)  # (frames, 2): how much to trust it, whether marked
        kept = sounding[np.arange(count) * len(sounding) // count]
        means.append(said[kept].mean(axis=0) if kept.any() else np.zeros(2, np.float32))
    trust, marked = np.transpose(means)
    weights = np.exp(trust - trust.max())
    return min(seconds, piece.seconds), float(np.clip((marked * weights).sum() / weights.sum(), 0, 1))


def _resampled(samples: Samples, rate: int, target: int) -> Samples:
    return samples if rate == target else soxr.resample(samples, rate, target, quality="HQ").astype(np.float32)


def _padded(samples: Samples) -> Samples:
    """Long enough for the mirroring at both ends that the model learned with."""
    return np.pad(samples, (0, max(0, FRAME // 2 + 1 - len(samples))))


def _spectrum(samples: Samples) -> Spectrum:
    """(frames, 1025) complex64, frames centred on every 320th sample."""
    mirrored = np.pad(samples, FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, FRAME)[::HOP]
    return np.asarray(fft.rfft(frames * _window(), axis=1), np.complex64)


def _sound(spectrum: Spectrum) -> Samples:
    """The inverse of `_spectrum`, up to the last centre of a frame."""
    window = _window()
    frames = fft.irfft(spectrum, FRAME, axis=1).astype(np.float32) * window
    total = np.zeros(FRAME + HOP * (len(frames) - 1), np.float32)
    weight = np.zeros_like(total)
    for at, frame in enumerate(frames):
        total[at * HOP : at * HOP + FRAME] += frame
        weight[at * HOP : at * HOP + FRAME] += window**2
    inner = slice(FRAME // 2, len(total) - FRAME // 2)
    return np.asarray(total[inner] / np.maximum(weight[inner], 1e-8), np.float32)


@cache
def _window() -> Array:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)


def _magnitudes(spectrum: Spectrum) -> tuple[Array, npt.NDArray[np.bool_]]:
    """(frames, 1025) magnitudes as the nets see them, and which frames are not silent."""
    decibels = 20 * np.log10(np.maximum(np.abs(spectrum), 10 ** (FLOOR_DB / 20)))
    magnitudes: Array = ((decibels - FLOOR_DB) / SPAN_DB).astype(np.float32)
    return magnitudes, magnitudes.sum(axis=1) > SOUNDING


def _stretched(frames: Array, count: int) -> Array:
    """The frames as `count` frames from the first to the last, between two of them a mixture."""
    if count == len(frames):
        return frames
    at = np.linspace(0, len(frames) - 1, count)
    before = at.astype(int)
    after = np.minimum(before + 1, len(frames) - 1)
    part = (at - before)[:, None].astype(np.float32)
    return np.asarray(frames[before] * (1 - part) + frames[after] * part, np.float32)


def _run(frames: Array, net: list[Array]) -> Array:
    """(frames, inputs) -> (frames, outputs): convolutions over time, a leak for what is below zero."""
    for at in range(LAYERS):
        weight, bias = net[2 * at], net[2 * at + 1]  # (taps * inputs, outputs), (outputs,)
        taps = weight.shape[0] // frames.shape[1]
        padded = np.pad(frames, ((taps // 2, taps // 2), (0, 0)))
        wide = np.lib.stride_tricks.sliding_window_view(padded, taps, axis=0).transpose(0, 2, 1)
        frames = np.asarray(wide.reshape(len(frames), -1) @ weight + bias, np.float32)
        if at < LAYERS - 1:
            np.maximum(frames, np.float32(0.01) * frames, out=frames)
    return frames


@cache
def _net(start: int) -> list[Array]:
    """The weights and biases of one net. Raises EngineUnavailable."""
    path = _checked()
    hidden, outputs = 256, BANDS if start == ENCODER else 2
    sizes = [(BANDS, 1, hidden), *[(hidden, 7, hidden)] * (LAYERS - 2), (hidden, 1, outputs)]
    net = []
    with zipfile.ZipFile(path) as archive:
        for at, (inputs, taps, out) in enumerate(sizes):
            weight, bias = (
                np.frombuffer(archive.read(f"archive/data/{start + 2 * at + part}"), "<f4") for part in (0, 1)
            )
            net.append(np.ascontiguousarray(weight.reshape(out, inputs, taps).transpose(2, 1, 0)).reshape(-1, out))
            net.append(bias)
    return net


@cache
def _checked() -> Path:
    """The file of weights, once its hash is seen to be the known one. Raises EngineUnavailable."""
    path = _weights_file()
    if path is None:
        raise EngineUnavailable(f"Watermarks need the package {PACKAGE}.", f"Run: pip install {PACKAGE}==1.0.1")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            remedy = f"Run: pip install --force-reinstall {PACKAGE}==1.0.1"
            raise EngineUnavailable(f"The watermark model of {PACKAGE} is damaged or of another version.", remedy)
    return path


def _weights_file() -> Path | None:
    """Where the package keeps its weights; the package itself is not imported."""
    spec = importlib.util.find_spec("perth")
    path = Path(spec.origin).with_name(WEIGHTS.partition("/")[0]) if spec and spec.origin else None
    path = path.parent / WEIGHTS if path else None
    return path if path and path.is_file() else None
