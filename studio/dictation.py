"""`Dictation`: a script that is still being written. Text comes in from any thread, whole words go out to who speaks.

The text form is that of `Script`, cut anywhere: [S1] and "Anna:" open turns, [pause 1.5s] is silence. Only speakers of
the cast open turns, since nobody can tell yet who else will.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from studio.errors import RequestError, ScriptError, UnknownCast
from studio.script import Script, Turn, speaker_id

MOST_CHARACTERS = 250_000
PATIENCE_SECONDS = 60.0
HURRIED_SECONDS = 10.0  # the same while others wait to be spoken
_AFTER = "S998"  # says a word behind every piece, so that what stands before it is read as it is in a script

# What the next piece may change the meaning of: an open mark, and an opening without words.
_OPEN_MARK = re.compile(r"[\[(<][^\[\])<>\n]{0,60}$")
_OPENING = re.compile(r"(?:\[[Ss][0-9]{1,3}\][:：]?|(?:^|(?<=\n))[^\n:：]{1,40}[:：])\s*$")
_LINE = re.compile(r"(?:^|(?<=\n))[^\n]{0,40}$")


@dataclass(frozen=True)
class Words:
    """The next words of a speaker. text may be empty where only a pause has come. pause_after: seconds, or None."""

    speaker: str
    text: str
    pause_after: float | None = None


class Dictation:
    """One script being written. cast: who may speak; the first one does until somebody is named.

    patience_seconds: the text is taken to be over when nothing has come for so long; `is_cut_off` then says so.
    Raises ScriptError for what cannot be a speaker, UnknownCast for an empty cast.
    """

    def __init__(
        self,
        cast: Sequence[str],
        most_characters: int = MOST_CHARACTERS,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cast = tuple(dict.fromkeys(map(speaker_id, cast)))
        if not self.cast:
            raise UnknownCast("Nobody speaks in this dictation.", "Name its speakers, such as S1 and S2.")
        self.is_cut_off = False
        self._most, self._patience, self._clock = most_characters, patience_seconds, clock
        self._changed = threading.Condition(threading.Lock())
        self._text = ""  # not read yet
        self._count = 0
        self._ended = False
        self._touched = clock()
        self._speaker, self._at_line_start = self.cast[0], True

    @property
    def everybody(self) -> Script:
        """A script in which each of the cast says something: to give them voices by, before anything is written."""
        return Script(tuple(Turn(name, "Yes.") for name in self.cast))

    def write(self, text: str) -> None:
        """Add text, from any thread. Raises RequestError when the dictation is over or too long."""
        with self._changed:
            if self._ended:
                raise RequestError("This dictation has ended.", "Begin another one.")
            self._count += len(text)
            if self._count > self._most:
                raise RequestError(f"A dictation has {self._most:,} characters at most.", "Begin another one.")
            self._text += text
            self._touched = self._clock()
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more comes. May be said twice."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def hurry(self) -> None:
        """Others wait: the text is taken to be over if nothing has come for a few seconds."""
        with self._changed:
            if not self._ended and self._clock() - self._touched > HURRIED_SECONDS:
                self._ended = self.is_cut_off = True

    @property
    def is_over(self) -> bool:
        """Whether all that will ever be written has been read."""
        with self._changed:
            return self._ended and not self._text

    def read(self, wait_seconds: float = 0.0) -> list[Words]:
        """The words that have become whole since, waiting a little for the first. Empty: nothing yet, or it is over.

        For one reader. Raises ScriptError for a pause that cannot be read, UnknownCast for a speaker beyond the cast.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._whole(), wait_seconds)
            if not self._ended and self._clock() - self._touched > self._patience:
                self._ended = self.is_cut_off = True
            end = len(self._text) if self._ended else self._whole()
            text, self._text = self._text[:end], self._text[end:]
        return self._words(text) if text else []

    def _whole(self) -> int:
        """Where the part of the text ends that what comes next cannot change."""
        end = max((match.end() for match in re.finditer(r"\s", self._text)), default=0)
        for pattern in (_OPEN_MARK, _OPENING):
            if found := pattern.search(self._text[:end]):
                end = found.start()
        line = _LINE.search(self._text[:end])
        begun = line[0].lstrip().casefold() if line else ""
        is_name = begun and any(f"{name}:".casefold().startswith(begun) for name in self.cast)
        return line.start() if line and is_name else end

    def _words(self, text: str) -> list[Words]:
        opening = f"[{self._speaker}]" if re.fullmatch(r"S[0-9]{1,3}", self._speaker) else f"{self._speaker}:"
        between = "\n" if self._at_line_start else " "
        self._at_line_start = text.rstrip(" \t").endswith("\n")
        try:
            script = Script.parse(f"{opening}{between}{text} [{_AFTER}] .", self.cast, only_cast=True)
        except ScriptError as error:
            raise ScriptError(re.sub(r"^Line \d+: ", "", error.message), error.remedy) from None
        said = [Words(turn.speaker, turn.text, turn.pause_after) for turn in script.turns[:-1]]
        if script.lead_in:
            said.insert(0, Words(self._speaker, "", script.lead_in))
        strangers = [words.speaker for words in said if words.speaker not in self.cast]
        if strangers:
            raise UnknownCast(f"{strangers[0]} is not in the cast.", f"Its speakers are: {', '.join(self.cast)}.")
        self._speaker = said[-1].speaker if said else self._speaker
        return said


class Minutes:
    """The script as far as it has come: words put together to turns."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.lead_in = 0.0

    def add(self, words: Words) -> int:
        """Note words; the number of the turn that they belong to."""
        if not words.text:
            self._pause(words.pause_after or 0.0)
        elif self.turns and self.turns[-1].speaker == words.speaker and self.turns[-1].pause_after is None:
            text = f"{self.turns[-1].text} {words.text}"
            self.turns[-1] = Turn(words.speaker, text, words.pause_after)
        else:
            self.turns.append(Turn(words.speaker, words.text, words.pause_after))
        return len(self.turns) - 1

    def _pause(self, seconds: float) -> None:
        if self.turns:
            last = self.turns[-1]
            self.turns[-1] = replace(last, pause_after=(last.pause_after or 0.0) + seconds)
        else:
            self.lead_in += seconds

    @property
    def script(self) -> Script:
        """Raises ScriptError when nothing was said."""
        return Script(tuple(self.turns), self.lead_in)
