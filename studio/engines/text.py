"""Text as written -> pieces short enough for one model call; knows no language's pronunciation and no model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

SENTENCE_PAUSE = 0.40  # seconds of silence after a piece, by what ends it
CLAUSE_PAUSE = 0.18
WORD_PAUSE = 0.04

_BREAK = re.compile(r"\n+|(?<=[.!?…])[\"”’')\]]*\s+(?=\S)")
_CLAUSES = re.compile(r"(?<=[,;:—–])\s|\s(?=[—–-]\s)")
_INITIALS = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]\.")  # "J.", "U.S.", "e.g.": the dot belongs to the word
_NEVER_LAST = re.compile("mrs?|ms|dr|prof|st|mt|gen|gov|sen|rep|capt|lt|col|sgt|rev|hon|pres|messrs|vs|cf|approx")
_BEFORE_NUMBER = re.compile("nos?|pp?|vol|fig|ch|sec|ext|art|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec")
_READABLE = ("LATIN", "MICRO", "FEMININE ORDINAL", "MASCULINE ORDINAL", "MODIFIER LETTER")  # Unicode names
_CLOSING = re.compile(r"(?:[ap]\.m|ph\.d)\.", re.IGNORECASE)  # initials that do end sentences


@dataclass(frozen=True)
class Piece:
    """What a model speaks in one call. pause: seconds of silence that belong after it, if another piece follows."""

    text: str
    pause: float


def prepared(text: str) -> str:
    """The text in NFC, in the letters a reader expects, without what has no sound.

    Full-width and mathematical letters become plain ones, digits of every script become 0-9; emoji, zero-width and
    control characters go. Line breaks stay: they end sentences.
    """
    kept = []
    for char in unicodedata.normalize("NFC", text).replace("ʼ", "'"):
        category = unicodedata.category(char)
        if char.isspace():
            kept.append("\n" if char in "\n\r\u2028\u2029" else " ")
        elif category == "Nd" and not char.isascii():
            kept.append(str(unicodedata.decimal(char)))
        elif (category[0] == "L" or category == "Nl") and not char.isascii():
            plain = unicodedata.normalize("NFKC", char)
            kept.append(plain if plain.isascii() else char)
        elif char in "°©®™" or (category[0] != "C" and category not in ("So", "Sk", "Me")):
            kept.append(char)
    return re.sub(r" *\n\s*", "\n", re.sub(r" {2,}", " ", "".join(kept))).strip()


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit in it, so that it must make a sound."""
    return any(char.isalnum() and unicodedata.category(char) != "Lm" for char in text)  # Lm: marks such as "ː"


def unreadable(text: str) -> list[str]:
    """The words with letters that are neither Latin nor a lone Greek letter: an English voice cannot read them."""
    words = re.findall(r"[^\W\d_]+", prepared(text))
    return [word for word in words if not all(_is_readable(char, len(word)) for char in word)]


def _is_readable(char: str, length: int) -> bool:
    name = unicodedata.name(char, "")
    return not char.isalpha() or name.startswith(_READABLE) or (name.startswith("GREEK") and length == 1)


def cut(text: str, limit: int) -> list[Piece]:
    """The sentences of a prepared text, none longer than `limit` characters.

    A longer sentence is cut at a comma, else at a space, else anywhere. Pieces without a word are left out.
    """
    pieces = [piece for sentence in sentences(text) for piece in _shortened(sentence, limit)]
    return [piece for piece in pieces if has_words(piece.text)]


def sentences(text: str) -> Iterator[str]:
    """The sentences in order, each with its end punctuation and closing quotes."""
    start = 0
    for gap in _BREAK.finditer(text):
        sentence = text[start : gap.end()].strip()
        if sentence and ("\n" in gap.group() or _ends(sentence, text[gap.end() : gap.end() + 8])):
            yield sentence
            start = gap.end()
    if text[start:].strip():
        yield text[start:].strip()


def _ends(sentence: str, rest: str) -> bool:
    """Whether the sentence is over, or the dot belongs to a title, initials or "No. 5", or the words go on."""
    following = rest.lstrip("\"“‘'([")[:1]
    if following.islower():
        return False
    if not sentence.endswith("."):
        return True
    word = sentence.split()[-1].lstrip("\"“‘'([")
    bare = word[:-1].lower()
    if _NEVER_LAST.fullmatch(bare) or (_BEFORE_NUMBER.fullmatch(bare) and following.isdigit()):
        return False
    if _INITIALS.fullmatch(word):
        return bool(_CLOSING.fullmatch(word)) and following.isupper()
    return True


def _shortened(sentence: str, limit: int) -> Iterator[Piece]:
    rest = sentence
    while len(rest) > limit:
        at, pause = _place_to_cut(rest, limit)
        yield Piece(rest[:at].strip(), pause)
        rest = rest[at:].strip()
    if rest:
        yield Piece(rest, SENTENCE_PAUSE)


def _place_to_cut(text: str, limit: int) -> tuple[int, float]:
    """Where to cut, at most `limit` characters in, and the pause that suits the place."""
    clauses = [gap.end() for gap in _CLAUSES.finditer(text, limit // 4, limit)]
    if clauses:
        return clauses[-1], CLAUSE_PAUSE
    space = text.rfind(" ", limit // 4, limit)
    return (space + 1 if space > 0 else limit), WORD_PAUSE
