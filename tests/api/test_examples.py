"""The README's examples of the API work as written, on a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import soundfile

from tests.browser.serving import Served
from tests.unit.test_readme import block


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_commands_work_as_written(served: Served, tmp_path: Path) -> None:
    command = ["bash", "-c", "set -euo pipefail\n" + block("api: curl")]
    answer = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "STUDIO": served.url.rstrip("/")}, capture_output=True, timeout=60
    )
    assert answer.returncode == 0, answer.stderr
    assert soundfile.info(tmp_path / "hello.mp3").duration > 0.5
    assert soundfile.info(tmp_path / "duo.opus").duration > 2.0
    assert json.loads((tmp_path / "voices.json").read_text())["data"][0]["id"] == "heart"


def test_the_client_works_as_written(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"STUDIO": served.url.rstrip("/")}
    exec(compile(block("api: openai"), "README.md", "exec"), names)
    names["client"].close()  # type: ignore[attr-defined]
    assert soundfile.info(tmp_path / "speech.wav").duration > 1.5
