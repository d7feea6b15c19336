"""Advice while a script is written: what an engine will make of it, told at its place. Knows specs, loads nothing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from typing import Literal

from studio import cues
from studio.engines.base import EngineSpec
from studio.errors import ScriptError
from studio.passages import Passage, plan
from studio.script import Script

Kind = Literal["cue", "spelling", "silent", "long", "merged", "name", "language", "speakers", "nothing", "slow"]
_INFORMS = frozenset(("spelling", "long", "merged", "name", "speakers", "slow"))

# A word in capitals (nearly), with the title before it.
_NAME = re.compile(r"(?<!\S)((?:(?:Dr|Mrs?|Ms)\. )?[^\W\d_a-zß-öø-ÿ][\w.'’-]*) ?[:：] ")
_OTHER_LETTERS = re.compile(r"(?:(?!\s)[^\x00-\x7f\u00c0-\u024f\u2000-\u206f])+")  # ASCII, accents, quotes
# Letters by the first word of their Unicode name. A language that is not here is written in Latin letters.
_LETTERS = {
    "ar": {"ARABIC"},
    "bg": {"CYRILLIC"},
    "bn": {"BENGALI"},
    "el": {"GREEK"},
    "fa": {"ARABIC"},
    "he": {"HEBREW"},
    "hi": {"DEVANAGARI"},
    "ja": {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"},
    "ko": {"HANGUL", "CJK"},
    "ru": {"CYRILLIC"},
    "ta": {"TAMIL"},
    "th": {"THAI"},
    "uk": {"CYRILLIC"},
    "ur": {"ARABIC"},
    "zh": {"CJK"},
}
_ALL_LETTERS = frozenset().union(*_LETTERS.values())
_LANGUAGES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "pt": "Portuguese",
    "zh": "Chinese",
}


@dataclass(frozen=True)
class Note:
    """What an engine will do at one place of a script that the writer may not expect.

    turn: 0-based; None for the whole script. start, end: the slice of the turn's text it is about. fix: text to put
    there instead, None when only the writer can say. kind: a stable word for programs.
    """

    turn: int | None
    start: int
    end: int
    kind: Kind
    message: str
    fix: str | None = None

    @property
    def level(self) -> Literal["info", "warning"]:
        """A warning when words or sounds are lost or come out otherwise than written."""
        return "info" if self.kind in _INFORMS else "warning"

    def __str__(self) -> str:
        return self.message if self.turn is None else f"turn {self.turn + 1}: {self.message}"


@dataclass(frozen=True)
class Advice:
    """notes: in the order of the script. seconds: how long it will sound, roughly. passages: calls of the engine."""

    notes: tuple[Note, ...]
    seconds: float
    passages: int


def advise(script: Script, spec: EngineSpec, device: str = "", precision: str = "exact") -> Advice:
    """What the engine will make of the script. Quick enough to be asked while typing; never raises ScriptError.

    device: what it runs on, "cpu" or another, and precision: of its weights; says how long it will work where that is
    long.
    """
    try:
        passages = plan(script, spec)
    except ScriptError as error:
        return Advice((*_cue_notes(script, spec), Note(None, 0, 0, "nothing", str(error))), 0.0, 0)
    notes = chain(
        _cue_notes(script, spec),
        _passage_notes(script, spec, passages),
        _name_notes(script),
        _language_notes(script, spec),
    )
    in_order = sorted(notes, key=lambda note: (-1 if note.turn is None else note.turn, note.start))
    seconds = _seconds(script, spec, passages)
    return Advice((*_slow_notes(spec, device, precision, seconds), *in_order), seconds, len(passages))


def slow(spec: EngineSpec, device: str, precision: str) -> str:
    """How long an engine works where that is long, for a script that nobody knows yet; empty where it is not."""
    rtf = spec.takes(precision).cpu_rtf
    if device != "cpu" or rtf <= 1:
        return ""
    return f"{_name(spec)} runs on the processor here, about {rtf:.0f} times slower than it speaks"


def _slow_notes(spec: EngineSpec, device: str, precision: str, seconds: float) -> Iterator[Note]:
    if told := slow(spec, device, precision):
        minutes = max(1, round(spec.takes(precision).cpu_rtf * seconds / 60))
        work = f"about {minutes} minute{'s' if minutes > 1 else ''} for this script"
        yield Note(None, 0, 0, "slow", f"{told}: {work}.")


def _name(spec: EngineSpec) -> str:
    """The engine's title without what it says in brackets."""
    return spec.title.partition(" (")[0]


