"""The routes of the API: a body comes in, the studio is asked, an answer is on its way. Nothing is decided here."""

from __future__ import annotations

from typing import Any

from anyio import CapacityLimiter
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from studio.api import catalogue, orders, sounds
from studio.api.answers import EventResponse, Progress, SoundResponse, Source
from studio.api.bodies import SpeechBody
from studio.api.meter import Meter
from studio.api.problems import ERRORS
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

    def source(self, body: SpeechBody, request: Request) -> Source:
        """The sound that a body asks for, about to be made. Raises Problem, StudioError."""
        order = orders.read(body, self.studio, self.studio.settings.max_input_characters)
        asker = Asker(request.scope["studio.client"], body.priority == "batch")
        progress = Progress(order.characters)
        events = self.studio.utter(order.spec.id, order.request, asker)

        def ended(progress: Progress) -> None:
            self.meter.spoke(order.spec.id, progress)
            request.scope["studio.told"] = progress.told(order.spec.id)

        pieces = sounds.encoded(order, events, FORMATS[body.response_format], progress)
        return Source(pieces, progress, dict(order.told), self.limiter, self.meter.retry_after, ended)


def router(service: Service) -> APIRouter:
    """All routes, for the page's application."""
    routes = APIRouter(responses=ERRORS)
    studio = service.studio

    @routes.post("/v1/audio/speech", tags=["speech"], response_class=SoundResponse, responses=SOUND)
    def speech(body: SpeechBody, request: Request) -> Response:
        """Speak a text or a script. The first bytes leave when the first sound is there."""
        source = service.source(body, request)
        if body.stream_format == "sse":
            return EventResponse(source)
        return SoundResponse(source, FORMATS[body.response_format].mime)

    @routes.get("/v1/models", tags=["models"])
    def models() -> dict[str, Any]:
        """The models, and OpenAI's names for them; `ready` says which can speak now."""
        return catalogue.models(studio)

    @routes.get("/v1/models/{model:path}", tags=["models"])
    def model(model: str) -> dict[str, Any]:
        """One model."""
        return catalogue.model(studio, model)

    @routes.get("/v1/audio/models", tags=["models"])
    def audio_models() -> dict[str, Any]:
        """The models once more, where some clients look for them."""
        return catalogue.models(studio)

    @routes.get("/v1/audio/voices", tags=["voices"])
    def voices(model: str = "") -> dict[str, Any]:
        """The voices of all models, or of one."""
        return catalogue.voices(studio, model)

    @routes.get("/healthz", tags=["state"])
    async def healthz() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @routes.get("/readyz", tags=["state"])
    async def readyz() -> JSONResponse:
        """Whether it can speak now: 503 while it starts or stops."""
        return catalogue.readiness(studio)

    @routes.get("/metrics", tags=["state"])
    def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(service.meter.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


SOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The sound, while it is being made; or, with stream_format sse, events.",
        "content": {
            **{form.mime: {"schema": {"type": "string", "format": "binary"}} for form in FORMATS.values()},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
}
