"""What goes wrong goes wrong for one request, says so, and the next one succeeds."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import httpx
import numpy as np
import psutil
import pytest
import uvicorn.config

from studio.api import answers, gate, heads
from studio.audio import Audio
from studio.engines import tone
from studio.engines.base import Placement
from studio.request import SpeechRequest
from tests.api.test_errors import error_of
from tests.browser.serving import Served, serve

ROOT = Path(__file__).parents[2]
BODY: dict[str, Any] = {"model": "tone", "voice": "high", "input": "one", "response_format": "pcm"}
LONG = {**BODY, "input": "one " * 300, "sampling": {"work_seconds": 0.05}}


def speak(http: httpx.Client, **change: Any) -> httpx.Response:
    return http.post("v1/audio/speech", json={**BODY, **change})


def idle(served: Served, seconds: float = 1.0) -> bool:
    """Whether nothing runs or waits, at the latest after so many seconds."""
    deadline = time.monotonic() + seconds
    while served.studio.runner.busy() and time.monotonic() < deadline:
        time.sleep(0.01)
    return served.studio.runner.busy() == 0


def breaks(monkeypatch: pytest.MonkeyPatch, error: BaseException, after: int = 0) -> None:
    """Tone raises after so many words."""
    whole = tone.ToneEngine.synthesize

    def broken(self: tone.ToneEngine, request: SpeechRequest) -> Iterator[Audio]:
        for piece, _ in zip(whole(self, request), range(after), strict=False):
            yield piece
        raise error

    monkeypatch.setattr(tone.ToneEngine, "synthesize", broken)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ValueError("bad tensor"), 500, "synthesis_failed"),
        (MemoryError(), 503, "out_of_memory"),
        (SystemExit(1), 500, "synthesis_failed"),
        (RecursionError("deep"), 500, "synthesis_failed"),
    ],
    ids=["exception", "memory", "exit", "recursion"],
)
def test_an_engine_that_fails_before_it_sounds(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, code: str
) -> None:
    with monkeypatch.context() as patch:
        breaks(patch, error)
        for form in ("audio", "sse"):
            assert error_of(speak(http, stream_format=form), status)["code"] == code
        assert error_of(http.post("v1/audio/dialogue", json={**BODY, "response_format": "wav"}), status)["code"] == code
    assert speak(http).status_code == 200


def test_an_engine_that_fails_after_it_sounded(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        breaks(patch, ValueError("bad tensor"), after=2)
        with pytest.raises(httpx.RemoteProtocolError):  # a part is never taken for the whole
            speak(http, input="one two three")
        *deltas, last = speak(http, input="one two three", stream_format="sse").text.strip().split("\n\n")
    assert len(deltas) == 2 and json.loads(last[6:])["type"] == "speech.audio.error"
    assert "bad tensor" in json.loads(last[6:])["error"]["message"]
    assert speak(http).status_code == 200


def test_a_fault_of_ours_is_told_as_one(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("secret detail")

    with monkeypatch.context() as patch:
        patch.setattr("studio.director.plan", broken)
        error = error_of(speak(http), 500)
    assert error["code"] == "internal_error" and "secret" not in str(error)
    assert speak(http).status_code == 200


def test_an_engine_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hangs(self: tone.ToneEngine, request: SpeechRequest) -> Iterator[Audio]:
        release.wait(20)
        yield Audio(np.zeros(1, np.float32), 24000)

    def never(placement: Placement) -> tone.ToneEngine:
        release.wait(20)
        return tone.ToneEngine()

    with serve(tmp_path, stall_seconds=0.4) as served, httpx.Client(base_url=served.url, timeout=10) as http:
        with monkeypatch.context() as patch:
            patch.setattr(tone.ToneEngine, "synthesize", hangs)
            assert error_of(speak(http), 500)["code"] == "engine_stalled"
        assert speak(http).status_code == 200
        served.studio.manager.unload("tone")
        with monkeypatch.context() as patch:
            patch.setattr(tone, "load", never)
            assert error_of(speak(http), 500)["code"] == "engine_stalled"
        assert speak(http).status_code == 200
        release.set()
        assert speak(http).status_code == 200 and len(served.studio.manager.loaded()) == 1


def test_a_full_queue_says_when_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release, synthesize = threading.Event(), tone.ToneEngine.synthesize

    def waits(self: tone.ToneEngine, request: SpeechRequest) -> Iterator[Audio]:
        release.wait(60)
        yield from synthesize(self, request)

    monkeypatch.setattr(tone.ToneEngine, "synthesize", waits)
    with (
        serve(tmp_path, max_waiting=2) as served,
        httpx.Client(base_url=served.url, timeout=60) as http,
        ThreadPoolExecutor(3) as pool,
    ):
        asked = [pool.submit(speak, http, seed=seed) for seed in range(3)]
        deadline = time.monotonic() + 30
        while served.studio.runner.busy() < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        refused = speak(http)
        assert error_of(refused, 429)["type"] == "rate_limit_error" and int(refused.headers["retry-after"]) >= 1
        assert http.get("healthz").status_code == 200
        release.set()
        assert [answer.result().status_code for answer in asked] == [200] * 3
        assert speak(http).status_code == 200


@contextmanager
def connection(served: Served, data: bytes) -> Iterator[socket.socket]:
    """A connection of our own on which so much has been sent."""
    address = httpx.URL(served.url)
    with socket.create_connection((address.host, address.port or 80), timeout=5) as wire:
        wire.sendall(data)
        yield wire


def raw(body: dict[str, Any], length: int | None = None) -> bytes:
    text = json.dumps(body).encode()
    head = "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {length or len(text)}\r\n\r\n".encode() + text


def test_clients_that_leave_at_every_stage(http: httpx.Client, served: Served) -> None:
    busy = served.studio.runner.busy
    for sent in (b"PO", b"POST /v1/audio/speech HTTP/1.1\r\nHost: lo", raw(LONG)[:150], raw(LONG, length=99999)):
        with connection(served, sent):
            pass
    with connection(served, raw({**LONG, "sampling": {"work_seconds": 0.4}})):  # before the first sound
        while not busy():
            time.sleep(0.01)
    assert idle(served)
    with connection(served, raw(LONG)) as wire:  # in the middle of it
        while busy() < 1 or not wire.recv(4096):
            time.sleep(0.01)
        with connection(served, raw({**LONG, "seed": 1})):  # while it waits its turn
            while busy() < 2:
                time.sleep(0.01)
        deadline = time.monotonic() + 1
        while busy() > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert busy() == 1
    assert idle(served)
    assert speak(http).status_code == 200


def test_half_sent_requests_do_not_hinder_others(
    http: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "BODY_SECONDS", 0.6)
    half = [b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", raw(BODY, length=5000)]
    wires = [connection(served, half[number % 2]) for number in range(120)]
    opened = [wire.__enter__() for wire in wires]
    try:
        started = time.monotonic()
        assert http.get("healthz").status_code == 200
        assert speak(http).status_code == 200
        assert time.monotonic() - started < 2
        answer = b"".join(iter(lambda: opened[1].recv(4096), b""))
        assert b" 408 " in answer.splitlines()[0] and b"request_timeout" in answer
    finally:
        for wire in wires:
            wire.__exit__(None, None, None)


def test_a_client_that_does_not_read_holds_nobody_up(http: httpx.Client, served: Served) -> None:
    with connection(served, raw({**BODY, "input": "one " * 1000, "response_format": "wav"})):
        started = time.monotonic()
        assert speak(http).status_code == 200
        assert idle(served, 5) and time.monotonic() - started < 5


def test_a_client_that_does_not_read_takes_no_endless_memory(
    http: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is made in no time: a minute of it for every few characters."""
    monkeypatch.setattr(answers, "MOST_AHEAD_BYTES", 6_000_000)
    made: list[int] = []
    follow = answers.following

    async def counted(*of: Any) -> bytes:
        piece = await follow(*of)
        made.append(len(piece))
        return piece

    monkeypatch.setattr(answers, "following", counted)
    turns = [{"voice": "high", "text": "one", "pause_after": 60.0}] * 40  # 115 MB
    body = {"model": "tone", "response_format": "wav", "turns": turns}
    with connection(served, raw(body)) as wire:
        while not wire.recv(4096, socket.MSG_PEEK) or sum(made) < 6_000_000:
            time.sleep(0.01)
        time.sleep(0.5)
        assert sum(made) < 60_000_000
        monkeypatch.setattr(answers, "MOST_AHEAD_BYTES", 64_000_000)
        size = 0
        while size < 100_000_000 and (piece := wire.recv(1 << 20)):  # all of it comes when it is read
            size += len(piece)
    assert size >= 100_000_000 and idle(served)


