"""A small server on this machine that speaks the hub's part of HTTP, and folders in the layout of its cache."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIECE = 1 << 16
LARGE = (".onnx", ".bin", ".safetensors")  # named by SHA-256; the rest is in git and named as git names it

Repository = Mapping[str, bytes]  # path -> content


def etag(path: str, body: bytes) -> str:
    """The hash by which the hub names a file."""
    if path.endswith(LARGE):
        return hashlib.sha256(body).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def put(cache: Path, repo: str, content: Repository, revision: str = COMMIT) -> Path:
    """Lay a repository's files into a cache as the hub's library does. Gives the folder of the revision."""
    model = cache / f"models--{repo.replace('/', '--')}"
    for path, body in content.items():
        blob, link = model / "blobs" / etag(path, body), model / "snapshots" / revision / path
        for parent in (blob.parent, link.parent):
            parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(body)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return model / "snapshots" / revision


@dataclass
class Hub:
    """What the server has and does.

    announced: sizes that the listing claims. spoiled: what is sent in place of a file. fault: status and error code of
    every answer. gated: repositories whose files need `token`. cut: bytes after which a body breaks off. hold_at: bytes
    of a file after which its body waits for `release`. pause: seconds between two pieces.
    """

    repos: dict[str, Repository]
    announced: dict[str, int] = field(default_factory=dict)
    spoiled: dict[str, bytes] = field(default_factory=dict)
    fault: tuple[int, str] | None = None
    gated: set[str] = field(default_factory=set)
    token: str = ""
    cut: int | None = None
    hold_at: int | None = None
    release: threading.Event = field(default_factory=threading.Event)
    pause: float = 0.0
    asked: list[str] = field(default_factory=list)
    endpoint: str = ""

    def listing(self, repo: str) -> bytes:
        files = [self._listed(path, body) for path, body in self.repos[repo].items()]
        return json.dumps({"id": repo, "sha": COMMIT, "siblings": files}).encode()

    def _listed(self, path: str, body: bytes) -> dict[str, object]:
        size = self.announced.get(path, len(body))
        if path.endswith(LARGE):
            lfs = {"sha256": etag(path, body), "size": size, "pointerSize": 130}
            return {"rfilename": path, "size": size, "blobId": "0" * 40, "lfs": lfs}
        return {"rfilename": path, "size": size, "blobId": etag(path, body)}


class Answer(http.server.BaseHTTPRequestHandler):
    """Listing, access, HEAD and GET with ranges."""

    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        self.hub.asked.append(f"{self.command} {self.path} {self.headers.get('Range', '')}".strip())
        if self.hub.fault:
            return self._send(self.hub.fault[0], b"", {"X-Error-Code": self.hub.fault[1]})
        if asked := re.match(r"/api/models/([^/]+/[^/]+)/revision/", self.path):
            return self._send(200, self.hub.listing(asked[1]), {"Content-Type": "application/json"})
        if asked := re.match(r"/api/models/([^/]+/[^/]+)/auth-check", self.path):
            return self._refuse() if self._is_closed(asked[1]) else self._send(200, b"{}", {})
        asked = re.match(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", self.path)
        if asked is None or asked[2] not in self.hub.repos.get(asked[1], {}):
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        if self._is_closed(asked[1]):
            return self._refuse()
        self._send_file(asked[2], self.hub.repos[asked[1]][asked[2]], with_body)

    def _is_closed(self, repo: str) -> bool:
        key = self.headers.get("Authorization", "")
        return repo in self.hub.gated and not (self.hub.token and key == f"Bearer {self.hub.token}")

    def _refuse(self) -> None:
        self._send(403, b"", {"X-Error-Code": "GatedRepo"})

    def _send_file(self, path: str, body: bytes, with_body: bool) -> None:
        headers = {"ETag": f'"{etag(path, body)}"', "X-Repo-Commit": COMMIT}
        body = self.hub.spoiled.get(path, body)
        start = int(re.sub(r"\D", "", self.headers.get("Range", "0")) or 0)
        headers["Content-Length"] = str(len(body) - start)
        self._head(206 if start else 200, headers)
        if with_body:
            self._write(body[: self.hub.cut], start)
        self.close_connection = True

    def _write(self, body: bytes, start: int) -> None:
        """In pieces, as slowly as the hub is told to be."""
        hold = self.hub.hold_at
        with contextlib.suppress(ConnectionError):  # who stops does not read to the end
            for at in range(start, len(body), PIECE):
                if hold is not None and at >= hold:
                    self.hub.release.wait(30)
                self.wfile.write(body[at : at + PIECE])
                if self.hub.pause:
                    threading.Event().wait(self.hub.pause)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._head(status, {"Content-Length": str(len(body))} | headers)
        if self.command == "GET":
            self.wfile.write(body)
        self.close_connection = True

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextlib.contextmanager
def serve(repos: Mapping[str, Repository]) -> Iterator[Hub]:
    """The server on a free port, until the block ends."""
    state = Hub(dict(repos))
    answer = type("AnswerHere", (Answer,), {"hub": state})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), answer) as listening:
        state.endpoint = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.release.set()
            listening.shutdown()
            thread.join()


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """What a process of its own needs to fetch from this hub and from nobody else."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    ours = {"HF_HOME": str(home), "HF_ENDPOINT": hub.endpoint, "NO_PROXY": "127.0.0.1"}
    return clean | ours | {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "5", "HF_TOKEN": "none"}
