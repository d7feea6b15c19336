"""The command `say - --live`: speaks what comes on standard input while it is still being written. Decides nothing."""

from __future__ import annotations

import argparse
import codecs
import io
import sys
import threading
from collections.abc import Iterable
from contextlib import closing
from typing import cast

from studio import advice
from studio.cli.delivery import STDIO, check_place, deliver, target_of
from studio.cli.progress import Progressed, follow, report, summary
from studio.cli.terminal import first_ready, no_output, opened, put_json, tell
from studio.dictation import Dictation
from studio.encoding import FORMATS, encoder
from studio.engines.base import EngineSpec
from studio.errors import ScriptError, StudioError
from studio.events import Events, Sound
from studio.loudness import live
from studio.script import speaker_id

USUAL_CAST = ("S1", "S2")
PIECE_BYTES = 4096
STREAMED = {"wav": "wav", "flac": "flac", "mp3": "mp3", "ogg": "opus"}  # soundfiles.FORMATS as they travel


def run(options: argparse.Namespace) -> None:
    """Speak standard input to `options.output`, or to standard output as it is made.

    Raises StudioError; SystemExit(2) for options that contradict.
    """
    if options.script != STDIO or options.fresh:
        options.fail("--live speaks standard input: say - --live, and never with --fresh")
    target = target_of(options)
    check_place(target.path)
    voices = {speaker_id(who): voice for who, voice in options.voice}
    with opened() as studio:
        engine = options.engine or first_ready(studio)
        spec = studio.spec(engine)
        talk = studio.dictation(_cast(voices))
        request = studio.request(
            talk.everybody, engine, voices, dict(options.set), options.seed, options.precision or ""
        )
        if slow := advice.slow(spec, studio.manager.placement.device, request.precision):
            tell(f"note: {slow}.")
        done = Progressed(None)
        reader = _Reader(talk)
        reader.start()
        events = studio.speak_live(engine, talk, request)
        try:
            follow(_put_out(events, spec, STREAMED[target.form]) if target.path is None else events, done)
        except ScriptError as error:
            raise reader.error or error from None
        if reader.error:
            raise reader.error
        if target.path is not None:
            deliver(studio.export(done.finished.id, target.form), target.path)
    if options.json:
        put_json(report(done, target, []))
    tell(summary(done, target))


def _cast(voices: Iterable[str]) -> list[str]:
    """Who may speak: those who were given a voice, two at least, S1 before S2."""
    given = list(voices)
    others = [name for name in USUAL_CAST if name not in given]
    names = [*given, *others[: max(0, len(USUAL_CAST) - len(given))]]
    return list(USUAL_CAST) if set(names) == set(USUAL_CAST) else names


class _Reader(threading.Thread):
    """Writes standard input into a dictation, as it comes. error: why it ended early."""

    def __init__(self, talk: Dictation) -> None:
        super().__init__(name="standard input", daemon=True)
        self._talk = talk
        self.error: StudioError | None = None

    def run(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            stream = cast(io.BufferedReader, sys.stdin.buffer)
            while data := stream.read1(PIECE_BYTES):  # as much as there is
                self._talk.write(decoder.decode(data))
            self._talk.write(decoder.decode(b"", final=True))
        except UnicodeDecodeError:
            self.error = ScriptError("Standard input is not text in UTF-8.", "Convert it; what came before was spoken.")
        except StudioError as error:  # it is too long; or nobody listens any more, which whoever speaks will tell
            self.error = None if self._talk.is_over else error
        finally:
            self._talk.end()


def _put_out(events: Events, spec: EngineSpec, form: str) -> Events:
    """The events, their sound on standard output as soon as it is made. Raises OutputError when that takes no more."""
    out = encoder(FORMATS[form], spec.sample_rate)
    with closing(events):
        for event in events:
            if isinstance(event, Sound) and len(event.audio.samples):
                _put(out.encode(live(event.audio, spec.loudness_lufs)))
            yield event
    _put(out.finish())


def _put(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise no_output(error) from error
