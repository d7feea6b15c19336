"""Listening by a link, without a browser: who may ask what, several at once, restarts, and that no engine is loaded."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from studio.errors import NotInvited, OutputError, RequestError
from studio.panel.reception import Reception
from studio.panel.server import PanelServer, lan_address
from studio.trials.blind import Answer, BlindTest
from studio.trials.comparison import Entry
from studio.trials.sessions import Session, Sessions
from studio.trials.store import TrialStore
from tests.finished import finished

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> TrialStore:
    store = TrialStore(tmp_path / "data" / "trials", Random(3))
    finished(store, seconds=1.0)
    return store


@pytest.fixture
def server(store: TrialStore) -> Iterator[PanelServer]:
    server = PanelServer(store, "127.0.0.1", 0)
    yield server
    server.close()


class Listener:
    """Somebody with the link and a nickname."""

    def __init__(self, reception: Reception, token: str, name: str) -> None:
        self.reception, self.token = reception, token
        self.key = self.ask("join", name=name)["key"]

    def ask(self, what: str, /, **asked: Any) -> Any:
        return self.reception.call(self.token, what, {"key": getattr(self, "key", ""), **asked})

    def answer(self, choice: str = "first") -> Any:
        question = self.ask("blind_question")
        return self.ask("blind_answer", question=question["question"], choice=choice, heard=[9, 9])


def opened(store: TrialStore, **more: Any) -> Session:
    return Sessions(store).open(Session("s1", **more))


def test_the_link_decides_the_test_and_the_secret_the_listener(store: TrialStore) -> None:
    session, reception = opened(store), Reception(store)
    ada, bo = (Listener(reception, session.token, name) for name in ("Ada", "Bo"))
    assert ada.answer()["counted"] and bo.answer("tie")["counted"]
    assert [(one.listener, one.choice) for one in store.votes("s1")] == [("Ada", "first"), ("Bo", "tie")]
    question = ada.ask("blind_question")["question"]
    stolen = bo.ask("blind_answer", question=question, choice="first", heard=[9, 9])
    assert stolen["error"]["code"] == "not_invited"
    eve = Listener(reception, opened(store, test="rating").token, "Eve")
    sheet, eve.token = eve.ask("rating_sheet")["sheet"], session.token
    mixed = eve.ask("blind_answer", question=question, sheet=sheet, choice="first", heard=[9, 9])
    assert mixed["error"]["code"] == "not_invited", "a sheet of her own beside it opens nothing"
    assert bo.ask("rating_answer", sheet=sheet, scores=[1, 2, 3], heard=[9, 9, 9])["error"]["code"] == "not_invited"
    assert bo.ask("rating_sheet")["error"]["code"] == "not_invited", "a sheet would tell whose sounds these are"
    assert "error" in bo.ask("blind_reveal", question=question) and not store.posed(question).revealed
    tricked = ada.ask("blind_question", id="c0", listener="Bo", test="abx")
    assert tricked["question"] == question and len(tricked["sounds"]) == 2, "what is asked for beside is not looked at"
    assert "error" in ada.ask("blind_question", key="guess") and "error" in ada.ask("blind_question", key="")
    assert "error" in ada.ask("blind_answer", choice="first") and "error" in ada.ask(
        "blind_answer", question=7, heard=1
    )


def test_a_nickname_is_one_persons(store: TrialStore) -> None:
    session, reception = opened(store), Reception(store)
    ada = Listener(reception, session.token, " Ada  L ")
    assert ada.ask("join", name="Ada L")["key"] == ada.key, "the same browser goes on"
    for name in ("Ada L", "ada l"):
        assert "called" in ada.ask("join", name=name, key="another")["error"]["message"]
    assert "needs a name" in ada.ask("join", name=" ")["error"]["message"]
    blind = BlindTest(store)
    blind.answer(blind.ask("c0", "Cy").id, Answer("tie", (9.0, 9.0)))
    assert "error" in ada.ask("join", name="Cy", key=""), "who answered in the studio's own page is not taken over"
    other = opened(store, test="abx")
    assert reception.call(other.token, "join", {"name": "Ada L", "key": ada.key})["key"] == ada.key
    assert Sessions(store).listeners(session) == ["Ada L"]


def test_a_link_that_is_closed_or_guessed_leads_nowhere(store: TrialStore) -> None:
    session, reception = opened(store), Reception(store)
    assert opened(store) == session, "the same test has one link, also after a restart"
    assert len(session.token) >= 32 and session.token not in repr(session)
    Sessions(store).close(session.token)
    for token in (session.token, "", "a" * 32):
        with pytest.raises(NotInvited, match="no open test"):
            reception.call(token, "welcome", {})
    with pytest.raises(LookupError):
        reception.call(opened(store).token, "comparison", {})
    with pytest.raises(RequestError, match="no comparison"):
        Sessions(store).open(Session("nothing"))
    with pytest.raises(RequestError, match="no test"):
        Session("s1", "sniff")


def test_where_nothing_is_told_nothing_is(store: TrialStore) -> None:
    session = opened(store, tells=False)
    ada = Listener(Reception(store), session.token, "Ada")
    question = ada.ask("blind_question")["question"]
    assert "nothing is told" in ada.ask("blind_reveal", question=question)["error"]["message"]
    assert ada.answer() == {"counted": True, "why": ""}


def test_a_refusal_does_not_tell_which_sound_is_shorter(store: TrialStore) -> None:
    ada = Listener(Reception(store), opened(store).token, "Ada")
    question = ada.ask("blind_question")["question"]
    asked = store.posed(question).question
    seconds = [store.rendering(asked.comparison, entry).seconds for entry in (asked.first, asked.second)]
    between = 0.9 * sum(seconds) / 2
    assert abs(seconds[0] - seconds[1]) > 0.1 and max(seconds) < 2.0
    for heard in ([between, 9.0], [9.0, between], [9.0], [9.0, 9.0, 9.0], []):
        told = ada.ask("blind_answer", question=question, choice="first", heard=heard)
        assert told["error"]["message"] == "Both sides must be heard first.", heard
    assert ada.ask("blind_answer", question=question, choice="first", heard=[0.9 * max(seconds)] * 2)["counted"]


def test_many_on_the_same_pair_at_the_same_moment(store: TrialStore) -> None:
    """Each has a question of the own, every vote counts once, and one that is sent twice counts once."""
    session, reception = opened(store), Reception(store)
    people = [Listener(reception, session.token, f"n{number}") for number in range(6)]
    barrier, told = threading.Barrier(12), list[Any]()

    def send(listener: Listener, question: str) -> None:
        barrier.wait()
        told.append(listener.ask("blind_answer", question=question, choice="first", heard=[9, 9]))

    asked = [(one, one.ask("blind_question")["question"]) for one in people]
    threads = [threading.Thread(target=send, args=pair) for pair in asked for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one["counted"] for one in told) == [False] * 6 + [True] * 6
    assert {one.listener for one in store.votes()} == {f"n{number}" for number in range(6)}


def test_a_restart_keeps_link_listener_and_question(store: TrialStore) -> None:
    session = opened(store)
    ada = Listener(Reception(store), session.token, "Ada")
    question = ada.ask("blind_question")["question"]
    ada.reception = Reception(TrialStore(store.folder))
    assert ada.ask("blind_question")["question"] == question
    assert ada.ask("blind_answer", question=question, choice="bad", heard=[9, 9])["counted"]


def test_over_http_only_the_link_answers(server: PanelServer, store: TrialStore) -> None:
    url = server.url(opened(store).token)
    page = httpx.get(url)
    assert page.status_code == 200 and "no-store" in page.headers["cache-control"]
    assert page.headers["referrer-policy"] == "no-referrer" and "server" not in page.headers
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    assert httpx.post(f"{url}/welcome", json={}).json()["scripts"] == 2
    base = url.rsplit("/", 2)[0]
    for path in ("/", "/listen/", "/listen/guess", "/gradio_api/info", "/v1/models", "/listen/../trials.sqlite3"):
        assert httpx.get(base + path).status_code == 404, path
    assert httpx.post(f"{base}/listen/guess/welcome", json={}).status_code == 404
    assert httpx.post(f"{url}/scores", json={}).status_code == 404
    assert httpx.post(f"{url}/join", content=b"[" * 50_000).status_code == 400
    assert httpx.post(f"{url}/join", content=b"[]").status_code == 400
    assert httpx.post(f"{url}/join", content=b"x" * 100_000).status_code == 413
    assert httpx.get(f"{url}/join").status_code == 405


def test_a_port_that_is_taken_is_told_or_another_is_used(store: TrialStore, server: PanelServer) -> None:
    with pytest.raises(OutputError, match=f"port {server.port}"):
        PanelServer(store, "127.0.0.1", server.port, only_port=True)
    other = PanelServer(store, "127.0.0.1", server.port)
    assert other.port != server.port
    other.close()
    assert socket.inet_aton(lan_address())


def test_serving_votes_loads_no_engine_and_no_page(store: TrialStore) -> None:
    """As a person starts it: a link on stdout, a page behind it, and nothing heavy in the process."""
    code = (
        "import sys, threading, studio.cli, studio.cli.panel as panel\n"
        "def wait():\n"
        "    heavy = ('torch', 'gradio', 'transformers', 'onnxruntime', 'studio.engines', 'studio.studio')\n"
        "    print([name for name in heavy if name in sys.modules], flush=True)\n"
        "    raise KeyboardInterrupt\n"
        "panel.wait = wait\n"
        "sys.exit(studio.cli.main(['compare', '--serve-votes', '--host', '127.0.0.1', '--port', '0', '--json']))"
    )
    environment = {"STUDIO_DATA": str(store.folder.parent), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    document, _, heavy = done.stdout.rpartition("}")
    told = json.loads(document + "}")
    assert heavy.strip() == "[]"
    assert told["comparisons"] == ["c0", "c1"] and f"Listeners go to {told['url']}" in done.stderr
    assert Sessions(store).get(told["url"].rsplit("/", 1)[1]).target == "s1"


def test_an_abx_of_two_entries_and_a_reference_by_their_numbers(store: TrialStore) -> None:
    from studio.cli import panel

    comparisons = store.members("s1")
    assert panel.pair_of(comparisons[0], "1,3") == (Entry("hibari").id, Entry("tone").id)
    assert panel.reference_of(store, comparisons, "2") == Entry("kokoro").id
    with pytest.raises(RequestError, match="no entry 4"):
        panel.reference_of(store, comparisons, "4")
