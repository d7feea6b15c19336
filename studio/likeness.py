"""Whether one sound is a piece of another, also after MP3, resampling, another level or a cut. Knows samples, no runs.

Coarse, then fine: the loudness of every 10 ms slid along the other's finds the place, and the waves there, laid on each
other, say whether it is the same recording. Two readings of one text by one voice have alike loudness, but not waves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr
from scipy.signal import fftconvolve

from studio.audio import Audio, Samples

RATE, HOP = 8000, 80  # Hz; samples of 10 ms
LEAST_SECONDS = 1.0
PROBE_SECONDS = 2.0  # of waves that are compared
SLACK_SECONDS = 0.06  # how far the coarse place may be off
SAME = 0.6  # correlation of waves: unrelated speech stays below 0.3, MP3 and 16 kHz above 0.9

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """Where a sound lies in another: start in seconds of that other, negative when it begins before it; likeness: of
    their waves, 0 to 1.
    """

    start: float
    likeness: float


def narrow(pieces: Iterable[Audio]) -> Samples:
    """(n,) the sound at 8 kHz, from pieces."""
    return np.concatenate([np.zeros(0, np.float32), *_narrowed(pieces)])


def _narrowed(pieces: Iterable[Audio]) -> Iterator[Samples]:
    stream = None
    for piece in pieces:
        stream = stream or soxr.ResampleStream(piece.sample_rate, RATE, 1, dtype="float32", quality="LQ")
        yield stream.resample_chunk(piece.samples)
    if stream:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def find(part: Samples, whole: Samples) -> Place | None:
    """Where `part` lies in `whole`, both (n,) at 8 kHz, or None when it is not of it or too short to tell."""
    if min(len(part), len(whole)) < LEAST_SECONDS * RATE:
        return None
    short, long = (part, whole) if len(part) <= len(whole) else (whole, part)
    offset = _coarse(_shape(short), _shape(long)) * HOP
    probe = min(len(short), round(PROBE_SECONDS * RATE))
    at = _loudest(short, probe)
    slack = round(SLACK_SECONDS * RATE)
    first = max(0, offset + at - slack)
    shift, likeness = _fine(short[at : at + probe], long[first : offset + at + probe + slack])
    if likeness < SAME:
        return None
    start = (first + shift - at) / RATE
    return Place(start if short is part else -start, likeness)


def _shape(samples: Samples) -> Array:
    """(hops,) loudness of each 10 ms, bent so that quiet syllables count."""
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP).astype(np.float64)
    return np.asarray(np.sqrt(np.sqrt((frames**2).mean(axis=1))), np.float64)


def _coarse(short: Array, long: Array) -> int:
    """The hop of `long` at which `short` lies best."""
    return int(np.argmax(_correlations(short - short.mean(), long)))


def _fine(probe: Samples, around: Samples) -> tuple[int, float]:
    """The sample of `around` at which the waves lie best on each other, and their correlation there."""
    if len(around) < len(probe):
        return 0, 0.0
    correlations = np.abs(_correlations(probe.astype(np.float64), around.astype(np.float64)))
    at = int(np.argmax(correlations))
    return at, float(correlations[at])


def _correlations(short: Array, long: Array) -> Array:
    """(places,) the normalised correlation of `short`, whose mean is 0, at every place of `long`."""
    count = len(short)
    sums, squares = (np.concatenate([[0.0], np.cumsum(values)]) for values in (long, long**2))
    total, power = sums[count:] - sums[:-count], squares[count:] - squares[:-count]
    spread = np.sqrt(np.maximum(power - total**2 / count, 0)) * np.linalg.norm(short)
    products = fftconvolve(long, short[::-1], mode="valid")
    return np.asarray(np.where(spread > 1e-9, products / np.maximum(spread, 1e-9), 0.0), np.float64)


def _loudest(samples: Samples, count: int) -> int:
    """Where the loudest stretch of `count` samples begins."""
    power = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    return int(np.argmax(power[count:] - power[:-count]))
