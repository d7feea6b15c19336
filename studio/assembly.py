"""Joining takes into one file: exact pauses, quiet joins, one loudness. Reads takes one by one: memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio import loudness, soundfiles
from studio.audio import Audio, silence
from studio.takes import Take

FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.005, 0.015  # 20 ms a join; the short side spares consonants
EDGE_DBFS = -60.0
MARGIN_SECONDS = 0.0025  # kept on each side of the sound, so that a pause is exact within 5 ms however it is measured
WINDOW_SECONDS = 30.0
TOLERANCE_LU = 0.1


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


def assemble(parts: Sequence[Part], lead_in: float, path: Path, form: str = "wav") -> Assembled:
    """Write the parts to one sound file at the highest rate among them, at -16 LUFS, true peaks below -1 dBTP.

    Raises OutputError, AudioError when a take is gone.
    """
    rate = max(part.take.sample_rate for part in parts)
    gains = _gains(parts, rate)
    # the limiter takes away a little, so the whole is measured as it will be before it is written
    for _ in range(3):
        measured = loudness.integrated(_blocks(_sound(parts, gains, lead_in, rate)))
        if measured is None or abs(measured - loudness.TARGET_LUFS) <= TOLERANCE_LU:
            break
        correction = loudness.gain_to(loudness.TARGET_LUFS, measured)
        gains = {group: gain * correction for group, gain in gains.items()}
    spans, at = [], round(lead_in * rate)
    with soundfiles.writing(path, rate, soundfiles.FORMATS[form][:2]) as file:
        file.write(silence(lead_in, rate))
        for part in parts:
            sound = _cleaned(part, gains[part.group], rate)
            pause = silence(part.pause_after, rate)
            file.write(sound)
            file.write(pause)
            spans.append((at / rate, (at + len(sound.samples)) / rate))
            at += len(sound.samples) + len(pause.samples)
    cuts = tuple(edges(part.take.audio())[0] / part.take.sample_rate for part in parts)
    return Assembled(at / rate, tuple(spans), cuts, measured)


def _gains(parts: Sequence[Part], rate: int) -> dict[tuple[str, ...], float]:
    """The gain that brings each group to the target on its own: nobody whispers beside somebody who shouts."""
    blocks: dict[tuple[str, ...], list[float]] = {}
    for part in parts:
        blocks.setdefault(part.group, []).extend(loudness.block_loudness(trimmed(part.take.audio()).resampled(rate)))
    return {
        group: loudness.gain_to(loudness.TARGET_LUFS, loudness.integrated(measured))
        for group, measured in blocks.items()
    }


def _sound(parts: Sequence[Part], gains: dict[tuple[str, ...], float], lead_in: float, rate: int) -> Iterator[Audio]:
    yield silence(lead_in, rate)
    for part in parts:
        yield _cleaned(part, gains[part.group], rate)
        yield silence(part.pause_after, rate)


def _cleaned(part: Part, gain: float, rate: int) -> Audio:
    return loudness.limited(faded(trimmed(part.take.audio()).resampled(rate).scaled(gain)))


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
