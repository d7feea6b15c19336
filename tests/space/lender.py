"""A stand-in for who lends GPUs on Hugging Face: the few addresses that the package `spaces` asks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Lender:
    """heard: paths with their parameters, in order. lends: how many more calls get a GPU."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str]]] = []
        self.lends = 1000
        self.url = ""

    def scheduled(self) -> list[dict[str, str]]:
        """The parameters of each call for a GPU."""
        return [parameters for path, parameters in self.heard if path == "/schedule"]

    def answer(self, path: str, parameters: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.heard.append((path, parameters))
        if path != "/schedule":
            return 200, {}
        if self.lends <= 0:
            return 429, {"left": 7, "wait": 12_345}
        self.lends -= 1
        return 200, {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "allowed"}


@contextmanager
def lending() -> Iterator[Lender]:
    """A lender that is up until the block ends."""
    lender = Lender()

    class Asked(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            url = urlsplit(self.path)
            parameters = {name: values[0] for name, values in parse_qs(url.query).items()}
            status, told = lender.answer(url.path, parameters)
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lender.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield lender
    finally:
        server.shutdown()
        server.server_close()
