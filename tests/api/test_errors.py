"""Everything that is not a request gets an error in OpenAI's form, and never one of the server's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser.serving import Served

if TYPE_CHECKING:
    from openai import OpenAI

GOOD = {"model": "tone", "voice": "high", "input": "one", "response_format": "pcm"}


def error_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    (error,) = answer.json().values()
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"] and error["type"] and error["code"]
    return dict(error)


@pytest.mark.parametrize(
    ("change", "status", "param", "code"),
    [
        ({"model": None}, 400, "model", "invalid_value"),
        ({"model": "gpt-9"}, 404, "model", "model_not_found"),
        ({"model": "x" * 300}, 400, "model", "invalid_value"),
        ({"voice": "nobody"}, 404, "voice", "voice_not_found"),
        ({"voice": {"id": "nobody"}}, 404, "voice", "voice_not_found"),
        ({"voice": None}, 400, "voice", "missing_required_parameter"),
        ({"voice": 7}, 400, "voice", "invalid_value"),
        ({"voice": {"name": "high"}}, 400, "voice", "invalid_value"),
        ({"voice": "../../x.wav"}, 400, "voice", "invalid_voice"),
        ({"voice": "/etc/passwd"}, 400, "voice", "invalid_voice"),
        ({"voice": "C:\\x.wav"}, 400, "voice", "invalid_voice"),
        ({"voice": "high\r\nX-Evil: 1"}, 400, "voice", "invalid_voice"),
        ({"input": ""}, 400, "input", "invalid_value"),
        ({"input": None}, 400, "input", "missing_required_parameter"),
        ({"input": 5}, 400, "input", "invalid_value"),
        ({"input": "a" * 4097}, 400, "input", "string_above_max_length"),
        ({"input": "..."}, 400, "input", "invalid_script"),
        ({"model": "hibari", "voice": "heart", "input": "Привет"}, 400, "input", "text_not_speakable"),
        ({"input": "one [pause 99999s]"}, 400, "input", "invalid_script"),
        ({"response_format": "exe"}, 400, "response_format", "invalid_value"),
        ({"stream_format": "ws"}, 400, "stream_format", "invalid_value"),
        ({"speed": 0.1}, 400, "speed", "invalid_value"),
        ({"speed": 4.1}, 400, "speed", "invalid_value"),
        ({"speed": "fast"}, 400, "speed", "invalid_value"),
        ({"speed": float("nan")}, 400, "speed", "invalid_value"),
        ({"speed": float("inf")}, 400, "speed", "invalid_value"),
        ({"seed": -1}, 400, "seed", "invalid_value"),
        ({"seed": 10**300}, 400, "seed", "invalid_value"),
        ({"seed": 1.5}, 400, "seed", "invalid_value"),
        ({"instructions": "a" * 4097}, 400, "instructions", "invalid_value"),
        ({"sampling": {"warmth": 1}}, 400, None, "invalid_request"),
        ({"sampling": {"word_seconds": 1e9}}, 400, None, "invalid_request"),
        ({"word_seconds": "long"}, 400, None, "invalid_request"),
        ({"voices": {"": "high"}}, 400, "voices", "invalid_value"),
        ({"voices": {"S2": "high"}}, 400, None, "cast_not_possible"),
        ({"turns": [{"text": "one"}]}, 400, "input", "missing_required_parameter"),
        ({"input": None, "turns": []}, 400, "turns", "invalid_value"),
        ({"input": None, "turns": [{"text": "[S2] two"}]}, 400, "input", "invalid_script"),
        ({"input": None, "turns": [{"text": "one", "pause_after": 1e9}]}, 400, "turns.0.pause_after", "invalid_value"),
    ],
)
def test_what_is_wrong_is_named(
    http: httpx.Client, change: dict[str, Any], status: int, param: str | None, code: str
) -> None:
    answer = http.post(
        "v1/audio/speech",
        content=json.dumps({**GOOD, **change}),
        headers={"Content-Type": "application/json"},
    )
    error = error_of(answer, status)
    assert error["code"] == code
    assert param is None or (error["param"] or "").partition(".")[0] == param.partition(".")[0]


@pytest.mark.parametrize("missing", ["model", "input", "voice"])
def test_what_is_missing_is_named(http: httpx.Client, missing: str) -> None:
    body = {name: value for name, value in GOOD.items() if name != missing}
    error = error_of(http.post("v1/audio/speech", json=body), 400)
    assert error["code"] == "missing_required_parameter" and error["type"] == "invalid_request_error"
    assert missing in error["message"] + (error["param"] or "")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"null", "application/json"),
        (b"[]", "application/json"),
        (b'"text"', "application/json"),
        (b"\xff\xfe\x00", "application/json"),
        (b"[" * 50_000, "application/json"),
        (b'{"seed": ' + b"9" * 6000 + b"}", "application/json"),
        (b'{"model": "tone", "voice": "high", "input": "\\ud800"}', "application/json"),
        (json.dumps(GOOD).encode(), "text/plain"),
        (b"input=one&voice=high", "application/x-www-form-urlencoded"),
    ],
    ids=range(11),
)
def test_what_is_no_request_is_refused(http: httpx.Client, body: bytes, kind: str) -> None:
    error = error_of(http.post("v1/audio/speech", content=body, headers={"Content-Type": kind}), 400)
    assert ("application/json" in error["message"]) == (
        kind != "application/json" or body in (b"", b"[]", b"null", b'"text"')
    )


def test_paths_and_methods_that_are_not_there(http: httpx.Client) -> None:
    error_of(http.get("v1/nothing"), 404)
    error_of(http.get("v1"), 404)
    error_of(http.get("nothing/at/all"), 404)
    error_of(http.get("v1/audio/speech"), 405)
    error_of(http.delete("v1/models"), 405)
    error_of(http.get("v1/models/nobody"), 404)
    error_of(http.get("v1/audio/voices", params={"model": "nobody"}), 404)
    assert http.get("gradio_api/nothing").status_code == 404
    assert http.get("gradio_api/file=/etc/passwd").json() == {"detail": "File not allowed: /etc/passwd."}  # the page's


def test_a_wrong_method_is_told_the_right_ones(http: httpx.Client) -> None:
    assert http.put("v1/audio/voices").headers["allow"] == "GET, HEAD, POST"  # two routes
    assert http.options("v1/audio/speech").headers["allow"] == "POST"
    error_of(http.request("PATCH", "healthz"), 405)


def test_head_is_get_without_the_body(http: httpx.Client) -> None:
    for path in ("v1/models", "v1/models/tts-1", "v1/audio/voices", "healthz", "metrics", "v1/openapi.json"):
        head, get = http.head(path), http.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == get.headers["content-type"]
    assert http.head("v1/models/nobody").status_code == 404
    assert http.head("v1/audio/speech").status_code == 405


def test_a_whole_number_may_have_a_point(http: httpx.Client) -> None:
    """JSON has one kind of number."""
    answers = [http.post("v1/audio/speech", json={**GOOD, "seed": seed}) for seed in (7, 7.0)]
    assert answers[0].content == answers[1].content and answers[0].status_code == 200


def test_null_is_as_good_as_nothing(http: httpx.Client) -> None:
    fields = ("instructions", "speed", "stream_format", "seed", "sampling", "voices", "turns", "priority")
    answer = http.post("v1/audio/speech", json={**GOOD, **dict.fromkeys(fields)})
    assert answer.status_code == 200 and answer.content == http.post("v1/audio/speech", json=GOOD).content


def test_an_engine_that_cannot_run_says_why(http: httpx.Client) -> None:
    error = error_of(http.post("v1/audio/speech", json={**GOOD, "model": "kokoro", "voice": "af_heart"}), 503)
    assert error["code"] == "engine_unavailable" and "download" in error["message"] and error["type"] == "server_error"


def test_the_stock_client_raises_its_own_errors(openai: OpenAI) -> None:
    from openai import BadRequestError, NotFoundError

    with pytest.raises(NotFoundError, match="no voice 'nobody'") as lost:
        openai.audio.speech.create(model="tone", voice="nobody", input="one")
    assert lost.value.code == "voice_not_found" and lost.value.param == "voice"
    with pytest.raises(BadRequestError):
        openai.audio.speech.create(model="tone", voice="high", input="one", speed=9)


def test_request_ids_are_the_clients_or_ours(http: httpx.Client) -> None:
    assert http.get("healthz", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    ours = http.get("healthz", headers={"X-Request-Id": "two words"}).headers["x-request-id"]
    assert ours.startswith("req_")


def test_large_bodies_are_refused_before_they_are_read(http: httpx.Client, served: Served) -> None:
    body = json.dumps({**GOOD, "instructions": "a" * 2_100_000})
    headers = {"Content-Type": "application/json"}
    assert error_of(http.post("v1/audio/speech", content=body, headers=headers), 413)["code"] == "request_too_large"

    def pieces() -> Any:
        yield b'{"input": "'
        for _ in range(30):
            yield b"a" * 100_000

    error_of(http.post("v1/audio/speech", content=pieces(), headers=headers), 413)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("model", "voice", "input", "turns", "voices", "seed", "speed", "sampling", "response_format", "instructions")
WORDS = st.text(alphabet=st.sampled_from("ab [](){}S1:.pause\n\u202e\u0301é字"), max_size=60)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(FIELDS), ANYTHING | WORDS, max_size=3))
def test_no_body_breaks_the_server(http: httpx.Client, changes: dict[str, Any]) -> None:
    body = {**GOOD, "sampling": {"word_seconds": 0.05}, **changes}
    answer = http.post("v1/audio/speech", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 404, 503), (body, answer.text)  # 503: an engine without its files
    if answer.status_code != 200:
        error_of(answer, answer.status_code)
