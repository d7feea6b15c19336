"""When the words of a corrected transcript sound, by the times of the words that were heard. Knows text, not sound."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from studio.metrics import words
from studio.metrics.activity import Span
from studio.voice import TimedWord


def retimed(text: str, heard: Sequence[TimedWord], spans: Sequence[Span]) -> tuple[TimedWord, ...]:
    """The words of a text with their times, in seconds.

    A word that was heard keeps its time and its confidence; words between two such share the time between them by their
    letters, and have no confidence. spans: where someone speaks, for a text none of which was heard.
    """
    written = text.split()
    if not heard:
        return words.spread(written, spans)
    keys, said = [_key(word) for word in written], [_key(word.text) for word in heard]
    timed: list[TimedWord] = []
    for same, first, last, start, end in SequenceMatcher(None, said, keys, autojunk=False).get_opcodes():
        if same == "equal":
            pairs = zip(written[start:end], heard[first:last], strict=True)
            timed += [TimedWord(word, one.start, one.end, one.confidence) for word, one in pairs]
        else:
            timed += words.spread(written[start:end], [_gap(heard, first, last)])
    return tuple(timed)


def _gap(heard: Sequence[TimedWord], first: int, last: int) -> Span:
    """The time of the words that were heard in place of others; with none, the pause between their neighbours."""
    if first < last:
        return Span(heard[first].start, max(heard[first].start, heard[last - 1].end))
    start = heard[first - 1].end if first else 0.0
    return Span(start, max(start, heard[first].start if first < len(heard) else start))


def _key(word: str) -> str:
    return " ".join(words.normal(word)) or word
