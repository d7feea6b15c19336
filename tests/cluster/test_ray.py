"""Ray on this machine: replicas that speak for the API, scripts as tasks, and nothing open to the network."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from studio import cli
from studio.render import Wish, places, render
from studio.settings import Settings
from studio.studio import Studio
from tests.api.test_errors import error_of
from tests.browser.serving import WARNINGS, Served, serve

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: requirements-ray.lock"),
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Ray's Serve is not supported on Windows"),
    pytest.mark.filterwarnings(*WARNINGS, "ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray"),
]
BODY: dict[str, Any] = {"model": "tone", "voice": "high", "input": "one", "response_format": "pcm"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The API before two replicas; half of the four cores that Ray is told of are left for tasks."""
    from studio.cluster.fleet import fleet

    data = tmp_path_factory.mktemp("ray") / "data"
    settings = Settings(data / "replicas", device="cpu", show_tone=True, replicas=2)
    with fleet(settings, cores=4) as replicas, serve(data, fleet=replicas) as served:
        yield served


@pytest.fixture(scope="module")
def http(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=240) as client:
        yield client


def speak(http: httpx.Client, **change: Any) -> httpx.Response:
    return http.post("v1/audio/speech", json={**BODY, **change})


def test_nothing_listens_to_other_machines(served: Served) -> None:
    found = [one for child in psutil.Process().children(recursive=True) for one in child.net_connections("tcp")]
    listening = {one.laddr.ip.rpartition(":")[2] for one in found if one.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_replica_speaks_as_this_process_does(http: httpx.Client, tmp_path: Path) -> None:
    with serve(tmp_path) as here, httpx.Client(base_url=here.url, timeout=240) as alone:
        for change in ({}, {"model": "hibari", "voice": "heart", "input": "Hello there."}):
            assert speak(http, **change).content == speak(alone, **change).content
    answer = http.post("v1/audio/dialogue", json={"model": "tone", "input": "[S1] One. [S2] Two."}).json()
    assert [turn["text"] for turn in answer["turns"]] == ["One.", "Two."]


def test_errors_come_through(http: httpx.Client) -> None:
    assert error_of(speak(http, voice="nobody"), 404)["code"] == "voice_not_found"
    russian = speak(http, model="hibari", voice="heart", input="Привет")
    assert error_of(russian, 400)["code"] == "text_not_speakable"


def test_two_speak_at_once_and_stream(http: httpx.Client) -> None:
    def ask(seed: int) -> tuple[float, float]:
        body = {**BODY, "input": "one " * 10, "seed": seed, "sampling": {"work_seconds": 0.2}}
        with http.stream("POST", "v1/audio/speech", json=body) as answer:
            pieces = answer.iter_raw()
            size, first = len(next(pieces)), time.monotonic()
            assert size + sum(map(len, pieces)) == 10 * 9600
        return first, time.monotonic()

    with ThreadPoolExecutor(2) as pool:
        (first, end), (other_first, other_end) = pool.map(ask, (1, 2))
    assert max(first, other_first) < min(end, other_end)
    assert end - first > 1.0


def test_who_leaves_frees_the_replica(http: httpx.Client) -> None:
    long = {**BODY, "input": "one " * 600, "sampling": {"work_seconds": 1.0}}  # ten minutes
    for seed in range(3):
        with http.stream("POST", "v1/audio/speech", json={**long, "seed": seed}) as answer:
            next(answer.iter_raw())
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(speak, http, seed=seed) for seed in range(4)]
        assert [one.result(240).status_code for one in asked] == [200] * 4


def test_scripts_are_tasks_that_survive_their_process(served: Served, tmp_path: Path) -> None:
    from studio.cluster import tasks

    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for number in range(5):
        (scripts / f"s{number}.txt").write_text(f"[S1] Number {number} " + "and on " * 8, encoding="utf-8")
    (scripts / "bad.txt").write_text("...", encoding="utf-8")
    settings = Settings(tmp_path / "data", device="cpu", show_tone=True)
    studio = Studio(settings)
    wish = Wish("tone", sampling={"work_seconds": 0.1})
    killed = 0
    states = []
    for one in render(studio, places([scripts], tmp_path / "out", "wav"), wish, partial(tasks.spoken, settings), False):
        states.append(one.state)
        workers = [child for child in psutil.Process().children(recursive=True) if "_speak" in "".join(child.cmdline())]
        if one.state == "made" and not killed and workers:
            workers[0].kill()
            killed += 1
    studio.close()
    assert killed == 1 and sorted(states) == ["failed"] + ["made"] * 5
    assert len(list((tmp_path / "out").glob("*.wav"))) == 5


def test_without_ray_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else found(name, *more))
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    (tmp_path / "a.txt").write_text("[S1] One.", encoding="utf-8")
    assert cli.main(["render", str(tmp_path / "a.txt"), "-o", str(tmp_path / "out"), "--ray"]) == 1
    assert "Ray is not installed.\nRun: python -m pip install" in capsys.readouterr().err
