"""Cutting text where a speaker would breathe: at sentences, else at clauses, else at words. Knows no engine."""

from __future__ import annotations

import re
from collections.abc import Iterator

# the end of a sentence: its mark, closing quotes or brackets, white space; not after a title, an initial or "e.g."
_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+")
_NO_END = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|sr|jr|st|vs|etc|no|vol|fig|approx|inc|ltd|co|gen|col|capt|sgt|rev|hon|e\.g|i\.e|a\.m|p\.m)"
    r"|\b[a-z])\.$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"(?<=[,;:—–])\s+")
_WORD = re.compile(r"\s+")


def sentences(text: str) -> list[str]:
    """The sentences of a text in order; joined with spaces they give it again."""
    found, start = [], 0
    for match in _END.finditer(text):
        head = text[start : match.end()].strip()
        follows = text[match.end() : match.end() + 1]
        if _NO_END.search(head) and not (follows.isupper() and re.search(r"\b[ap]\.m\.$|\betc\.$", head, re.I)):
            continue
        found.append(head)
        start = match.end()
    rest = text[start:].strip()
    return found + ([rest] if rest else [])


def fit(text: str, limit: int) -> list[str]:
    """The text in pieces of at most `limit` characters: as many whole sentences as go in; cut finer only if it must.

    Joined with spaces the pieces give the text again, but for a word longer than the limit, which is cut in it.
    """
    return list(_packed(_small(text, limit), limit))


def _packed(parts: Iterator[str], limit: int) -> Iterator[str]:
    held = ""
    for part in parts:
        if held and len(held) + 1 + len(part) > limit:
            yield held
            held = part
        else:
            held = f"{held} {part}" if held else part
    if held:
        yield held


def _small(text: str, limit: int) -> Iterator[str]:
    """Sentences; a sentence that is too long as clauses, a clause that is too long as words, a word in slices."""
    for sentence in sentences(text):
        if len(sentence) <= limit:
            yield sentence
            continue
        for clause in _CLAUSE.split(sentence):
            if len(clause) <= limit:
                yield clause
                continue
            for word in _WORD.split(clause):
                yield from (word[i : i + limit] for i in range(0, len(word), limit))
