"""A voice's reference, or a turn spoken before, as speech that Dia2 has already spoken: its codes and when words begin.

When a word sounds is known of a recording that was transcribed here; else it is estimated from its letters, where the
reference implementation runs a speech recogniser of 3 GB.
Knows sound, words and codes, not the networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import torch

from studio.audio import Audio, Samples
from studio.engines.dia2.machine import REFERENCE, Entry
from studio.engines.dia2.speech import Prefix
from studio.engines.dia2.words import TAGS, Vocabulary
from studio.engines.mimi import FRAMES_PER_SECOND, Mimi
from studio.engines.remembered import CodesOnDisk, Remembered
from studio.engines.text import sentences
from studio.errors import RequestError
from studio.request import Spoken
from studio.voice import TimedWord

MOST_SECONDS = 20.0  # of one reference: 250 of the 1500 steps that prefix and speech share
LEAST_SECONDS = 1.0
HEARD_LEAST, HEARD_ENOUGH, HEARD_MOST = 1.0, 3.0, 10.0  # seconds of an earlier turn to go on from
SOFT_DB = 35.0  # what is softer than the loudest moment by more than this is not speech
WINDOW_SECONDS = 0.02
NEAR_SECONDS = 0.5  # how far from its estimated place a sentence may be cut
# How many letters a pause after punctuation lasts.
CLAUSE_LETTERS, SENTENCE_LETTERS = 3, 6


@dataclass(frozen=True)
class Timed:
    """A word and when it sounds, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, eq=False)
class Clip:
    """A sound and its words. known: when words sound as they were heard, perhaps others than the transcript's."""

    audio: Audio
    transcript: str
    known: tuple[TimedWord, ...] = ()


def estimated(audio: Audio, words: Sequence[str]) -> list[Timed]:
    """When words sound, if each takes its share of the voiced span by its letters, and punctuation some more."""
    return shared(words, *voiced(audio))


def shared(words: Sequence[str], begin: float, end: float) -> list[Timed]:
    """Words one after the other between two moments, each as long as its letters and its punctuation."""
    letters = [max(1, sum(map(str.isalnum, word))) for word in words]
    pauses = [_pause(word) for word in words]
    pauses[-1:] = [0]
    second = (end - begin) / max(1, sum(letters) + sum(pauses))
    timed, at = [], begin
    for word, size, pause in zip(words, letters, pauses, strict=True):
        timed.append(Timed(word, at, at + size * second))
        at += (size + pause) * second
    return timed


def timed_words(clip: Clip, words: Sequence[str]) -> list[Timed]:
    """When the words of a clip sound: as it is known; a word that was heard otherwise, or not at all, has its share of
    the time between its neighbours.
    """
    if not clip.known:
        return estimated(clip.audio, words)
    begin, end = voiced(clip.audio)
    known = [word for word in clip.known if word.end <= clip.audio.seconds + NEAR_SECONDS]
    timed: list[Timed] = []
    pairs = SequenceMatcher(None, [*map(_letters, words)], [_letters(word.text) for word in known], autojunk=False)
    for kind, first, last, known_first, known_last in pairs.get_opcodes():
        heard_here = known[known_first:known_last]
        if kind == "equal":
            timed += [Timed(word, at.start, at.end) for word, at in zip(words[first:last], heard_here, strict=True)]
        elif kind != "insert":  # that is a word which was heard and is not written
            before = timed[-1].end if timed else min(begin, known[0].start if known else begin)
            after = known[known_last].start if known_last < len(known) else max(end, before)
            span = (heard_here[0].start, heard_here[-1].end) if heard_here else (before, max(before, after))
            timed += shared(words[first:last], *span)
    return timed


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold()))


def _pause(word: str) -> int:
    last = word.rstrip("\"'”’)")[-1:]
    return SENTENCE_LETTERS if last in tuple(".!?…") else CLAUSE_LETTERS if last in tuple(",;:—–") else 0


def voiced(audio: Audio) -> tuple[float, float]:
    """Where speech begins and ends, in seconds. The whole sound when it is silent."""
    level = _levels(audio)
    loud = np.flatnonzero(level > level.max(initial=0.0) * 10 ** (-SOFT_DB / 20))
    if not len(loud):
        return 0.0, audio.seconds
    return loud[0] * WINDOW_SECONDS, min(audio.seconds, (loud[-1] + 1) * WINDOW_SECONDS)


def _levels(audio: Audio) -> Samples:
    """The loudness of each 20 ms: (windows,) RMS."""
    size = max(1, round(WINDOW_SECONDS * audio.sample_rate))
    padded = np.pad(audio.samples, (0, -len(audio.samples) % size))
    return np.asarray(np.sqrt(np.square(padded.reshape(-1, size)).mean(1)), np.float32)


