"""DistillMOS: how a listener would rate a recording of speech, by the network of distillmos 0.9.1 (MIT), run in numpy.

Stahl and Gamper 2025, "Distillation and Pruning for Scalable Self-Supervised Representation-Based Speech Quality
Assessment": of the class of UTMOS, learned from a model that rates by XLS-R. It hears clipping and a missing top of the
spectrum, which DNSMOS hardly does, and is blind to level. It knows nothing of words, and rates clean synthetic speech
above real recordings. Only the package's numbers are read, from their places in its file, which is known by its hash:
none of its code runs, nothing is unpickled, and neither PyTorch nor torchaudio is needed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.special import expit, softmax

from studio.audio import Audio, Samples
from studio.metrics import Missing

RATE = 16000
LENGTH = 122880  # samples that the network hears at once: 7.68 s; shorter sounds are followed by silence
FRAME, HOP = 320, 160
MOST_WINDOWS = 4  # one takes 0.6 s of work
LEAST_SECONDS = 0.5
LEAST_PEAK = 1e-4
HEADS, LAYERS = 8, 7
EPSILON = 1e-5
REMEDY = "Run: make run METRICS=1"
WEIGHTS = Path("weights") / "distill_mos_v7.pt"
SHA256 = "b18b3ac60227267cfb91e5d00ce22cc7b73716fd92f269484da1446e27031a40"
DATA = "distill_mos_v7_stripped/data"
SHAPES = ((64, 2), (64, 64), (128, 64), (256, 128), (256, 256), (256, 256))  # of convolutions: out, in
STRIDES = ((1, 1), (2, 1), (2, 1), (2, 1), (2, 1), (2, 2))  # of these over frequency and time

Array = npt.NDArray[np.float32]


def obstacle() -> Missing | None:
    """Why sounds cannot be rated here, or None."""
    net = _net()
    return net if isinstance(net, Missing) else None


def distillmos(audio: Audio) -> float | Missing:
    """The rating from 1 (bad) to 5 (excellent): the mean over windows of 7.68 s, four at most, evenly over the sound.

    (The package itself rates all windows a second apart.) Missing for silence and for less than half a second.
    """
    if audio.seconds < LEAST_SECONDS or audio.peak < LEAST_PEAK:
        return Missing("the sound is silent or shorter than 0.5 s")
    net = _net()
    if isinstance(net, Missing):
        return net
    from threadpoolctl import threadpool_limits

    samples = audio.resampled(RATE).samples
    samples = np.pad(samples, (0, max(0, LENGTH - len(samples))))
    room = len(samples) - LENGTH
    starts = np.linspace(0, room, min(MOST_WINDOWS, 1 + -(-room // RATE))).astype(int)
    with threadpool_limits(1, "blas"):  # two busy threads on matrices of this size take several times the work of one
        return float(np.mean([_rated(net, samples[at : at + LENGTH]) for at in starts]))


@dataclass(frozen=True)
class _Net:
    """The numbers of the network: of convolutions, of normalisations as scale and shift, of the layers, of the end."""

    convolutions: Sequence[tuple[Array, Array]]  # (taps, in, out), (out,)
    entrance: tuple[Array, Array]  # (1024,) scale and shift
    places: Array  # (384, 200)
    projection: tuple[Array, Array]
    layers: Sequence[Sequence[Array]]
    exit: tuple[Array, Array]
    pooling: Sequence[Array]


def _rated(net: _Net, samples: Samples) -> float:
    """samples: (LENGTH,) at RATE."""
    heard = _convolved(net, _spectrum(samples / (np.abs(samples).max() + 1e-8)))  # (384, 1024)
    scale, shift = net.entrance
    weight, bias = net.projection
    frames: Array = np.asarray((heard * scale + shift) @ weight.T + bias + net.places, np.float32)
    for layer in net.layers:
        frames = _attended(frames, layer)
    scale, shift = net.exit
    frames = np.asarray(frames * scale + shift, np.float32)
    inner, inner_bias, outer, outer_bias, last, last_bias = net.pooling
    attention = softmax(np.maximum(frames @ inner.T + inner_bias, 0) @ outer.T + outer_bias, axis=0)
    pooled = (attention.T @ frames) @ last.T + last_bias
    return float(1 + 4 * expit(pooled[0, 0]))


def _spectrum(samples: Samples) -> Array:
    """(161, 768, 2) of frequency and time, the magnitudes to the power of 0.3."""
    padded = np.pad(samples, (FRAME - HOP) // 2, mode="reflect")
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * window
    spectrum = fft.rfft(frames, axis=1).T
    spectrum = spectrum * np.maximum(np.abs(spectrum), 1e-12) ** -0.7
    return np.stack([spectrum.real, spectrum.imag], axis=-1).astype(np.float32)


def _convolved(net: _Net, spectrum: Array) -> Array:
    """(384, 1024): time, channels and frequencies."""
    found = spectrum
    for (weight, bias), (stride, step) in zip(net.convolutions, STRIDES, strict=True):
        found = np.pad(found, ((0, 0), (1, 1), (0, 0)))
        high, wide = (found.shape[0] - 3) // stride + 1, (found.shape[1] - 3) // step + 1
        total = np.broadcast_to(bias, (high, wide, len(bias))).copy()
        for tap, matrix in enumerate(weight):
            row, column = divmod(tap, 3)
            total += found[row::stride, column::step][:high, :wide] @ matrix
        found = np.maximum(total, np.float32(0.1) * total)
    return found.transpose(1, 2, 0).reshape(found.shape[1], -1)


def _attended(frames: Array, layer: Sequence[Array]) -> Array:
    """A layer of a transformer, normalised after each half."""
    projection, projection_bias, out, out_bias, up, up_bias, down, down_bias, *norms = layer
    count, width = frames.shape
    split = (frames @ projection.T + projection_bias).reshape(count, 3, HEADS, width // HEADS)
    asking, asked, told = split.transpose(1, 2, 0, 3)
    weights = softmax(asking @ asked.transpose(0, 2, 1) / np.float32(np.sqrt(width // HEADS)), axis=-1)
    heard = (weights @ told).transpose(1, 0, 2).reshape(count, width)
    frames = _levelled(frames + heard @ out.T + out_bias, *norms[:2])
    return _levelled(frames + np.maximum(frames @ up.T + up_bias, 0) @ down.T + down_bias, *norms[2:])


def _levelled(frames: Array, weight: Array, bias: Array) -> Array:
    mean, variance = frames.mean(axis=1, keepdims=True), frames.var(axis=1, keepdims=True)
    return np.asarray((frames - mean) / np.sqrt(variance + EPSILON) * weight + bias, np.float32)


@cache
def _net() -> _Net | Missing:
    found = importlib.util.find_spec("distillmos")
    if found is None or not found.origin:
        return Missing("the judge of speech (distillmos) is not installed", REMEDY)
    path = Path(found.origin).with_name(WEIGHTS.parts[0]) / WEIGHTS.name
    raw = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(raw).hexdigest() != SHA256:
        return Missing(f"{path} is not the judge of speech that is known here", REMEDY)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return _read(archive)


def _read(archive: zipfile.ZipFile) -> _Net:
    """The numbers by their places in the file: convolutions from 0, normalisations from 12, places 22, ..."""

    def numbers(at: int, *shape: int) -> Array:
        return np.frombuffer(archive.read(f"{DATA}/{at}"), "<f4").reshape(shape).astype(np.float32)

    def scaling(at: int) -> tuple[Array, Array]:
        """Normalisation by what was seen in training (weight, bias, mean, variance) as scale and shift."""
        weight, bias, mean, variance = (numbers(at + part, -1) for part in range(4))
        scale = weight / np.sqrt(variance + EPSILON)
        return scale, bias - mean * scale

    taps = [numbers(2 * at, out, into, 9).transpose(2, 1, 0) for at, (out, into) in enumerate(SHAPES)]
    (first, first_shift), (second, second_shift) = scaling(12), scaling(17)
    width, wide = 200, 400
    matrices = ((600, width), (600,), (width, width), (width,), (wide, width), (wide,), (width, wide), (width,))
    shapes = (*matrices, *[(width,)] * 4)
    pooling = ((wide, width), (wide,), (1, wide), (1,), (1, width), (1,))
    return _Net(
        convolutions=[(np.ascontiguousarray(tap), numbers(2 * at + 1, -1)) for at, tap in enumerate(taps)],
        entrance=(first * second, first_shift * second + second_shift),
        places=numbers(22, 384, width),
        projection=(numbers(23, width, 1024), numbers(24, width)),
        layers=[
            [numbers(25 + len(shapes) * at + part, *shape) for part, shape in enumerate(shapes)] for at in range(LAYERS)
        ],
        exit=scaling(109),
        pooling=[numbers(114 + part, *shape) for part, shape in enumerate(pooling)],
    )
