"""What is told of models, voices and the server's own state; recorded voices come and go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from studio.api.app import app_options
from studio.audio import Audio
from studio.engines import MODULES
from studio.library import Recording
from studio.voice import Consent
from tests.api.test_errors import error_of
from tests.browser.serving import Served, serve

if TYPE_CHECKING:
    from openai import OpenAI

SAMPLE = Path(__file__).parents[2] / "assets" / "voices" / "v-sample-wren.flac"
WORDS = "The kettle was just starting to sing when the letter came."


def test_models_are_listed_for_the_stock_client(openai: OpenAI) -> None:
    models = {model.id: model for model in openai.models.list()}
    assert set(MODULES) <= set(models) and {"tts-1", "gpt-4o-mini-tts-2025-03-20", "nari-labs/Dia2-2B"} <= set(models)
    assert openai.models.retrieve("tts-1").id == "tts-1"
    assert openai.models.retrieve("hibari").owned_by == "dialogue-studio"


def test_models_say_what_they_can(http: httpx.Client) -> None:
    one = http.get("v1/models/sesame/csm-1b").json()
    assert one["alias_of"] == "csm" and one["ready"] is False and one["obstacle"]["remedy"]
    speed = next(one for one in http.get("v1/models/hibari").json()["sampling"] if one["name"] == "speed")
    assert speed["minimum"] == 0.5
    listed = http.get("v1/models").json()["data"]
    assert all(http.get(path).json()["data"] == listed for path in ("v1/audio/models", "v1/models/"))


def test_voices_are_listed_and_each_can_be_used(http: httpx.Client) -> None:
    told = http.get("v1/audio/voices", params={"model": "hibari"}).json()
    assert told["object"] == "list" and told["voices"] == told["data"]
    ids = [voice["id"] for voice in told["data"]]
    assert ids[:2] == ["heart", "low"] and "alloy" in ids
    for voice in ids:
        body = {"model": "hibari", "voice": voice, "input": "Yes.", "response_format": "pcm"}
        assert http.post("v1/audio/speech", json=body).status_code == 200, voice


def voice_form(**more: str) -> dict[str, Any]:
    return {"data": {"name": "Wren", "ref_text": WORDS, "consent": "synthetic", **more}, "files": {"audio_sample": SAMPLE.open("rb")}}  # fmt: skip  # noqa: E501


def test_a_recorded_voice_comes_and_goes(http: httpx.Client, served: Served) -> None:
    made = http.post("v1/audio/voices", **voice_form())
    assert made.status_code == 201, made.text
    voice = made.json()
    assert voice["id"].startswith("v-") and voice["consent"] == {"kind": "synthetic"} and voice["notes"]
    assert voice["id"] in [one["id"] for one in http.get("v1/audio/voices").json()["data"]]
    assert voice["id"] not in [one["id"] for one in http.get("v1/audio/voices?model=hibari").json()["data"]]
    wrong = http.post("v1/audio/speech", json={"model": "hibari", "voice": voice["id"], "input": "Hi."})
    assert "cannot follow" in error_of(wrong, 404)["message"]
    assert http.delete(f"v1/audio/voices/{voice['id']}").json()["deleted"] is True
    assert voice["id"] not in [one["id"] for one in http.get("v1/audio/voices").json()["data"]]
    error_of(http.delete(f"v1/audio/voices/{voice['id']}"), 404)
    error_of(http.delete("v1/audio/voices/..%2f..%2fx"), 404)
    assert [one.id for one in served.studio.library.bin()] == [voice["id"]]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"consent": ""}, "consent"),
        ({"consent": "yes"}, "consent"),
        ({"consent": "person"}, None),
        ({"name": ""}, None),
    ],
)
def test_without_consent_or_words_nothing_is_kept(
    http: httpx.Client, served: Served, change: dict[str, str], param: str | None
) -> None:
    before = len(served.studio.library.search())
    error = error_of(http.post("v1/audio/voices", **voice_form(**change)), 400)
    assert param is None or error["param"] == param
    assert len(served.studio.library.search()) == before


def test_what_is_no_sound_is_no_voice(http: httpx.Client) -> None:
    form = {**voice_form(), "files": {"audio_sample": ("../../x.wav", b"RIFF" + b"\0" * 100)}}
    error_of(http.post("v1/audio/voices", **form), 400)
    error_of(http.post("v1/audio/voices", data={"name": "x"}), 400)


def test_strangers_see_no_recorded_voice(tmp_path: Path) -> None:
    with serve(tmp_path, host="0.0.0.0", public=True) as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        error_of(httpx.post(f"{url}v1/audio/voices", **voice_form()), 403)
        error_of(httpx.delete(f"{url}v1/audio/voices/v-sample-wren"), 403)
        sound = np.full(48000, 0.1, np.float32)
        kept = served.studio.library.add("Mine", Consent("own"), [Recording(Audio(sound, 24000), "Quiet.")])
        listed = [voice["id"] for voice in httpx.get(f"{url}v1/audio/voices").json()["data"]]
        assert "v-sample-wren" in listed and kept.id not in listed
        body = {"model": "csm", "input": "Hello."}
        for voice in (kept.id, "Mine"):
            error = error_of(httpx.post(f"{url}v1/audio/speech", json={**body, "voice": voice}), 404)
            assert error["code"] == "voice_not_found"
        sample = httpx.post(f"{url}v1/audio/speech", json={**body, "voice": "v-sample-wren"})
        assert error_of(sample, 503)["code"] == "engine_unavailable"  # the voice would do


def test_health_and_counters(http: httpx.Client, served: Served) -> None:
    assert http.get("healthz").json() == {"status": "ok"}
    http.post("v1/audio/speech", json={"model": "tone", "voice": "high", "input": "one two three"})
    ready = http.get("readyz")
    assert ready.status_code == 200 and "tone" in ready.json()["loaded"]
    text = http.get("metrics").text
    assert 'studio_requests_total{method="POST",route="/v1/audio/speech",status="200"}' in text
    assert 'studio_speech_total{model="tone",outcome="finished"}' in text
    assert "process_resident_memory_bytes" in text and "studio_jobs 0.0" in text


def test_the_schema_is_whole(http: httpx.Client) -> None:
    told = http.get("v1/openapi.json").json()
    assert told["info"]["title"] == "Dialogue Studio"
    paths = set(told["paths"])
    assert {"/v1/audio/speech", "/v1/audio/dialogue", "/v1/audio/voices", "/v1/models/{model}", "/healthz"} <= paths
    for path, methods in told["paths"].items():
        for method in methods.values():
            assert method["summary"] and method["description"], path
            assert "HTTPValidationError" not in str(method), path
    body = told["components"]["schemas"]["SpeechBody"]
    assert len(body["examples"]) == 3 and {"seed", "turns", "sampling"} <= set(body["properties"])
    assert "audio/mpeg" in told["paths"]["/v1/audio/speech"]["post"]["responses"]["200"]["content"]


def test_the_examples_of_the_schema_work(http: httpx.Client) -> None:
    schemas = http.get("v1/openapi.json").json()["components"]["schemas"]
    for path, name in (("speech", "SpeechBody"), ("dialogue", "DialogueBody")):
        for example in schemas[name]["examples"]:
            assert http.post(f"v1/audio/{path}", json=example).status_code == 200, example


def test_the_reference_can_be_read_without_a_network(http: httpx.Client, served: Served) -> None:
    page = http.get("v1/docs")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "/v1/audio/speech" in page.text and "src=" not in page.text and "https://" not in page.text
    assert set(app_options(served.studio)) == {"routes", "middleware", "exception_handlers"}
