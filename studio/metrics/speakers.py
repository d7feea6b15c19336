"""How alike two voices are, by the speaker encoder of Resemblyzer 0.1.4.

Only the weights of that package are used: the numbers are read from their places in its file, which is known by its
hash, so that nothing in it is ever run. The network (Wan et al. 2018, "Generalized end-to-end loss for speaker
verification": three LSTMs of 256 over 40 mel bands, a projection, length 1) is a page of numpy, and needs no PyTorch.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from studio.audio import Audio, Samples
from studio.metrics import Missing, mel
from studio.metrics.activity import FRAME, RATE, Activity, Span, activity

WEIGHTS_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
REMEDY = "Run: make run METRICS=1"
BANDS, WIDTH, LAYERS = 40, 256, 3
# Where the numbers begin in the file, in bytes: of each layer the weights of input and state and both biases.
_PLACES = (
    (269883, 433723, 5676603, 5680699),
    (1482299, 2530875, 5684795, 5688891),
    (3579451, 4628027, 5692987, 5697083),
)
_PROJECTION = (7731, 6699)

WINDOW, STEP = 160, 77  # frames of 10 ms: what the encoder hears at once, and how far it moves on
LEAST_SPEECH_SECONDS = 1.6  # one window; silence and less give vectors that look valid
LOUDNESS_RMS = 10 ** (-30 / 20)  # as in its training

# Cosines of utterances, measured on 67 clips of about 10 people (0.912 and 0.582 on average): an equal share of errors,
# 0.9 %, is made at 0.765. Different people reach 0.718 in 95 of 100 pairs, the same person 0.845.
SAME_PERSON = 0.765
SURELY_SAME, SURELY_DIFFERENT = 0.845, 0.718

Vectors = Samples  # (windows, 256), length 1 each


@dataclass(frozen=True, eq=False)
class _Encoder:
    layers: tuple[tuple[Samples, Samples, Samples], ...]
    projection: Samples
    bias: Samples

    def __call__(self, frames: Samples, lengths: Sequence[int] | None = None) -> Vectors:
        """(windows, 160, 40) mel power -> (windows, 256). lengths: frames of each that are no padding."""
        for of_input, of_state, bias in self.layers:
            driven = frames @ of_input.T + bias
            state = cell = np.zeros((len(frames), WIDTH), np.float32)
            out = np.empty((*frames.shape[:2], WIDTH), np.float32)
            for at in range(frames.shape[1]):
                gates = driven[:, at] + state @ of_state.T
                enter, forget, leave = (_sigmoid(gates[:, of * WIDTH : (of + 1) * WIDTH]) for of in (0, 1, 3))
                cell = forget * cell + enter * np.tanh(gates[:, 2 * WIDTH : 3 * WIDTH])
                out[:, at] = state = leave * np.tanh(cell)
            frames = out
        last = frames[:, -1] if lengths is None else frames[np.arange(len(frames)), np.array(lengths) - 1]
        return _unit(np.maximum(last @ self.projection.T + self.bias, 0))


def _sigmoid(value: Samples) -> Samples:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * value)), np.float32)


def _unit(vectors: Samples) -> Samples:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9), np.float32)


@cache
def _encoder() -> _Encoder | Missing:
    """The encoder, 20 ms to read; Missing when its package is not installed or is another version."""
    found = importlib.util.find_spec("resemblyzer")
    if found is None or not found.origin:
        return Missing("the speaker encoder (Resemblyzer) is not installed", REMEDY)
    path = Path(found.origin).with_name("pretrained.pt")
    raw = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(raw).hexdigest() != WEIGHTS_SHA256:
        return Missing(f"{path} is not the speaker encoder that is known here", REMEDY)

    def numbers(at: int, *shape: int) -> Samples:
        count = int(np.prod(shape))
        return np.frombuffer(raw, "<f4", count, at).reshape(shape).astype(np.float32)

    layers = []
    for layer, (of_input, of_state, one, two) in enumerate(_PLACES):
        width = BANDS if layer == 0 else WIDTH
        bias = numbers(one, 4 * WIDTH) + numbers(two, 4 * WIDTH)
        layers.append((numbers(of_input, 4 * WIDTH, width), numbers(of_state, 4 * WIDTH, WIDTH), bias))
    return _Encoder(tuple(layers), numbers(_PROJECTION[0], WIDTH, WIDTH), numbers(_PROJECTION[1], WIDTH))


def obstacle() -> Missing | None:
    """Why voices cannot be compared here, or None."""
    encoder = _encoder()
    return encoder if isinstance(encoder, Missing) else None


def windows(audio: Audio, speech: Activity | None = None) -> Vectors | Missing:
    """(windows, 256) a voice vector for every 1.6 s of speech, 0.77 s apart, silences left out.

    speech: where it is spoken, when that is known already.
    """
    encoder = _encoder()
    if isinstance(encoder, Missing):
        return encoder
    samples = audio.resampled(RATE).samples
    said = (speech or activity(audio)).frames(len(samples) // FRAME)
    samples = samples[: len(said) * FRAME][np.repeat(said, FRAME)]
    if len(samples) < LEAST_SPEECH_SECONDS * RATE:
        return Missing(f"there is {len(samples) / RATE:.1f} s of speech, and {LEAST_SPEECH_SECONDS:g} s are needed")
    spectrum = _spectrum(samples, samples)
    starts = range(0, max(1, len(spectrum) - WINDOW + 1), STEP)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # matrices this small are multiplied ten times slower by two busy threads
        return encoder(np.stack([spectrum[at : at + WINDOW] for at in starts]))


def vectors(audio: Audio, pieces: Sequence[Span]) -> Vectors | Missing:
    """(pieces, 256) the voice of each piece of a sound; pieces of 0.5 to 1.6 s, the shorter the less sure."""
    encoder = _encoder()
    if isinstance(encoder, Missing):
        return encoder
    samples = audio.resampled(RATE).samples
    parts = [samples[round(piece.start * RATE) : round(piece.end * RATE)] for piece in pieces]
    if sum(len(part) for part in parts) < LEAST_SPEECH_SECONDS * RATE:
        return Missing(f"there are no phrases of {LEAST_SPEECH_SECONDS:g} s together")
    spectrum = _spectrum(samples, np.concatenate(parts))
    frames = np.zeros((len(pieces), WINDOW, BANDS), np.float32)
    lengths = []
    for window, piece in zip(frames, pieces, strict=True):
        heard = spectrum[round(piece.start * 100) :][: min(WINDOW, round(piece.seconds * 100))]
        window[: len(heard)] = heard
        lengths.append(len(heard))
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        return encoder(frames, lengths)


def _spectrum(samples: Samples, spoken: Samples) -> Samples:
    """(frames, 40) mel power every 10 ms of a sound that is made as loud as the encoder wants it where it is spoken."""
    rms = float(np.sqrt(np.square(spoken).mean()))
    return mel.power(samples * np.float32(max(1.0, LOUDNESS_RMS / rms)), 400, 160, BANDS)


def embedding(audio: Audio, speech: Activity | None = None) -> Samples | Missing:
    """(256,) the voice of a sound: the mean of its windows, of length 1."""
    found = windows(audio, speech)
    return found if isinstance(found, Missing) else _unit(found.mean(axis=0))


def similarity(one: Audio, two: Audio) -> float | Missing:
    """Cosine of two voices, 0 to 1; SAME_PERSON says how to read it. Wants 3 s of speech in each, 1.6 s at least."""
    first, second = embedding(one), embedding(two)
    if isinstance(first, Missing):
        return first
    return second if isinstance(second, Missing) else float(first @ second)


def judged(cosine: float) -> str:
    """A similarity in words, on the scale that was measured."""
    if cosine >= SURELY_SAME:
        return "the same person"
    if cosine >= SAME_PERSON:
        return "probably the same person"
    return "probably a different person" if cosine > SURELY_DIFFERENT else "a different person"
