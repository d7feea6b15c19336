"""`Script`: a dialogue as written, and its text form. Knows no engine, no file format and no cue.

The text form, which `Script.parse` reads and `str(script)` prints:

    Cast: Anna, Ben                 names that open turns; a name that opens two turns or more needs no Cast line
    [pause 2s]                      before all words: silence at the start
    Anna: Hello there. [pause 1.5s] exact silence after these words; also [pause 800ms], <break time="1.5s"/>
    [S1] Numbered speakers need no Cast line. [S2] Several may share a line.
    A line that opens with no speaker continues the turn above it; the first of all belongs to S1.

Reading and printing are inverse: `Script.parse(str(script)) == script`. That holds without any escape because a `Turn`
refuses words that are markup themselves, and because a printed line always opens with its speaker.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from studio.errors import ScriptError

MAX_PAUSE_SECONDS = 60.0
MAX_NAME_CHARACTERS = 40
FIRST_SPEAKER = "S1"
_PAUSE_REMEDY = f"Write it like [pause 1.5s], from 0 to {MAX_PAUSE_SECONDS:g} seconds."

_TAG = r"\[[Ss](?P<number>[0-9]{1,3})\][:：]?"
# Not closed it is still markup, since nobody wants to hear it. [pause] alone names no time: that is a cue.
_PAUSE = r"(?i:\[pause\b(?!\])(?P<pause>[^\[\]]*+)\]?+|<break\b(?P<break>[^<>\[\]]*+)>?+)"
_NAME = r"(?P<name>[^\W_][^\n:：\[\]<>(){}]{0,39}?)"
# After the colon comes no address, path, smiley or time of day.
_COLON = r" ?[:：](?![/\\)])(?!(?<=[0-9][:：])[0-9])"

_MARKUP = re.compile(rf"{_TAG}|{_PAUSE}")
_PAUSES = re.compile(_PAUSE)
_OPENINGS = re.compile(rf"{_TAG}|^(?:{_PAUSE} ?)*{_NAME}{_COLON}", re.MULTILINE)
_CAST = re.compile(r"^(?i:cast) ?[:：](.*)$", re.MULTILINE)
_NUMBERED = re.compile(r"[Ss]([0-9]{1,3})")
_SECONDS = re.compile(
    r"([0-9]{1,9}(?:[.,][0-9]{0,9})?|[.,][0-9]{1,9})\s*(?:(ms|milliseconds?)|s|secs?|seconds?)?", re.IGNORECASE
)
_BREAK_TIME = re.compile(r"""\s*time\s*=\s*["']([^"']*)["']\s*/?\s*""", re.IGNORECASE)

_ASIDE = re.compile(r"\([^()]*\)")
_CAST_COMMA = re.compile(r"[,;、，;]")

# Controls, soft hyphen, zero-width, direction and tag characters, lone surrogates. White space is folded instead.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f\ud800-\udfff]"
)
# Joiners belong to emoji and to Persian or Indic spelling; beside anything else they are dirt.
_JOINERS = re.compile("([\u200c\u200d])[\u200c\u200d]+")
_STRAY_JOINER = re.compile("(?<![^\x00-\x7f\\s])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\\s])")
# Accents on one letter, as in Unicode's Stream-Safe Text Format: NFC takes squared time in a longer run of them.
_MAX_MARKS = 30
_NAME_MARKS = frozenset(" '’.-‐‑_#&·・")


@dataclass(frozen=True)
class Turn:
    """What one speaker says without interruption.

    speaker: an id ("S1", "Anna"): `S` and up to three digits, or a name of at most 40 letters, digits, spaces and
    .'-_#& that holds a letter and is not "Cast". text: the words and cues, one line, never markup.
    pause_after: seconds of silence that follow, exact to the millisecond; None leaves it to the director.
    Text and speaker are cleaned: NFC, white space folded, invisible characters dropped.
    Raises ScriptError when the text is empty or holds markup, the speaker is no name, or the pause is out of range.
    """

    speaker: str
    text: str
    pause_after: float | None = None

    def __post_init__(self) -> None:
        text = clean(self.text)
        if not text:
            raise ScriptError("A turn has no words.", "Write what is said, or take the turn away.")
        if markup := _MARKUP.search(text):
            raise ScriptError(f"The words of a turn cannot hold {markup[0]!r}.", "End the turn there.")
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "speaker", speaker_id(self.speaker))
        if self.pause_after is not None:
            object.__setattr__(self, "pause_after", _checked_pause(self.pause_after))

    def __str__(self) -> str:
        opening = f"[{self.speaker}]" if _NUMBERED.fullmatch(self.speaker) else f"{self.speaker}:"
        pause = "" if self.pause_after is None else f" [pause {self.pause_after:g}s]"
        return f"{opening} {self.text}{pause}"


@dataclass(frozen=True)
class Script:
    """A dialogue: turns in order. lead_in: seconds of silence before the first, exact to the millisecond.

    Raises ScriptError when there is no turn or the lead-in is out of range.
    """

    turns: tuple[Turn, ...]
    lead_in: float = 0.0

    def __post_init__(self) -> None:
        if not self.turns:
            raise ScriptError("The script is empty.", "Write at least one line.")
        object.__setattr__(self, "lead_in", _checked_pause(self.lead_in))

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers in order of their first turn."""
        return tuple(dict.fromkeys(turn.speaker for turn in self.turns))

    @property
    def characters(self) -> int:
        """Characters in the texts of all turns."""
        return sum(len(turn.text) for turn in self.turns)

    def __str__(self) -> str:
        names = [speaker for speaker in self.speakers if not _NUMBERED.fullmatch(speaker)]
        head = [f"Cast: {', '.join(names)}"] if names else []
        lead = [f"[pause {self.lead_in:g}s]"] if self.lead_in else []
        return "\n".join([*head, *lead, *map(str, self.turns)])

    @staticmethod
    def parse(text: str, cast: Iterable[str] = (), only_cast: bool = False) -> Script:
        """The script that a text describes; the module's docstring shows the form.

        cast: names that open turns although the text does not declare them, such as those given a voice. only_cast: no
        others do, and no line declares any.
        Takes time linear in the text. Raises ScriptError, naming the line, for a pause or a cast that cannot be read,
        and when nothing is left to say.
        """
        text = "\n".join(" ".join(line.split()) for line in _visible(text).splitlines())
        names = {spelling: name for name in map(speaker_id, cast) for spelling in (name, name.casefold())}
        if not only_cast:
            names, text = _cast(text, cast)
        draft = _Draft(text)
        speaker, start = FIRST_SPEAKER, 0
        for opening in _OPENINGS.finditer(text):
            if opener := _opener(opening, names):
                draft.say(speaker, start, opening.start("name" if opening["name"] else 0))
                speaker, start = opener, opening.end()
        draft.say(speaker, start, len(text))
        return Script(tuple(Turn(*turn) for turn in draft.turns), draft.lead_in)


