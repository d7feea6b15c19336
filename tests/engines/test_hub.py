"""Files from the hub, against a small server on this machine that speaks the hub's part of HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from studio import hub
from studio.errors import RequestError
from studio.hub import ModelFiles

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = ModelFiles("some/model", COMMIT, ("weights.onnx", "config.json", "voices/*.bin"), 25_600_000)
PIECE = 10 * 1024 * 1024  # the hub's library reads so much at a time
CONTENT = {
    "weights.onnx": bytes(range(256)) * 100_000,
    "config.json": b'{"a": 1}',
    "voices/one.bin": b"1" * 1000,
    "voices/two.bin": b"2" * 1000,
    "pytorch_model.bin": b"pickle",
    "README.md": b"words",
}


@dataclass
class Hub:
    """What the server does. fault: status and error code of every answer. cut: bytes after which a body breaks off."""

    content: dict[str, bytes] = field(default_factory=lambda: dict(CONTENT))
    announced: dict[str, int] = field(default_factory=dict)  # sizes that the listing claims
    fault: tuple[int, str] | None = None
    cut: int | None = None
    asked: list[str] = field(default_factory=list)
    endpoint: str = ""

    def listing(self) -> bytes:
        files = [self._listed(path, body) for path, body in self.content.items()]
        return json.dumps({"id": "some/model", "sha": COMMIT, "siblings": files}).encode()

    def _listed(self, path: str, body: bytes) -> dict[str, object]:
        listed: dict[str, object] = {"rfilename": path, "size": self.announced.get(path, len(body)), "blobId": "0" * 40}
        if path.endswith((".onnx", ".bin")):
            return listed | {"lfs": {"sha256": _etag(path, CONTENT[path]), "size": len(body), "pointerSize": 130}}
        return listed | {"blobId": _etag(path, body)}


def _etag(path: str, body: bytes) -> str:
    """The hash by which the hub names a file: SHA-256 for large ones, git's for those in git."""
    if path.endswith((".onnx", ".bin")):
        return hashlib.sha256(body).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


class Answer(http.server.BaseHTTPRequestHandler):
    """Listing, HEAD and GET with ranges."""

    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        self.hub.asked.append(f"{self.command} {self.path} {self.headers.get('Range', '')}".strip())
        if self.hub.fault:
            return self._send(self.hub.fault[0], b"", {"X-Error-Code": self.hub.fault[1]})
        if self.path.startswith(f"/api/models/some/model/revision/{COMMIT}"):
            return self._send(200, self.hub.listing(), {"Content-Type": "application/json"})
        path = self.path.removeprefix(f"/some/model/resolve/{COMMIT}/")
        body = self.hub.content.get(path)
        if body is None:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        start = int(re.sub(r"\D", "", self.headers.get("Range", "0")) or 0)
        headers = {
            "ETag": f'"{_etag(path, CONTENT[path])}"',
            "X-Repo-Commit": COMMIT,
            "Content-Length": str(len(body) - start),
        }
        self._send(206 if start else 200, body[start : self.hub.cut] if with_body else b"", headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who stops does not read to the end
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Hub]:
    state = Hub()
    answer = type("AnswerHere", (Answer,), {"hub": state})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), answer) as listening:
        state.endpoint = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield state
        listening.shutdown()
        thread.join()


SCRIPT = """
import json, sys
from studio import hub
from studio.errors import StudioError
from tests.engines.test_hub import FILES
calls = []
stop_at = int(sys.argv[1])
def progress(done, total):
    calls.append((done, total))
try:
    folder = str(hub.download(FILES, progress, lambda: bool(stop_at and calls and calls[-1][0] >= stop_at)))
    print(json.dumps({"folder": folder, "calls": calls}))
except hub.DownloadStopped:
    print(json.dumps({"stopped": True, "calls": calls}))
except StudioError as error:
    print(json.dumps({"error": error.code, "message": error.message, "remedy": error.remedy, "calls": calls}))
"""

Fetch = Callable[..., dict[str, object]]


@pytest.fixture
def fetch(server: Hub, tmp_path: Path) -> Fetch:
    """fetch(stop_at=0, **environment): one download in a process of its own, since the hub's library reads the
    environment once."""

    def fetching(stop_at: int = 0, **environment: str) -> dict[str, object]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        settings = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": server.endpoint, "NO_PROXY": "127.0.0.1"}
        settings |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "2", "HF_TOKEN": "none"}
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(stop_at)],
            env=clean | settings | environment,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr
        result: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
        return result

    return fetching


