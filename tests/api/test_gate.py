"""Who may come in: strangers, foreign pages and foreign names may not, by the API or by the page's own routes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from studio.api.gate import is_key, request_id
from studio.errors import RequestError
from studio.settings import Settings
from studio.trials.sessions import Session, Sessions
from studio.trials.store import FOLDER, TrialStore
from tests.browser.serving import Served, serve
from tests.finished import finished

KEY = "a-key-of-sixteen-or-more"
BEARER = {"Authorization": f"Bearer {KEY}"}
BASIC = {"Authorization": "Basic " + base64.b64encode(f"anna:{KEY}".encode()).decode()}
EVERYWHERE = (
    "",
    "config",
    "gradio_api/info",
    "gradio_api/openapi.json",
    "gradio_api/queue/status",
    "gradio_api/file=/etc/passwd",
    "theme.css",
    "static/img/logo.svg",
    "v1/models",
    "v1/audio/voices",
    "v1/openapi.json",
    "metrics",
)
WRITES = ("gradio_api/queue/join", "gradio_api/upload", "gradio_api/component_server", "gradio_api/run/speak", "login")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("guarded") / "data", api_key=KEY, public=False) as served:
        yield served


def get(served: Served, path: str, **headers: str) -> httpx.Response:
    return httpx.get(served.url + path, headers=headers, verify=False)  # no certificates to read


def test_with_a_key_nothing_is_open_but_its_health(guarded: Served) -> None:
    assert {path: get(guarded, path).status_code for path in EVERYWHERE} == dict.fromkeys(EVERYWHERE, 401)
    assert {path: httpx.post(guarded.url + path).status_code for path in WRITES} == dict.fromkeys(WRITES, 401)
    assert get(guarded, "healthz").status_code == 200 and get(guarded, "readyz").json()["status"] == "starting"
    starting = get(guarded, "readyz")
    assert starting.status_code == 503 and starting.headers["retry-after"] == "1"
    assert starting.json()["error"]["code"] == "studio_starting" and starting.json()["jobs"] == 0
    refused = get(guarded, "v1/models")
    assert refused.json()["error"]["type"] == "authentication_error"
    assert refused.headers["www-authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize("key", [BEARER, BASIC], ids=["bearer", "basic"])
def test_the_key_opens_all_of_it(guarded: Served, key: dict[str, str]) -> None:
    assert get(guarded, "", **key).status_code == 200
    assert get(guarded, "v1/models", **key).status_code == 200
    assert get(guarded, "config", **key).status_code == 200
    body = {"model": "tone", "voice": "high", "input": "one"}
    assert httpx.post(f"{guarded.url}v1/audio/speech", json=body, headers=key).status_code == 200


def test_gradios_client_comes_in_with_the_key(guarded: Served) -> None:
    from gradio_client import Client

    file, told = Client(guarded.url, headers=BEARER, verbose=False).predict(
        script="[S1] One.", engine="tone", api_name="/speak"
    )
    assert told["state"] == "finished" and Path(file).is_file()


@pytest.mark.parametrize(
    "wrong", ["", "Bearer", "Bearer x", f"bearer  {KEY}x", KEY, f"Token {KEY}", "Basic %%%", "Basic eA=="]
)
def test_a_wrong_key_is_wrong(guarded: Served, wrong: str) -> None:
    assert get(guarded, "v1/models", Authorization=wrong).status_code == 401
    assert not is_key(wrong, KEY)


def test_the_stock_client_knows_what_is_wrong(guarded: Served, tmp_path: Path) -> None:
    from openai import AuthenticationError, OpenAI, RateLimitError

    with OpenAI(base_url=f"{guarded.url}v1", api_key="wrong", max_retries=0) as client:
        with pytest.raises(AuthenticationError) as refused:
            client.models.list()
        assert refused.value.code == "invalid_api_key" and refused.value.request_id
    with serve(tmp_path, requests_per_minute=1) as served:
        with OpenAI(base_url=f"{served.url}v1", api_key="any", max_retries=0) as client:
            assert client.models.list().data
            with pytest.raises(RateLimitError) as refused_too:
                client.audio.speech.create(model="tone", voice="high", input="one")
        assert refused_too.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "https://127.0.0.1.evil.example"]
)
def test_pages_of_other_sites_change_nothing(served: Served, origin: str) -> None:
    for path in (*WRITES, "v1/audio/speech", "v1/audio/dialogue"):
        answer = httpx.post(served.url + path, headers={"Origin": origin}, content=b"{}")
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "origin_not_allowed", path
    assert get(served, "v1/models", Origin=origin).status_code == 403  # nor do they read
    assert get(served, "gradio_api/info", Origin=origin).status_code == 403
    cross = httpx.post(f"{served.url}v1/audio/speech", headers={"Sec-Fetch-Site": "cross-site"}, content=b"{}")
    assert cross.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "192.168.1.7"])  # gradio alone lets every site read at the second
def test_no_other_site_is_let_in_by_a_browser(served: Served, host: str) -> None:
    wants = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin in ("http://evil.example", "null", f"http://{host}"):
        headers = {"Origin": origin, "Host": host}
        answers = [
            httpx.options(f"{served.url}v1/audio/speech", headers={**headers, **wants}),
            httpx.get(f"{served.url}v1/models", headers=headers),
            httpx.get(f"{served.url}config", headers=headers),
        ]
        assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]
        assert [answer.status_code for answer in answers[1:]] == [200 if host in origin else 403] * 2


def test_nothing_is_fetched_for_others(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """gradio would ask an address that a request names, as the studio's computer, and give what comes as its own."""
    asked: list[str] = []

    async def resolve(host: str, *more: object, **named: object) -> str:
        asked.append(host)
        raise ValueError(host)

    monkeypatch.setattr("safehttpx.async_validate_url", resolve)
    monkeypatch.setattr("safehttpx.get", resolve)
    for path in ("file=https://evil.example/x.png", "file/http://evil.example/", "file=https:%2f%2fevil.example/x"):
        assert get(served, f"gradio_api/{path}").json()["error"]["code"] == "address_not_allowed"
    file = {"path": "https://evil.example/x.wav", "meta": {"_type": "gradio.FileData"}}
    body = {"data": ["[S1] Hi.", "tone", file, 0, {}, ""]}
    event = httpx.post(f"{served.url}gradio_api/call/speak", json=body).json()["event_id"]
    assert "fetches nothing from other addresses" in get(served, f"gradio_api/call/speak/{event}").text
    assert not asked