def pitch(sound: bytes) -> float:
    """Of the first word, in Hz."""
    samples = np.frombuffer(sound[:9600], "<i2").astype(np.float64)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return float(spectrum.argmax() * 24000 / (1 << 18))


def test_many_clients_each_get_their_own_sound(http: httpx.Client, served: Served) -> None:
    """Fifty at once; the pitch tells the seed and the length the words."""

    def ask(number: int) -> bool:
        words = 1 + number % 7
        answer = speak(http, input="word " * words, seed=number * 997, sampling={"word_seconds": 0.2})
        expected = 440 * (1 + number * 997 / 1_000_030) * (1 + crc32(b"word") % 12 / 24)
        return len(answer.content) == 9600 * words and abs(pitch(answer.content) - expected) < 0.3

    waits = []
    with ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(ask, number) for number in range(100)]
        while not all(one.done() for one in asked):
            started = time.monotonic()
            assert http.get("healthz").status_code == 200
            waits.append(time.monotonic() - started)
            time.sleep(0.02)
    assert all(one.result() for one in asked)
    assert sorted(waits)[int(len(waits) * 0.95)] < 0.5


@pytest.mark.slow
def test_a_thousand_requests_leave_nothing_behind(http: httpx.Client, served: Served) -> None:
    process = psutil.Process()

    def ask(count: int) -> None:
        for number in range(count):
            form = ("mp3", "wav", "opus", "flac", "aac")[number % 5]
            assert speak(http, seed=number, response_format=form, sampling={"word_seconds": 0.05}).status_code == 200

    ask(200)
    memory, files = process.memory_info().rss, process.num_fds()
    threads = threading.active_count()
    ask(1000)
    assert process.memory_info().rss < 1.05 * memory
    assert process.num_fds() <= files + 2 and threading.active_count() <= threads + 2
    assert not list(served.studio.settings.data.rglob("*.part"))


