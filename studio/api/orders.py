"""From a request's body to what the studio is asked: script, cast, settings, pace. Speaks nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.api import names, recorded
from studio.api.bodies import SpokenBody, TurnBody, VoiceId
from studio.api.problems import Problem
from studio.engines.base import EngineSpec
from studio.request import SpeechRequest
from studio.script import FIRST_SPEAKER, Script, Turn, speaker_id
from studio.studio import Studio

_CAST_LINE = re.compile(r"^\s*cast\s*:", re.IGNORECASE | re.MULTILINE)
SPEED = "speed"  # what engines that change their own pace call it
MOST_TOLD = 20  # names of unknown fields


@dataclass(frozen=True)
class Order:
    """What is to be spoken. tempo: what the engine does not do of the speed asked for. told: headers of the answer."""

    spec: EngineSpec
    request: SpeechRequest
    tempo: float
    told: Mapping[str, str]

    @property
    def characters(self) -> int:
        return self.request.script.characters


def read(body: SpokenBody, studio: Studio, most_characters: int) -> Order:
    """The order in a body. Raises Problem, StudioError."""
    spec = names.model(body.model, [row.spec.id for row in studio.engines()])
    script, cast = _script(body, spec, most_characters)
    extra = body.extra
    known = {parameter.name for parameter in spec.parameters}
    sampling = {**{name: value for name, value in extra.items() if name in known}, **body.sampling}
    sampling, tempo = _paced(body.speed, sampling, spec)
    request = studio.request(script, spec.id, cast, sampling, body.seed, body.precision)
    recorded.check_use(studio, request.voices.values())
    ignored = [name for name in extra if name not in known and re.fullmatch(r"\w{1,50}", name, re.ASCII)]
    return Order(spec, request, tempo, _told(body, spec, request, ignored[:MOST_TOLD]))


def _script(body: SpokenBody, spec: EngineSpec, most: int) -> tuple[Script, dict[str, str]]:
    """The script, and voices for those of its speakers that were given one."""
    if (body.input is None) == (body.turns is None):
        raise Problem(400, "Give either input or turns.", "missing_required_parameter", "input")
    characters = len(body.input or "") + sum(len(turn.text) for turn in body.turns or ())
    if characters > most:
        raise Problem(
            400, f"The text has {characters:,} characters; {most:,} are allowed.", "string_above_max_length", "input"
        )
    given = voices(body.voices, spec)
    if body.turns is not None:
        script, own = _of_turns(body.turns, spec)
    else:
        script, own = _of_text(body.input or "", given), {}
    cast = {**given, **own}
    if body.voice is not None:
        _voice(body.voice, spec)
        for speaker in script.speakers[: 1 if cast or len(script.speakers) > 1 else None]:
            cast.setdefault(speaker, _voice(body.voice, spec))
    elif body.turns is None and not cast and len(script.speakers) == 1:
        raise Problem(400, "voice is missing; GET /v1/audio/voices lists them.", "missing_required_parameter", "voice")
    return script, cast


def voices(given: Mapping[str, str | VoiceId], spec: EngineSpec) -> dict[str, str]:
    """Speaker to voice, in the engine's own names. Raises Problem, ScriptError."""
    return {speaker_id(who): _voice(voice, spec) for who, voice in given.items()}


def _of_text(text: str, cast: Mapping[str, str]) -> Script:
    """Tags and pauses count in every text. Names open turns only where the request says that they are speakers, so that
    ordinary prose ("Note: …") is read as it stands.
    """
    if cast or _CAST_LINE.search(text):
        return Script.parse(text, cast)
    return Script.parse(f"[{FIRST_SPEAKER}] {' '.join(text.split())}")


def _of_turns(turns: list[TurnBody], spec: EngineSpec) -> tuple[Script, dict[str, str]]:
    said: list[Turn] = []
    voices: dict[str, str] = {}
    unnamed: dict[str, str] = {}  # voice -> the speaker it makes
    taken = {speaker_id(turn.speaker) for turn in turns if turn.speaker}
    free = (name for number in range(1, 1000) if (name := f"S{number}") not in taken)
    for at, turn in enumerate(turns):
        voice = None if turn.voice is None else _voice(turn.voice, spec)
        if turn.speaker:
            speaker = speaker_id(turn.speaker)
        else:
            speaker = unnamed.get(voice or "") or unnamed.setdefault(voice or "", next(free))
        if voice is not None and voices.setdefault(speaker, voice) != voice:
            raise Problem(400, f"{speaker} has two voices.", "invalid_value", f"turns.{at}.voice")
        said.append(Turn(speaker, turn.text, turn.pause_after))
    return Script(tuple(said)), voices


def _voice(voice: str | VoiceId, spec: EngineSpec) -> str:
    return names.voice(voice if isinstance(voice, str) else voice.id, spec)


def _paced(speed: float, sampling: dict[str, Any], spec: EngineSpec) -> tuple[dict[str, Any], float]:
    """The engine's own pace as far as it goes; for the rest the sound is drawn out or together afterwards."""
    if speed == 1.0:
        return sampling, 1.0
    if SPEED in sampling:
        raise Problem(400, "Give speed once: as speed or in sampling.", "invalid_value", SPEED)
    own = next((parameter for parameter in spec.parameters if parameter.name == SPEED), None)
    if own is None:
        return sampling, speed
    pace = min(max(speed, own.minimum), own.maximum)
    return {**sampling, SPEED: pace}, speed / pace


def _suited(request: SpeechRequest) -> str:
    """The settings that were taken because they are kept with a voice."""
    return ", ".join(f"{name}={request.sampling[name]:g} of {voice}" for name, voice in request.suited.items())


def _told(body: SpokenBody, spec: EngineSpec, request: SpeechRequest, ignored: list[str]) -> dict[str, str]:
    cast = ",".join(voice.id for voice in request.voices.values())
    told = {"X-Studio-Model": spec.id, "X-Studio-Voices": cast[:500], "X-Studio-Seed": str(request.seed)}
    if request.suited:
        told["X-Studio-Settings"] = _suited(request)[:500]
    if body.instructions:
        told["X-Studio-Instructions"] = f"ignored; {spec.id} does not follow instructions"
    if ignored:
        told["X-Studio-Ignored"] = ",".join(ignored)
    return {name: value.encode("ascii", "replace").decode() for name, value in told.items()}
