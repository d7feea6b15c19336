"""`/v1/audio/speech/stream`: sound goes out while text still comes in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.browser.serving import Served

pytest.importorskip("websockets", reason="the server speaks WebSocket only with the package websockets")
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

CONFIG = {"type": "session.config", "model": "tone", "voice": "high"}


@contextmanager
def session(served: Served, **config: Any) -> Iterator[ClientConnection]:
    with connect(served.url.replace("http", "ws") + "v1/audio/speech/stream") as wire:
        say(wire, **{**CONFIG, **config})
        yield wire


def say(wire: ClientConnection, **message: Any) -> None:
    wire.send(json.dumps(message))


def rest(wire: ClientConnection) -> tuple[bytes, list[dict[str, Any]]]:
    """The sound and the messages until the server closes."""
    sound, told = b"", []
    with pytest.raises(ConnectionClosed):
        while True:
            message = wire.recv(timeout=10)
            if isinstance(message, bytes):
                sound += message
            else:
                told.append(json.loads(message))
    return sound, told


def test_sound_comes_while_text_is_still_written(served: Served) -> None:
    with session(served, voices={"S1": "high", "S2": "deep"}) as wire:
        assert json.loads(wire.recv()) == {"type": "audio.start", "format": "pcm", "sample_rate": 24000}
        for piece in ("[S1] One t", "wo three.", " Four"):
            say(wire, type="input.text", text=piece)
        first = wire.recv(timeout=10)
        assert isinstance(first, bytes) and len(first) >= 9600
        say(wire, type="input.text", text=" five. [S2] Six.")
        say(wire, type="input.done")
        sound, told = rest(wire)
    assert [message["type"] for message in told] == ["audio.done", "session.done"]
    assert told[0]["usage"]["input_tokens"] == 10
    assert len(first + sound) / 48000 == pytest.approx(6 * 0.2 + 0.15 + 0.35, abs=0.02)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"model": "nothing"}], "model_not_found"),
        ([{"voice": "nobody"}], "voice_not_found"),
        ([{"voice": "../x"}], "invalid_voice"),
        ([{"seed": "one"}], "invalid_value"),
        ([{}, {"type": "input.shout"}], "invalid_value"),
        ([{}, {"type": "input.text"}], "invalid_value"),
        ([{}, {"type": "input.text", "text": "a" * 100_001}], "request_too_large"),
        ([{}, {"type": "input.text", "text": "[S2] Who?"}, {"type": "input.done"}], "cast_not_possible"),
    ],
)
def test_what_is_wrong_is_told_before_it_closes(served: Served, messages: list[dict[str, Any]], code: str) -> None:
    config, *others = messages
    with session(served, **config) as wire:
        for message in others:
            say(wire, **message)
        _, told = rest(wire)
    assert told[-1]["type"] == "error" and told[-1]["error"]["code"] == code
    assert served.studio.runner.busy() == 0


def test_what_is_no_message_is_told(served: Served) -> None:
    for text in ("{", "[]", "null", "[" * 20_000):
        with connect(served.url.replace("http", "ws") + "v1/audio/speech/stream") as wire:
            wire.send(text)
            assert rest(wire)[1][0]["type"] == "error"


def test_a_client_that_leaves_ends_it(served: Served) -> None:
    with session(served) as wire:
        say(wire, type="input.text", text="One. Two. ")
        while not isinstance(wire.recv(timeout=10), bytes):
            pass
        assert served.studio.runner.busy() == 1
    left = time.monotonic()
    while served.studio.runner.busy():
        assert time.monotonic() - left < 1
        time.sleep(0.01)
