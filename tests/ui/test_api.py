"""What programs can call, through the network: the endpoints are a contract; and what they can not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.browser.serving import WARNINGS, Served, serve

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("studio") / "data") as served:
        yield served


@pytest.fixture(scope="module")
def client(served: Served) -> Client:
    return Client(served.url, verbose=False)


def test_the_endpoints_are_a_contract(client: Client) -> None:
    told = client.view_api(return_format="dict")
    assert set(told["named_endpoints"]) == {"/speak", "/engines"}
    assert told["unnamed_endpoints"] == {}
    names = [one["parameter_name"] for one in told["named_endpoints"]["/speak"]["parameters"]]
    assert names == ["script", "engine", "voices", "seed", "sampling", "precision"]
    assert "Speak a script" in told["named_endpoints"]["/speak"]["description"]


def test_speak_gives_a_file_and_timings(client: Client) -> None:
    file, told = client.predict(
        script="Anna: One two. [pause 1s]\nBen: Three.",
        engine="tone",
        voices={"Anna": "deep", "Ben": "high"},
        seed=5,
        sampling={"word_seconds": 0.25},
        api_name="/speak",
    )
    sound, rate = soundfile.read(file)
    assert len(sound) / rate == pytest.approx(told["seconds"], abs=0.01)
    first, second = told["timings"]
    assert second["start"] - first["end"] == pytest.approx(1.0, abs=0.005)
    assert np.abs(sound[int((first["end"] + 0.05) * rate) : int((second["start"] - 0.05) * rate)]).max() < 1e-4
    assert told["state"] == "finished" and told["seed"] == 5 and told["run"]


def test_progress_can_be_followed(client: Client) -> None:
    job = client.submit(script="[S1] One. [S2] Two.", engine="tone", api_name="/speak")
    job.result(timeout=20)
    states = [told["state"] for _, told in job.outputs()]
    assert states[-1] == "finished" and "speaking" in states


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"script": ""}, "The script is empty. Write at least one line."),
        ({"script": "[S1] Hi.", "engine": "dia9"}, "There is no engine 'dia9'"),
        ({"script": "[S1] Hi.", "engine": "tone", "voices": {"S1": "hgih"}}, "Did you mean 'high'?"),
        ({"script": "[S1] Hi.", "engine": "tone", "sampling": {"work_seconds": -1}}, "cannot be -1"),
    ],
)
def test_errors_say_what_and_what_to_do(client: Client, asked: dict[str, object], message: str) -> None:
    with pytest.raises(AppError, match=message.replace("?", "\\?")):
        client.predict(**asked, api_name="/speak")


def test_engines_are_told_with_voices_and_obstacles(client: Client) -> None:
    engines = {engine["id"]: engine for engine in client.predict(api_name="/engines")}
    assert engines["hibari"]["obstacle"] is None and len(engines["hibari"]["voices"]) >= 2
    assert engines["tone"]["parameters"][0]["name"] == "word_seconds"


def test_only_results_can_be_fetched(served: Served, client: Client) -> None:
    client.predict(script="[S1] Hi.", engine="tone", api_name="/speak")
    run = served.studio.recent(1)[0]
    assert run.output
    data = served.studio.settings.data
    (data / "scripts").mkdir(exist_ok=True)
    (data / "scripts" / "secret.json").write_text("{}", encoding="utf-8")
    get = {
        path: httpx.get(f"{served.url}gradio_api/file={path}").status_code for path in (run.output, *_forbidden(data))
    }
    assert get.pop(run.output) == 200
    assert set(get.values()) <= {403, 404}


def _forbidden(data: Path) -> list[Path]:
    takes = next((data / "takes").rglob("*.wav"))
    return [
        data / "scripts" / "secret.json",
        takes,
        Path("/etc/passwd"),
        Path(__file__),
        data / "runs" / ".." / "scripts" / "secret.json",
    ]


def test_a_part_of_a_file_can_be_fetched(served: Served) -> None:
    run = served.studio.recent(1)[0]
    answer = httpx.get(f"{served.url}gradio_api/file={run.output}", headers={"Range": "bytes=100-199"})
    assert answer.status_code == 206 and len(answer.content) == 100


def test_nothing_is_recorded_or_measured(served: Served) -> None:
    assert httpx.get(f"{served.url}gradio_api/monitoring/summary").status_code in (403, 404)
    config = httpx.get(f"{served.url}config").json()
    assert config["analytics_enabled"] is False
    assert not config.get("run_history")
