"""Files from the hub, against a small server on this machine that speaks the hub's part of HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio import hub
from studio.errors import RequestError
from studio.hub import ModelFiles
from tests.hubserver import COMMIT, PIECE, Hub, environment, put, serve

FILES = ModelFiles("some/model", COMMIT, ("weights.onnx", "config.json", "voices/*.bin"), 25_600_000)
CODEC = ModelFiles("some/codec", COMMIT, ("codec.safetensors",), 1_000_000)
CONTENT = {
    "weights.onnx": bytes(range(256)) * 100_000,
    "config.json": b'{"a": 1}',
    "voices/one.bin": b"1" * 1000,
    "voices/two.bin": b"2" * 1000,
    "pytorch_model.bin": b"pickle",
    "README.md": b"words",
}
REPOS = {"some/model": CONTENT, "some/codec": {"codec.safetensors": b"c" * 1_000_000}}


@pytest.fixture
def server() -> Iterator[Hub]:
    with serve(REPOS) as state:
        yield state


SCRIPT = """
import json, sys
from studio import download, hub
from studio.errors import StudioError
from tests.engines.test_hub import CODEC, FILES
calls = []
stop_at, several = int(sys.argv[1]), (FILES, CODEC)[: int(sys.argv[2])]
def progress(done, total, brought):
    calls.append((done, total))
def stopped():
    return bool(stop_at and calls and calls[-1][0] >= stop_at)
try:
    folder = str(download.download_all(several, progress, stopped)[0])
    print(json.dumps({"folder": folder, "calls": calls}))
except hub.Stopped:
    print(json.dumps({"stopped": True, "calls": calls}))
except StudioError as error:
    print(json.dumps({"error": error.code, "message": error.message, "remedy": error.remedy, "calls": calls}))
"""

Fetch = Callable[..., dict[str, object]]


@pytest.fixture
def fetch(server: Hub, tmp_path: Path) -> Fetch:
    """fetch(stop_at=0, models=1, **environment): one download in a process of its own, since the hub's library reads
    the environment once."""

    def fetching(stop_at: int = 0, models: int = 1, **more: str) -> dict[str, object]:
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(stop_at), str(models)],
            env=environment(server, tmp_path / "hf") | more,
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


def test_two_models_are_one_progress(fetch: Fetch) -> None:
    calls = fetch(models=2)["calls"]
    assert isinstance(calls, list)
    total = sum(map(len, CONTENT.values())) - len(b"pickle" + b"words") + 1_000_000
    assert calls == sorted(calls) and {of for _, of in calls} == {total}
    assert calls[-1] == [total, total]


def test_a_stopped_download_goes_on_where_it_was(fetch: Fetch, server: Hub) -> None:
    stopped = fetch(stop_at=10_000_000)
    assert stopped["stopped"]
    assert stopped["calls"][-1][0] < 10_000_000 + 4 * PIECE, "it stops at once"  # type: ignore[index]
    server.asked.clear()
    assert "folder" in fetch()
    (again,) = (line for line in server.asked if line.startswith("GET /some") and "weights" in line)
    begun = int(again.partition("bytes=")[2].rstrip("-"))
    assert 9_900_000 < begun < 10_000_000 + 4 * PIECE


def test_a_broken_connection_says_that_nothing_is_lost(fetch: Fetch, server: Hub) -> None:
    server.cut = 1000
    assert "what has come is kept" in str(fetch()["remedy"])
    server.cut = None
    assert "folder" in fetch()


def test_a_damaged_file_is_not_kept(fetch: Fetch, server: Hub) -> None:
    server.spoiled["weights.onnx"] = bytes(len(CONTENT["weights.onnx"]))
    assert "damaged" in str(fetch()["message"])
    server.spoiled.clear()
    assert "folder" in fetch()


def test_a_file_cut_short_on_the_disk_is_fetched_again(fetch: Fetch, server: Hub, tmp_path: Path) -> None:
    folder = Path(str(fetch()["folder"]))
    whole = folder / "weights.onnx"
    whole.resolve().write_bytes(b"short")
    fetch()
    assert whole.read_bytes() == CONTENT["weights.onnx"]


def test_two_programs_do_not_write_into_one_file(fetch: Fetch, server: Hub, tmp_path: Path) -> None:
    server.hold_at = 10_000_000
    command = [sys.executable, "-c", SCRIPT, "0", "1"]
    first = subprocess.Popen(command, env=environment(server, tmp_path / "hf"), cwd=Path(__file__).parents[2])
    try:
        while not [line for line in server.asked if line.startswith("GET /some") and "weights" in line]:
            assert first.poll() is None
        assert "another program" in str(fetch()["message"])
    finally:
        server.release.set()
        assert first.wait(30) == 0


def test_a_gated_model_is_refused_before_and_given_with_a_token(fetch: Fetch, server: Hub) -> None:
    server.gated, server.token = {"some/model"}, "hf_mine"
    refused = fetch(HF_TOKEN="hf_other")
    assert "accept its terms" in str(refused["message"]) and "hf_other" not in str(refused)
    assert "folder" in fetch(HF_TOKEN="hf_mine")


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
    assert result["error"] == ("access_refused" if "GatedRepo" in fault else "engine_unavailable")
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
    put(tmp_path, "some/model", {name: CONTENT[name] for name in ("weights.onnx", "voices/one.bin")})
    assert hub.snapshot(FILES) is None
    folder = put(tmp_path, "some/model", {"config.json": b"{}"})
    assert hub.snapshot(FILES) == folder


def test_a_branch_leads_to_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = put(tmp_path, "some/model", {"config.json": b"{}"})
    (folder.parents[1] / "refs").mkdir()
    (folder.parents[1] / "refs" / "main").write_text(COMMIT)
    assert hub.snapshot(ModelFiles("some/model", "main", ("config.json",), 2)) == folder


@pytest.mark.parametrize(
    "pattern", ["model.pth", "*.pt", "pytorch_model.bin", "data.pkl", "*", "a/pytorch_model-*.bin"]
)
def test_pickles_cannot_even_be_asked_for(pattern: str) -> None:
    with pytest.raises(RequestError, match="runs code"):
        ModelFiles("some/model", COMMIT, (pattern,), 1)