@pytest.mark.parametrize(
    ("hosts", "framers"), [((), "'self'"), (("studio.lan",), "'self' studio.lan:*"), (("*",), None)]
)
def test_no_other_page_can_show_ours_in_a_frame(tmp_path: Path, hosts: tuple[str, ...], framers: str | None) -> None:
    """Else a click there could be one here."""
    with serve(tmp_path, allowed_hosts=hosts) as served:
        for path in ("", "v1/docs"):
            told = get(served, path).headers.get("content-security-policy")
            assert told == (framers and f"frame-ancestors {framers}")


def test_only_files_may_be_large(tmp_path: Path) -> None:
    """JSON is read at once by the thread that serves everybody: visitors send as much of it as a script takes."""
    page, upload = "gradio_api/queue/join", "gradio_api/upload"
    with serve(tmp_path, host="0.0.0.0") as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.post(url + page, content=b" " * 9_000_000).status_code == 413
        assert httpx.post(url + page, content=b" " * 7_000_000).status_code == 422  # no JSON
        brought = httpx.post(url + upload, files={"files": ("a.wav", b" " * 9_000_000)})
        assert brought.status_code == 200 and len(brought.json()) == 1


def test_our_own_page_may(served: Served) -> None:
    origin = served.url.rstrip("/")
    body = {"model": "tone", "voice": "high", "input": "one"}
    answer = httpx.post(f"{served.url}v1/audio/speech", json=body, headers={"Origin": origin})
    assert answer.status_code == 200


def test_a_password_that_a_browser_sends_by_itself_is_no_proof_of_the_page(guarded: Served) -> None:
    url, foreign = f"{guarded.url}v1/audio/speech", {"Origin": "http://evil.example"}
    body = {"model": "tone", "voice": "high", "input": "one"}
    assert httpx.post(url, json=body, headers={**foreign, **BASIC}).status_code == 403
    assert httpx.post(url, json=body, headers={**foreign, **BEARER}).status_code == 200  # no page can send that


