"""`/v1/audio/speech/stream`: sound goes out while text still comes in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
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


def test_others_do_not_wait_for_who_has_not_written_yet(served: Served) -> None:
    with session(served) as wire:
        assert json.loads(wire.recv())["type"] == "audio.start"
        say(wire, type="input.text", text="  ")
        assert spoken(served) == 200 and served.studio.runner.busy() == 0
        say(wire, type="input.text", text="One.")
        say(wire, type="input.done")
        sound, told = rest(wire)
    assert len(sound) == 9600 and told[-1]["type"] == "session.done"


def test_who_stops_writing_is_cut_off_when_others_wait(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.dictation.HURRIED_SECONDS", 0.3)
    with session(served) as wire, ThreadPoolExecutor(1) as pool:
        assert json.loads(wire.recv())["type"] == "audio.start"
        say(wire, type="input.text", text="One. Two")
        assert isinstance(wire.recv(timeout=10), bytes)
        time.sleep(0.6)
        assert served.studio.runner.busy() == 1  # nobody else wants anything
        other = pool.submit(spoken, served)
        sound, told = rest(wire)
        assert other.result() == 200
    assert len(sound) >= 9600  # what was written is still said
    assert told[-1]["error"]["code"] == "request_timeout" and "Nothing more was written" in told[-1]["error"]["message"]


def spoken(served: Served) -> int:
    body = {"model": "tone", "voice": "high", "input": "one"}
    return httpx.post(f"{served.url}v1/audio/speech", json=body, timeout=20).status_code
