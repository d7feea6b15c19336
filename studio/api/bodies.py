"""What may stand in a request, field by field, as the API's schema tells it. Knows types and ranges, no engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import UploadFile
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from studio.request import MAX_SEED


def _whole(value: object) -> object:
    """JSON has one kind of number: 3.0 is 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Seed = Annotated[int, Field(ge=0, le=MAX_SEED), BeforeValidator(_whole)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=200)]

EXAMPLE: Any = {"model": "hibari", "input": "Hello there.", "voice": "heart", "response_format": "mp3"}
SCRIPT: Any = {"model": "hibari", "input": "[S1] Hello. [pause 1s] [S2] Hi!", "voices": {"S1": "heart", "S2": "low"}}
TURNS: Any = {
    "model": "hibari",
    "turns": [
        {"speaker": "Anna", "voice": "june", "text": "Is it you?", "pause_after": 1.0},
        {"speaker": "Ben", "voice": "low", "text": "Who else?"},
    ],
}


# A body has one of both, which cannot be said field by field.
TEXT: Any = [
    {"required": ["input"], "properties": {"input": {"type": "string"}, "turns": {"type": "null"}}},
    {"required": ["turns"], "properties": {"turns": {"type": "array"}, "input": {"type": "null"}}},
]


def _told(*examples: Any) -> Callable[[dict[str, Any]], None]:
    """What pydantic cannot know of a body's schema: one of both, examples, and that null is as good as nothing."""

    def tell(schema: dict[str, Any]) -> None:
        schema |= {"oneOf": TEXT, "examples": list(examples)}
        for field in schema["properties"].values():
            if "default" in field and "anyOf" not in field:
                rules = {
                    name: field.pop(name) for name in list(field) if name not in ("title", "description", "default")
                }
                field["anyOf"] = [rules, {"type": "null"}]

    return tell


class VoiceId(BaseModel):
    """A voice as an object."""

    model_config = ConfigDict(strict=True)
    id: Name


class TurnBody(BaseModel):
    """What one speaker says. Without a speaker, every voice is a speaker of its own."""

    model_config = ConfigDict(strict=True)
    text: Annotated[str, Field(min_length=1, description="The words, with cues such as (laughs).")]
    speaker: Name | None = None
    voice: Name | VoiceId | None = None
    pause_after: Annotated[Number, Field(ge=0, le=60, description="Seconds of silence.")] | None = None


class SpokenBody(BaseModel):
    """What speech and dialogue have in common."""

    model_config = ConfigDict(strict=True, extra="allow")
    model: Annotated[Name, Field(description="An id of GET /v1/models, or one of OpenAI's names.")]
    input: Annotated[
        str | None,
        Field(min_length=1, description="What is said. Tags such as [S1] and lines such as [pause 1s] are a script."),
    ] = None
    turns: Annotated[
        list[TurnBody] | None,
        Field(min_length=1, max_length=2000, description="In place of input: text, speaker, voice, pause_after each."),
    ] = None
    voice: Annotated[Name | VoiceId | None, Field(description="A voice of the model, or one of OpenAI's names.")] = None
    voices: Annotated[
        dict[Name, Name | VoiceId], Field(max_length=100, description="Speaker to voice, for a script.")
    ] = {}
    instructions: Annotated[
        str, Field(max_length=4096, description="Accepted; no model here follows it, and the answer's headers say so.")
    ] = ""
    speed: Annotated[Number, Field(ge=0.25, le=4.0, description="1 is the model's own; the pitch stays.")] = 1.0
    seed: Annotated[Seed, Field(description="The same request and seed, the same sound.")] = 0
    sampling: Annotated[
        dict[Name, Number], Field(max_length=100, description="The model's own settings; /v1/models lists them.")
    ] = {}
    precision: Annotated[
        Literal["", "exact", "int8"], Field(description="Of the weights; empty is what the studio is set to.")
    ] = ""
    priority: Annotated[
        Literal["interactive", "batch"], Field(description="A batch waits while anything else is asked for.")
    ] = "interactive"

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, body: Any) -> Any:
        """Some clients send every field they know; null is not given."""
        if not isinstance(body, dict):
            return body
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {name: value for name, value in body.items() if value is not None or name not in optional}

    @property
    def extra(self) -> dict[str, Any]:
        """Fields that we do not know."""
        return dict(self.__pydantic_extra__ or {})


class SessionBody(BaseModel):
    """The first message of `/v1/audio/speech/stream`. voices: the speakers that the text may name."""

    model_config = ConfigDict(strict=True)
    type: Literal["session.config"]
    model: Name
    voice: Name | VoiceId | None = None
    voices: Annotated[dict[Name, Name | VoiceId], Field(max_length=100)] = {}
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "pcm"
    seed: Seed = 0
    sampling: Annotated[dict[Name, Number], Field(max_length=100)] = {}


class SpeechBody(SpokenBody):
    """`POST /v1/audio/speech`: OpenAI's fields, and ours: turns, voices, seed, sampling, priority."""

    model_config = ConfigDict(strict=True, extra="allow", json_schema_extra=_told(EXAMPLE, SCRIPT, TURNS))
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    stream_format: Annotated[
        Literal["audio", "sse"], Field(description="sse: events speech.audio.delta and speech.audio.done.")
    ] = "audio"


class DialogueBody(SpokenBody):
    """`POST /v1/audio/dialogue`: a whole script; the answer has the finished sound and when every turn sounds."""

    model_config = ConfigDict(strict=True, extra="allow", json_schema_extra=_told(TURNS, SCRIPT))
    response_format: Literal["wav", "flac", "mp3", "m4a", "opus", "ogg"] = "wav"


class VoiceForm(BaseModel):
    """`POST /v1/audio/voices`, as multipart/form-data."""

    audio_sample: Annotated[UploadFile, Field(description="5 to 10 seconds of clean speech: WAV, FLAC, MP3, M4A, …")]
    name: Annotated[str, Field(min_length=1, description="What people call the voice.", examples=["Anna"])]
    consent: Annotated[
        Literal["own", "person", "synthetic", "licensed"],
        Field(description="By which right the voice is used.", examples=["own"]),
    ]
    ref_text: Annotated[
        str, Field(description="Exactly what is said; without it, what is heard.", examples=["The kettle sang."])
    ] = ""
    consent_who: Annotated[str, Field(description="Whose consent it is; wanted for `person`.")] = ""
    consent_when: Annotated[str, Field(description="Since when; wanted for `person`.")] = ""
    consent_source: Annotated[str, Field(description="Where recording and licence are; for `licensed`.")] = ""
    language: Annotated[str, Field(description="Such as en or de-CH.")] = "en"
