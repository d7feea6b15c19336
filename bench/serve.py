"""The API under load: `python -m bench.serve [--clients 50] [--seconds 120] [--requests 10000]`.

A server of its own speaks for many clients at once, each of whom checks that it got its own sound and no other's, while
/healthz is asked ten times a second; then come many quick requests one after another, and what the server holds before
and after. milliseconds: p50 and p95. lost: requests without a whole answer; mixed: answers with somebody else's sound.
One JSON document.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[1]
VOICES = ("heart", "low", "sam", "june", "otto", "ruth", "theo", "pip")
SENTENCES = (
    "Is it you? I had not thought to see you here again.",
    "The train to the coast leaves in seven minutes.",
    "Nobody told me that the kettle was still on.",
    "We could walk along the river, if the rain stops.",
    "Give me the blue one, please, and keep the rest.",
)
WARM_UP = 500  # quick requests before what the server holds is looked at


@dataclass
class Load:
    """What many clients met."""

    took: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    lost: int = 0
    mixed: int = 0
    refused: int = 0

    def values(self) -> dict[str, Any]:
        return {
            "requests": len(self.took),
            "lost": self.lost,
            "mixed": self.mixed,
            "refused_429": self.refused,
            "request_ms": _ms(self.took),
            "first_byte_ms": _ms(self.first),
            "healthz_ms": _ms(self.health),
        }


@dataclass(frozen=True)
class Server:
    """`python app.py` on folders of its own."""

    url: str
    process: psutil.Process
    folder: Path

    def held(self) -> dict[str, Any]:
        """What it holds now. files: in its data folder and its temporary one."""
        process = self.process
        return {
            "memory_mb": round(process.memory_info().rss / 1e6, 1),
            "file_handles": process.num_fds() if hasattr(process, "num_fds") else process.num_handles(),
            "threads": process.num_threads(),
            "files": sum(path.is_file() for path in self.folder.rglob("*")),
        }


@contextmanager
def serving() -> Iterator[Server]:
    """A server, up until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tmp").mkdir()
        settings = {
            "STUDIO_DATA": f"{folder}/data",
            "TMPDIR": f"{folder}/tmp",
            "STUDIO_PORT": "0",
            "STUDIO_SHOW_TONE": "1",
            "STUDIO_LOG": "off",
        }
        command = [sys.executable, str(ROOT / "app.py")]
        with subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                url = server.stdout.readline().split()[-1]
                yield Server(url, psutil.Process(server.pid), Path(folder))
            finally:
                server.terminate()


def asked(number: int) -> dict[str, Any]:
    """One of forty requests, by number."""
    voice, text = VOICES[number % len(VOICES)], SENTENCES[number // len(VOICES) % len(SENTENCES)]
    return {"model": "hibari", "voice": voice, "input": text, "response_format": "pcm"}


def load(url: str, clients: int, seconds: float) -> Load:
    """Many clients at once. What each must get was heard before, one request at a time."""
    count, seen = len(VOICES) * len(SENTENCES), Load()
    with httpx.Client(base_url=url, timeout=120) as http:
        right = [_digest(http.post("v1/audio/speech", json=asked(number)).content) for number in range(count)]
        assert len(set(right)) == count
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(clients) as pool:
            work = [pool.submit(_client, url, until, number * 7, right, seen) for number in range(clients)]
            while time.monotonic() < until:
                started = time.monotonic()
                http.get("healthz").raise_for_status()
                seen.health.append(time.monotonic() - started)
                time.sleep(0.1)
            for one in work:
                one.result()
    return seen


def _client(url: str, until: float, number: int, right: list[str], seen: Load) -> None:
    with httpx.Client(base_url=url, timeout=120) as http:
        while time.monotonic() < until:
            started, data, first = time.monotonic(), b"", 0.0
            try:
                with http.stream("POST", "v1/audio/speech", json=asked(number)) as answer:
                    for piece in answer.iter_raw():
                        first = first or time.monotonic() - started
                        data += piece
            except httpx.HTTPError:
                seen.lost += 1
                continue
            if answer.status_code == 429:
                seen.refused += 1
                time.sleep(1)
                continue
            seen.mixed += _digest(data) != right[number % len(right)]
            seen.took.append(time.monotonic() - started)
            seen.first.append(first)
            number += 1


def many(server: Server, requests: int) -> dict[str, Any]:
    """Quick requests one after another, and what the server holds before and after."""
    forms = ("mp3", "wav", "opus", "flac", "aac", "pcm")
    body = {"model": "tone", "voice": "high", "input": "one", "sampling": {"word_seconds": 0.05}}
    with httpx.Client(base_url=server.url, timeout=60) as http:

        def ask(count: int) -> None:
            for number in range(count):
                form = forms[number % len(forms)]
                http.post("v1/audio/speech", json={**body, "seed": number, "response_format": form}).raise_for_status()

        ask(WARM_UP)
        before, started = server.held(), time.monotonic()
        ask(requests)
        took = time.monotonic() - started
    return {"requests": requests, "a_second": round(requests / took, 1), "before": before, "after": server.held()}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _ms(seconds: list[float]) -> list[float]:
    cuts = statistics.quantiles(seconds, n=20)
    return [round(1000 * cuts[9], 1), round(1000 * cuts[18], 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--requests", type=int, default=10_000)
    options = parser.parse_args()
    with serving() as server:
        told: dict[str, Any] = {"clients": options.clients, "machine_load_before": psutil.getloadavg()[0]}
        told["load"] = load(server.url, options.clients, options.seconds).values()
        told["many"] = many(server, options.requests)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
