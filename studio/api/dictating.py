"""Text in and sound out over one WebSocket, for words that are still being written, such as a language model's.

client: {"type": "session.config", "model", "voice" or "voices", "response_format", "seed", "sampling"}
        {"type": "input.text", "text"} as often as there is text, then {"type": "input.done"}
server: {"type": "audio.start", "format", "sample_rate"}, binary messages of sound,
        {"type": "audio.done", "usage"}, {"type": "session.done"}; or {"type": "error", "error"}, and it is over
"""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

import anyio
from anyio import CancelScope, CapacityLimiter
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from studio.api import names, orders, recorded, sounds
from studio.api.answers import UNREAD_SECONDS, Ahead, Pieces, Progress
from studio.api.bodies import SessionBody
from studio.api.meter import Meter
from studio.api.problems import Problem, invalid
from studio.dictation import Dictation
from studio.encoding import FORMATS
from studio.errors import StudioError
from studio.jobs import Asker
from studio.live import CUT_OFF
from studio.script import FIRST_SPEAKER
from studio.studio import Studio

CONFIG_SECONDS = 30.0
MOST_CHARACTERS = 100_000  # of one message
UNUSABLE = 1008  # what a WebSocket calls a client that broke the rules


async def converse(studio: Studio, meter: Meter, limiter: CapacityLimiter, socket: WebSocket) -> None:
    """One WebSocket from its first message to its last."""
    await socket.accept()
    socket.scope["studio.status"] = 101
    try:
        with anyio.fail_after(CONFIG_SECONDS):
            body = SessionBody.model_validate(await _message(socket, "session.config"))
        spec = names.model(body.model, [row.spec.id for row in studio.engines()])
        given = body.voices or {FIRST_SPEAKER: body.voice or spec.voices[0].id}
        talk = studio.dictation(list(given))
        voices = orders.voices(given, spec)
        request = studio.request(talk.everybody, spec.id, voices, body.sampling, body.seed)
        recorded.check_use(studio, request.voices.values())
        events = studio.speak_live(spec.id, talk, request, keep=False, asker=Asker(socket.scope["studio.client"]))
        order, form, progress = orders.Order(spec, request, 1.0, {}), FORMATS[body.response_format], Progress()
        await _tell(socket, type="audio.start", format=form.name, sample_rate=form.rate or spec.sample_rate)
        session = Session(socket, talk, sounds.encoded(order, events, form, progress), limiter)
        try:
            await session.run(progress)
        finally:
            meter.spoke(spec.id, progress)
            socket.scope["studio.told"] = progress.told(spec.id)
    except (Problem, StudioError, ValidationError, TimeoutError) as error:
        await _refuse(socket, error)
    except WebSocketDisconnect:
        return


class Session:
    """Words on their way in and sound on its way out, at once. Nobody waits for who has written no word yet."""

    def __init__(self, socket: WebSocket, talk: Dictation, pieces: Pieces, limiter: CapacityLimiter) -> None:
        self._socket, self._talk, self._pieces, self._limiter = socket, talk, pieces, limiter
        self._failure: Problem | StudioError | None = None
        self._has_begun = anyio.Event()

    async def run(self, progress: Progress) -> None:
        """Until the sound is out. Raises Problem or StudioError for what went wrong, WebSocketDisconnect."""
        ahead = Ahead()
        try:
            async with anyio.create_task_group() as group, aclosing(ahead):
                group.start_soon(self._listen, progress, group.cancel_scope)
                group.start_soon(self._pump, ahead)
                await self._send(ahead)
                group.cancel_scope.cancel()
        finally:
            self._talk.end()
            self._pieces.close()
        if self._talk.is_cut_off and self._failure is None:
            self._failure = Problem(408, CUT_OFF, "request_timeout")
        if self._failure is not None:
            progress.outcome = self._failure.code
            raise self._failure
        if progress.outcome == "finished":
            await _tell(self._socket, type="audio.done", usage=progress.usage())
            await _tell(self._socket, type="session.done")
            await self._socket.close()

    async def _listen(self, progress: Progress, scope: CancelScope) -> None:
        try:
            while True:
                message = await _message(self._socket, "input.text", "input.done")
                if message["type"] == "input.done":
                    progress.outcome = "finished"
                    self._talk.end()
                else:
                    progress.characters += len(message["text"])
                    self._talk.write(message["text"])
                if progress.outcome == "finished" or message["text"].strip():
                    self._has_begun.set()
        except WebSocketDisconnect:
            progress.outcome = "gone"
            scope.cancel()
        except (Problem, StudioError) as error:
            self._failure = error
            scope.cancel()

    async def _pump(self, ahead: Ahead) -> None:
        try:
            await self._has_begun.wait()
            await ahead.fill(self._pieces, self._limiter)
        except StudioError as error:
            self._failure = error
        finally:
            ahead.end()

    async def _send(self, ahead: Ahead) -> None:
        async for data in ahead:
            with anyio.move_on_after(UNREAD_SECONDS) as scope:
                await self._socket.send_bytes(data)
            if scope.cancelled_caught:
                self._failure = Problem(408, "Nobody took the sound.", "request_timeout")
                return


async def _message(socket: WebSocket, *kinds: str) -> dict[str, Any]:
    """The client's next message. Raises Problem for one that is not of these kinds, WebSocketDisconnect."""
    received = await socket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005))
    text = received.get("text") or ""
    if len(text) > MOST_CHARACTERS:
        raise Problem(413, f"A message has {MOST_CHARACTERS:,} characters at most.", "request_too_large")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Problem(400, "The message is not JSON.", "invalid_json") from None
    if not isinstance(message, dict) or message.get("type") not in kinds:
        raise Problem(400, f"A message of type {' or '.join(kinds)} is wanted.", "invalid_value", "type")
    if message["type"] == "input.text" and not isinstance(message.get("text"), str):
        raise Problem(400, "input.text wants text.", "invalid_value", "text")
    return message


async def _tell(socket: WebSocket, **values: Any) -> None:
    await socket.send_text(json.dumps(values))


async def _refuse(socket: WebSocket, error: Exception) -> None:
    if isinstance(error, ValidationError):
        problem = invalid(error.errors())
    elif isinstance(error, StudioError):
        problem = Problem.of(error)
    else:
        problem = error if isinstance(error, Problem) else Problem(408, "No session.config came.", "request_timeout")
    await _tell(socket, type="error", **problem.values())
    await socket.close(UNUSABLE, problem.code)
