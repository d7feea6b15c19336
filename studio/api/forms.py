"""What stands in an answer, field by field, as the API's schema tells it. Routes fill it; nothing is checked here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from studio.engines.base import Obstacle
from studio.request import Parameter

PRESET: Any = {
    "id": "heart",
    "object": "voice",
    "name": "Heart",
    "model": "hibari",
    "description": "A warm, clear woman.",
    "language": "en",
}
RECORDED: Any = {
    "id": "v-sample-wren",
    "object": "voice",
    "name": "Wren",
    "model": None,
    "description": "Recorded, 7.1 s. Synthetic: no one's voice",
    "language": "en",
    "created": "2026-01-01T00:00:00+00:00",
    "consent": {"kind": "synthetic"},
    "transcript": "The kettle was just starting to sing when the letter came.",
}
MODEL: Any = {
    "id": "tts-1",
    "object": "model",
    "created": 1767225600,
    "owned_by": "dialogue-studio",
    "name": "Hibari",
    "description": "Clear English speech at once, on any computer.",
    "ready": True,
    "obstacle": None,
    "alias_of": "hibari",
    "languages": ["en"],
    "cues": [],
    "max_speakers": None,
    "sample_rate": 24000,
    "licence": "Apache-2.0",
    "sampling": [],
}
DIALOGUE: Any = {
    "object": "audio.dialogue",
    "run": "20260101-120000-abcd",
    "model": "hibari",
    "seed": 0,
    "format": "wav",
    "seconds": 1.2,
    "loudness_lufs": -23.0,
    "turns": [{"turn": 0, "speaker": "Anna", "voice": "june", "text": "Is it you?", "start": 0.0, "end": 1.2}],
    "words": [],
    "notes": [],
    "usage": {"input_tokens": 3, "output_tokens": 24, "total_tokens": 27},
    "audio": "UklGRg…",
}
EVENT: Any = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "speech.audio.delta with sound in base64, then speech.audio.done, or speech.audio.error.",
        }
    },
}
EVENTS = (
    'data: {"type": "speech.audio.delta", "audio": "//PkxAA…"}\n\n'
    'data: {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 24, "total_tokens": 27}}\n\n'
)


class Form(BaseModel):
    """What every form has: no fields beside those that are told."""

    model_config = ConfigDict(extra="forbid")


class ModelForm(Form):
    """A model. alias_of: the model that the name means. obstacle: why it cannot speak here, and what would help.

    sampling: settings of its own, with range and default.
    """

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    name: str
    description: str
    ready: bool
    obstacle: Obstacle | None
    alias_of: str | None
    languages: list[str]
    cues: list[str]
    max_speakers: int | None
    sample_rate: int
    licence: str
    sampling: list[Parameter]


class ModelsForm(Form):
    """All models; `models` is `data` once more, where some clients look."""

    object: Literal["list"]
    data: list[ModelForm]
    models: list[ModelForm]


class ListedVoice(Form):
    """A voice. model: null for a recorded one, with which every model that clones can speak.

    alias_of: for one of OpenAI's names, the voice that it means. created, consent, transcript: of a recorded one.
    """

    id: str
    object: Literal["voice"]
    name: str
    model: str | None
    description: str = ""
    language: str = ""
    alias_of: str = ""
    created: str = ""
    consent: dict[str, str] = {}
    transcript: str = ""


class VoicesForm(Form):
    """Voices; `data` is `voices` once more."""

    object: Literal["list"]
    voices: list[ListedVoice]
    data: list[ListedVoice]


class KeptVoice(ListedVoice):
    """A voice that was kept. notes: what was done to the recording."""

    notes: list[str]


class DeletedVoice(Form):
    """A voice that is in the bin now."""

    id: str
    object: Literal["voice.deleted"]
    deleted: bool


class Health(Form):
    """That the process answers."""

    status: Literal["ok"]


class Readiness(Form):
    """Whether speech would begin at once. jobs: that run or wait. loaded: models in memory."""

    status: Literal["ready"]
    jobs: int
    loaded: list[str]


class TurnTimes(Form):
    """Where a turn sounds, in seconds from the start. turn: its number in the script, from 0."""

    turn: int
    speaker: str
    voice: str
    text: str
    start: float
    end: float


class SpokenWord(Form):
    """When a word begins to sound; only some models know."""

    turn: int
    word: str
    start: float


class Usage(Form):
    """Tokens, counted by length: text by its characters, sound in pieces of 50 ms."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class DialogueAnswer(Form):
    """A finished dialogue. audio: base64 of the file; left out of the first part of a multipart answer."""

    object: Literal["audio.dialogue"]
    run: str
    model: str
    seed: int
    format: str
    seconds: float
    loudness_lufs: float | None
    turns: list[TurnTimes]
    words: list[SpokenWord]
    notes: list[str]
    usage: Usage
    audio: str


# Examples by the name of the form.
EXAMPLES: dict[str, Any] = {
    "ModelForm": [MODEL],
    "ModelsForm": [{"object": "list", "data": [MODEL], "models": [MODEL]}],
    "VoicesForm": [{"object": "list", "voices": [PRESET, RECORDED], "data": [PRESET, RECORDED]}],
    "KeptVoice": [{**RECORDED, "notes": ["It was made mono."]}],
    "DeletedVoice": [{"id": "v-sample-wren", "object": "voice.deleted", "deleted": True}],
    "Health": [{"status": "ok"}],
    "Readiness": [{"status": "ready", "jobs": 0, "loaded": ["hibari"]}],
    "DialogueAnswer": [DIALOGUE],
}
