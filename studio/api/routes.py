"""The routes of the API: a body comes in, the studio is asked, an answer is on its way. Nothing is decided here."""

from __future__ import annotations

import math
from typing import Annotated, Any

from anyio import CapacityLimiter
from fastapi import APIRouter, Form, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from studio.api import catalogue, forms, orders, recorded, sounds, times
from studio.api.answers import EventResponse, Pieces, Progress, SoundResponse, Source
from studio.api.bodies import DialogueBody, SpeechBody, SpokenBody, VoiceForm
from studio.api.dictating import converse
from studio.api.meter import Meter
from studio.api.orders import Order
from studio.api.problems import Problem
from studio.encoding import FORMATS
from studio.jobs import Asker
from studio.studio import Studio

SPARE_THREADS = 16  # for requests that are about to learn that the queue is full


class Service:
    """What the routes share: one studio, the threads that wait for its events, and the counters."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.meter = Meter(studio)
        self.limiter = CapacityLimiter(studio.settings.max_waiting + SPARE_THREADS)

    def speech(self, body: SpeechBody, request: Request) -> Response:
        """The sound that a body asks for, about to be made. Raises Problem, StudioError."""
        order = orders.read(body, self.studio, self.studio.settings.max_input_characters)
        events = self.studio.utter(order.spec.id, order.request, _asker(body, request))
        progress, form = Progress(order.characters), FORMATS[body.response_format]
        source = self._source(order, sounds.encoded(order, events, form, progress), progress, request)
        return EventResponse(source) if body.stream_format == "sse" else SoundResponse(source, form.mime)

    def dialogue(self, body: DialogueBody, request: Request) -> Response:
        """The file and the times that a body asks for. Raises Problem, StudioError."""
        order = orders.read(body, self.studio, self.studio.settings.max_script_characters)
        if order.tempo != 1.0:
            raise Problem(
                400, f"{order.spec.title} cannot change the pace of a dialogue so far.", "invalid_value", "speed"
            )
        events = self.studio.speak(order.spec.id, order.request, asker=_asker(body, request))
        progress, parts = Progress(order.characters), "multipart/mixed" in request.headers.get("accept", "")
        pieces = times.told(self.studio, body.response_format, parts, progress, events)
        source = self._source(order, pieces, progress, request, ahead=8)
        return SoundResponse(source, times.MULTIPART if parts else "application/json")

    def _source(
        self, order: Order, pieces: Pieces, progress: Progress, request: Request, ahead: float = math.inf
    ) -> Source:
        def ended(progress: Progress) -> None:
            self.meter.spoke(order.spec.id, progress)
            request.scope["studio.told"] = progress.told(order.spec.id)

        return Source(pieces, progress, dict(order.told), self.limiter, self.meter.retry_after, ended, ahead)


def _asker(body: SpokenBody, request: Request) -> Asker:
    return Asker(request.scope["studio.client"], body.priority == "batch")


def router(service: Service) -> APIRouter:
    """All routes, for the page's application."""
    routes = APIRouter()
    _add_speech(routes, service)
    _add_models(routes, service.studio)
    _add_voices(routes, service.studio)
    _add_state(routes, service)
    return routes


def _add_speech(routes: APIRouter, service: Service) -> None:
    @routes.post("/v1/audio/speech", tags=["speech"], response_class=Response, responses=SOUND)
    def speech(body: SpeechBody, request: Request) -> Response:
        """Speak a text or a script. The first bytes leave when the first sound is there."""
        return service.speech(body, request)

    @routes.post("/v1/audio/dialogue", tags=["speech"], response_class=Response, responses=DIALOGUE)
    def dialogue(body: DialogueBody, request: Request) -> Response:
        """Speak a whole script. The answer has the finished sound, with exact pauses and at one loudness, and when each
        turn and word sounds; it is kept as a run. With `Accept: multipart/mixed` the sound is a part of its own.
        """
        return service.dialogue(body, request)

    @routes.websocket("/v1/audio/speech/stream")
    async def stream(socket: WebSocket) -> None:
        """Text in while sound goes out; see `dictating`."""
        await converse(service.studio, service.meter, service.limiter, socket)


def _add_models(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/v1/models/", include_in_schema=False)  # which would be a model without a name
    @routes.get("/v1/models", tags=["models"], responses=_given(forms.ModelsForm))
    def models() -> JSONResponse:
        """The models, and OpenAI's names for them; `ready` says which can speak now."""
        return JSONResponse(catalogue.models(studio))

    @routes.get("/v1/models/{model:path}", tags=["models"], responses=_given(forms.ModelForm))
    def model(model: Annotated[str, Path(examples=["tts-1"])]) -> JSONResponse:
        """One model."""
        return JSONResponse(catalogue.model(studio, model))

    @routes.get("/v1/audio/models", tags=["models"], responses=_given(forms.ModelsForm))
    def audio_models() -> JSONResponse:
        """The models once more, where some clients look for them."""
        return JSONResponse(catalogue.models(studio))


def _add_voices(routes: APIRouter, studio: Studio) -> None:
    @routes.get("/v1/audio/voices", tags=["voices"], responses=_given(forms.VoicesForm))
    def voices(model: Annotated[str, Query(examples=["hibari"])] = "") -> JSONResponse:
        """The voices of all models, or of one."""
        return JSONResponse(catalogue.voices(studio, model))

    @routes.post("/v1/audio/voices", tags=["voices"], status_code=201, responses=_given(forms.KeptVoice, 201))
    def add_voice(voice: Annotated[VoiceForm, Form(media_type="multipart/form-data")]) -> JSONResponse:
        """Keep a recorded voice. Nothing is kept without the right to use it."""
        return JSONResponse(recorded.add(studio, voice), 201)

    @routes.delete("/v1/audio/voices/{voice}", tags=["voices"], responses=_given(forms.DeletedVoice))
    def delete_voice(voice: Annotated[str, Path(examples=["v-0123456789ab"])]) -> JSONResponse:
        """Put a recorded voice into the bin."""
        return JSONResponse(recorded.delete(studio, voice))


def _add_state(routes: APIRouter, service: Service) -> None:
    @routes.get("/healthz", tags=["state"], responses=_given(forms.Health))
    async def healthz() -> JSONResponse:
        """Whether the process answers."""
        return JSONResponse({"status": "ok"})

    @routes.get("/readyz", tags=["state"], responses=_given(forms.Readiness))
    async def readyz() -> JSONResponse:
        """Whether it can speak now: 503 while it starts or stops."""
        return catalogue.readiness(service.studio)

    @routes.get("/metrics", tags=["state"], response_class=Response, responses=COUNTERS)
    def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(service.meter.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _given(form: type[forms.Form], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What a route's answer is, for the schema. Answers are not checked against it while serving; tests do that."""
    return {status: {"model": form, "description": (form.__doc__ or "").partition("\n\n")[0]}}


SOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The sound, while it is being made; or, with stream_format sse, events.",
        "content": {
            **{form.mime: {"schema": {"type": "string", "format": "binary"}} for form in FORMATS.values()},
            "text/event-stream": {"itemSchema": forms.EVENT, "example": forms.EVENTS},
        },
    }
}
DIALOGUE: dict[int | str, dict[str, Any]] = {
    200: {
        "model": forms.DialogueAnswer,
        "description": "The finished sound and its times.",
        "content": {"multipart/mixed": {"schema": {"type": "string", "format": "binary"}}},
    }
}
COUNTERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Counters in Prometheus' form.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "studio_jobs 0.0\n"}},
    }
}
