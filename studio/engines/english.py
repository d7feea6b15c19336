"""English text -> phonemes in the misaki alphabet, which hibari and Kokoro read; the grammar is hibari's own G2P.

The G2P (Apache-2.0, a port of misaki without espeak) reads numbers, dates, money and abbreviations. Here is only what
it misreads: addresses, phone numbers, ranges, shouting, streeetched words, and names whose spelling misleads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Container
from typing import Any

from studio.engines.names import NAMES, SOUNDS, pronunciations
from studio.engines.text import cut

MAX_PHONEMES = 400
_TOP_LEVEL = "com|org|net|edu|gov|io|ai|co|uk|de|dev|app|info|eu|us|ca|fr|es|it|jp|au|tv|fm|me"
_MARKS = {".": " dot ", "/": " slash ", "@": " at ", ":": " colon ", "-": " dash ", "_": " underscore ", "~": " tilde "}
_MARKS |= {"?": " question mark ", "=": " equals ", "&": " and ", "#": " hash ", "%": " percent ", "+": " plus "}


def _address(match: re.Match[str]) -> str:
    """ "example.com/a?b" as it is said aloud."""
    body, tail = re.fullmatch(r"(.*?)([.,;:!?/]*)", match["address"]).groups()  # type: ignore[union-attr]
    said = re.sub(r"[./@:\-_~?=&#%+]", lambda mark: _MARKS[mark[0]], body.removeprefix("www."))
    return said + tail.replace("/", "")


def _digits(match: re.Match[str]) -> str:
    """The digits one by one, groups parted by commas: "(555) 010-4477" -> "5 5 5, 0 1 0, 4 4 7 7"."""
    groups = re.findall(r"\d+", match[0])
    return ("plus " if match[0].startswith("+") else "") + ", ".join(" ".join(group) for group in groups)


_Rewrite = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
REWRITES: tuple[_Rewrite, ...] = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r"(?i)\be\.\s?g\.,?", "for example,"),
        (r"(?i)\bi\.\s?e\.,?", "that is,"),
        (r"(?i)\ba\.k\.a\.", "also known as"),
        (r"(?i)\bhttps?://(?P<address>\w\S*)", _address),
        (rf"(?i)(?<![\w@.])(?P<address>(?:[\w.+-]+@)?(?:[\w-]+\.)+(?:{_TOP_LEVEL})\b(?:[/:?]\S*)?)", _address),
        (r"(?<![\w.])(?:\+?\d{1,3}[ .-])?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])", _digits),
        (r"(?<![\w.])\+\d{1,3}(?:[ .-]?\d{2,4}){2,4}(?![\w-])", _digits),
        (r"(?<=\d) (?=000\b)", ""),
        (r"(?<![\d:.,/$£€-])0\d+(?![\d:.,/-])|(?<![\d.,])\d{19,}", _digits),
        (r"(?i)(?<=\bcall )\d{3}\b|(?<=\bdial )\d{3}\b", _digits),
        (r"\bUS\$(?=\d)", "$"),
        (r"(?<!\w)[-−](?=[$£€]\d)", "minus "),
        (r"([$£€])(\d[\d.,]*)\s?[-–]\s?[$£€]?(?=\d)", r"\2 to \1"),
        (r"(\d)%?\s?[-–]\s?(?=\d+(?:\.\d+)?\s?%)", r"\1 to "),
        (r"(?i)\b(\d{1,2}(?::\d\d)?)\s?([ap])\.?m\.?\s?[-–]\s?(?=\d)", r"\1 \2.m. to "),
        (r"(?i)(\d)\s?[-–]\s?(?=\d{1,2}(?::\d\d)?\s?[ap]\.?m\b)", r"\1 to "),
        (r"(?i)\bv(?=\d+\.\d)", "version "),
        (r"\b\d+(?:\.\d+){2,}\b", lambda match: match[0].replace(".", " point ")),
        (r"\b(\d+)\.0\b(?!%)", r"\1 point 0"),
        (r"\b24/7\b", "twenty-four seven"),
        (r"\b50/50\b", "fifty-fifty"),
        (r"\b(\d+)['’′]\s?(\d{1,2})(?:[\"”″]|'')", r"\1 foot \2"),
        (r"\b(\d+)[xX×](?=\d)", r"\1 by "),
        (r"\b(\d{1,3}):(\d)\b(?!\d)", r"\1 to \2"),
        (r"\b(\d+) (?=[1-9]/[2-9]\b)", r"\1 and "),
        (r"([£€$]\d[\d.,]*) ?bn\b", r"\1 billion"),
        (r"\bp\. ?(?=\d)", "page "),
        (r"\bext\. ?(?=\d)", "extension "),
        (r"\s--+\s|(?<=\w)--+(?=\w)", " — "),
    )
)

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SHOUTED = re.compile(r"\b[A-Z][A-Z'’]*(?:[ ,]+[A-Z][A-Z'’]*){2,}\b")
_ENDLESS = re.compile(r"\S{61,}")  # no word: the G2P's time grows with the cube of a word's parts
_BREATH = re.compile(r"(\S{20,39}?[^\w\s'’]|\S{40})(?=\S)")
_GREEK = re.compile(r"(?<![^\W\d_])[Α-ΡΣ-Ωα-ω](?![^\W\d_])")  # a lone letter: "2π"
_STRETCHED = re.compile(r"([A-Za-z])\1{2,}")


class English:
    """Reads English, as Americans or as the British do. One object holds the dictionaries (about 0.3 s to load)."""

    def __init__(self, british: bool = False) -> None:
        from hibari.g2p import G2P

        self._g2p: Any = G2P(british=british)
        self._said = pronunciations(NAMES) | pronunciations(SOUNDS)
        self._common: Container[str] = self._g2p.lexicon.golds
        self._rare: Container[str] = self._g2p.lexicon.silvers
        self._names = frozenset(pronunciations(NAMES))

    def phonemes(self, text: str) -> list[str]:
        """Phoneme strings of at most MAX_PHONEMES, in order; none if the text has no sound. text: a sentence, NFC."""
        spoken: str = self._g2p(self.readable(text))
        if len(spoken) <= MAX_PHONEMES or len(text) < 2:
            return [spoken] if spoken else []
        return [part for piece in cut(text, (len(text) + 1) // 2) for part in self.phonemes(piece.text)]

    def readable(self, text: str) -> str:
        """The text as the G2P reads it right; words of the tables become `[word](/phonemes/)`."""
        text = text.replace("[", "(").replace("]", ")")  # or else the G2P takes "[a](b)" for phonemes
        for pattern, said in REWRITES:
            text = pattern.sub(said, text)
        text = _ENDLESS.sub(lambda run: _BREATH.sub(r"\1 ", run[0]), text)
        text = _GREEK.sub(lambda letter: f" {unicodedata.name(letter[0]).split()[-1].lower()} ", text)
        text = _SHOUTED.sub(lambda run: _WORD.sub(self._lowered, run[0]), text)
        return _WORD.sub(self._word, text)

    def _lowered(self, match: re.Match[str]) -> str:
        """A shouted word in lower case, unless it is "I" or one that is spelled ("FBI")."""
        word = match[0].lower()
        return word if word in self._common and word != "i" else match[0]

    def _word(self, match: re.Match[str]) -> str:
        word = match[0]
        plain = _plain(word)
        stem, apostrophe, _ = plain.lower().replace("’", "'").partition("'s")
        short = next((form for form in _shorter(stem) if form in self._said or form in self._common), stem)
        if short in self._said and (short not in self._names or word[0].isupper()):
            said = self._said[short]
            ending = ("ᵻz" if said[-1] in "szʃʒ" else "z") if apostrophe else ""
            return f"[{word}](/{said}{ending}/)"
        if short != stem:
            return short.capitalize() if word[0].isupper() else short
        if word.endswith(("é", "ée", "és")):
            return word  # the accent is heard: "résumé"
        return plain if word not in self._common and word not in self._rare and plain in self._common else word


def _plain(word: str) -> str:
    """Without accents: "Zoë" -> "Zoe"."""
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))


def _shorter(word: str) -> tuple[str, ...]:
    """A stretched word as it may be in a dictionary: "sooo" -> "soo", "so"; none for other words."""
    return (_STRETCHED.sub(r"\1\1", word), _STRETCHED.sub(r"\1", word)) if _STRETCHED.search(word) else ()
