"""A sound on its way to a client while it is made, as bytes or as events. A client that leaves stops the work."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Callable, Generator
from contextlib import aclosing
from dataclasses import dataclass, field

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from studio.api.problems import Problem
from studio.errors import StudioError

Pieces = Generator[bytes | None, None, None]  # None is a place to stop

UNREAD_SECONDS = 60.0  # a client that takes nothing for so long is given up
MOST_AHEAD_BYTES = 64_000_000  # that wait for a slow client, twenty minutes of WAV; the engine waits with more
CHARACTERS_A_TOKEN, TOKENS_A_SECOND = 4, 20  # how usage counts: text by its length, sound in pieces of 50 ms


@dataclass
class Progress:
    """What a log and a meter want to know of one answer. Seconds are from asking, and of sound.

    outcome: "finished", "gone" (the client left) or the code of a problem.
    """

    characters: int = 0
    started: float = field(default_factory=time.monotonic)
    queued_seconds: float | None = None
    first_sound_seconds: float | None = None
    sound_seconds: float = 0.0
    outcome: str = "gone"

    def began(self) -> None:
        """It is no longer waiting for others."""
        self.queued_seconds = time.monotonic() - self.started

    def heard(self, seconds: float) -> None:
        """More sound is there."""
        self.sound_seconds += seconds
        if self.first_sound_seconds is None:
            self.first_sound_seconds = time.monotonic() - self.started

    def told(self, model: str) -> dict[str, object]:
        """For the log: how much and how fast, no words."""
        times = {"queued_seconds": self.queued_seconds, "first_sound_seconds": self.first_sound_seconds}
        return {
            "model": model,
            "characters": self.characters,
            "sound_seconds": round(self.sound_seconds, 3),
            **{name: None if seconds is None else round(seconds, 4) for name, seconds in times.items()},
            "outcome": self.outcome,
        }

    def usage(self) -> dict[str, int]:
        """Tokens, counted by length: there is no bill."""
        asked = math.ceil(self.characters / CHARACTERS_A_TOKEN)
        given = math.ceil(self.sound_seconds * TOKENS_A_SECOND)
        return {"input_tokens": asked, "output_tokens": given, "total_tokens": asked + given}


@dataclass(frozen=True)
class Source:
    """A sound being made. headers: of the answer. ended: told once, whatever happened. retry_after: seconds to wait."""

    pieces: Pieces
    progress: Progress
    headers: dict[str, str]
    limiter: CapacityLimiter
    retry_after: Callable[[], float]
    ended: Callable[[Progress], None]
    ahead: float = math.inf  # pieces that may wait for a slow client; see `Ahead`


async def following(pieces: Pieces, limiter: CapacityLimiter) -> bytes:
    """The next bytes; empty at the end. Waits on a thread of our own, so that nobody else runs short of them."""
    while True:
        piece = await to_thread.run_sync(_advance, pieces, limiter=limiter)
        if piece is not None:
            return piece


def _advance(pieces: Pieces) -> bytes | None:
    for piece in pieces:
        return piece or None
    return b""


class Ahead:
    """Pieces on their way from who makes them to who sends them. No engine waits for a slow client until very much
    waits for that client: a script may be mostly pauses, which are made in no time.
    """

    def __init__(self, pieces: float = math.inf) -> None:
        """pieces: that may wait."""
        self._put, self._get = anyio.create_memory_object_stream[bytes](pieces)
        self._bytes = 0
        self._taken = anyio.Event()

    async def fill(self, pieces: Pieces, limiter: CapacityLimiter) -> None:
        """With all pieces. Raises StudioError."""
        while data := await following(pieces, limiter):
            await self._put.send(data)
            self._bytes += len(data)
            while self._bytes > MOST_AHEAD_BYTES:
                self._taken = anyio.Event()
                await self._taken.wait()

    def end(self) -> None:
        """Nothing more comes."""
        self._put.close()

    async def aclose(self) -> None:
        """Nobody takes anything more."""
        self._put.close()
        self._get.close()

    def __aiter__(self) -> Ahead:
        return self

    async def __anext__(self) -> bytes:
        data = await self._get.__anext__()
        self._bytes -= len(data)
        self._taken.set()
        return data


class SoundResponse(Response):
    """Bytes of sound as they are made. What fails before the first is answered as a problem; afterwards the connection
    is broken off, so that nobody takes a part for the whole.
    """

    def __init__(self, source: Source, mime: str) -> None:
        self.background = None
        self._source = source
        self._mime = mime
        self._failure: StudioError | None = None
        self._is_over = False  # as it should be: all sound is there, or a failure is known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ahead = Ahead(self._source.ahead)
        try:
            async with anyio.create_task_group() as group, aclosing(ahead):
                group.start_soon(_until_gone, receive, group.cancel_scope)
                group.start_soon(self._pump, ahead)
                await self._send(ahead, scope, receive, send)
                group.cancel_scope.cancel()
        finally:
            self._source.pieces.close()
            self._source.ended(self._source.progress)

    async def _pump(self, ahead: Ahead) -> None:
        try:
            await ahead.fill(self._source.pieces, self._source.limiter)
            self._is_over = True
        except StudioError as error:
            self._failure = error
            self._source.progress.outcome = error.code
            self._is_over = True
        finally:
            ahead.end()

    async def _send(self, ahead: Ahead, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        async for data in ahead:
            if not started:
                await send({"type": "http.response.start", "status": 200, "headers": self._head()})
                started = True
            if not await _sent(send, self.wrapped(data)):
                return
        if not self._is_over:
            return  # something else broke, which is on its way to whoever called us
        if self._failure is not None and not started:
            problem = Problem.of(self._failure, self._source.retry_after())
            return await problem.response(self._source.headers)(scope, receive, send)
        last = self.closing(self._failure)
        if last is not None and await _sent(send, last, more=False) and self._failure is None:
            self._source.progress.outcome = "finished"

    def _head(self) -> list[tuple[bytes, bytes]]:
        fixed = {"Content-Type": self._mime, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        pairs = {**fixed, **self._source.headers}.items()
        return [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in pairs]

    def wrapped(self, data: bytes) -> bytes:
        """Sound as it travels."""
        return data

    def closing(self, failure: StudioError | None) -> bytes | None:
        """What ends the answer; None breaks it off."""
        return b"" if failure is None else None


class EventResponse(SoundResponse):
    """The same as server-sent events: speech.audio.delta with sound in base64, then speech.audio.done with usage, or
    speech.audio.error.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source, "text/event-stream; charset=utf-8")

    def wrapped(self, data: bytes) -> bytes:
        return _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})

    def closing(self, failure: StudioError | None) -> bytes | None:
        if failure is not None:
            return _event({"type": "speech.audio.error", **Problem.of(failure).values()})
        return _event({"type": "speech.audio.done", "usage": self._source.progress.usage()})


def _event(values: dict[str, object]) -> bytes:
    return f"data: {json.dumps(values)}\n\n".encode()


async def _sent(send: Send, data: bytes, more: bool = True) -> bool:
    """Whether the client took it in time."""
    with anyio.move_on_after(UNREAD_SECONDS) as scope:
        await send({"type": "http.response.body", "body": data, "more_body": more})
    return not scope.cancelled_caught


async def _until_gone(receive: Receive, scope: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
