"""How a dialogue sounds as one: the pauses between its turns, and whether each turn keeps its speaker's voice.

Knows sound and who was to speak when, no words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.audio import Audio, Samples
from studio.metrics import Missing, speakers
from studio.metrics.activity import Activity, Span, longest

NEAR_SECONDS = 0.15  # how far from a border of turns its pause may begin or end: detectors of speech are that coarse
LEAST_TURNS = 3  # of a speaker, to say whether the voice moves away


def turn_gaps(speech: Activity, borders: Sequence[float]) -> tuple[float, ...]:
    """Seconds of silence at each border between two turns: 0 where the sound goes on (or where both speak).

    borders: when a turn ends and the next is to begin, in seconds. Right to about 0.05 s (frames of 20 ms, and the
    detector hears the last of a breath or not).
    """
    return tuple(_gap(speech.silences, border) for border in borders)


def _gap(silences: Sequence[Span], border: float) -> float:
    near = [one for one in silences if one.start - NEAR_SECONDS <= border <= one.end + NEAR_SECONDS]
    return longest(near)


def longest_silence(speech: Activity) -> float:
    """Seconds of the longest silence between two words; before the first and after the last none is counted."""
    if not speech.spans:
        return 0.0
    first, last = speech.spans[0].start, speech.spans[-1].end
    return longest([one for one in speech.silences if one.start >= first and one.end <= last])


@dataclass(frozen=True)
class VoiceOfTurns:
    """How the turns keep to their voices. Lists have a value a turn, None where it has too little speech.

    similarity: cosine to the recording that the speaker was to sound like; Missing when there is none.
    swapped: whether the turn sounds more like another speaker of the script than like its own.
    drift: by how much the cosine to a speaker's first turn falls from the second turn to the last, along the line
    through all of them, the mean over speakers of three turns or more. 0.1 is a voice that moves away (its pitch by
    15 %); a steady one has 0, of other words 0.03 to 0.05 more or less.
    """

    similarity: tuple[float | None, ...] | Missing
    swapped: tuple[bool | None, ...] | Missing
    drift: float | Missing


def voices_of_turns(
    audio: Audio, spans: Sequence[Span], who: Sequence[str], references: Mapping[str, Audio]
) -> VoiceOfTurns | Missing:
    """Judge the voice of each turn by the speaker encoder (see `metrics.speakers`).

    spans, who: where each turn sounds and who speaks it. references: speaker -> recording to be followed.
    """
    if missing := speakers.obstacle():
        return missing
    turns = [_vector(_cut(audio, span)) for span in spans]
    known = {name: vector for name, sound in references.items() if (vector := _vector(sound)) is not None}
    return VoiceOfTurns(_similarity(turns, who, known), _swapped(turns, who, known), _drift(turns, who))


def _cut(audio: Audio, span: Span) -> Audio:
    return Audio(
        audio.samples[round(span.start * audio.sample_rate) : round(span.end * audio.sample_rate)], audio.sample_rate
    )


def _vector(audio: Audio) -> Samples | None:
    found = speakers.embedding(audio) if len(audio.samples) else None
    return None if found is None or isinstance(found, Missing) else found


def _similarity(
    turns: Sequence[Samples | None], who: Sequence[str], known: Mapping[str, Samples]
) -> tuple[float | None, ...] | Missing:
    if not known:
        return Missing("no speaker has a recorded voice to compare with", "Cast recorded voices: --voice S1=v-…")
    found = tuple(
        None if turn is None or name not in known else float(turn @ known[name])
        for turn, name in zip(turns, who, strict=True)
    )
    return found if any(one is not None for one in found) else _too_short()


def _swapped(
    turns: Sequence[Samples | None], who: Sequence[str], known: Mapping[str, Samples]
) -> tuple[bool | None, ...] | Missing:
    """Each turn against every speaker: the recording where there is one, else the mean of the speaker's other turns."""
    if len(set(who)) < 2:
        return Missing("the script has one speaker")
    found: list[bool | None] = []
    for at, turn in enumerate(turns):
        alike = {}
        for name in dict.fromkeys(who):
            others = [vector for other, vector in enumerate(turns) if other != at and who[other] == name]
            centre = known.get(name, _mean([vector for vector in others if vector is not None]))
            if turn is not None and centre is not None:
                alike[name] = float(turn @ centre)
        own = alike.pop(who[at], None)
        found.append(None if own is None or not alike else max(alike.values()) > own)
    if all(one is None for one in found):
        return Missing("no speaker has two turns of 1.6 s of speech")
    return tuple(found)


def _mean(vectors: Sequence[Samples]) -> Samples | None:
    if not vectors:
        return None
    mean = np.mean(vectors, axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def _drift(turns: Sequence[Samples | None], who: Sequence[str]) -> float | Missing:
    drifts = []
    for name in dict.fromkeys(who):
        own = [turn for turn, other in zip(turns, who, strict=True) if other == name and turn is not None]
        if len(own) >= LEAST_TURNS:
            alike = [float(own[0] @ turn) for turn in own[1:]]
            drifts.append(-float(np.polyfit(np.arange(len(alike)), alike, 1)[0]) * (len(alike) - 1))
    return float(np.mean(drifts)) if drifts else Missing("no speaker has three turns of 1.6 s of speech")


def _too_short() -> Missing:
    return Missing(f"no turn has {speakers.LEAST_SPEECH_SECONDS:g} s of speech")
