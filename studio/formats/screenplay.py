"""Screenplays: a name in capitals on a line of its own, the words below it; all else is not speech.

Follows the Fountain syntax (https://fountain.io/syntax), loosely enough for what a PDF or a word processor gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from studio import cues
from studio.errors import ScriptError
from studio.formats.reading import Reading
from studio.script import Script, speaker_id

_SCENE = re.compile(r"\.?(?:INT|EXT|EST|I/E)[./ ]|.*\bTO:$|FADE (?:IN|OUT)\b")
_ASIDE = re.compile(r"\([^()]*\)")  # (V.O.), (CONT'D) behind a name
_TITLE = re.compile(r"(?:CHAPTER|PART|ACT|SCENE|TITLE|PROLOGUE|EPILOGUE|THE END|CONTINUED)\b")
_AUTHOR = re.compile(r"(?:written )?by\b", re.IGNORECASE)
_TAG = re.compile(r"\[[Ss][0-9]{1,3}\]")
_OPENING = re.compile(r"[^\W_][^:]{0,39}: *\S")


def is_screenplay(text: str) -> bool:
    """Whether a text of unknown kind is one: two names on lines of their own, or one and a scene heading."""
    if _TAG.search(text):
        return False
    lines = [line.strip() for line in text.splitlines()]
    names = sum(map(bool, _names(lines)))
    openings = sum(1 for line in lines if _OPENING.match(line) and not _SCENE.match(line))
    return names > openings and (names > 1 or any(map(_SCENE.match, lines)))


def read(text: str, cast: Iterable[str] = ()) -> Reading:
    """The script in a screenplay, without its scene headings, action and directions, which are told as left out.

    A direction that is a cue, such as (laughs), stays where it is. Raises ScriptError as `Script.parse` does, and when
    nobody speaks; lines keep their numbers.
    """
    lines = [line.strip() for line in text.splitlines()]
    names = _names(lines)
    if not any(names):
        raise ScriptError("Nobody speaks in this screenplay.", "Write each name in capitals on a line of its own.")
    kept, left_out = [], []
    speaking = aside = False
    for line, name in zip(lines, names, strict=True):
        speaking = bool(name) or (speaking and bool(line) and not _SCENE.match(line))
        aside = speaking and not cues.find(line) and (aside or _opens_aside(line))
        kept.append(f"{name}:" if name else line if speaking and not aside else "")
        if line and not kept[-1]:
            left_out.append(line)
        aside = aside and ")" not in line
    return Reading(Script.parse("\n".join(kept), [*cast, *filter(None, names)]), tuple(left_out))


def _names(lines: list[str]) -> list[str]:
    """For each line the speaker it names, or "". What stands right below such a line is speech, even in capitals."""
    names, before = [], ""
    for line, following in pairwise([*lines, ""]):
        name = _name(line) if following and not before and not _AUTHOR.match(following) else ""
        names.append(name)
        before = _name(line)
    return names


def _name(line: str) -> str:
    bare = _ASIDE.sub("", line).strip(" ^")
    forced = bare.startswith("@")
    if len(line) > 80 or not (forced or bare.isupper()) or _SCENE.match(line) or _TITLE.match(bare):
        return ""
    try:
        return speaker_id(bare.removeprefix("@"))
    except ScriptError:
        return ""


def _opens_aside(line: str) -> bool:
    return line.startswith("(") and (line.endswith(")") or ")" not in line)
