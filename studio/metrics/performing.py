"""Whether cues such as (laughs) were performed, as far as words and levels can tell. Knows no laughter.

A cue counts as performed when nothing like its word was read aloud and there is sound where it stands: at least
LEAST_SECONDS within RANGE_DB of the loudest speech, between the word heard before it and the word heard after it,
MARGIN_SECONDS left out at either end. What sound that is nobody here knows: a hum, a breath or a word that the script
does not have counts, too. A performance under speech or shorter than that is not found, and the times of a recogniser
are right to about 0.1 s. So of a single cue it tells little; of many, which engine makes a sound there and which leaves
it out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from studio import cues
from studio.audio import Audio
from studio.metrics import activity, words
from studio.metrics.activity import Span
from studio.voice import TimedWord

LEAST_SECONDS = 0.2
RANGE_DB = 30.0  # a sigh is 10 to 25 dB under speech, the room further
MARGIN_SECONDS = 0.1
LIKE = 0.5  # of letters: "laps" and "laffes" for "laughs" were read aloud, "ha ha" was not


@dataclass(frozen=True)
class _Place:
    """Where a cue stands. added: words heard there that the script does not have."""

    name: str
    span: Span
    added: tuple[str, ...]


def performed(text: str, audio: Audio, heard: Sequence[TimedWord]) -> int:
    """How many cues of a text were performed. heard: all words of the sound with their measured times."""
    power = activity.levels(audio)
    loud = float(np.percentile(power, 95)) if len(power) else 0.0
    sounding = power > max(loud * 10 ** (-RANGE_DB / 10), 1e-10)
    places = _places(text, audio.seconds, heard)
    return sum(not _is_aloud(place) and _lasts(sounding, place.span) for place in places)


def _places(text: str, seconds: float, heard: Sequence[TimedWord]) -> list[_Place]:
    """The place of every cue. Cues side by side share one evenly."""
    got = [(word, timed) for timed in heard for word in words.normal(timed.text)]
    when: dict[int, TimedWord] = {}  # word of the script -> what was heard of it
    added = defaultdict[int, list[str]](list)  # before that word of the script
    at = column = 0
    for said, other in words.aligned(words.normal(text), [word for word, _ in got]):
        if said and other:
            when[at] = got[column][1]
        elif other:
            added[at].append(other)
        at += bool(said)
        column += bool(other)
    found = [(cue.name, len(words.normal(text[: cue.start]))) for cue in cues.find(text)]
    indices = [index for _, index in found]
    places = []
    for number, (name, index) in enumerate(found):
        start = max((when[word].end for word in when if word < index), default=0.0)
        end = min((when[word].start for word in when if word >= index), default=seconds)
        share = (end - start) / indices.count(index)
        start += share * indices[:number].count(index)
        places.append(_Place(name, Span(start, start + share), tuple(added[index])))
    return places


def _is_aloud(place: _Place) -> bool:
    """Whether something like the cue's word, in any of its spellings, was heard there."""
    spellings = [words.normal(spelling)[0] for spelling, usual in cues.KNOWN.items() if usual == place.name]
    return any(SequenceMatcher(None, word, one).ratio() >= LIKE for word in place.added for one in spellings)


def _lasts(sounding: activity.Flags, span: Span) -> bool:
    first = round((span.start + MARGIN_SECONDS) / activity.FRAME_SECONDS)
    last = round((span.end - MARGIN_SECONDS) / activity.FRAME_SECONDS)
    return bool(sounding[first : max(first, last)].sum() * activity.FRAME_SECONDS >= LEAST_SECONDS - 1e-9)
