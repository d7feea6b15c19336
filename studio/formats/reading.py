"""Bytes become text, and what reading a file gives. Knows how files begin, not what they mean."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from studio.errors import ScriptError
from studio.script import Script

MAX_BYTES = 5_000_000

_BEGINNINGS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a Word, OpenDocument or EPUB file, or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Word document"),
    (b"{\\rtf", "an RTF document"),
    (b"RIFF", "a sound or video file"),
    (b"ID3", "a sound file"),
    (b"\xff\xfb", "a sound file"),
    (b"OggS", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x7fELF", "a program"),
)
_MARKS = (  # the longer first: UTF-32 begins as UTF-16 does
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAVE = "Save it as plain text in UTF-8, then open that."


@dataclass(frozen=True)
class Reading:
    """A script from a file. left_out: lines of the file that are not speech, in order, for telling the user."""

    script: Script
    left_out: tuple[str, ...] = ()


def decode(data: bytes, name: str) -> str:
    """The text of a file: UTF-8, or UTF-16 and UTF-32 that begin with a byte order mark.

    Raises ScriptError when it is longer than 5 MB or not text, and says what it seems to be.
    """
    if len(data) > MAX_BYTES:
        raise ScriptError(
            f"{name!r} has {len(data) / 1e6:.1f} MB, too much for a script.", f"Up to {MAX_BYTES / 1e6:g} MB are read."
        )
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding, name)
    for beginning, kind in _BEGINNINGS:
        if data.startswith(beginning):
            raise ScriptError(f"{name!r} is {kind}, not plain text.", _SAVE)
    if b"\x00" in data:
        zeros = sorted((data[::2].count(0), data[1::2].count(0)))
        is_utf16 = zeros[0] == 0 and zeros[1] * 4 > len(data)  # Latin letters: every second byte is zero
        kind = "UTF-16 text without a byte order mark" if is_utf16 else "a binary file"
        raise ScriptError(f"{name!r} seems to be {kind}.", _SAVE)
    return _decoded(data, "utf-8", name)


def _decoded(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScriptError(f"{name!r} is not {encoding.upper()} text: line {line} cannot be read.", _SAVE) from None