def aligned(timed: Sequence[Timed], vocabulary: Vocabulary, tag: str) -> tuple[list[Entry], list[int]]:
    """Entries and the steps at which they begin. A word's tokens follow its beginning one a step, so that words which
    come faster are moved back; the entry's padding lasts until the next word.
    """
    entries, starts, at = [], [], 0
    for index, word in enumerate(timed):
        tokens = vocabulary.encode(word.text if index else f"{tag} {word.text}")
        begin = max(at + 1, round(word.start * FRAMES_PER_SECOND))
        at = begin + len(tokens)
        following = timed[index + 1].start if index + 1 < len(timed) else word.end
        following_step = max(at + 1, round(following * FRAMES_PER_SECOND))
        starts.append(begin - 1)
        entries.append(Entry(tokens, word.text, max(0, following_step - begin - 1), REFERENCE))
    return entries, starts


def heard(spoken: Spoken, speaker: str) -> Clip | None:
    """What a speaker said in an earlier passage, as a clip to go on from: whole sentences from the end of the latest
    turn that has enough of them, cut where it is quietest. None when that speaker said too little.
    """
    units = [(turn, sentence) for turn in spoken.script.turns for sentence in sentences(turn.text)]
    words = [sentence.split() for _, sentence in units]
    timed = iter(estimated(spoken.audio, [word for group in words for word in group]))
    spans = [(one[0].start, one[-1].end) for group in words if (one := [next(timed) for _ in group])]
    best: tuple[int, int] | None = None
    for last in range(len(units) - 1, -1, -1):
        turn = units[last][0]
        if turn.speaker != speaker or (last + 1 < len(units) and units[last + 1][0] is turn):
            continue
        first = last
        while first and units[first - 1][0] is turn and spans[last][1] - spans[first - 1][0] <= HEARD_MOST:
            first -= 1
        if best is None or _length(spans, (first, last)) > _length(spans, best):
            best = (first, last)
        if _length(spans, best) >= HEARD_ENOUGH:
            break
    if best is None or not HEARD_LEAST <= _length(spans, best) <= MOST_SECONDS:
        return None
    begin, end = _quiet(spoken.audio, spans, best[0]), _quiet(spoken.audio, spans, best[1] + 1)
    rate = spoken.audio.sample_rate
    sound = Audio(spoken.audio.samples[round(begin * rate) : round(end * rate)], rate)
    return Clip(sound, " ".join(sentence for _, sentence in units[best[0] : best[1] + 1]))


def _length(spans: Sequence[tuple[float, float]], part: tuple[int, int]) -> float:
    return spans[part[1]][1] - spans[part[0]][0]


def _quiet(audio: Audio, spans: Sequence[tuple[float, float]], unit: int) -> float:
    """The quietest moment near the beginning of a sentence, in seconds; the ends of the sound are its own."""
    if unit == 0:
        return 0.0
    if unit == len(spans):
        return audio.seconds
    middle = (spans[unit - 1][1] + spans[unit][0]) / 2
    levels = _levels(audio)
    first, last = (round((middle + by) / WINDOW_SECONDS) for by in (-NEAR_SECONDS, NEAR_SECONDS))
    near = range(max(0, first), min(len(levels), last))
    return min(near, key=lambda window: (levels[window], abs(window * WINDOW_SECONDS - middle))) * WINDOW_SECONDS


class References:
    """Makes prefixes, and remembers the codes of the last few sounds."""

    def __init__(self, vocabulary: Vocabulary, codec: Mimi, books: int, kept: CodesOnDisk | None = None) -> None:
        self._vocabulary = vocabulary

        def encode(audio: Audio) -> torch.Tensor:
            return codec.encode(audio, books)

        self._codes = kept.remembered(encode) if kept else Remembered(encode)

    def prefix(self, clips: Sequence[Clip]) -> Prefix | None:
        """The clips of the first speaker, and of the second if there are two, one after the other; None for no clip.

        Raises RequestError for a clip that is too long, too short, or does not go with its words.
        """
        if not clips:
            return None
        parts = [self.part(clip, tag) for clip, tag in zip(clips, TAGS, strict=False)]
        entries = [entry for part in parts for entry in part.entries]
        # the first speaker's words are 3 steps late and the second's are not, as in the reference implementation
        starts = [start + 3 for start in parts[0].starts]
        if len(parts) > 1:
            starts += [start + parts[0].steps for start in parts[1].starts]
        return Prefix(torch.cat([part.codes for part in parts], 1), tuple(entries), tuple(starts))

    def part(self, clip: Clip, tag: str) -> Prefix:
        """One clip alone."""
        words = self._vocabulary.words(clip.transcript)
        if not LEAST_SECONDS <= clip.audio.seconds <= MOST_SECONDS:
            raise RequestError(
                f"A reference for Dia2 cannot last {clip.audio.seconds:.1f} s.",
                f"Use 5 to 10 seconds; {LEAST_SECONDS:g} to {MOST_SECONDS:g} are possible.",
            )
        if not words:
            raise RequestError("The transcript of a reference has no word.", "Type what is said in it.")
        entries, starts = aligned(timed_words(clip, words), self._vocabulary, tag)
        return Prefix(self._codes.of(clip.audio), tuple(entries), tuple(starts))