class _Draft:
    """Turns being gathered from one text: words open a turn, a pause ends the one before it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.turns: list[tuple[str, str, float | None]] = []
        self.lead_in = 0.0

    def say(self, speaker: str, start: int, end: int) -> None:
        """Take over what a speaker says from `start` to `end`, with the pauses in it."""
        for pause in _PAUSES.finditer(self.text, start, end):
            self._add(speaker, self.text[start : pause.start()])
            self._pause(pause)
            start = pause.end()
        self._add(speaker, self.text[start:end])

    def _add(self, speaker: str, words: str) -> None:
        if words and not words.isspace():
            self.turns.append((speaker, words, None))

    def _pause(self, markup: re.Match[str]) -> None:
        try:
            seconds = _pause_seconds(markup)
            if self.turns:
                speaker, words, before = self.turns[-1]
                self.turns[-1] = (speaker, words, _checked_pause((before or 0.0) + seconds))
            else:
                self.lead_in = _checked_pause(self.lead_in + seconds)
        except ScriptError as error:
            raise _at_line(self.text, markup.start(), error) from None


def clean(text: str) -> str:
    """The text on one line: NFC, white space folded to single spaces, invisible and control characters dropped."""
    return " ".join(_visible(text).split())


@lru_cache(maxsize=4096)
def speaker_id(name: str) -> str:
    """The id of a speaker as scripts hold it: "S1" for "s01", "Anna" for "Anna ". Raises ScriptError for other text."""
    name = clean(name)
    if numbered := _NUMBERED.fullmatch(name):
        return f"S{int(numbered[1])}"
    if len(name) > MAX_NAME_CHARACTERS or not _is_name(name):
        shown = name if len(name) <= MAX_NAME_CHARACTERS else f"{name[:MAX_NAME_CHARACTERS]}…"
        raise ScriptError(
            f"{shown!r} cannot be the name of a speaker.",
            f"Use up to {MAX_NAME_CHARACTERS} letters, digits, spaces and .'-_#&, with a letter among them.",
        )
    return name


def _is_name(name: str) -> bool:
    if name.casefold() == "cast" or not name[:1].isalnum() or not any(map(str.isalpha, name)):
        return False
    return all(mark in _NAME_MARKS or unicodedata.category(mark)[0] in "LMN" for mark in name)


def _visible(text: str) -> str:
    """NFC without invisible characters; white space stays as it is."""
    if text.isascii():
        return _INVISIBLE.sub("", text)
    text = unicodedata.normalize("NFC", _few_marks(_INVISIBLE.sub("", text)))
    if "\u200c" in text or "\u200d" in text:
        text = unicodedata.normalize("NFC", _STRAY_JOINER.sub("", _JOINERS.sub(r"\1", text)))
    return _few_marks(text)


def _few_marks(text: str) -> str:
    """The text with at most `_MAX_MARKS` combining marks in a row."""
    if not any(map(unicodedata.combining, text)):
        return text
    kept, run = [], 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run <= _MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def _cast(text: str, cast: Iterable[str]) -> tuple[dict[str, str], str]:
    """The names that open turns, by spelling and by casefold, and the text with its `Cast:` lines blanked.

    A `Cast:` line is one when it stands before all words, or when each of its names opens a turn somewhere: so
    "Cast: a net into the sea" in the middle of a story stays a sentence.
    """
    found = [name for opening in _OPENINGS.finditer(text) if (name := opening["name"]) and _is_name(name)]
    count = Counter(map(str.casefold, found))
    declared = [*map(speaker_id, cast)]
    kept, end, at_head = [], 0, True
    for line in _CAST.finditer(text):
        at_head = at_head and not _PAUSES.sub("", text[end : line.start()]).strip()
        listed = [entry for part in _CAST_COMMA.split(_ASIDE.sub("", line[1])) if (entry := part.strip())]
        if at_head or (listed and all(count[entry.casefold()] for entry in listed)):
            declared += _declared(listed, text, line.start())
            kept.append(text[end : line.start()])
            end = line.end()
    frequent = [name for name in found if count[name.casefold()] > 1]
    names = {name.casefold(): name for name in reversed(declared + frequent)}  # the first spelling wins
    return names | {name: name for name in declared}, "".join([*kept, text[end:]])


def _declared(listed: list[str], text: str, at: int) -> list[str]:
    try:
        return [speaker_id(entry) for entry in listed]
    except ScriptError as error:
        raise _at_line(text, at, error) from None


def _opener(opening: re.Match[str], names: Mapping[str, str]) -> str | None:
    """The speaker whom a tag or a name opens a turn for; None when the name is none of the cast."""
    name = opening["name"]
    if not name:
        return f"S{int(opening['number'])}"
    if numbered := _NUMBERED.fullmatch(name):
        return f"S{int(numbered[1])}"
    return names.get(name) or names.get(name.casefold())


def _pause_seconds(markup: re.Match[str]) -> float:
    """The seconds that `[pause …]` or `<break …>` asks for. Raises ScriptError when it names no time."""
    break_time = _BREAK_TIME.fullmatch(markup["break"] or "")
    given = _SECONDS.fullmatch(break_time[1] if break_time else (markup["pause"] or "").strip(" \n:="))
    if not given:
        shown = " ".join(markup[0].split())
        raise ScriptError(f"{shown[:60]!r} is not a pause.", _PAUSE_REMEDY)
    seconds = float(given[1].replace(",", "."))
    return seconds / 1000 if given[2] else seconds


def _checked_pause(seconds: float) -> float:
    """Whole milliseconds, so that they print short and read back the same. Raises ScriptError when out of range."""
    if not 0 <= seconds <= MAX_PAUSE_SECONDS:  # NaN fails too
        raise ScriptError(f"A pause cannot last {seconds:g} s.", _PAUSE_REMEDY)
    return abs(round(seconds, 3))


def _at_line(text: str, position: int, error: ScriptError) -> ScriptError:
    line = text.count("\n", 0, position) + 1
    return ScriptError(f"Line {line}: {error.message}", error.remedy)
