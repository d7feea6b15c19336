"""Takes: passages that were spoken, kept with everything needed to make them again. Knows files, no engine."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from studio import __version__, soundfiles
from studio.audio import Audio
from studio.disk import cannot_write, read_json, sweep, write_json
from studio.engines.base import EngineSpec, Speech, WordTime
from studio.errors import RequestError, SynthesisError
from studio.request import SpeechRequest
from studio.voice import Voice

SILENT_PEAK = 10 ** (-60 / 20)  # a sound that never rises above -60 dBFS says nothing
# beyond these a passage took so much longer or shorter than its text that a listener should be told
RUNAWAY, HASTY = 3.0, 0.3
SLACK_SECONDS = 2.0


@dataclass(frozen=True)
class Verdict:
    """What measuring the sound says about it. kind: "ok", "runaway" or "hasty"; note: one sentence for a person."""

    kind: str = "ok"
    note: str = ""


@dataclass(frozen=True)
class Take:
    """One passage, spoken. `recipe` holds all that decided the sound; `id` is its hash, so equal recipes share a take.

    seconds: of sound. first_sound_seconds, work_seconds: from asking to the first piece and to the last. words: their
    times, if the engine knows. voices: speaker -> id, name, digest and consent of the voice as they were then.
    """

    id: str
    path: Path
    recipe: Mapping[str, Any]
    seconds: float
    sample_rate: int
    first_sound_seconds: float
    work_seconds: float
    created: str
    verdict: Verdict = Verdict()
    words: tuple[WordTime, ...] = ()
    voices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def audio(self) -> Audio:
        """The sound as the engine made it. Raises AudioError when the file is gone."""
        return soundfiles.read(self.path)


def recipe(spec: EngineSpec, device: str, request: SpeechRequest) -> dict[str, Any]:
    """Everything that decides the sound of a passage, as plain JSON values."""
    return {
        "engine": spec.id,
        "revision": spec.revision,
        **({"codec": spec.codec} if spec.codec else {}),
        "device": device,
        "packages": {name: _version(name) for name in spec.packages},
        "studio": __version__,
        "script": [asdict(turn) for turn in request.script.turns],
        "voices": {who: [voice.id, voice.digest] for who, voice in request.voices.items()},
        "sampling": dict(request.sampling),
        "seed": request.seed,
        "context": [[str(spoken.script), spoken.audio.digest] for spoken in request.context],
    }


@cache
def _version(package: str) -> str:
    """The version of what gives the package: "hibari" comes from the distribution "hibari-tts"."""
    names = _distributions().get(package)
    return metadata.version(names[0]) if names else ""


_distributions = cache(metadata.packages_distributions)


class TakeStore:
    """The takes below one folder: `<id>.wav` (float, as made) beside `<id>.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sweep(folder)

    def find(self, recipe: Mapping[str, Any]) -> Take | None:
        """The take made by this recipe before, if it is still whole on disk."""
        return self.get(_digest(recipe))

    def get(self, take_id: str) -> Take | None:
        """The take with this id, or None."""
        path = self._path(take_id)
        record = read_json(path.with_suffix(".json"))
        if record is None or not path.is_file():
            return None
        words = tuple(WordTime(**word) for word in record["words"])
        return Take(**{**record, "path": path, "verdict": Verdict(**record["verdict"]), "words": words})

    def delete(self, take_id: str) -> None:
        """Remove a take; one that is not there is gone already."""
        path = self._path(take_id)
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def record(
        self,
        recipe: Mapping[str, Any],
        expected_seconds: float,
        spec: EngineSpec,
        pieces: Speech,
        voices: Mapping[str, Voice],
    ) -> Generator[Audio, None, Take]:
        """Keep what an engine says while handing it on; returns the take once it is whole. The time of whoever reads is
        not counted as work. voices: of the speakers, told beside the recipe.

        Nothing is kept when the pieces end early, fail, or hold no sound (SynthesisError).
        """
        path = self._path(_digest(recipe))
        worked, first, peak = 0.0, 0.0, 0.0
        words: tuple[WordTime, ...] = ()
        with closing(pieces), soundfiles.writing(path, spec.sample_rate, soundfiles.EXACT) as file:
            while True:
                asked = time.perf_counter()
                try:
                    piece = next(pieces)
                except StopIteration as end:
                    words = end.value or ()
                    break
                worked += time.perf_counter() - asked
                if len(piece.samples):
                    first = first or worked
                    peak = max(peak, piece.peak)
                    file.write(piece)
                yield piece
            if peak < SILENT_PEAK:
                raise SynthesisError(f"{spec.title} made no sound for this passage.", "Try another seed or wording.")
            seconds = file.seconds
        take = Take(
            id=path.stem,
            path=path,
            recipe=recipe,
            seconds=seconds,
            sample_rate=spec.sample_rate,
            first_sound_seconds=round(first, 4),
            work_seconds=round(worked, 4),
            created=now(),
            verdict=judge(seconds, expected_seconds),
            words=words,
            voices={speaker: voice.values for speaker, voice in voices.items()},
        )
        _write(take)
        return take

    def settle(self, take: Take, recipe: Mapping[str, Any], expected_seconds: float) -> Take:
        """The take under its recipe, where that is known only now that it has been spoken. Raises OutputError."""
        path = self._path(_digest(recipe))
        settled = replace(take, id=path.stem, path=path, recipe=recipe, verdict=judge(take.seconds, expected_seconds))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            take.path.replace(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        _write(settled)
        take.path.with_suffix(".json").unlink(missing_ok=True)
        return settled

    def _path(self, take_id: str) -> Path:
        if not take_id.isalnum():
            raise RequestError(f"{take_id!r} is not the id of a take.")
        return self.folder / take_id[:2] / f"{take_id}.wav"


def _write(take: Take) -> None:
    record = {key: value for key, value in asdict(take).items() if key != "path"}
    write_json(take.path.with_suffix(".json"), record)


def judge(seconds: float, expected_seconds: float) -> Verdict:
    """Whether the sound is as long as its text leads one to expect."""
    if seconds > RUNAWAY * expected_seconds + SLACK_SECONDS:
        return Verdict("runaway", f"{seconds:.1f} s for a text of about {expected_seconds:.1f} s: listen to the end.")
    if seconds < HASTY * expected_seconds - SLACK_SECONDS:
        return Verdict("hasty", f"{seconds:.1f} s for a text of about {expected_seconds:.1f} s: words may be missing.")
    return Verdict()


def _digest(recipe: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(recipe, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:40]


def now() -> str:
    """The time in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