def _seconds(script: Script, spec: EngineSpec, passages: Sequence[Passage]) -> float:
    spoken = sum(passage.script.characters for passage in passages) / spec.characters_per_second
    return script.lead_in + spoken + sum(passage.pause_after for passage in passages[:-1])


def _cue_notes(script: Script, spec: EngineSpec) -> Iterator[Note]:
    """Cues that the engine does not perform, or knows by another spelling."""
    name = _name(spec)
    performed = {cue.name: cue.text for known in spec.cues for cue in cues.find(known, spec.cues)}
    fate = "it is left out" if spec.unknown_cue == "dropped" else "it is read aloud"
    for index, turn in enumerate(script.turns):
        for cue in (*cues.find(turn.text, spec.cues), *cues.variants(turn.text, spec.cues)):
            if cue.text in spec.cues:
                continue
            at = (index, cue.start, cue.end)
            if cue.name not in performed:
                variant = cue.canonical if not cue.text.startswith("(") else None
                yield Note(*at, "cue", f"{name} does not perform {cue.text}: {fate}.", variant)
            elif spec.unknown_cue == "dropped":
                yield Note(*at, "spelling", f"{cue.text} is performed as {performed[cue.name]}.", performed[cue.name])
            else:
                usual = performed[cue.name]
                yield Note(*at, "cue", f"{name} reads {cue.text} aloud; it performs {usual}.", usual)


def _passage_notes(script: Script, spec: EngineSpec, passages: Sequence[Passage]) -> Iterator[Note]:
    """Turns that are left out, cut or merged, and more speakers than a passage holds."""
    name = _name(spec)
    pieces = Counter(turn for passage in passages for turn in passage.turns)
    for index, turn in enumerate(script.turns):
        whole = (index, 0, len(turn.text))
        if not pieces[index]:
            yield Note(*whole, "silent", "There are no words to speak: this turn is left out.")
        elif pieces[index] > 1:
            message = f"Too long for one passage of {name}: cut at sentence ends into {pieces[index]}."
            yield Note(*whole, "long", message)
    for passage in passages if spec.limits.alternate else ():
        for before, index in pairwise(passage.turns):
            speaker = script.turns[index].speaker
            if speaker == script.turns[before].speaker:
                message = f"{speaker} goes on: {name} speaks this and the turn before as one."
                yield Note(index, 0, len(script.turns[index].text), "merged", message)
    speakers, most = len(script.speakers), spec.max_speakers
    if most is not None and speakers > most:
        message = f"{speakers} speakers, and {name} holds {most} at a time: where another speaks, a new passage begins."
        yield Note(None, 0, 0, "speakers", message)


def _name_notes(script: Script) -> Iterator[Note]:
    """Words that look like a speaker's name, where the script has named speakers or several such words."""
    found = [(index, match) for index, turn in enumerate(script.turns) for match in _NAME.finditer(turn.text)]
    if len({match[1] for _, match in found}) < 2 and all(speaker[1:].isdecimal() for speaker in script.speakers):
        return
    for index, match in found:
        message = f"{match[1]!r} is read aloud. If it is a speaker, write 'Cast: {match[1]}' in the first line."
        yield Note(index, *match.span(1), "name", message)


def _language_notes(script: Script, spec: EngineSpec) -> Iterator[Note]:
    """The first words of each turn in letters that none of the engine's languages is written in."""
    languages = [language.split("-")[0] for language in spec.languages]
    foreign = _ALL_LETTERS.difference(*(_LETTERS.get(language, ()) for language in languages))
    spoken = " and ".join(_LANGUAGES.get(language, language) for language in languages)
    for index, turn in enumerate(script.turns):
        for match in _OTHER_LETTERS.finditer(turn.text):
            if any(_letters(letter) in foreign for letter in match[0]):
                message = f"{_name(spec)} speaks {spoken}: it cannot speak “{match[0]}”."
                yield Note(index, match.start(), match.end(), "language", message)
                break


@lru_cache(maxsize=4096)
def _letters(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
