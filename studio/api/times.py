"""A finished dialogue as an answer: its times as JSON, its sound in base64 or as a part of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from studio import soundfiles
from studio.api.answers import Pieces, Progress
from studio.events import Events, Finished, Planned, Sound
from studio.runs import Run
from studio.studio import Studio

BOUNDARY = "dialogue-studio-1f0e6c"
MULTIPART = f"multipart/mixed; boundary={BOUNDARY}"
CHUNK_BYTES = 3 * 65536  # a multiple of three, so that base64 of the chunks is base64 of the whole


def told(studio: Studio, form: str, parts: bool, progress: Progress, events: Events) -> Pieces:
    """Nothing while it is spoken (None is a place to stop), then the whole answer. Raises StudioError."""
    run: Run | None = None
    with closing(events):
        for event in events:
            if isinstance(event, Sound):
                progress.heard(event.audio.seconds)
            elif isinstance(event, Planned):
                progress.began()
            elif isinstance(event, Finished):
                run = event.run
            yield None
    assert run is not None, "a run that does not fail finishes"
    progress.sound_seconds = run.seconds
    path = studio.export(run.id, form)
    values = {**_values(run, form), "usage": progress.usage()}
    yield from _parts(values, path, form) if parts else _document(values, path)


def _document(values: dict[str, Any], path: Path) -> Iterator[bytes]:
    """One JSON document, written around the sound, so that a long one is never whole in memory."""
    yield json.dumps(values).removesuffix("}").encode() + b', "audio": "'
    for chunk in _chunks(path):
        yield base64.b64encode(chunk)
    yield b'"}'


def _parts(values: dict[str, Any], path: Path, form: str) -> Iterator[bytes]:
    yield f"--{BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{json.dumps(values)}\r\n".encode()
    yield f"--{BOUNDARY}\r\nContent-Type: {soundfiles.FORMATS[form][2]}\r\n\r\n".encode()
    yield from _chunks(path)
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _values(run: Run, form: str) -> dict[str, Any]:
    turns = [
        {
            "turn": timing.turn,
            "speaker": timing.speaker,
            "voice": run.voices[timing.speaker],
            "text": run.script.turns[timing.turn].text,
            "start": round(timing.start, 3),
            "end": round(timing.end, 3),
        }
        for timing in run.timings
    ]
    return {
        "object": "audio.dialogue",
        "run": run.id,
        "model": run.engine,
        "seed": run.seed,
        "format": form,
        "seconds": round(run.seconds, 3),
        "loudness_lufs": run.loudness_lufs,
        "turns": turns,
        "words": [{"turn": word.turn, "word": word.word, "start": word.start} for word in run.words],
        "notes": list(run.notes),
    }
