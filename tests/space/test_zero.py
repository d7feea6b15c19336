"""The page and the API as a Space with ZeroGPU, spoken through the real package `spaces`; only the lender stands in."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.browser.serving import WARNINGS
from tests.space.lender import Lender, lending

pytest.importorskip("spaces", reason="the package spaces is not installed")
pytest.importorskip("torch", reason="the engines on a lent GPU are PyTorch's")
pytestmark = pytest.mark.filterwarnings(*WARNINGS)

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 180.0


@dataclass(frozen=True)
class Space:
    """A Space that is up."""

    url: str
    pid: int
    log: Path
    lender: Lender

    def calls(self) -> list[dict[str, Any]]:
        """Where the engine has spoken, call by call."""
        return [json.loads(found) for found in re.findall(r"^beeper (\{.*\})$", self.log.read_text(), re.MULTILINE)]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    folder = tmp_path_factory.mktemp("space")
    cgroup, log = folder / "cgroup", folder / "log"
    cgroup.write_text("0::/kubepods/space\n")
    with lending() as lender, log.open("w") as lines:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("STUDIO_", "SPACE"))},
            "HOME": str(folder),
            "SPACE_ID": "someone/dialogue-studio",
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": lender.url,
            "ZEROGPU_PROC_SELF_CGROUP_PATH": str(cgroup),
            "ZEROGPU_OFFLOAD_DIR": str(folder / "offloaded"),
            "STUDIO_DATA": str(folder / "data"),
            "STUDIO_PORT": "0",
            "GRADIO_TEMP_DIR": str(folder / "gradio"),
        }
        command = [sys.executable, "-m", "tests.space.space"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=lines, stderr=lines)
        try:
            yield Space(_address(process, log), process.pid, log, lender)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def client(space: Space) -> Client:
    """A visitor who is logged in."""
    return Client(space.url, headers={"x-ip-token": "a.visitor.token"}, verbose=False)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"Dialogue Studio is at (\S+)", log.read_text())
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"The Space did not start:\n{log.read_text()}")


def test_each_passage_is_a_call_of_its_own_with_the_visitors_token(space: Space, client: Client) -> None:
    asked, spoken = len(space.lender.scheduled()), len(space.calls())
    file, told = client.predict(script="[S1] One two. [S2] Three.", engine="beeper", api_name="/speak")
    sound, rate = soundfile.read(file)
    assert len(sound) / rate == pytest.approx(told["seconds"], abs=0.01) and abs(sound).max() > 0.05
    calls = space.lender.scheduled()[asked:]
    assert len(calls) == 2
    assert [call["token"] for call in calls] == ["a.visitor.token"] * 2
    # 12 s to begin with and twice what 8 characters, a third of a second of sound, take: less than the usual minute
    assert all(12 < int(call["durationSeconds"]) <= 15 for call in calls)
    there = space.calls()[spoken:]
    assert len(there) == 2
    assert all(call["pid"] != space.pid and call["device"] == "cuda:0" for call in there)
    assert not any("engines" in call["threads"] for call in there)
    assert "/startup-report" in [path for path, _ in space.lender.heard]


def test_when_the_quota_ends_it_is_told_in_our_words_and_takes_stay(space: Space, client: Client) -> None:
    script = "[S1] First of three. [S2] Second of three. [S1] Third of three."
    space.lender.lends = 1
    try:
        with pytest.raises(AppError) as refused:
            client.predict(script=script, engine="beeper", api_name="/speak")
    finally:
        space.lender.lends = 1000
    assert "GPU time of today is used up" in str(refused.value) and "7 s are left" in str(refused.value)
    assert "3:25:45" in str(refused.value) and "is kept" in str(refused.value)
    asked = len(space.lender.scheduled())
    client.predict(script=script, engine="beeper", api_name="/speak")
    assert len(space.lender.scheduled()) - asked == 2  # the first passage is there


def test_errors_of_the_engine_arrive_whole(client: Client) -> None:
    with pytest.raises(AppError, match="There is nothing in it. Write something."):
        client.predict(script="[S1] nothing", engine="beeper", api_name="/speak")
    with pytest.raises(AppError, match="Beeper failed: a tensor has the wrong shape"):
        client.predict(script="[S1] broken", engine="beeper", api_name="/speak")
    client.predict(script="[S1] Well again.", engine="beeper", api_name="/speak")


def test_stopping_ends_the_call(space: Space, client: Client) -> None:
    slow = {"work_seconds": 0.3}
    script = "[S1] " + "word " * 100
    job = client.submit(script=script, engine="beeper", sampling=slow, api_name="/speak")
    until = time.monotonic() + 20
    ended, spoken = space.log.read_text().count("beeper ended"), len(space.calls())
    while len(space.calls()) == spoken and time.monotonic() < until:
        time.sleep(0.1)
    job.cancel()
    while space.log.read_text().count("beeper ended") == ended and time.monotonic() < until:
        time.sleep(0.1)
    assert space.log.read_text().count("beeper ended") == ended + 1
    assert time.monotonic() < until


def test_the_api_speaks_there_too(space: Space) -> None:
    body = {"model": "beeper", "voice": "high", "input": "Good day.", "response_format": "wav"}
    answer = httpx.post(f"{space.url}v1/audio/speech", json=body, timeout=30)
    assert answer.status_code == 200 and answer.content[:4] == b"RIFF"


def test_the_built_in_engine_asks_for_no_gpu(space: Space, client: Client) -> None:
    asked = len(space.lender.scheduled())
    _, told = client.predict(script="[S1] Hello there.", engine="hibari", api_name="/speak")
    assert told["seconds"] > 0.3
    assert len(space.lender.scheduled()) == asked


def test_what_was_not_there_at_the_start_is_grey(client: Client) -> None:
    rows = {row["id"]: row for row in client.predict(api_name="/engines")}
    assert rows["beeper"]["obstacle"] is None
    assert rows["late"]["obstacle"]["reason"] == "It was not here when this Space started."
    assert rows["csm"]["obstacle"]["reason"].startswith("Its files are not on this computer")


def test_models_can_be_placed_before_there_is_a_card(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.space.placing", str(tmp_path)]
    environment = {**os.environ, "HOME": str(tmp_path)}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    placed = json.loads(told.stdout)
    assert set(placed) == {"dia", "dia2", "csm"}
    assert all(one["promised"] > 200 and one["over"] == 0 for one in placed.values()), placed


def test_elsewhere_nobody_imports_spaces() -> None:
    code = "import sys; import studio.ui.page, studio.studio, studio.api.app; print('spaces.zero' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPACE")}
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert told.stdout.split() == [b"False"], told.stderr.decode()
