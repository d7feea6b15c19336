"""What the page asks about benchmarks, asked without a page, at home and on a shared machine."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.benchmark import suites
from studio.benchmark.plan import Plan
from studio.benchmark.store import Row
from studio.metrics import Missing
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.desk import Desk
from studio.ui.yardstick import Yardstick

ORDER = {"engines": ["tone"], "suite": "quick", "repeats": 1, "seeds": [0], "judge": False}


@pytest.fixture
def asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """ask("bench_open", {...}): what a page gets, as JSON."""
    monkeypatch.setattr("studio.benchmark.probe.probe", lambda *_: Missing("a test"))
    studio = Studio(replace(settings, watermark=False))
    functions = {function.__name__: function for function in Desk(studio).functions()}
    yield lambda name, payload=None: json.loads(json.dumps(functions[name](payload or {}), allow_nan=False))
    studio.close()


def over(asked: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while (told := asked("bench_progress"))["running"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not told["running"]
    return dict(told)


def test_a_benchmark_is_begun_followed_compared_and_written(asked: Any) -> None:
    opened = asked("bench_open")
    assert {one["id"] for one in opened["engines"]} >= {"hibari", "tone"} and opened["history"] == []
    assert next(one for one in opened["suites"] if one["id"] == "quick")["count"] == 3
    estimate = asked("bench_estimate", ORDER)
    assert estimate["rows"] == 3 and estimate["seconds"] > 0 and "a guess" in estimate["basis"][0]
    begun = asked("bench_begin", ORDER)
    assert begun["progress"]["running"] and begun["cells"] == 3
    assert "running" in asked("bench_begin", ORDER)["error"]["message"]
    assert over(asked)["error"] is None
    told = asked("bench", {"id": begun["id"]})
    assert (told["state"], told["done"], len(told["rows"])) == ("finished", 3, 3)
    assert {plot["name"] for plot in told["plots"]} == {"rtf", "first_sound_s"}
    assert told["table"][0]["title"] == "RTF" and "a test" in told["table"][2]["missing"][0]
    assert Path(told["rows"][0]["url"].removeprefix("gradio_api/file=")).is_file()
    again = asked("bench_begin", ORDER)
    over(asked)
    compared = asked("bench_compare", {"id": again["id"], "with": begun["id"], "threshold": 1000})
    assert compared["machines"] == [] and {one["verdict"] for one in compared["differences"]} == {"same"}
    for kind in (".html", ".csv", ".json", ".md"):
        made = asked("bench_file", {"id": again["id"], "kind": kind})
        assert Path(made["url"].removeprefix("gradio_api/file=")).stat().st_size > 200
    assert "Reload" in asked("bench_file", {"id": again["id"], "kind": "/../x"})["error"]["remedy"]
    assert [one["id"] for one in asked("bench_delete", {"id": begun["id"]})["history"]] == [again["id"]]


def test_any_voice_may_be_taken_and_one_that_is_none_is_told(asked: Any) -> None:
    groups = {one["title"]: {voice["id"] for voice in one["voices"]} for one in asked("bench_open")["voices"]}
    assert "v-sample-wren" in groups["Recorded, for engines that follow them"] and "low" in groups["Hibari (built in)"]
    assert asked("bench_estimate", {**ORDER, "suite": "four-speakers"})["speakers"] == ["S1", "S2", "S3", "S4"]
    begun = asked("bench_begin", {**ORDER, "voices": {"S1": "v-sample-wren", "S2": "", "Nobody": "low"}})
    assert begun["plan"]["voices"] == {"S1": "v-sample-wren"}
    over(asked)
    told = asked("bench", {"id": begun["id"]})
    assert told["done"] == 3 and any("follows recordings" in warning for warning in told["warnings"])
    wrong = asked("bench_begin", {**ORDER, "voices": {"S1": "lowe"}})["error"]
    assert "lowe" in wrong["message"], wrong
    assert "error" in asked("bench_begin", {**ORDER, "voices": {"S1": "v-nobody"}})
    mixed = asked("bench_begin", {**ORDER, "engines": ["tone", "hibari"], "voices": {"S1": "low"}})
    assert mixed["plan"]["voices"] == {"S1": "low"}, "one engine that has it is enough"
    asked("bench_stop", {"id": mixed["id"]})
    over(asked)


def test_ten_thousand_rows_are_turned_over_page_by_page(settings: Settings) -> None:
    studio = Studio(replace(settings, watermark=False))
    yardstick = Yardstick(studio)
    suite = suites.find("quick")
    bench = yardstick.benchmarks.new(Plan(("tone",), repeats=100, judge=False), suite)
    rows = (
        Row(cell, "tone", suite.items[cell % 3].id, 0, cell // 3, "ok", values={"rtf": 0.1 + cell / 1e6}, created="x")
        for cell in range(10_000)
    )
    yardstick.benchmarks.store.put_all(bench.id, rows)
    begun = time.process_time()
    last = yardstick.bench({"id": bench.id})
    seconds = time.process_time() - begun
    assert (last["page"], last["pages"], last["all_rows"], len(last["rows"])) == (49, 50, 10_000, 200)
    assert seconds < 3 and len(json.dumps(last)) < 300_000, f"{seconds:.1f} s of work for a page"
    told = [yardstick.bench({"id": bench.id, "page": page}) for page in (0, 24, 99)]
    assert [one["rows"][0]["cell"] for one in told] == [0, 4800, 9800] and told[2]["page"] == 49
    for number in range(45):
        yardstick.benchmarks.store.add(replace(bench, id=f"b-{number}", created=f"2026-01-01T00:{number:02}"))
    assert (len(yardstick.bench_open({})["history"]), yardstick.bench_open({})["older"]) == (40, True)
    assert len(yardstick.bench_history({"limit": 140})["history"]) == 46
    studio.close()


def test_the_guide(asked: Any) -> None:
    answers = {one["engine"]: one for one in asked("bench_guide", {"needs": ["gpu=8", "clone"]})["answers"]}
    assert answers["dia"]["suits"] and not answers["hibari"]["suits"]
    assert "no need" in asked("bench_guide", {"needs": ["wings"]})["error"]["message"]


def test_pause_go_on_and_stop(asked: Any) -> None:
    begun = asked("bench_begin", {**ORDER, "suite": "short-lines", "repeats": 3})
    while asked("bench_progress")["changes"] < 2:
        time.sleep(0.02)
    asked("bench_pause")
    over(asked)
    paused = asked("bench", {"id": begun["id"]})
    assert paused["state"] == "paused" and 2 <= paused["done"] < 24
    asked("bench_resume", {"id": begun["id"]})
    asked("bench_stop", {"id": begun["id"]})
    over(asked)
    assert asked("bench", {"id": begun["id"]})["state"] == "stopped"
    asked("bench_resume", {"id": begun["id"]})
    assert "is stopped" in over(asked)["error"]["message"]


def test_bad_orders_are_told(asked: Any, tmp_path: Path) -> None:
    for wrong in ({"suite": "nothing"}, {"engines": []}, {"repeats": 0}, {"seeds": ["x"]}, {"engines": ["nobody"]}):
        assert asked("bench_estimate", {**ORDER, **wrong})["error"]["message"]
    (tmp_path / "set.jsonl").write_text('{"text_to_synthesize": "Hello."}\n{')
    told = asked("bench_estimate", {**ORDER, "suite": str(tmp_path / "set.jsonl")})
    assert told["rows"] == 1 and "line 2" in told["broken"][0]


def test_on_a_shared_machine_visitors_only_look(settings: Settings) -> None:
    studio = Studio(replace(settings, host="0.0.0.0", public=True))
    functions = {function.__name__: function for function in Desk(studio).functions()}
    assert functions["bench_open"]({})["may_change"] is False
    for name in ("bench_estimate", "bench_begin", "bench_resume", "bench_stop", "bench_delete", "bench_file"):
        assert "Only who runs this studio" in functions[name]({"id": "b-1", **ORDER})["error"]["message"]
    studio.close()
