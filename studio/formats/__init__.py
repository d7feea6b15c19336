"""Files and pasted text become a `Script`: plain text, Markdown, subtitles, screenplays and our own JSON.

Each format is one module of this folder, which turns its text into the text form of `Script` or into turns. What is
not speech in a format, such as the scene headings of a screenplay, is left out and told: see `Reading.left_out`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from studio.errors import ScriptError
from studio.formats import markdown, own, screenplay, subtitles
from studio.formats.own import to_json
from studio.formats.reading import Reading, decode
from studio.script import Script

__all__ = ["EXTENSIONS", "Reading", "parse_any", "read", "read_script", "read_text", "to_json"]

EXTENSIONS = (".txt", ".md", ".markdown", ".srt", ".vtt", ".json", ".fountain")


def read_script(data: bytes, name: str, cast: Iterable[str] = (), keep_gaps: bool = False) -> Script:
    """The script in a file; see `read`."""
    return read(data, name, cast, keep_gaps).script


def parse_any(text: str, cast: Iterable[str] = ()) -> Script:
    """The script in a text of unknown kind; see `read_text`."""
    return read_text(text, cast).script


def read(data: bytes, name: str, cast: Iterable[str] = (), keep_gaps: bool = False) -> Reading:
    """The script in a file, and what of it is not speech.

    data: the whole file, at most 5 MB. name: its extension says the format; without one ("-") the content does.
    cast: names that open turns although the text does not declare them. keep_gaps: the silence between subtitles
    becomes exact pauses. Raises ScriptError, which names the file, when it is not text or not what its name says.
    """
    extension = PurePath(name).suffix.lower()
    if extension and extension not in EXTENSIONS:
        raise ScriptError(f"{name!r} is not a script that can be read.", f"These can: {', '.join(EXTENSIONS)}.")
    text = decode(data, name)
    if extension == ".json":
        return Reading(own.from_json(text))
    if extension in (".srt", ".vtt"):
        return subtitles.read(text, cast, keep_gaps)
    if extension == ".fountain":
        return screenplay.read(text, cast)
    if extension in (".md", ".markdown"):
        return markdown.read(text, cast)
    return read_text(text, cast, keep_gaps)


def read_text(text: str, cast: Iterable[str] = (), keep_gaps: bool = False) -> Reading:
    """The script in a text of unknown kind, such as a paste: JSON, subtitles, a screenplay or the text form.

    Raises ScriptError as `Script.parse` does.
    """
    if own.is_ours(text):
        return Reading(own.from_json(text))
    if subtitles.is_subtitles(text):
        return subtitles.read(text, cast, keep_gaps)
    if screenplay.is_screenplay(text):
        return screenplay.read(text, cast)
    return Reading(Script.parse(text, cast))