def test_other_names_are_refused(served: Served) -> None:
    for host in ("evil.example", "evil.example:7860", "localhost.evil.example", "", "127.0.0.1.evil.example"):
        for path in ("", "v1/models", "config", "gradio_api/info"):
            assert get(served, path, Host=host).status_code == 403, (host, path)
    for host in ("localhost", "127.0.0.1:9", "[::1]:9", "192.168.1.7"):
        assert get(served, "v1/models", Host=host).status_code == 200, host


def test_names_can_be_allowed(tmp_path: Path) -> None:
    with serve(tmp_path, allowed_hosts=("studio.lan",), requests_per_minute=3) as served:
        assert get(served, "v1/models", Host="studio.lan:80").status_code == 200
        assert get(served, "v1/models", Host="other.lan").status_code == 403
        assert get(served, "config", Origin="https://studio.lan").status_code == 200  # our page, behind a proxy
        assert get(served, "config", Origin="https://other.lan").status_code == 403
        answers = [get(served, "v1/models") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert get(served, "config").status_code == 200  # the page asks often
        asked = ("gradio_api/call/speak", "gradio_api/queue/join", "gradio_api/upload", "gradio_api/mcp/")
        assert {httpx.post(served.url + path).status_code for path in asked} == {429}
        assert httpx.post(f"{served.url}gradio_api/component_server").status_code == 400


def test_websockets_are_guarded_too(guarded: Served, served: Served) -> None:
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OTAxMjM0NQ==",
    }
    assert get(guarded, "v1/audio/speech/stream", **asked).status_code in (401, 403)
    assert get(served, "v1/audio/speech/stream", **asked, Origin="http://evil.example").status_code == 403


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": "0.0.0.0"}, "STUDIO_API_KEY, or STUDIO_PUBLIC=1"),
        ({"host": "::"}, "no key"),
        ({"host": "myhost"}, "no key"),
        ({"api_key": "short"}, "16 plain characters"),
        ({"log": "loud"}, "json or off"),
        ({"max_waiting": 0}, "more than 0"),
        ({"max_body_mb": float("nan")}, "more than 0"),
        ({"requests_per_minute": -1}, "0 or more"),
    ],
)
def test_settings_that_are_not_safe_are_refused(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Settings(tmp_path, **settings)  # type: ignore[arg-type]


def test_what_the_environment_may_say() -> None:
    told = {"STUDIO_HOST": "0.0.0.0", "STUDIO_API_KEY": KEY, "STUDIO_ALLOWED_HOSTS": "A.lan, b.lan"}
    settings = Settings.from_environment(told)
    assert settings.allowed_hosts == ("a.lan", "b.lan") and KEY not in repr(settings)
    space = Settings.from_environment({"GRADIO_SERVER_NAME": "0.0.0.0", "SPACE_ID": "anna/studio"})
    assert space.public and space.allowed_hosts == ("*",)


def test_ids_hold_nothing_that_could_be_a_header() -> None:
    assert request_id("a.b-c_1") == "a.b-c_1"
    assert all(request_id(wrong).startswith("req_") for wrong in ("", "a\r\nX: 1", "a" * 129, "é"))


def test_the_page_still_has_its_own_api(served: Served) -> None:
    assert "/speak" in json.dumps(get(served, "gradio_api/info").json())
    assert get(served, "gradio_api/openapi.json").json()["openapi"]


def test_a_listeners_link_is_a_key_to_itself_alone(guarded: Served) -> None:
    """With a key on the studio, who has the link of a blind test gets that test, and nothing else."""
    store = TrialStore(guarded.studio.settings.data / FOLDER)
    finished(store, seconds=1.0)
    link = f"listen/{Sessions(store).open(Session('s1')).token}"
    assert get(guarded, link).status_code == 200 and get(guarded, "listen/guess").status_code == 404
    joined = httpx.post(f"{guarded.url}{link}/join", json={"name": "Ada"}).json()
    question = httpx.post(f"{guarded.url}{link}/blind_question", json={"key": joined["key"]})
    assert len(question.json()["sounds"]) == 2 and "etag" not in question.headers
    assert get(guarded, "v1/models").status_code == 401
    foreign = httpx.post(f"{guarded.url}{link}/join", json={"name": "Eve"}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
