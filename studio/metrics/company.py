"""Whether more than one person speaks in a sound, in turns; by the voices and by the pitches of its phrases.

Knows no words, and no people who speak at the same time. Phrases are what lies between silences: a window that reaches
over a silence often holds two people, and is like both.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from studio.audio import Audio
from studio.metrics import Missing, pitch, speakers
from studio.metrics.activity import Activity, Span, activity

STEP_SECONDS = 0.6  # at most, from one piece of a long phrase to the next
LEAST_SECONDS = 0.5  # of a phrase: a shorter one is a cough or a "yes"
LEAST_PARTY = 2.0  # pieces of full length of a second person, about 2.4 s of speech
LEAST_PIECES = 4
LEAST_VOICED_FRAMES = 20  # of 10 ms in a piece

# Measured on 296 sounds of 8 to 30 s of one speaker each (8 people, 12 synthetic voices; also with noise and over a
# telephone): 2 are below the first, none above the second. Of 41 in which a man and a woman, one of them at least a
# person, take turns of 1.5 to 5 s, all are noticed, 31 by their pitches alone; of men of like pitch half of those with
# turns of 1.5 or 2 s.
ALIKE = 0.68
ALIKE_IN_ECHO = 0.62  # an echo of 1.2 or 1.6 s: one person has 0.63 or more, 27 of 30 pairs less than this
SEMITONES_APART = 6.5


def pieces(speech: Activity) -> tuple[Span, ...]:
    """The phrases; of those longer than a window of the speaker encoder, windows that cover them evenly."""
    size = speakers.LEAST_SPEECH_SECONDS
    found: list[Span] = []
    for span in speech.spans:
        if span.seconds > size:
            count = math.ceil((span.seconds - size) / STEP_SECONDS) + 1
            starts = np.linspace(span.start, span.end - size, count)
            found += [Span(float(start), float(start) + size) for start in starts]
        elif span.seconds >= LEAST_SECONDS:
            found.append(span)
    return tuple(found)


def parts_alike(audio: Audio, speech: Activity | None = None) -> float | Missing:
    """How alike the two most different parts of a sound are: a cosine; below ALIKE they are two people.

    The mean over all pairs of pieces from one part and the other, parts as average linkage finds them (Sokal and
    Michener 1958). A part of less than LEAST_PARTY pieces is a laugh, not a person, and is left out; 1 when nothing
    else is left.
    """
    parted = _parted(audio, pieces(speech or activity(audio)))
    return parted if isinstance(parted, Missing) else parted[0]


def parties(audio: Audio, speech: Activity) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The pieces of one person and those of another; none of another where one seems to speak, or nobody can tell."""
    phrases = pieces(speech)
    parted = _parted(audio, phrases)
    if isinstance(parted, Missing) or parted[0] >= ALIKE:
        return phrases, ()
    _, one, two = parted
    return tuple(phrases[at] for at in one), tuple(phrases[at] for at in two)


def _parted(audio: Audio, phrases: tuple[Span, ...]) -> tuple[float, list[int], list[int]] | Missing:
    """How alike the parts are, and the numbers of the pieces of each: none when there is but one."""
    vectors = speakers.vectors(audio, phrases)
    if isinstance(vectors, Missing):
        return vectors
    if len(vectors) < LEAST_PIECES:
        return 1.0, [], []
    from scipy.cluster.hierarchy import linkage, to_tree

    weights = np.array([phrase.seconds / speakers.LEAST_SPEECH_SECONDS for phrase in phrases])
    node = to_tree(linkage(vectors, "average", "cosine"))
    while not node.is_leaf():
        parts = sorted((node.left, node.right), key=lambda part: weights[part.pre_order()].sum())
        if weights[parts[0].pre_order()].sum() >= LEAST_PARTY:
            return float(1 - node.dist), parts[1].pre_order(), parts[0].pre_order()
        node = parts[1]
    return 1.0, [], []


def semitones_apart(audio: Audio, speech: Activity | None = None) -> float | Missing:
    """How far the low phrases of a sound are from its high ones, in semitones; above SEMITONES_APART they are two
    people. Needs no encoder; people of like pitch are one person to it.

    The median pitches of the pieces, parted in two so that they vary least within the parts.
    """
    track = pitch.track(audio)
    medians = [_median(track, piece) for piece in pieces(speech or activity(audio))]
    heights = np.sort(12 * np.log2([hertz for hertz in medians if hertz]))
    if len(heights) < LEAST_PIECES:
        return Missing(f"there are fewer than {LEAST_PIECES} phrases to compare")
    parted = [(heights[:at], heights[at:]) for at in range(2, len(heights) - 1)]
    low, high = min(parted, key=lambda pair: sum(len(part) * part.var() for part in pair))
    return float(high.mean() - low.mean())


def _median(track: npt.NDArray[np.float64], piece: Span) -> float:
    """Median pitch in Hz, 0 where hardly anything is voiced."""
    seconds = pitch.STEP / pitch.RATE
    here = track[round(piece.start / seconds) : round(piece.end / seconds)]
    voiced = here[here > 0]
    return float(np.median(voiced)) if len(voiced) >= LEAST_VOICED_FRAMES else 0.0
