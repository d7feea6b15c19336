"""Joining takes into one file: exact pauses, quiet joins, one loudness, the mark. Memory stays flat."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio import loudness, soundfiles
from studio.audio import Audio, silence
from studio.disk import cannot_write
from studio.soundfiles import NO_TAGS, Tags
from studio.takes import Take
from studio.watermark import Marker, marker

FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.005, 0.015  # 20 ms a join; the short side spares consonants
EDGE_DBFS = -60.0
MARGIN_SECONDS = 0.0025  # kept on each side of the sound, so that a pause is exact within 5 ms however it is measured
WINDOW_SECONDS = 30.0
TOLERANCE_LU = 0.1
UNMARKED = marker(is_wanted=False)


@dataclass(frozen=True)
class Part:
    """One take in the finished file. group: parts of one group (a speaker) share one gain.

    pause_after: seconds of digital silence that follow the last sample above the edge level.
    """

    take: Take
    group: tuple[str, ...]
    pause_after: float


@dataclass(frozen=True)
class Assembled:
    """What was written. spans: (start, end) of each part in seconds; cuts: how much silence was taken from its start.

    loudness_lufs: None for silence.
    """

    seconds: float
    spans: tuple[tuple[float, float], ...]
    cuts: tuple[float, ...]
    loudness_lufs: float | None


def assemble(
    parts: Sequence[Part], lead_in: float, path: Path, marker: Marker = UNMARKED, tags: Tags = NO_TAGS
) -> Generator[float, None, Assembled]:
    """Write the parts to one WAV at the highest rate among them, at -16 LUFS, true peaks below -1 dBTP.

    Yields after every part the share of them that is ready, 0 to 1: places to stop. Raises OutputError, AudioError when
    a take is gone.
    """
    rate = max(part.take.sample_rate for part in parts)
    gains = _gains(parts, rate)
    cuts: list[float] = []
    with _Ready(path, parts, lead_in, rate) as ready:
        for part in parts:
            taken = part.take.audio()
            cuts.append(edges(taken)[0] / taken.sample_rate)
            ready.add(faded(marker.apply(trimmed(taken).resampled(rate).scaled(gains[part.group]))))
            yield len(cuts) / len(parts)
        gain, measured = _levelled(ready)
        with soundfiles.writing(path, rate, soundfiles.FORMATS["wav"][:2], tags) as file:
            for piece in ready.pieces(gain):
                file.write(piece)
        return Assembled(file.seconds, tuple(ready.spans()), tuple(cuts), measured)


def _levelled(ready: _Ready) -> tuple[float, float | None]:
    """The gain that brings the whole to the target, and the loudness it then has: the limiter takes away a little, and
    the mark adds a little, so the whole is measured as it will be before it is written.
    """
    gain = 1.0
    for _ in range(3):
        measured = loudness.integrated(_blocks(ready.pieces(gain)))
        if measured is None or abs(measured - loudness.TARGET_LUFS) <= TOLERANCE_LU:
            break
        gain *= loudness.gain_to(loudness.TARGET_LUFS, measured)
    return gain, measured


class _Ready:
    """The parts as they will sound but for one gain, one after the other in a file that nobody sees: memory stays flat
    and a part is made ready once.
    """

    def __init__(self, path: Path, parts: Sequence[Part], lead_in: float, rate: int) -> None:
        self._path, self._parts, self._lead_in, self._rate = path, parts, lead_in, rate
        self._lengths: list[int] = []

    def __enter__(self) -> _Ready:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._path.parent)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, sound: Audio) -> None:
        """Keep the next part. Raises OutputError when the disk takes no more."""
        try:
            self._file.write(sound.samples.tobytes())
            self._file.flush()
        except OSError as error:
            raise cannot_write(self._path, error) from error
        self._lengths.append(len(sound.samples))

    def pieces(self, gain: float) -> Iterator[Audio]:
        """Everything in order, pauses too, true peaks below the ceiling."""
        self._file.seek(0)
        yield silence(self._lead_in, self._rate)
        for part, length in zip(self._parts, self._lengths, strict=True):
            samples = np.frombuffer(self._file.read(4 * length), np.float32)
            yield loudness.limited(Audio(samples, self._rate).scaled(gain))
            yield silence(part.pause_after, self._rate)

    def spans(self) -> Iterator[tuple[float, float]]:
        """Where each part sounds, in seconds from the start."""
        at = round(self._lead_in * self._rate)
        for part, length in zip(self._parts, self._lengths, strict=True):
            yield at / self._rate, (at + length) / self._rate
            at += length + round(part.pause_after * self._rate)


def _gains(parts: Sequence[Part], rate: int) -> dict[tuple[str, ...], float]:
    """The gain that brings each group to the target on its own: nobody whispers beside somebody who shouts."""
    blocks: dict[tuple[str, ...], list[float]] = {}
    for part in parts:
        blocks.setdefault(part.group, []).extend(loudness.block_loudness(trimmed(part.take.audio()).resampled(rate)))
    return {
        group: loudness.gain_to(loudness.TARGET_LUFS, loudness.integrated(measured))
        for group, measured in blocks.items()
    }


def _blocks(pieces: Iterator[Audio]) -> list[float]:
    """Loudness blocks of a long sound that is never whole in memory."""
    found: list[float] = []
    held: list[Audio] = []
    for piece in pieces:
        held.append(piece)
        if sum(part.seconds for part in held) >= WINDOW_SECONDS:
            found.extend(_measured(held))
            held = []
    return found + (_measured(held) if held else [])


def _measured(pieces: list[Audio]) -> list[float]:
    joined = Audio(np.concatenate([piece.samples for piece in pieces]), pieces[0].sample_rate)
    return loudness.block_loudness(joined)


def edges(audio: Audio) -> tuple[int, int]:
    """The first sample that is kept and the one after the last: without the silence (below -60 dBFS) around them."""
    loud = np.flatnonzero(np.abs(audio.samples) > 10 ** (EDGE_DBFS / 20))
    if not loud.size:
        return 0, len(audio.samples)
    margin = round(MARGIN_SECONDS * audio.sample_rate)
    return max(0, int(loud[0]) - margin), int(loud[-1]) + 1 + margin


def trimmed(audio: Audio) -> Audio:
    """The sound between its edges, so that a pause is as long as it is written."""
    start, end = edges(audio)
    return Audio(audio.samples[start:end], audio.sample_rate)


def faded(audio: Audio) -> Audio:
    """The sound with a raised-cosine rise and fall, so that it neither begins nor ends with a click."""
    samples = audio.samples.copy()
    for seconds, backwards in ((FADE_IN_SECONDS, False), (FADE_OUT_SECONDS, True)):
        count = min(len(samples), round(seconds * audio.sample_rate))
        slope = (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(1, count))).astype(np.float32)
        if backwards:
            samples[len(samples) - count :] *= slope[::-1]
        else:
            samples[:count] *= slope
    return Audio(samples, audio.sample_rate)
