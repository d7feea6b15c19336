"""`voices examine`: a recording judged in the terminal, as a table for people or one JSON document for programs."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.terminal import opened, put, put_json
from studio.errors import RequestError

if TYPE_CHECKING:
    from studio.hearing import Heard
    from studio.metrics.words import Comparison
    from studio.references import Examination
    from studio.uploads import SoundFacts

PURPOSE = "Judge a recording: what is wrong with it, what of it to use, and how each engine will take it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `voices examine`."""
    parser.add_argument("file", metavar="FILE", help="the recording (WAV, FLAC, MP3, M4A, OGG, Opus, WebM, AIFF)")
    parser.add_argument("--transcript", metavar="WORDS", help="what is said, to be compared; @FILE reads a file")
    parser.add_argument("--fetch", action="store_true", help="fetch Whisper first (148 MB, once), to hear words better")
    parser.add_argument("--channel", type=int, metavar="N", help="take this channel only (1 is the left one)")
    parser.add_argument("--words", action="store_true", help="write down what is said, with the time of every word")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="write the suggested stretch, made ready, to this WAV file"
    )


def run(options: argparse.Namespace) -> int | None:
    """Raises AudioError, RequestError, OutputError; EngineUnavailable when words are wanted and nobody can hear."""
    from studio import references, soundfiles, uploads
    from studio.metrics import words

    transcript = _transcript(options.transcript)
    channel = None if options.channel is None else options.channel - 1
    upload = uploads.open_sound(Path(options.file), channel=channel)
    if options.fetch:
        _fetch()
    with opened() as studio:
        specs = [row.spec for row in studio.engines()]
        found = references.examine(upload.audio, upload.facts, specs)
        heard = studio.recogniser.hear(upload.audio) if options.words or options.fetch or transcript else None
    comparison = words.compare(transcript, heard.text) if heard and transcript else None
    if options.output:
        prepared = references.prepare(upload.audio, references.Steps(cut=found.trim))
        soundfiles.write(Path(options.output), [prepared.audio], prepared.audio.sample_rate)
    if options.json:
        put_json(_values(upload.facts, found, heard, comparison))
    else:
        put("\n".join(_lines(upload.facts, found, heard, comparison)))
    return None


def _fetch() -> None:
    """Whisper's files, with a bar. Raises EngineUnavailable."""
    from studio import hearing
    from studio.cli.models import bar

    with bar("Whisper") as progress:
        hearing.fetch_whisper(progress)


def _transcript(given: str | None) -> str:
    if given is None or not given.startswith("@"):
        return given or ""
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{given[1:]} cannot be read: {error}", "Give the words themselves.") from error


def _values(
    facts: SoundFacts, found: Examination, heard: Heard | None, comparison: Comparison | None
) -> dict[str, Any]:
    from dataclasses import asdict

    file = {name: value if _is_plain(value) else None for name, value in asdict(facts).items()}
    values = {"file": file, **found.values()}
    if heard:
        values["heard"] = asdict(heard)
    if comparison:
        values["comparison"] = asdict(comparison)
    return values


def _is_plain(value: object) -> bool:
    """Whether JSON has it: it knows no infinity."""
    return not isinstance(value, float) or math.isfinite(value)


def _lines(facts: SoundFacts, found: Examination, heard: Heard | None, comparison: Comparison | None) -> Iterator[str]:
    channels = {1: "mono", 2: "stereo"}.get(facts.channels, f"{facts.channels} channels")
    bits = f", {facts.bits} bit" if facts.bits else ""
    yield f"{facts.container} ({facts.codec}), {facts.sample_rate} Hz, {channels}{bits}"
    width = max(len(measure.title) for measure in found.measures)
    yield from (f"  {measure.title:<{width}}  {measure}" for measure in found.measures)
    yield from (f"! {doubt.text}" for doubt in found.warnings)
    if found.trim:
        yield f"Use {found.trim.start:.2f} to {found.trim.end:.2f} s ({found.trim.seconds:.1f} s)."
    else:
        yield f"No stretch is suggested: {found.trim_reason}."
    yield from (f"- {verdict.text}" for verdict in found.verdicts)
    if heard:
        yield f"Heard by {heard.model}: {heard.text or '(nothing)'}"
        yield from (f"  {word.start:7.2f} {word.end:7.2f}  {word.text}" for word in heard.words)
    if comparison and comparison.matches:
        yield f"The transcript matches (word error rate {comparison.wer:.0%})."
    elif comparison:
        yield f"! The transcript does not match what is heard (word error rate {comparison.wer:.0%})."
    if comparison:
        yield from (
            f"  written: {said or '-'}   heard: {heard_words or '-'}" for said, heard_words in comparison.differences
        )
