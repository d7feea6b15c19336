"""Words said and words heard: how they differ, and when they sound if nobody measured it. Knows text, not sound."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from studio.metrics.activity import Span
from studio.voice import TimedWord

MATCHING = 0.2  # a word error rate up to this is the recogniser's own; above, words are missing or others are said
_MARKUP = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>")  # [S1], (laughs), <break time="1s"/>: not said
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_NUMBER = re.compile(r"(\d+(?:,\d{3})*)(st|nd|rd|th|s)?\b")
_MONEY = re.compile(r"([$£€])(\d[\d,]*)(?:\.(\d\d)\b)?((?:\.\d+)?(?: (?:thousand|million|billion|trillion))?\b)")
_COINS = {"$": ("dollars", "cents"), "£": ("pounds", "pence"), "€": ("euros", "cents")}
# Another way to write the same before words are parted: decimals one by one, "a.m." and "U. S. A.", "555-0199",
# "e-mail", "10am", "-5".
_REWRITTEN = (
    (re.compile(r"(?<=\d)\.(\d+)"), lambda found: " point " + " ".join(found[1])),
    (re.compile(r"\b(?:[a-z]\.){2,}"), lambda found: found[0].replace(".", "")),
    (re.compile(r"\b[a-z]\.(?: [a-z]\.)+"), lambda found: re.sub(r"[. ]", "", found[0])),
    (re.compile(r"\b(?:\d{3}-){1,2}\d{4}\b"), lambda found: " ".join(found[0].replace("-", ""))),
    (re.compile(r"\be-(?=mail)"), lambda found: "e"),
    (re.compile(r"(?<=\d)(?=[ap]m\b)"), lambda found: " "),
    (re.compile(r"(?<![\w-])-(?=\d)"), lambda found: " minus "),
)
_SHORT = {"'d've": " would have", "'re": " are", "'m": " am", "'ll": " will", "'ve": " have", "n't": " not"}
_WHOLE = {"won't": "will not", "can't": "can not", "cannot": "can not", "okay": "ok", "mr": "mister", "mrs": "missus"}
_WHOLE |= {"dr": "doctor", "gonna": "going to", "wanna": "want to", "'cause": "because", "let's": "let us"}
_WHOLE |= {"approx": "approximately", "vs": "versus", "etc": "et cetera", "ie": "that is", "eg": "for example"}
_WHOLE |= {"km": "kilometers", "kg": "kilograms", "cm": "centimeters", "mm": "millimeters"}
_WHO = ("he", "she", "it", "that", "there", "who", "here", "what", "where", "how")
_WHOLE |= {f"{who}'s": f"{who} is" for who in _WHO}
_WHOLE |= {f"{who}'d": f"{who} would" for who in ("i", "you", "we", "they", *_WHO[:6])}
# Two spellings of one word are no error of who speaks. Both sides are brought to the American one, so that it does no
# harm that some words are no British ones ("noise" becomes "noize" twice).
_AMERICAN = (
    (re.compile(r"(?<=[a-z]{2})our(?=(?:s|ed|ing|ite|ites|able|ful|hood|hoods)?$)"), "or"),
    (re.compile(r"(?<=[a-z]{2})([iy])s(?=(?:e|es|ed|er|ers|ing|ation|ations)$)"), r"\1z"),
    (re.compile(r"^(cent|theat|(?:kilo|centi|milli)?met|(?:milli)?lit|fib|calib|somb|spect)re(s?)$"), r"\1er\2"),
    (re.compile(r"^(travel|cancel|model|label|signal|marvel|counsel)l(ed|er|ers|ing|ous)$"), r"\1\2"),
)
_SPELT = {"grey": "gray", "tyre": "tire", "tyres": "tires", "programme": "program", "jewellery": "jewelry"}
_SPELT |= {"defence": "defense", "offence": "offense", "licence": "license", "practise": "practice", "plough": "plow"}
_SILENT = frozenset({"uh", "um", "hmm", "mm", "mhm", "er", "ah"})  # recognisers write them or not
_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_ONES += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_ORDINALS |= {"twelve": "twelfth"}
_TEN_UP = f"(?:{'|'.join([*_ONES[10:], *_TENS[2:]])})"
_AND = re.compile(rf" (hundred|thousand|million|dollars|pounds|euros) and(?= (?:{_TEN_UP}|{'|'.join(_ONES[1:10])}) )")
_TWENTIES = re.compile(rf" two thousand(?= {_TEN_UP} )")
_SAID_SHORT = re.compile(rf" hundred(?= {_TEN_UP} )")
_HUNDREDS = re.compile(rf" one thousand ({'|'.join(_ONES[1:10])}) hundred(?= )")
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))


def normal(text: str) -> list[str]:
    """The words of a text as they are compared: lower case, no marks or markup, numbers and short forms written out."""
    plain = unicodedata.normalize("NFKD", _MARKUP.sub(" ", text)).replace("’", "'").lower()
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = plain.replace("%", " percent ").replace("&", " and ")
    plain = _MONEY.sub(_money, plain)
    for form, written in _REWRITTEN:
        plain = form.sub(written, plain)
    plain = _NUMBER.sub(lambda found: f" {_spoken(found[1], found[2])} ", plain)
    words = []
    for word in _WORD.findall(plain):
        word = _WHOLE.get(word, word)
        for short, long in _SHORT.items():
            word = word.replace(short, long)
        words += [_american(part) for part in word.split() if part not in _SILENT]
    return _one_way(words)


def _money(found: re.Match[str]) -> str:
    sign, whole, cents, scale = found.groups()
    name, coin = _COINS[sign]
    return f"{whole}{scale} {name}" + (f" {cents} {coin}" if cents else "")


def _one_way(words: Sequence[str]) -> list[str]:
    """Numbers that are said in two ways in one of them: without "and"; "four eighty two" for "four hundred eighty two",
    "twenty twenty four" for "two thousand twenty four", "nineteen hundred" for "one thousand nine hundred"."""
    text = f" {' '.join(words)} "
    text = _AND.sub(r" \1", text)
    text = _TWENTIES.sub(" twenty", text)
    text = _HUNDREDS.sub(lambda found: f" {_ONES[10 + _ONES.index(found[1])]} hundred", text)
    return _SAID_SHORT.sub("", text).replace(" per cent ", " percent ").split()


def _american(word: str) -> str:
    for pattern, letters in _AMERICAN:
        word = pattern.sub(letters, word)
    return _SPELT.get(word, word)


def _spoken(digits: str, ending: str | None) -> str:
    """A whole number as it is mostly said: "1984" -> "nineteen eighty four", "1,984" is no year, "2nd" -> "second"."""
    number = int(digits.replace(",", ""))
    if (digits[0] == "0" and number) or len(digits) > 12:
        return " ".join(_ONES[int(digit)] for digit in digits.replace(",", ""))
    if ending == "s":
        return _plural(_spoken(digits, None))
    if ending:
        before, space, last = _cardinal(number).rpartition(" ")
        return before + space + _ORDINALS.get(last, last[:-1] + "ieth" if last.endswith("y") else last + "th")
    if "," not in digits and 1100 <= number < 2000 and number % 100 >= 10:
        return f"{_cardinal(number // 100)} {_cardinal(number % 100)}"
    return _cardinal(number)


def _plural(number: str) -> str:
    """ "nineteen ninety" -> "nineteen nineties" """
    return number[:-1] + "ies" if number.endswith("y") else number + ("es" if number.endswith("x") else "s")


def _cardinal(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10] + (f" {_ONES[number % 10]}" if number % 10 else "")
    size, name = next(scale for scale in _SCALES if number >= scale[0])
    rest = f" {_cardinal(number % size)}" if number % size else ""
    return f"{_cardinal(number // size)} {name}{rest}"


@dataclass(frozen=True)
class Comparison:
    """wer: word error rate. differences: (said, heard) in order, either empty. matches: it is the same speech."""

    wer: float
    differences: tuple[tuple[str, str], ...]
    matches: bool


def compare(transcript: str, heard: str) -> Comparison:
    """What is written against what was heard. Nothing written and nothing heard is a match."""
    said, got = normal(transcript), normal(heard)
    pairs = aligned(said, got)
    wrong = [(one, two) for one, two in pairs if one != two]
    rate = len(wrong) / len(said) if said else float(bool(got))
    return Comparison(rate, tuple(_joined(pairs)), rate <= MATCHING)


def wer(reference: str, heard: str) -> float:
    """Word error rate: words to be replaced, added or removed over words of the reference; can exceed 1.

    Words are compared as `normal` writes them. A reference without words has 0 for nothing heard, else 1.
    """
    return compare(reference, heard).wer


def aligned(said: Sequence[str], got: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of words (said, heard), an empty one where one side has none, with the fewest differences (Levenshtein)."""
    costs = [list(range(len(got) + 1))]
    for row, word in enumerate(said, 1):
        above, here = costs[-1], [row]
        for column, other in enumerate(got):
            here.append(min(above[column] + (word != other), above[column + 1] + 1, here[column] + 1))
        costs.append(here)
    pairs, row, column = [], len(said), len(got)
    while row or column:
        cost = costs[row][column]
        if row and column and cost == costs[row - 1][column - 1] + (said[row - 1] != got[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((said[row], got[column]))
        elif row and cost == costs[row - 1][column] + 1:
            row -= 1
            pairs.append((said[row], ""))
        else:
            column -= 1
            pairs.append(("", got[column]))
    return pairs[::-1]


def _joined(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbouring differences as one."""
    found: list[tuple[str, str]] = []
    before = True
    for said, heard in pairs:
        if said != heard and not before and found:
            found[-1] = (f"{found[-1][0]} {said}".strip(), f"{found[-1][1]} {heard}".strip())
        elif said != heard:
            found.append((said, heard))
        before = said == heard
    return found


# How many letters a pause after punctuation lasts.
CLAUSE_LETTERS, SENTENCE_LETTERS = 3, 6


def spread(words: Sequence[str], spans: Sequence[Span]) -> tuple[TimedWord, ...]:
    """When words sound, estimated: each takes its share of the spans in which it is spoken, by its letters.

    Punctuation takes some letters' time as well. Right to about a quarter of a second in a phrase.
    """
    if not words:
        return ()
    total = sum(span.seconds for span in spans)
    letters = [max(1, sum(map(str.isalnum, word))) for word in words]
    pauses = [*map(_pause, words[:-1]), 0]
    each = total / max(1, sum(letters) + sum(pauses))
    timed, at = [], 0.0
    for word, size, pause in zip(words, letters, pauses, strict=True):
        timed.append(TimedWord(word, _placed(at, spans), _placed(at + size * each, spans, at_end=True)))
        at += (size + pause) * each
    return tuple(timed)


def _pause(word: str) -> int:
    last = word.rstrip("\"'”’)")[-1:]
    return SENTENCE_LETTERS if last in tuple(".!?…") else CLAUSE_LETTERS if last in tuple(",;:—–") else 0


def _placed(spoken: float, spans: Sequence[Span], at_end: bool = False) -> float:
    """Where in the sound so many seconds have been spoken; between spans the end of one or the start of the next."""
    for span in spans:
        if spoken < span.seconds - 1e-6 or (at_end and spoken <= span.seconds + 1e-6):
            return span.start + min(spoken, span.seconds)
        spoken -= span.seconds
    return spans[-1].end if spans else 0.0
