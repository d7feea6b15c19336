"""`models` on the command line: lists, fetches, checks and deletes, with exit codes and JSON that programs can use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from studio import engines
from studio.hub import ModelFiles
from tests.hubserver import COMMIT, Hub, environment, put, serve
from tests.stand_ins import StandIn, stand_in
from tests.whole.test_cli import Cli, call

__all__ = ["call", "stand_in"]

ROOT = Path(__file__).parents[2]
FILES = ModelFiles("some/model", COMMIT, ("model.safetensors", "config.json"), 2_000_000)
GATED = ModelFiles("some/gated", COMMIT, ("gated.json",), 100, gated=True)


@pytest.fixture
def cache(call: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> Path:
    """An empty cache, and an engine "first" that wants files in it. Tests are offline: a fetch says so and fails."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(engines, "MODULES", ("hibari", "tone"))
    stand_in("first", FILES)
    return tmp_path / "hf" / "hub"


def fill(cache: Path) -> Path:
    head = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    body = len(head).to_bytes(8, "little") + head + b"1234"
    return put(cache, "some/model", {"model.safetensors": body, "config.json": b"{}"})


def test_the_list(call: Cli, cache: Path) -> None:
    (row,) = call("models", "--json").json
    assert (row["engine"], row["state"], row["bytes_needed"], row["files"][0]["folder"]) == (
        "first",
        "absent",
        2_000_000,
        None,
    )
    folder = fill(cache)
    (row,) = call("models", "list", "--json").json
    assert (row["state"], row["files"][0]["folder"]) == ("ready", str(folder))
    answer = call("models")
    assert answer.code == 0 and "all of it" in answer.out.decode() and "some/model @ 0123456" in answer.out.decode()
    assert str(cache) in answer.err


def test_what_is_there_is_not_fetched(call: Cli, cache: Path) -> None:
    answer = call("models", "download", "first", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, "engine_unavailable")
    assert "HF_HUB_OFFLINE" in answer.err
    fill(cache)
    answer = call("models", "download", "first", "--json")
    assert (answer.code, answer.json["state"]) == (0, "ready") and "is here" in answer.err
    answer = call("models", "download", "tone", "--json")
    assert (answer.code, answer.json["files"]) == (0, []) and "needs no files" in answer.err


def test_a_check_names_what_is_wrong(call: Cli, cache: Path) -> None:
    assert call("models", "check").err == "No engine's files are on this disk.\n"
    assert call("models", "check", "first").code == 1
    folder = fill(cache)
    answer = call("models", "check")
    assert answer.code == 0 and "2 files" in answer.out.decode()
    (folder / "model.safetensors").resolve().write_bytes(b"torn")
    answer = call("models", "check", "first", "--json")
    assert answer.code == 1 and "models check first --mend" in answer.err
    assert [flaw["file"] for flaw in answer.json[0]["flaws"]] == ["model.safetensors"]
    answer = call("models", "check", "first", "--mend")
    assert answer.code == 1 and "HF_HUB_OFFLINE" in answer.err
    assert call("models", "--json").json[0]["state"] == "partial"


def test_a_download_fetches_what_is_seen_to_be_damaged(call: Cli, cache: Path) -> None:
    """A message about a damaged file names this command."""
    folder = fill(cache)
    (folder / "model.safetensors").resolve().write_bytes(b"torn")
    answer = call("models", "download", "first")
    assert answer.code == 1 and "what is damaged" in answer.err and "HF_HUB_OFFLINE" in answer.err
    assert call("models", "--json").json[0]["state"] == "partial"


def test_deleting_asks_unless_told_not_to(call: Cli, cache: Path) -> None:
    folder = fill(cache)
    answer = call("models", "delete", "first", stdin=b"y\n")
    assert answer.code == 2 and "--yes" in answer.err and folder.exists()
    answer = call("models", "delete", "first", "--yes", "--json")
    assert answer.code == 0 and answer.json["freed_bytes"] > 60
    assert not folder.exists()
    assert call("models", "delete", "first").code == 0


