"""The names of OpenAI's models and voices, and of the hub's models, as other words for ours. Loads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from studio import engines
from studio.api.problems import Problem
from studio.engines.base import EngineSpec
from studio.errors import UnknownEngine

BUILT_IN = "hibari"
MODELS = {
    "tts-1": BUILT_IN,
    "tts-1-1106": BUILT_IN,
    "tts-1-hd": BUILT_IN,
    "tts-1-hd-1106": BUILT_IN,
    "gpt-4o-mini-tts": BUILT_IN,
    "gpt-4o-mini-tts-2025-03-20": BUILT_IN,
    "gpt-4o-mini-tts-2025-12-15": BUILT_IN,
    "hexgrad/Kokoro-82M": "kokoro",
    "nari-labs/Dia-1.6B": "dia",
    "nari-labs/Dia-1.6B-0626": "dia",
    "nari-labs/Dia2-1B": "dia2-1b",
    "nari-labs/Dia2-2B": "dia2-2b",
    "sesame/csm-1b": "csm",
}
# OpenAI's voices -> the built-in engine's that is most like it
VOICES = {
    "alloy": "heart",
    "ash": "low",
    "ballad": "theo",
    "cedar": "otto",
    "coral": "june",
    "echo": "theo",
    "fable": "sam",
    "marin": "heart",
    "nova": "june",
    "onyx": "otto",
    "sage": "ruth",
    "shimmer": "pip",
    "verse": "sam",
}
_VOICE = re.compile(r"[\w .,:@*+'-]{1,200}")


def model(name: str, shown: Iterable[str]) -> EngineSpec:
    """The engine that a model's name means. shown: ids of engines that may be used. Raises UnknownEngine."""
    engine_id = MODELS.get(name, name)
    if engine_id not in shown:
        known = ", ".join(shown)
        raise UnknownEngine(f"There is no model {name[:100]!r}.", f"There is: {known}.")
    return engines.module(engine_id).SPEC


def voice(name: str, spec: EngineSpec) -> str:
    """The id that a voice's name means to an engine; a name that is none of OpenAI's is taken as it is.

    Raises Problem for what cannot be a voice's name, such as a path.
    """
    if not _VOICE.fullmatch(name) or ".." in name:
        raise Problem(
            400, "voice is not the name of a voice; GET /v1/audio/voices lists them.", "invalid_voice", "voice"
        )
    return openai_voice(name, spec) or name


def openai_voice(name: str, spec: EngineSpec) -> str | None:
    """One of OpenAI's names in an engine's own: its voice of that name, else one like it, else its next in order."""
    ids = [voice.id for voice in spec.voices]
    if name not in VOICES or name in ids or not ids:
        return None
    if spec.id == BUILT_IN:
        return VOICES[name]
    namesakes = [voice_id for voice_id in ids if voice_id.endswith(f"_{name}")]
    return namesakes[0] if namesakes else ids[list(VOICES).index(name) % len(ids)]
