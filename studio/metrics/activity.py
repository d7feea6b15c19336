"""Where someone speaks in a sound, and where it is silent. Knows no words and no speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from studio.audio import Audio
from studio.metrics import pitch

RATE = 16000
FRAME = 320  # samples: 20 ms, one of the three lengths that WebRTC's detector takes
FRAME_SECONDS = FRAME / RATE
AGGRESSIVENESS = 2  # of 0 to 3
TARGET_RMS = 0.1  # the detector's answer depends on the level: loud frames are brought here
RANGE_DB = 40.0  # what is softer than loud speech by more is not speech
GAP_SECONDS, SPAN_SECONDS = 0.15, 0.08  # shorter gaps are filled (they lie inside words), then shorter spans dropped
LEAST_VOICED = 0.15  # of a span: a noise has none, a spoken phrase 0.4 to 0.9

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Span:
    """A stretch of a sound, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Activity:
    """The spans in which someone speaks, in order, of a sound of so many seconds."""

    spans: tuple[Span, ...]
    seconds: float

    @property
    def speech_seconds(self) -> float:
        return sum(span.seconds for span in self.spans)

    @property
    def share(self) -> float:
        """Of the sound that is speech, pauses between words not counted: 0 to 1."""
        return min(1.0, self.speech_seconds / self.seconds) if self.seconds else 0.0

    @property
    def silences(self) -> tuple[Span, ...]:
        """The stretches between the spans, before the first and after the last."""
        ends = [0.0, *(span.end for span in self.spans)]
        starts = [*(span.start for span in self.spans), self.seconds]
        return tuple(Span(end, start) for end, start in zip(ends, starts, strict=True) if start - end > 1e-6)

    def frames(self, count: int) -> Flags:
        """(count,) whether each 20 ms lies in a span."""
        flags = np.zeros(count, bool)
        for span in self.spans:
            flags[round(span.start / FRAME_SECONDS) : round(span.end / FRAME_SECONDS)] = True
        return flags


def levels(audio: Audio) -> npt.NDArray[np.float64]:
    """(frames,) mean power of each whole 20 ms at 16 kHz."""
    samples = audio.resampled(RATE).samples.astype(np.float64)
    whole = len(samples) // FRAME
    return np.asarray(np.square(samples[: whole * FRAME].reshape(whole, FRAME)).mean(axis=1))


def activity(audio: Audio) -> Activity:
    """Where someone speaks.

    WebRTC's voice activity detector (Gaussian mixtures over six bands, 20 ms, aggressiveness 2) on the levelled sound;
    frames 40 dB under loud ones are silence; spans in which no voice sounds (`pitch.track`) are noise.
    """
    power = levels(audio)
    loud = float(np.percentile(power, 95)) if len(power) else 0.0
    if loud < 1e-10:
        return Activity((), audio.seconds)
    flags = _detected(audio.resampled(RATE).scaled(TARGET_RMS / loud**0.5)) & (power > loud * 10 ** (-RANGE_DB / 10))
    voiced = pitch.track(audio) > 0
    spans = _smoothed(flags)
    return Activity(tuple(span for span in spans if _sounds(voiced, span)), audio.seconds)


def _detected(audio: Audio) -> Flags:
    import webrtcvad

    detector = webrtcvad.Vad(AGGRESSIVENESS)
    samples = audio.pcm16()
    starts = range(0, len(samples) - FRAME + 1, FRAME)
    return np.fromiter((detector.is_speech(samples[at : at + FRAME].tobytes(), RATE) for at in starts), bool)


def _smoothed(flags: Flags) -> list[Span]:
    """Runs of flags, short gaps filled, then short runs dropped."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    spans: list[Span] = []
    for start, end in edges.reshape(-1, 2) * FRAME_SECONDS:
        if spans and start - spans[-1].end < GAP_SECONDS:
            spans[-1] = Span(spans[-1].start, float(end))
        else:
            spans.append(Span(float(start), float(end)))
    return [span for span in spans if span.seconds >= SPAN_SECONDS]


def _sounds(voiced: Flags, span: Span) -> bool:
    """Whether there is enough voice in a span. voiced: (frames,) every 10 ms."""
    seconds = pitch.STEP / pitch.RATE
    return bool(voiced[round(span.start / seconds) : round(span.end / seconds)].mean() >= LEAST_VOICED)


def longest(spans: Sequence[Span]) -> float:
    """Seconds of the longest span, 0 if there is none."""
    return max((span.seconds for span in spans), default=0.0)
