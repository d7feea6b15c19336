"""The command `say`: a script from a file or standard input becomes a sound file. Decides nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from studio.advice import Advice, advise
from studio.cli.delivery import STDIO, check_place, deliver, target_of
from studio.cli.progress import Progressed, follow, report, summary
from studio.cli.terminal import first_ready, opened, put_json, tell
from studio.errors import ScriptError
from studio.formats import Reading, read
from studio.formats.reading import MAX_BYTES
from studio.script import speaker_id

SHOWN_LINES = 5


def run(options: argparse.Namespace) -> None:
    """Speak `options.script` to `options.output`. Raises StudioError; SystemExit(2) for options that contradict."""
    if options.live:
        from studio.cli import live

        return live.run(options)
    target = target_of(options)
    check_place(target.path)
    voices = {speaker_id(who): voice for who, voice in options.voice}
    reading = read_script(options.script, voices)
    with opened() as studio:
        engine = options.engine or first_ready(studio)
        request = studio.request(
            reading.script, engine, voices, dict(options.set), options.seed, options.precision or ""
        )
        advice = advise(reading.script, studio.spec(engine), studio.manager.placement.device, request.precision)
        notes = _notes(reading, advice)
        for note in notes:
            tell(f"note: {note}")
        done = Progressed(request.script)
        follow(studio.speak(engine, request, options.fresh), done)
        deliver(studio.export(done.finished.id, target.form), target.path)
    if options.json:
        put_json(report(done, target, notes))
    tell(summary(done, target))


def _notes(reading: Reading, advice: Advice) -> list[str]:
    """What a writer should know before hearing it: lines that are not spoken, cues that the engine does not perform."""
    left_out = [f"not spoken: {line}" for line in reading.left_out[:SHOWN_LINES]]
    if len(reading.left_out) > SHOWN_LINES:
        left_out.append(f"not spoken: {len(reading.left_out) - SHOWN_LINES} more lines")
    return [*left_out, *map(str, advice.notes)]


def read_script(source: str, cast: Iterable[str]) -> Reading:
    """The script of a file or of standard input. Raises ScriptError."""
    if source != STDIO:
        try:
            with open(source, "rb") as file:
                return read(file.read(MAX_BYTES + 1), source, cast)
        except OSError as error:
            raise ScriptError(
                f"{source} cannot be read: {error.strerror or error}.", "Name a file, or - for input."
            ) from error
    if sys.stdin is None:
        raise ScriptError("There is no standard input.", "Name a file.")
    if sys.stdin.isatty():
        tell("Write the script; Ctrl-D ends it.")
    return read(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input", cast)
