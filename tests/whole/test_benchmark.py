"""The protocol of a benchmark: figures of engines whose truth is known, and everything that may go wrong on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio import engines, formats
from studio.audio import Audio
from studio.benchmark import suites
from studio.benchmark.bench import Benchmarks, Event
from studio.benchmark.hearing import split
from studio.benchmark.plan import Plan, cells
from studio.benchmark.probe import Alone
from studio.benchmark.session import Doing, Done
from studio.benchmark.store import Bench, BenchStore, Row
from studio.benchmark.summary import compare, summaries, warnings
from studio.engines.base import Placement
from studio.errors import OutputError, RequestError
from studio.metrics import Missing
from studio.request import SpeechRequest
from studio.script import Script
from studio.settings import Settings
from studio.studio import Studio
from tests.stand_ins import StandIn, stand_in

__all__ = ["stand_in"]

TEXTS = {"one": "[S1] Hello there, my friend.", "two": "[S1] Is it you? [S2] Who else would it be?"}
SUITE = suites.Suite("test", "Test", "here", "CC0", tuple(suites.Item(k, Script.parse(v)) for k, v in TEXTS.items()))


def not_alone(settings: Settings, engine: str, precision: str, script: str, stopped: Any) -> Alone:
    return Missing("this is a test") if engine == "tone" else {"host_gb": 1.5, "load_cold_s": 2.0}


@pytest.fixture
def benchmarks(settings: Settings) -> Iterator[Benchmarks]:
    studio = Studio(replace(settings, watermark=False))
    yield Benchmarks(studio, not_alone)
    studio.close()


def run(benchmarks: Benchmarks, bench: Bench) -> list[Event | None]:
    return list(benchmarks.run(bench.id))


def quick(*names: str, repeats: int = 2, **more: Any) -> Plan:
    return Plan(names, repeats=repeats, judge=False, **more)


def test_the_rtf_of_an_engine_that_sleeps_is_known(benchmarks: Benchmarks, stand_in: StandIn) -> None:
    tone = engines.module("tone").SPEC
    lazy = tuple(replace(one, default=0.05) if one.name == "work_seconds" else one for one in tone.parameters)
    stand_in("lazy", parameters=lazy, frame_rate=12.5)  # 0.05 s of work for 0.2 s of sound a word
    bench = benchmarks.new(quick("tone", "lazy"), SUITE)
    run(benchmarks, bench)
    bench, rows = benchmarks.store.get(bench.id), benchmarks.store.rows(bench.id)
    assert (bench.state, bench.done, bench.failed, len(rows)) == ("finished", 8, 0, 8)
    fast, slow = summaries(bench, rows)
    assert 0.25 <= slow.spreads["rtf"].median < 0.4 and fast.spreads["rtf"].median < 0.2
    assert 0.05 <= slow.spreads["first_sound_s"].least < 0.12
    assert slow.spreads["seconds"].least == pytest.approx(0.8, abs=0.02)
    assert slow.spreads["host_gb"].median == 1.5 and fast.missing["host_gb"] == "this is a test"
    assert fast.missing["wer"] == "this benchmark listens to nothing"
    steps = [row.values["tokens_per_s"] * row.values["rtf"] for row in rows if row.engine == "lazy"]
    assert steps == pytest.approx([12.5] * 4, rel=1e-4) and "not frame by frame" in fast.missing["tokens_per_s"]
    assert [row.engine for row in rows[:4]] == ["tone", "lazy", "lazy", "tone"], "engines take turns"
    assert not benchmarks.studio.recent(), "what is measured is not among what people speak"
    assert len(list(benchmarks.folder.glob("runs/*/dialogue.wav"))) == 4, "the same sound is kept once"
    assert not list(benchmarks.folder.glob("takes/*/*.wav"))


def test_pausing_loses_no_row_and_makes_none_twice(benchmarks: Benchmarks) -> None:
    again = benchmarks.new(quick("tone", repeats=3), SUITE)
    events = benchmarks.run(again.id)
    for event in events:
        if isinstance(event, Done) and event.row.cell == 2:
            break
    events.close()
    assert benchmarks.store.get(again.id).state == "paused"
    before = benchmarks.store.rows(again.id)
    run(benchmarks, again)
    rows = benchmarks.store.rows(again.id)
    assert [row.cell for row in rows] == list(range(6)) and rows[: len(before)] == before
    with pytest.raises(RequestError, match="is finished"):
        run(benchmarks, again)


def test_an_engine_that_dies_is_a_row_that_says_so(
    benchmarks: Benchmarks, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying:
        spec = engines.module("tone").SPEC

        def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
            if "else" in request.script.turns[0].text:
                raise RuntimeError("the model fell over")
            yield from engines.module("tone").load(Placement("cpu", 1, Path())).synthesize(request)

        def close(self) -> None: ...

    stand_in("dying")
    monkeypatch.setattr(engines.module("dying"), "load", lambda placement: Dying())
    bench = benchmarks.new(quick("dying", "tone"), SUITE)
    run(benchmarks, bench)
    bench, rows = benchmarks.store.get(bench.id), benchmarks.store.rows(bench.id)
    assert (bench.state, bench.done, bench.failed) == ("finished", 6, 2)
    failed = [row for row in rows if row.state == "failed"]
    assert {(row.engine, row.item) for row in failed} == {("dying", "two")} and "fell over" in failed[0].error
    assert "fell over" in summaries(bench, rows)[0].errors[0]


def test_a_sound_of_no_length_is_a_failed_row(
    benchmarks: Benchmarks, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mute:
        spec = engines.module("tone").SPEC

        def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
            yield Audio(np.zeros(0, np.float32), 24000)

        def close(self) -> None: ...

    stand_in("mute")
    monkeypatch.setattr(engines.module("mute"), "load", lambda placement: Mute())
    bench = benchmarks.new(quick("mute", repeats=1), SUITE)
    run(benchmarks, bench)
    assert all("made no sound" in row.error for row in benchmarks.store.rows(bench.id))


def test_a_cell_in_which_the_process_ended_three_times_is_not_tried_for_ever(benchmarks: Benchmarks) -> None:
    bench = benchmarks.new(quick("tone", repeats=1), SUITE)
    for cell, tries in ((0, 3), (1, 2)):
        for _ in range(tries):
            benchmarks.store.begin(bench.id, Row(cell, "tone", "one", 0, 0, "begun"))
    assert benchmarks.store.rows(bench.id) == []
    run(benchmarks, bench)
    first, second = benchmarks.store.rows(bench.id)
    assert (first.state, second.state) == ("failed", "ok") and "ended 3 times" in first.error


def test_the_second_benchmark_waits_for_the_first(benchmarks: Benchmarks, settings: Settings) -> None:
    one, two = (benchmarks.new(quick("tone", repeats=1), SUITE) for _ in range(2))
    first, second = benchmarks.run(one.id), benchmarks.run(two.id)
    next(first)
    assert next(second) == Doing("Waiting for another benchmark")
    assert {bench.id: bench.state for bench in benchmarks.recent()} == {one.id: "running", two.id: "waiting"}
    with pytest.raises(RequestError, match="running"):
        benchmarks.delete(one.id)
    assert next(second) is None
    list(first)
    list(second)
    assert {bench.state for bench in benchmarks.recent()} == {"finished"}
    benchmarks.delete(one.id)
    assert [bench.id for bench in benchmarks.recent()] == [two.id]
    assert {path.name for path in benchmarks.folder.glob("runs/*")} == {
        row.run for row in benchmarks.store.rows(two.id)
    }


def test_what_was_killed_is_shown_as_paused(benchmarks: Benchmarks) -> None:
    bench = benchmarks.new(quick("tone", repeats=1), SUITE)
    benchmarks.store.change(bench.id, "running")
    assert benchmarks.recent()[0].state == "paused"


def test_a_clock_that_jumps_changes_no_figure(benchmarks: Benchmarks, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(2_000_000_000, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    bench = benchmarks.new(quick("tone", repeats=1), SUITE)
    run(benchmarks, bench)
    assert all(0 <= row.values["rtf"] < 1 and row.values["work_s"] >= 0 for row in benchmarks.store.rows(bench.id))


def test_judges_that_are_not_here_are_missing_with_the_reason(
    benchmarks: Benchmarks, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.hearing import Recogniser
    from studio.metrics import distillmos, mos, speakers

    monkeypatch.setattr(Recogniser, "model", "")
    monkeypatch.setattr(speakers, "_encoder", lambda: Missing("no encoder", "Get one."))
    monkeypatch.setattr(mos, "_sessions", lambda: Missing("no judge of sound", "Get one."))
    monkeypatch.setattr(distillmos, "_net", lambda: Missing("no judge of speech", "Get one."))
    bench = benchmarks.new(Plan(("tone",), repeats=2), SUITE)
    run(benchmarks, bench)
    rows = benchmarks.store.rows(bench.id)
    (summary,) = summaries(benchmarks.store.get(bench.id), rows)
    assert all(row.judged for row in rows)
    assert "No recogniser of speech is here" in summary.missing["wer"]
    assert summary.missing["similarity"] == "no encoder. Get one." and "no judge" in summary.missing["mos"]
    assert summary.missing["distillmos"] == "no judge of speech. Get one."
    assert summary.spreads["gap_s"].median == pytest.approx(0.35, abs=0.06)
    assert "wer" not in summary.spreads and "script has no cue" in summary.missing["cues_realised_share"]


def test_no_infinite_value_is_kept() -> None:
    values, missing = split({"loudness_lufs": float("-inf"), "rtf": 0.5, "wer": Missing("nobody heard it", "Wait.")})
    assert values == {"rtf": 0.5}
    assert missing == {"loudness_lufs": "the sound is silent", "wer": "nobody heard it. Wait."}


def row(cell: int, engine: str, item: str, **values: float) -> Row:
    return Row(cell, engine, item, 0, 0, "ok", values=values)


def test_a_regression_is_larger_than_the_threshold_and_sure() -> None:
    before = [row(at, "tone", f"i{at}", rtf=0.50, wer=0.02) for at in range(5)]
    now = [row(at, "tone", f"i{at}", rtf=0.60 + 0.001 * at, wer=0.03) for at in range(5)]
    found = {one.measure: one for one in compare(now, before, 0.1)}
    assert found["rtf"].verdict == "worse" and found["rtf"].change == pytest.approx(0.102)
    assert found["rtf"].low and found["rtf"].high and 0.1 <= found["rtf"].low <= 0.102 <= found["rtf"].high
    assert found["wer"].verdict == "same", "a difference of one percent of words is no difference"
    assert {one.measure: one.verdict for one in compare(before, now, 0.1)}["rtf"] == "better"
    assert {one.verdict for one in compare(now, before, 0.3)} == {"same"}
    noisy = [row(at, "tone", f"i{at}", rtf=0.1 if at % 2 else 1.2) for at in range(5)]
    assert compare(noisy, before, 0.1)[0].verdict == "same", "the interval holds 0"


def test_ten_thousand_rows_stay_fast(tmp_path: Path) -> None:
    store = BenchStore(tmp_path / "b.sqlite")
    facts = {"engines": {}, "alone": {}, "warnings": [], "machine": {"device": "cpu"}, "suite": {"title": "T"}}
    plan = quick("tone").values
    for number in range(10):
        store.add(Bench(f"b-{number}", f"2026-01-{number + 1:02}", "finished", "s", plan, facts, 1000))
        store.put_all(f"b-{number}", (row(at, "tone", f"i{at % 20}", rtf=0.1 + at / 1e5) for at in range(1000)))
    begun = time.perf_counter()
    assert [bench.done for bench in store.recent()] == [1000] * 10
    rows = store.rows("b-9")
    assert summaries(store.get("b-9"), rows)[0].spreads["rtf"].count == 1000
    assert warnings(store.get("b-9"), rows) == []
    assert compare(rows, store.rows("b-0"))[0].pairs == 20
    assert len(store.all_rows("tone")) == 200
    assert time.perf_counter() - begun < 1.5


def test_a_store_of_a_newer_studio_or_none_at_all_is_told(tmp_path: Path) -> None:
    store = BenchStore(tmp_path / "b.sqlite")
    assert store.recent() == [] and not store.path.exists(), "looking makes no file"
    store.path.write_bytes(b"this is no database, and it is long enough to be looked at as one" * 20)
    with pytest.raises(OutputError, match="damaged"):
        store.recent()


def test_plans_that_cannot_be_are_refused(benchmarks: Benchmarks) -> None:
    for values in ({"repeats": 0}, {"seeds": (-1,)}, {"seeds": (1, 1)}, {"seeds": ()}):
        with pytest.raises(RequestError):
            Plan(("tone",), **values)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="rows"):
        cells(Plan(("tone",), tuple(range(300)), 100), SUITE.items)
    with pytest.raises(RequestError):
        benchmarks.new(quick("nobody"), SUITE)


def test_suites_of_ours_are_whole() -> None:
    found = suites.ours()
    assert {suite.id for suite in found} >= {
        "short-lines", "numbers-and-names", "long-narration", "two-voices", "cues", "hard-text", "four-speakers",
    }  # fmt: skip
    assert all(suite.licence and suite.source and suite.items for suite in found)
    assert len(suites.find("four-speakers").items[0].script.speakers) == 4
    with pytest.raises(RequestError, match="two-voices"):
        suites.find("two-voice")


def test_a_folder_and_lists_of_others_are_read_and_broken_lines_are_named(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("[S1] Hello.\n[S2] Hi.")
    (tmp_path / "mine" / "b.txt").write_bytes(b"\x00\x01")
    (tmp_path / "mine" / "picture.png").write_bytes(b"png")
    found = suites.find(str(tmp_path / "mine"))
    assert [item.id for item in found.items] == ["a"] and len(found.broken) == 1 and "b.txt" in found.broken[0]

    (tmp_path / "prompt.wav").write_bytes(b"RIFF")
    lines = ["x1|What he said.|prompt.wav|Say this.", "x2|only|three", "x3|w|../../etc/passwd|Say.", "x4|w|no.wav|Say."]
    (tmp_path / "meta.lst").write_text("\n".join([*lines, "x5|w|prompt.wav|Say that.|truth.wav", "x6|w|prompt.wav| "]))
    found = suites.find(str(tmp_path / "meta.lst"))
    assert [item.id for item in found.items] == ["x1", "x5"]
    assert found.items[0].references["S1"].transcript == "What he said."
    assert [line.partition(":")[0] for line in found.broken] == [f"meta.lst, line {at}" for at in (2, 3, 4, 6)]
    assert suites.Item.of(json.loads(json.dumps(found.items[0].values))) == found.items[0]

    told = [json.dumps({"category": "Questions", "unique_id_eval": 7, "text_to_synthesize": "Is it?"}), "{", "[1]"]
    (tmp_path / "set.jsonl").write_text("\n".join(told))
    found = suites.find(str(tmp_path / "set.jsonl"))
    assert [item.id for item in found.items] == ["Questions-7"] and len(found.broken) == 2
    (tmp_path / "set.jsonl").write_text("{}")
    with pytest.raises(RequestError, match="line 1"):
        suites.find(str(tmp_path / "set.jsonl"))


def test_lists_of_others_may_come_from_any_editor_and_name_a_line_twice(tmp_path: Path) -> None:
    (tmp_path / "p.wav").write_bytes(b"RIFF")
    lines = ["x|w|p.wav|One.", "x|w|p.wav|Two.", "x-2|w|p.wav|Three.", "|w|p.wav|Four.", "y|w|p\0.wa|Five."]
    (tmp_path / "meta.lst").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    found = suites.read(tmp_path)
    assert [item.id for item in found.items] == ["x", "x-3", "x-2", "line-4"] and "line 5" in found.broken[0]
    assert [item.script.turns[0].text for item in found.items] == ["One.", "Two.", "Three.", "Four."]

    told = [json.dumps({"text_to_synthesize": text}, ensure_ascii=False) for text in ("A\u2028b\x85c", None, 5)]
    (tmp_path / "set.jsonl").write_bytes("\n".join(told).encode("utf-8-sig"))
    found = suites.read(tmp_path / "set.jsonl")
    assert [item.id for item in found.items] == ["line-1"] and "it is None" in found.broken[0]

    (tmp_path / "mine").mkdir()
    for name in ("a.txt", "a.md", "._a.txt"):
        (tmp_path / "mine" / name).write_text(f"[S1] {name}.")
    assert [item.id for item in suites.read(tmp_path / "mine").items] == ["a", "a-2"]
    (tmp_path / "one.json").write_text(formats.to_json(Script.parse("[S1] Hi. [S2] Ho.")))
    assert suites.read(tmp_path / "one.json").items[0].script.speakers == ("S1", "S2")
