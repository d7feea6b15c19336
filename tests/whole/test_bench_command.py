"""The command `bench` as a person and a program meet it, killed in the middle too."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from studio.benchmark.store import BenchStore, Row
from studio.metrics import Missing
from tests.whole.test_cli import Answer, Cli, call

__all__ = ["call"]  # a fixture
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def not_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process of its own for the engine, and no mark: both take seconds and are tested elsewhere."""
    monkeypatch.setattr("studio.benchmark.probe.probe", lambda *_: Missing("a test"))
    monkeypatch.setenv("STUDIO_WATERMARK", "off")


def last(answer: Answer) -> dict[str, Any]:
    return dict(json.loads(answer.out.splitlines()[-1]))


def bench(call: Cli, *words: str) -> Answer:
    Path("suite").mkdir(exist_ok=True)
    Path("suite/a.txt").write_text("[S1] Hello there.", encoding="utf-8")
    Path("suite/b.txt").write_text("[S1] Who is it? [S2] Nobody at all.", encoding="utf-8")
    return call("bench", "--engines", "tone", "--suite", "suite", "--repeat", "1", "--speed-only", *words)


def test_a_benchmark_is_run_listed_compared_and_forgotten(call: Cli) -> None:
    first = bench(call)
    told = last(first)
    assert first.code == 0 and told["state"] == "finished" and told["done"] == 2
    assert len(first.out.splitlines()) == 1, "tables for people go to stderr"
    assert "RTF" in first.err and "2 rows" in first.err
    again = bench(call, "--compare", "last", "--threshold", "1000")
    comparison = last(again)["comparison"]
    assert again.code == 0 and isinstance(comparison, dict) and comparison["regressions"] == 0
    assert comparison["with"] == told["id"] and comparison["machines_differ_in"] == []
    listed = call("bench", "--list", "--json")
    assert [one["suite"].rpartition("/")[2] for one in listed.json] == ["suite", "suite"]
    assert call("bench", "--delete", str(told["id"])).code == 0
    assert [one["id"] for one in call("bench", "--list").json] == [last(again)["id"]]
    gone = call("bench", "--show", str(told["id"]), "--json")
    assert gone.code == 1 and "There is no benchmark" in gone.json["error"]["message"]


