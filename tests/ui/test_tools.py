"""What a language model may call: a client of MCP lists the tools, calls `speak`, and gets sound; with the key only."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import pytest

from studio.audio import Audio
from studio.engines import tone
from studio.errors import RequestError
from studio.request import SpeechRequest
from studio.settings import Settings
from studio.studio import Studio
from tests.api.sound import decoded
from tests.browser.serving import WARNINGS, Served, drop_loops, serve

KEY = "a-key-of-sixteen-or-more"
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("mcp") is None, reason="MCP is not installed: requirements-mcp.lock"),
    pytest.mark.filterwarnings(*WARNINGS, "ignore::DeprecationWarning:mcp", "ignore:Use `streamable_http_client`"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("mcp") / "data", mcp=True, api_key=KEY, public=False) as served:
        yield served


def asked(served: Served, name: str = "", **words: Any) -> Any:
    """The tools, or what a tool answers."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def ask() -> Any:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with (
            streamablehttp_client(f"{served.url}gradio_api/mcp/", headers=headers) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await (session.call_tool(name, words) if name else session.list_tools())

    with ThreadPoolExecutor(1) as pool:  # the browser of other tests holds this thread's event loop
        return pool.submit(anyio.run, ask).result()


def test_the_tools_have_names_and_words_for_each_field(served: Served) -> None:
    tools = {tool.name: tool for tool in asked(served).tools}
    assert set(tools) == {"speak", "engines"}
    assert tools["speak"].description.startswith("Speak a text or a dialogue aloud.")
    fields = tools["speak"].inputSchema["properties"]
    assert set(fields) == {"script", "engine", "voices", "seed"} and all(one["description"] for one in fields.values())
    assert tools["speak"].inputSchema["required"] == ["script"]


def test_speak_gives_sound(served: Served) -> None:
    script = "[S1] One two. [pause 1s] [S2] Three."
    answer = asked(served, "speak", script=script, engine="tone", voices={"S1": "deep"})
    assert not answer.isError, answer
    address, told = (one.text for one in answer.content)
    assert address.startswith(served.url) and "'turns'" in told
    assert httpx.get(address).status_code == 401
    sound = decoded(httpx.get(address, headers={"Authorization": f"Bearer {KEY}"}).content, "wav")
    assert sound.seconds == pytest.approx(0.2 * 3 + 1.0, abs=0.05)


def test_what_goes_wrong_is_told(served: Served) -> None:
    answer = asked(served, "speak", script="[S1] Hi.", engine="dia9")
    assert answer.isError and "There is no engine 'dia9'" in answer.content[0].text


def test_a_client_that_leaves_stops_the_work(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(self: tone.ToneEngine, request: SpeechRequest) -> Iterator[Audio]:
        for _ in range(600):
            time.sleep(0.05)
            yield Audio(np.zeros(1200, np.float32), 24000)

    monkeypatch.setattr(tone.ToneEngine, "synthesize", slow)
    call = {"name": "speak", "arguments": {"script": "[S1] A long story.", "engine": "tone"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    accepts = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {KEY}"}
    busy = served.studio.runner.busy
    with httpx.stream("POST", f"{served.url}gradio_api/mcp/", json=body, headers=accepts, timeout=20):
        until = time.monotonic() + 10
        while not busy() and time.monotonic() < until:
            time.sleep(0.01)
        assert busy() == 1
    until = time.monotonic() + 5
    while busy() and time.monotonic() < until:
        time.sleep(0.01)
    assert busy() == 0 and served.studio.recent(1)[0].state == "stopped"


def test_without_the_key_nobody_comes_in(served: Served) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accepts = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    for path in ("gradio_api/mcp/", "gradio_api/mcp", "gradio_api/mcp/sse", "gradio_api/mcp/schema"):
        assert httpx.post(served.url + path, content=json.dumps(body), headers=accepts).status_code == 401
        assert httpx.get(served.url + path).status_code == 401


def test_a_missing_package_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.ui import page

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "mcp" else found(name, *more))
    studio = Studio(Settings(tmp_path, mcp=True))
    with pytest.raises(RequestError, match="requirements-mcp.lock"):
        page.build(studio)
    studio.close()
    drop_loops()