def test_download_brings_what_is_asked_for_and_tells_how_far_it_is(
    fetch: Fetch, server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert hub.snapshot(FILES) is None
    result = fetch()
    folder = Path(str(result["folder"]))
    assert hub.snapshot(FILES) == folder
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {name: body for name, body in CONTENT.items() if name not in ("README.md", "pytorch_model.bin")}
    calls = result["calls"]
    assert isinstance(calls, list)
    assert calls == sorted(calls)
    assert calls[-1] == [sum(map(len, found.values()))] * 2
    server.asked.clear()
    assert fetch()["folder"] == str(folder)
    assert not [line for line in server.asked if line.startswith("GET /some")]


def test_a_stopped_download_goes_on_where_it_was(fetch: Fetch, server: Hub) -> None:
    stopped = fetch(stop_at=PIECE)
    assert stopped["stopped"]
    server.asked.clear()
    again = fetch()
    assert "folder" in again
    assert f"bytes={PIECE}-" in " ".join(server.asked)
    assert min(done for done, _ in again["calls"] if done > 3000) > PIECE  # type: ignore[attr-defined]


def test_a_broken_connection_says_that_nothing_is_lost(fetch: Fetch, server: Hub) -> None:
    server.cut = 1000
    assert "what has come is kept" in str(fetch()["remedy"])


def test_a_damaged_file_is_not_kept(fetch: Fetch, server: Hub) -> None:
    server.content["weights.onnx"] = bytes(len(CONTENT["weights.onnx"]))
    assert "damaged" in str(fetch()["message"])
    server.content = dict(CONTENT)
    assert "folder" in fetch()


@pytest.mark.parametrize(
    ("fault", "message", "remedy"),
    [
        ((403, "GatedRepo"), "accept its terms", "hf auth login"),
        ((404, "RepoNotFound"), "not on the hub", "huggingface.co/some/model"),
        ((404, "RevisionNotFound"), "no revision", "Update"),
        ((503, ""), "refused", "Try again later"),
    ],
    ids=["gated", "no repository", "no revision", "hub is down"],
)
def test_refusals_say_what_to_do(fetch: Fetch, server: Hub, fault: tuple[int, str], message: str, remedy: str) -> None:
    server.fault = fault
    result = fetch()
    assert result["error"] == "engine_unavailable"
    assert message in str(result["message"])
    assert remedy in str(result["remedy"])


def test_no_network(fetch: Fetch) -> None:
    result = fetch(HF_ENDPOINT="http://127.0.0.1:9")
    assert "could not be reached" in str(result["message"])
    assert "mirror" in str(result["remedy"])


def test_offline_is_respected(fetch: Fetch, server: Hub) -> None:
    assert "HF_HUB_OFFLINE" in str(fetch(HF_HUB_OFFLINE="1")["message"])
    assert server.asked == []


def test_a_disk_that_is_too_small_is_known_before(fetch: Fetch, server: Hub) -> None:
    server.announced["weights.onnx"] = 10**15
    result = fetch()
    assert "1000000.0 GB" in str(result["message"])
    assert "HF_HOME" in str(result["remedy"])
    assert not [line for line in server.asked if "resolve" in line]


def test_a_folder_that_cannot_be_written(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = fetch(HF_HOME=str(tmp_path / "file"))
    assert result["error"] == "engine_unavailable"


def test_a_half_downloaded_model_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--some--model" / "snapshots" / COMMIT
    (folder / "voices").mkdir(parents=True)
    for name in ("weights.onnx", "voices/one.bin"):
        (folder / name).write_bytes(b"x")
    assert hub.snapshot(FILES) is None
    (folder / "config.json").write_bytes(b"{}")
    assert hub.snapshot(FILES) == folder


def test_a_branch_leads_to_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    model = tmp_path / "models--some--model"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    (model / "snapshots" / COMMIT).mkdir(parents=True)
    (model / "snapshots" / COMMIT / "config.json").write_text("{}")
    assert hub.snapshot(ModelFiles("some/model", "main", ("config.json",), 2)) == model / "snapshots" / COMMIT


@pytest.mark.parametrize(
    "pattern", ["model.pth", "*.pt", "pytorch_model.bin", "data.pkl", "*", "a/pytorch_model-*.bin"]
)
def test_pickles_cannot_even_be_asked_for(pattern: str) -> None:
    with pytest.raises(RequestError, match="runs code"):
        ModelFiles("some/model", COMMIT, (pattern,), 1)