@contextmanager
def process(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`python app.py` on a data folder, and its address."""
    environment = {**os.environ, "STUDIO_DATA": str(data), "STUDIO_PORT": "0", "STUDIO_SHOW_TONE": "1"}
    command = [sys.executable, str(ROOT / "app.py")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as started:
        try:
            assert started.stdout is not None
            yield started, started.stdout.readline().split()[-1]
        finally:
            started.kill()


@pytest.mark.slow
def test_sigterm_lets_the_last_words_out(tmp_path: Path) -> None:
    with process(tmp_path) as (server, url), httpx.Client(base_url=url, timeout=20) as http:
        work = {"work_seconds": 0.2}
        with http.stream("POST", "v1/audio/speech", json={**BODY, "input": "one " * 8, "sampling": work}) as answer:
            pieces = answer.iter_raw()
            sound = next(pieces)
            server.send_signal(signal.SIGTERM)
            time.sleep(0.4)
            refused = httpx.post(f"{url}v1/audio/speech", json=BODY)
            assert error_of(refused, 503)["code"] == "shutting_down" and refused.headers["retry-after"]
            assert httpx.get(f"{url}readyz").json()["status"] == "stopping"
            sound += b"".join(pieces)
        assert len(sound) == 8 * 9600
        assert server.wait(20) == 0
        assert server.stderr is not None
        lines = [json.loads(line) for line in server.stderr.read().splitlines() if line.startswith("{")]
        assert {line["status"] for line in lines} == {200, 503}
        spoke = next(line for line in lines if line["status"] == 200)
        assert spoke["outcome"] == "finished" and spoke["characters"] == 31
        assert spoke["first_sound_seconds"] > 0.1 + spoke["queued_seconds"]
        assert "one one" not in str(lines)


@pytest.mark.slow
def test_what_is_brought_lies_with_our_data_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    data = tmp_path / ".share" / "studio"
    with process(data) as (_, url):
        (brought,) = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.wav", b"RIFF")}).json()
        assert Path(brought).is_relative_to(data / "brought")
        assert os.name == "nt" or data.stat().st_mode & 0o077 == 0
    old = data / "brought" / "0123abcd"  # what was left by a process that was killed a day ago
    old.mkdir()
    os.utime(old, (0, 0))
    with process(data) as (_, url):
        assert not old.exists()
        assert httpx.get(f"{url}gradio_api/file={brought}").content == b"RIFF"


@pytest.mark.slow
def test_killed_under_load_it_starts_again(tmp_path: Path) -> None:
    with process(tmp_path) as (server, url), ThreadPoolExecutor(8) as pool:
        kept = httpx.post(f"{url}v1/audio/dialogue", json={**BODY, "response_format": "wav"}, timeout=20).json()["run"]

        def ask(number: int) -> None:
            with suppress(httpx.HTTPError):
                httpx.post(f"{url}v1/audio/dialogue", json={**LONG, "response_format": "wav", "seed": number})

        asked = [pool.submit(ask, number) for number in range(8)]
        time.sleep(1.0)
        os.kill(server.pid, signal.SIGKILL)
        for one in asked:
            one.result()
    with process(tmp_path) as (_, url):
        assert httpx.post(f"{url}v1/audio/speech", json=BODY, timeout=20).status_code == 200
        assert (tmp_path / "runs" / kept / "dialogue.wav").is_file()
        assert not list(tmp_path.rglob("*.part"))


def test_a_head_that_does_not_come_whole_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.5)
    monkeypatch.setitem(uvicorn.config.HTTP_PROTOCOLS, "auto", uvicorn.config.HTTP_PROTOCOLS["auto"])
    heads.install()
    healthy = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serve(tmp_path / "data") as served:
        for sent in (b"", b"GET /healthz HTTP/1.1\r\nX-Slow: "):
            with connection(served, sent) as wire:
                assert b" 408 " in wire.recv(4096) and wire.recv(4096) == b"", sent
        with connection(served, healthy) as wire:  # a later request on the same connection, a byte at a time
            assert b" 200 " in wire.recv(4096)
            started = time.monotonic()
            with suppress(OSError):
                for byte in healthy:
                    wire.sendall(bytes([byte]))
                    time.sleep(0.1)
            assert time.monotonic() - started < 3
        with httpx.Client(base_url=served.url, timeout=30) as http:  # what takes long behind its head is waited for
            work = {"work_seconds": 0.2, "word_seconds": 0.05}
            assert speak(http, input="one " * 6, sampling=work).status_code == 200
