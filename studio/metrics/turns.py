"""A script against what was heard of it: errors by letter and by turn, lost endings, cues read aloud. Knows text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio import cues
from studio.metrics import words

ENDING = 2  # words: a turn of which these last ones were not heard was cut off


@dataclass(frozen=True)
class TurnWords:
    """One turn as it was heard. wer: see `per_turn`. is_cut: none of its last two words was heard."""

    wer: float
    is_cut: bool


def cer(reference: str, heard: str) -> float:
    """Character error rate: characters to be replaced, added or removed over characters of the reference, spaces
    between words counted; can exceed 1. Both as `words.normal` writes them (Morris et al. 2004 define WER so; for
    characters it is the same sum). A reference without words has 0 for nothing heard, else 1.
    """
    said, got = " ".join(words.normal(reference)), " ".join(words.normal(heard))
    return _distance(said, got) / len(said) if said else float(bool(got))


def _distance(one: str, two: str) -> int:
    """Levenshtein's distance, a row of the table at a time: what is added in a row is a running minimum."""
    columns = np.arange(len(two) + 1)
    letters = np.array(list(two)) if two else np.empty(0, "<U1")
    costs = columns.copy()
    for row, letter in enumerate(one, 1):
        here = np.empty_like(costs)
        here[0] = row
        here[1:] = np.minimum(costs[:-1] + (letters != letter), costs[1:] + 1)
        costs = np.minimum.accumulate(here - columns) + columns
    return int(costs[-1])


def per_turn(turns: Sequence[str], heard: str) -> tuple[TurnWords, ...]:
    """Word error rate of each turn, of all that was heard of the script: 0 is perfect.

    All turns are aligned with all words at once; a word that was added belongs to the turn before it. No times are
    needed, so an engine that gives none is judged as exactly as another. A turn without words has 0.
    """
    said = [words.normal(turn) for turn in turns]
    owners = [turn for turn, own in enumerate(said) for _ in own]
    wrong, missed = Counter[int](), [list[bool]() for _ in turns]
    at = 0
    for one, two in words.aligned([word for own in said for word in own], words.normal(heard)):
        owner = owners[min(at, len(owners) - 1)] if one else owners[max(0, at - 1)] if owners else 0
        wrong[owner] += one != two
        if one:
            missed[owner].append(not two)
            at += 1
    return tuple(
        TurnWords(wrong[turn] / len(own) if own else 0.0, len(own) > ENDING and all(missed[turn][-ENDING:]))
        for turn, own in enumerate(said)
    )


def cues_read_aloud(text: str, heard: str) -> tuple[int, int]:
    """How many cues such as (laughs) a text has, and how many of them were read out as words.

    A cue was read out when its word, in any of its spellings, was heard more often than the text says it. Whether
    it was performed: see `performing`.
    """
    found = cues.find(text)
    said, got = Counter(words.normal(text)), Counter(words.normal(heard))
    aloud = 0
    for name, count in Counter(cue.name for cue in found).items():
        spellings = {words.normal(spelling)[0] for spelling, usual in cues.KNOWN.items() if usual == name}
        aloud += min(count, sum(max(0, got[word] - said[word]) for word in spellings))
    return len(found), aloud