@pytest.mark.parametrize("words", [("download",), ("delete",), ("remove", "first"), ("list", "first", "more")])
def test_wrong_usage(call: Cli, cache: Path, words: tuple[str, ...]) -> None:
    assert call("models", *words).code == 2


def test_an_unknown_engine(call: Cli, cache: Path) -> None:
    answer = call("models", "download", "frist", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, "engine_not_found") and "'first'" in answer.err


def test_a_gated_model_says_so_in_the_list(call: Cli, cache: Path, stand_in: StandIn) -> None:
    stand_in("second", GATED)
    assert "hf auth login" in call("models").out.decode()
    assert call("models", "--json").json[1]["access"] == "closed"


KOKORO = "onnx-community/Kokoro-82M-v1.0-ONNX"
CONTENT = {
    "onnx/model_quantized.onnx": bytes(range(256)) * 30_000,
    "tokenizer.json": b"{}",
    "voices/af_heart.bin": b"1" * 1000,
    "README.md": b"words",
}


def run(hub: Hub, home: Path, *words: str, end: float | None = None) -> tuple[int, Any, str]:
    """`models ...` in a process that fetches from a server here; `end`: seconds after which Ctrl-C is pressed."""
    command = [sys.executable, "-m", "studio", "models", *words, "--json"]
    settings = environment(hub, home) | {"STUDIO_DATA": str(home / "data")}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=settings, stdout=pipe, stderr=pipe, text=True) as process:
        if end is not None:
            while not any("onnx/model" in line and line.startswith("GET") for line in hub.asked):
                time.sleep(0.05)
            time.sleep(end)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return process.returncode, json.loads(out), err


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_download_is_stopped_goes_on_is_mended_and_deleted(tmp_path: Path) -> None:
    with serve({KOKORO: CONTENT}) as hub:
        hub.hold_at = 5_000_000
        code, told, err = run(hub, tmp_path, "download", "kokoro", end=0.5)
        assert (code, told["error"]["code"]) == (130, "stopped") and "5 MB are kept" in err
        assert "Traceback" not in err
        hub.hold_at = None
        hub.asked.clear()
        code, row, err = run(hub, tmp_path, "download", "kokoro")
        assert (code, row["state"], row["bytes_needed"]) == (0, "ready", 7_681_002)
        (again,) = (line for line in hub.asked if line.startswith("GET") and "onnx/model" in line)
        assert int(again.partition("bytes=")[2].rstrip("-")) >= 4_900_000
        (Path(row["files"][0]["folder"]) / "onnx" / "model_quantized.onnx").resolve().write_bytes(b"torn")
        code, reports, err = run(hub, tmp_path, "check", "kokoro", "--mend")
        assert (code, reports[0]["flaws"], reports[0]["count"]) == (0, [], 3) and "is damaged" in err
        code, told, err = run(hub, tmp_path, "delete", "kokoro", "--yes")
        assert (code, told["freed_bytes"]) == (0, 7_681_002)


@pytest.mark.slow
def test_a_gate_is_told_with_what_to_do(tmp_path: Path) -> None:
    with serve({KOKORO: CONTENT}) as hub:
        hub.gated.add(KOKORO)
        code, told, err = run(hub, tmp_path, "download", "kokoro")
    assert (code, told["error"]["code"]) == (1, "access_refused")
    assert f"https://huggingface.co/{KOKORO}" in err and "hf auth login (or set HF_TOKEN)" in err


def test_a_copy_that_loads_faster(call: Cli, cache: Path, stand_in: StandIn) -> None:
    stand_in("first", FILES, copy_bytes=8_000_000)
    assert call("models", "prepare").code == 2
    fill(cache)
    answer = call("models", "prepare", "first", "--json")
    assert answer.code == 0 and "8 MB" in answer.err and answer.json["bytes_of_copies"] > 8_000_000
    assert "8 MB that load faster" in call("models").out.decode()
    assert call("models", "delete", "first", "--copy").code == 2
    answer = call("models", "delete", "first", "--copy", "--yes", "--json")
    assert answer.json["freed_bytes"] > 8_000_000 and call("models", "--json").json[0]["state"] == "ready"
    assert call("models", "prepare", "tone").code == 1
