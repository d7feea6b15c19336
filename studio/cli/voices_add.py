"""`voices add`: a recording is taken in and kept as a voice, and what was done to it is told. Decides nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli.terminal import opened, put_json, tell
from studio.errors import RequestError

if TYPE_CHECKING:
    from studio.library import LibraryVoice, Recording
    from studio.studio import Studio
    from studio.voice import Consent

PURPOSE = "Keep a recorded voice."
KINDS = ("own", "person", "synthetic", "licensed")  # voice.CONSENTS, said here so that --help loads no sound library


def run(options: argparse.Namespace) -> None:
    """Raises AudioError, RequestError, OutputError; SystemExit(2) without a word on consent."""
    if not (options.consent or options.to):
        options.fail(f"--consent is wanted: one of {', '.join(KINDS)}")
    with opened() as studio:
        recording = _recording(studio, options)
        if options.to:
            voice = studio.library.add_recording(studio.library.find(options.to), recording)
            return told(options, voice, "kept one more recording")
        name = options.name or Path(options.file).stem
        more = {"tags": tuple(options.tag), "language": options.language, "notes": options.notes}
        return told(options, studio.library.add(name, _consent(options), [recording], **more), "kept")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `voices add`."""
    parser.add_argument("file", metavar="FILE", help="the recording; 5 to 10 s are best")
    parser.add_argument("--name", help="what to call the voice (default: the file's name)")
    parser.add_argument(
        "--transcript",
        metavar="WORDS",
        help="exactly what is said, or @FILE (default: what is heard)",
    )
    parser.add_argument("--cut", type=_cut, metavar="FROM-TO", help="seconds to keep (default: a good stretch)")
    parser.add_argument("--channel", type=int, metavar="N", help="take this channel only (1 is the left one)")
    parser.add_argument("--consent", choices=KINDS, help="by which right the voice is used")
    parser.add_argument("--who", default="", help="for person: who gave the consent")
    parser.add_argument("--when", default="", help="for person: when it was given")
    parser.add_argument("--source", default="", help="for licensed: where recording and licence are found")
    parser.add_argument("--note", default="", help="anything else about the consent")
    parser.add_argument("--tag", action="append", default=[], help="repeat it for several")
    parser.add_argument("--language", default="en", metavar="CODE", help="such as en or pt-BR (default: en)")
    parser.add_argument("--notes", default="", help="anything about the voice")
    parser.add_argument("--to", metavar="VOICE", help="one more recording of this voice, instead of a new voice")


def _consent(options: argparse.Namespace) -> Consent:
    from studio.voice import Consent

    return Consent(options.consent, options.who, options.when, options.source, options.note)


def _cut(text: str) -> tuple[float, float]:
    start, _, end = text.partition("-")
    try:
        span = float(start), float(end)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 1.5-9") from None
    if not 0 <= span[0] < span[1]:
        raise argparse.ArgumentTypeError(f"{text!r} ends before it begins")
    return span


def _recording(studio: Studio, options: argparse.Namespace) -> Recording:
    """The recording made ready, telling what was done to it. Raises AudioError, RequestError."""
    from studio.metrics.activity import Span

    cut = Span(*options.cut) if options.cut else None
    channel = None if options.channel is None else options.channel - 1
    intake = studio.desk.take_in(Path(options.file), _transcript(options.transcript), cut, channel=channel)
    for sentence in intake.told:
        tell(f"note: {sentence}")
    return intake.recording


def _transcript(words: str | None) -> str:
    if words is None or not words.startswith("@"):
        return words or ""
    try:
        return Path(words[1:]).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise RequestError(f"{words[1:]} cannot be read: {error}.", "Name a text file in UTF-8.") from error


def told(options: argparse.Namespace, voice: LibraryVoice, message: str) -> None:
    """What became of a voice: its values for a program, else a line."""
    from studio import portraits

    if options.json:
        put_json(portraits.values(voice))
    tell(f"{message}: {voice.id} ({voice.name})")
