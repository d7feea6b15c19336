"""Markdown: the words without their marks. `**Anna:** hello` and `- Anna: hello` open turns as `Anna: hello` does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from studio import cues
from studio.formats import screenplay
from studio.formats.reading import Reading
from studio.script import FIRST_SPEAKER, Script

_FRONT_MATTER = re.compile(r"\A\ufeff?---\n.*?\n(?:---|\.\.\.)(?:\n|\Z)", re.DOTALL)
_COMMENT = re.compile(r"<!--(?:[^<-]|<(?!!--)|-(?!->))*-->")
_NOT_SPEECH = re.compile(r"\s*(?:(?:[-*_=] *){3,}|[`~]{3,}.*|\[[^\]]*\]: .*)$")  # rules, fences, link addresses
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(.*)$")
_LEADING = re.compile(r"^\s*(?:>\s?)*(?:[-*+]\s+|[0-9]{1,3}[.)]\s+)?")
_INLINE = (
    (re.compile(r"!\[[^\[\]\n]*\]\([^()\n]*\)"), ""),
    (re.compile(r"\[([^\[\]\n]+)\]\([^()\n]*\)"), r"\1"),
    (re.compile(r"<br\s*/?>"), " "),
    (re.compile(r"\*\*(?! )([^*\n]+)\*\*|\b__(?! )([^_\n]+)__\b"), r"\1\2"),
    (re.compile(r"(?<!\w)_(?! )([^_\n]+)_(?!\w)"), r"\1"),
    (re.compile(r"`+"), ""),
)
_STRESS = re.compile(r"\*(?! )([^*\n]+)\*")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_ESCAPED, _KEEP = re.compile("[\U0010ff00-\U0010ff7f]"), 0x10FF00  # where escaped marks wait until the others are gone


def read(text: str, cast: Iterable[str] = ()) -> Reading:
    """The script in a Markdown text. Headings are read aloud in an essay and left out of a dialogue.

    Raises ScriptError as `Script.parse` does; lines keep their numbers.
    """
    text = _COMMENT.sub(_blank, _FRONT_MATTER.sub(_blank, text.replace("\r\n", "\n")))
    lines = [_plain(line) for line in text.split("\n")]
    titles = {
        at: heading[1].strip(" \t#") for at, line in enumerate(text.split("\n")) if (heading := _HEADING.match(line))
    }
    speech = "\n".join("" if at in titles else line for at, line in enumerate(lines))
    cast = tuple(cast)
    if speech.strip():
        found = (
            screenplay.read(speech, cast) if screenplay.is_screenplay(speech) else Reading(Script.parse(speech, cast))
        )
        if found.script.speakers != (FIRST_SPEAKER,):
            return Reading(found.script, (*titles.values(), *found.left_out))
    return Reading(Script.parse("\n".join(lines), cast))


def _plain(line: str) -> str:
    """One line without marks. A heading ends as a sentence does, so that it is not run into the next."""
    if _NOT_SPEECH.match(line):
        return ""
    if heading := _HEADING.match(line):
        title = _unmarked(heading[1].strip(" \t#"))
        return title if not title or title[-1] in ".!?:…" else f"{title}."
    return _unmarked(_LEADING.sub("", line, count=1))


def _unmarked(line: str) -> str:
    line = _ESCAPE.sub(lambda mark: chr(_KEEP + ord(mark[1])), line)
    for mark, words in _INLINE:
        line = mark.sub(words, line)
    kept = {cue.start for cue in cues.variants(line)}  # *laughs* is a cue, not stress
    line = _STRESS.sub(lambda match: match[0] if match.start() in kept else match[1], line)
    return _ESCAPED.sub(lambda mark: chr(ord(mark[0]) - _KEEP), line)


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")
