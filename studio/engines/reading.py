"""Speaking a request piece by piece, for engines that take one sentence a call; knows neither the model nor its words.

The engine says how one piece sounds; here is all that surrounds it: the seed of each piece, trimmed edges, soft joins,
pauses between sentences and turns, and the rule that words never become silence.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np

from studio.audio import Audio, Samples, silence
from studio.engines.text import SENTENCE_PAUSE, Piece, cut, has_words, prepared, unreadable
from studio.errors import SynthesisError, Unspeakable
from studio.request import Parameter, SpeechRequest
from studio.voice import Voice

TURN_PAUSE = 0.5  # seconds between turns of one passage, where the script gives none
SILENT_PEAK = 0.01  # below is no speech, only noise; the quietest word measured peaks at 0.1
EDGE_DB = -55.0  # quieter than this below the peak is an edge, not speech
EDGE_SECONDS = 0.03  # kept around speech, so that a soft "f" or "s" keeps its onset
FADE_SECONDS = 0.005  # at both ends of a piece: no click where it meets silence
WANDER = 0.08  # the most a sentence's pace differs from the last at variation 1

SPEED = Parameter("speed", "Speed", 1.0, 0.5, 2.0, 0.05, "How fast the words come; the pitch stays.")
VARIATION = Parameter(
    "variation",
    "Variation",
    0.5,
    0.0,
    1.0,
    0.1,
    "How much the pace of each sentence and the pauses between them wander with the seed (8 % at 1).",
)


@dataclass(frozen=True)
class Reading:
    """One piece to be spoken. speed: 1 is the model's own pace. random: its own, from the seed and its place alone."""

    text: str
    voice: Voice
    speed: float
    random: np.random.Generator


def read(
    request: SpeechRequest, rate: int, limit: int, say: Callable[[Reading], Samples]
) -> Generator[Audio, None, None]:
    """Every turn of the request in order, one Audio a piece of at most `limit` characters, pauses included.

    Each piece depends on its text, its voice, the settings, the seed and its place, never on what was spoken before.
    Raises SynthesisError for words that cannot be read and for pieces that came back without sound.
    """
    turns = request.script.turns
    for index, turn in enumerate(turns):
        pieces = _pieces(turn.text, limit)
        for place, piece in enumerate(pieces):
            random = np.random.default_rng((request.seed, index, place))
            wander = 1 + WANDER * request.sampling.get("variation", 0.0) * random.uniform(-1, 1)
            speed = float(np.clip(request.sampling["speed"] * wander, SPEED.minimum, SPEED.maximum))
            samples = trimmed(say(Reading(_closed(piece), request.voices[turn.speaker], speed, random)), rate)
            if not len(samples):
                raise SynthesisError(f"There was no sound for {piece.text!r}.", "Write these words differently.")
            yield Audio(softened(samples, rate), rate)
            if place + 1 < len(pieces):
                yield silence(piece.pause * wander / request.sampling["speed"], rate)
        if index + 1 < len(turns):
            yield silence(TURN_PAUSE if turn.pause_after is None else turn.pause_after, rate)


def _pieces(text: str, limit: int) -> list[Piece]:
    foreign = unreadable(text)
    if foreign:
        words = ", ".join(repr(word) for word in dict.fromkeys(foreign[:5]))
        raise Unspeakable(
            f"This voice reads English only; it cannot read {words}.",
            "Write it in Latin letters, take it out, or choose an engine that speaks the language.",
        )
    pieces = cut(prepared(text), limit)
    if not has_words(text) or not pieces:
        raise Unspeakable(f"There is no word in {text!r}.", "Write something to say.")
    return pieces


def _closed(piece: Piece) -> str:
    """The words with a mark at the end: without one, models run their last sound into the edge."""
    words = piece.text.rstrip()
    marked = words.rstrip("\"”’')]").endswith((".", "!", "?", "…", ",", ";", ":", "—"))
    return words if marked else words + ("." if piece.pause >= SENTENCE_PAUSE else ",")


def trimmed(samples: Samples, rate: int) -> Samples:
    """The sound without the silence at its ends; empty if it is silent throughout."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < SILENT_PEAK:
        return samples[:0]
    loud = np.flatnonzero(np.abs(samples) > peak * 10 ** (EDGE_DB / 20))
    edge = round(EDGE_SECONDS * rate)
    return samples[max(0, loud[0] - edge) : loud[-1] + 1 + edge]


def softened(samples: Samples, rate: int) -> Samples:
    """The sound with a short fade at each end."""
    length = min(round(FADE_SECONDS * rate), len(samples) // 2)
    rise = np.linspace(0, 1, length, endpoint=False, dtype=np.float32)
    faded = samples.astype(np.float32)
    faded[:length] *= rise
    faded[len(faded) - length :] *= rise[::-1]
    return faded