def test_a_regression_exits_with_1(call: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    told = last(bench(call))
    database = Path(os.environ["STUDIO_DATA"]) / "benchmarks" / "benchmarks.sqlite"
    with sqlite3.connect(database) as db:  # as if it had been a hundred times as fast and had had no flaw
        rows = db.execute("SELECT cell, val FROM rows").fetchall()
        for cell, values in rows:
            better = {**json.loads(values), "first_sound_s": 0.0, "rtf": 0.0, "process_gb": 0.001, "wer": 0.0}
            db.execute("UPDATE rows SET val = ? WHERE cell = ?", (json.dumps(better), cell))
    db.close()
    answer = bench(call, "--compare", str(told["id"]), "--threshold", "0.1")
    assert answer.code == 1 and "worse: tone process_gb" in answer.err
    assert last(answer)["comparison"]["not_measured_now"] == ["wer"] and "not measured this time" in answer.err
    assert bench(call, "--compare", str(told["id"])).code == 0, "without a threshold it is only told"


def test_what_has_nothing_in_common_is_no_pass(call: Cli) -> None:
    told = last(bench(call))
    Path("other.txt").write_text("[S1] Something else.", encoding="utf-8")
    other = ("bench", "--engines", "tone", "--suite", "other.txt", "--repeat", "1", "--speed-only")
    for word in ("last", str(told["id"])):
        answer = call(*other, "--compare", word, "--threshold", "0.1")
        assert answer.code == 1 and last(answer)["error"]["remedy"]
    assert len(call("bench", "--list").json) == 1, "nothing was begun"
    assert call(*other).code == 0
    again = bench(call, "--compare", "last", "--threshold", "1000")
    assert again.code == 0 and last(again)["comparison"]["with"] == told["id"], "not the one of another script"
    Path("suite").rename("moved")
    Path("moved/a.txt").write_text("[S1] Hello there, my old friend.", encoding="utf-8")
    moved = ("bench", "--engines", "tone", "--suite", "moved", "--repeat", "1", "--speed-only")
    answer = call(*moved, "--compare", str(told["id"]), "--threshold", "1000")
    assert {one["pairs"] for one in last(answer)["comparison"]["differences"]} == {1}, "a was changed since"


def test_what_cannot_be_is_told(call: Cli) -> None:
    assert call("bench", "--threshold", "0.1").code == 2
    assert call("bench", "--seeds", "x").code == 2
    for words in (["--engines", "nobody"], ["--suite", "nothing"], ["--compare", "last"], ["--resume", "b-1"]):
        answer = call("bench", *words, *(["--json"] if words[0] == "--suite" else []))
        assert answer.code == 1 and last(answer)["error"]["remedy"]
    assert {suite["id"] for suite in call("bench", "--suites").json} >= {"quick", "cues"}


def test_the_guide_answers_with_reasons_and_sources(call: Cli) -> None:
    def asked(needs: str) -> dict[str, dict[str, Any]]:
        return {one["engine"]: one for one in call("bench", "--guide", needs).json}

    plain = asked("offline,stream")
    assert plain["hibari"]["suits"] and not plain["dia"]["suits"], "without a card it is too slow"
    assert all(reason["text"] and reason["source"] for one in plain.values() for reason in one["reasons"])
    reasons = {reason["text"]: reason["holds"] for reason in asked("gpu=4,cues,clone")["dia"]["reasons"]}
    assert asked("gpu=8,cues,clone,stream")["dia2-2b"]["suits"], "files that are not here are no reason against it"
    assert reasons["follows recorded voices"] and not reasons["takes 4.7 GB of 4 GB"]
    assert {text.split()[0]: holds for text, holds in reasons.items()}["performs"]
    assert not asked("clone")["hibari"]["suits"] and not asked("language=fr")["hibari"]["suits"]
    wrong = call("bench", "--guide", "cue", "--json")
    assert wrong.code == 1 and "'cues'" in wrong.json["error"]["remedy"]


@pytest.mark.slow
def test_a_killed_benchmark_goes_on_and_has_every_row_once(tmp_path: Path) -> None:
    env = {**os.environ, "STUDIO_DATA": str(tmp_path), "STUDIO_SHOW_TONE": "1"}
    words = ["--engines", "tone", "--suite", "short-lines", "--repeat", "3", "--speed-only"]
    command = [sys.executable, "-m", "studio", "bench"]
    store = BenchStore(tmp_path / "benchmarks" / "benchmarks.sqlite")

    def rows() -> list[Row]:
        return [row for found in store.recent() for row in store.rows(found.id)]

    with subprocess.Popen([*command, *words], cwd=ROOT, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        deadline = time.monotonic() + 60
        while len(rows()) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        one.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        one.communicate()
    before = rows()
    assert 4 <= len(before) < 24
    listed = subprocess.run([*command, "--list"], cwd=ROOT, env=env, capture_output=True, check=True)
    (found,) = json.loads(listed.stdout)
    assert found["state"] == "paused"
    resumed = subprocess.run([*command, "--resume", found["id"]], cwd=ROOT, env=env, capture_output=True)
    assert resumed.returncode == 0, resumed.stderr
    told = json.loads(resumed.stdout.splitlines()[-1])
    assert told["done"] == 24 and [row.cell for row in rows()] == list(range(24))
    assert rows()[: len(before)] == before, "what was there is as it was"
    alone = told["summary"][0]["measures"]
    assert 0.05 < alone["host_gb"]["median"] < 1 and alone["load_cold_s"]["median"] > 0
