"""A benchmark written out: tables, plots, published figures, and a report that asks nobody for anything."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from studio.benchmark import published
from studio.benchmark.bench import Benchmarks
from studio.benchmark.figures import plots
from studio.benchmark.measures import ALL, MEASURES
from studio.benchmark.plan import Plan
from studio.benchmark.plots import Bar, Dot, Mark, bars, scatter
from studio.benchmark.store import Row
from studio.benchmark.summary import summaries
from studio.metrics import Missing
from studio.settings import Settings
from studio.studio import Studio
from tests.whole.test_bench_command import not_alone
from tests.whole.test_benchmark import SUITE
from tests.whole.test_cli import Cli, call

__all__ = ["call", "not_alone"]  # fixtures


def test_published_figures_are_whole() -> None:
    found = published.figures()
    assert len(found) >= 60
    assert {"dia", "dia2-2b", "csm", "kokoro", ""} <= {one.engine for one in found}
    for one in found:
        assert one.address.startswith("https://") and one.published and one.hardware and one.source, one
        assert (one.least is None) == (one.most is None) and (one.least is None or one.least <= (one.most or 0)), one
        assert one.measure in ALL or one.measure in published.TITLES
        assert one.values["date"] and one.values["title"]
        assert re.fullmatch(r"20\d\d-\d\d-\d\d|not checked", one.values["checked"]), one
    assert sum(bool(one.checked) for one in found) >= 55
    assert {one.engine for one in published.arenas()} == {"kokoro", "dia", "csm", ""}
    makers = next(one for one in published.of("dia") if "bf16, compiled" in one.system)
    assert makers.least == pytest.approx(1 / 2.1, abs=1e-3), "they write x real time, we RTF"


def test_plots_are_drawing_that_a_reader_can_hear() -> None:
    rows = [Bar("<One> & two", 0.02, 0.01, 0.04, 1, text="0.02"), Bar("Others", 2.0, 2.0, 2.0, is_other=True, text="2")]
    drawn = bars("RTF", rows, "RTF", (Mark(1.0, "real time"),), is_log=True)
    tree = ElementTree.fromstring(drawn)
    assert tree.get("role") == "img" and "<One> & two 0.02" in str(tree.get("aria-label"))
    left = {node.get("class"): float(str(node.get("width"))) for node in tree.iter("rect")}
    assert left["bar"] < left["bar other"]
    mark = next(node for node in tree.iter("path") if node.get("class") == "mark")
    assert 170 < float(re.findall(r"M([\d.]+)", str(mark.get("d")))[0]) < 570
    ElementTree.fromstring(bars("Words", [Bar("a", 0.0, 0.0, 0.0, text="0")], ""))
    ElementTree.fromstring(scatter("s", [Dot("a", 0.01, 3.0, 0), Dot("b", 0.5, 3.0, 1)], "x", "y"))


@pytest.fixture
def benchmarks(settings: Settings) -> Iterator[Benchmarks]:
    studio = Studio(replace(settings, watermark=False))
    made = Benchmarks(studio, lambda *_: Missing("a test"))
    yield made
    studio.close()


def test_a_report_holds_its_sounds_and_loads_nothing(benchmarks: Benchmarks) -> None:
    from studio.benchmark import report, writing

    bench = benchmarks.new(Plan(("tone",), repeats=2, judge=False), SUITE)
    list(benchmarks.run(bench.id))
    benchmarks.store.put(bench.id, Row(3, "tone", "two", 0, 1, "failed", error="=<b>It fell over"))
    bench, rows = benchmarks.store.get(bench.id), benchmarks.store.rows(bench.id)
    told = report.as_html(benchmarks, bench, rows)
    assert told.count('src="data:audio/mpeg;base64,') == 2 and "the same as before" in told
    assert not re.search(r'(src|href)="(?!data:)', told) and "url(" not in told and "<script" not in told
    assert "&lt;b&gt;It fell over" in told and "default-src 'none'" in told
    assert "missing: this benchmark listens to nothing" in told and escape(ALL["drift"].definition) in told
    table = list(csv.DictReader(io.StringIO(writing.as_csv(rows))))
    assert len(table) == 4 and table[3]["error"].startswith("'=") and float(table[0]["rtf"]) >= 0
    assert set(table[0]) >= {measure.name for measure in MEASURES} and table[0]["wer"] == ""
    whole = json.loads(writing.as_json(bench, rows))
    assert len(whole["rows"]) == 4 and len(whole["items"]) == 2 and whole["facts"]["machine"]["cores"]
    text = writing.as_markdown(bench, rows)
    assert "| RTF |" in text and "1 failed" in text and "fell over" in text


def test_figures_of_others_are_marked_as_such(benchmarks: Benchmarks) -> None:
    bench = benchmarks.new(Plan(("tone",), repeats=1, judge=False), SUITE)
    rows = [Row(0, "dia", "one", 0, 0, "ok", values={"rtf": 0.5, "mos": 3.2})]
    found = summaries(replace(bench, plan={**bench.plan, "engines": ["dia"]}), rows)
    drawn = {plot.name: plot.svg for plot in plots(found, "cpu")}
    assert set(drawn) == {"rtf", "quality"}
    assert "RTX 4090" in drawn["rtf"] and drawn["rtf"].count('class="bar other"') >= 10 and "real time" in drawn["rtf"]
    assert "other" not in {plot.name: plot.svg for plot in plots(found, "cpu", others=False)}["rtf"]


def test_files_are_written_as_their_names_say(call: Cli) -> None:
    from tests.whole.test_bench_command import bench

    answer = bench(call, "-o", "r.csv", "-o", "r.md", "-o", "r.json", "--html", "r.html")
    assert answer.code == 0, answer.err
    assert Path("r.csv").read_text().startswith("engine,") and Path("r.html").read_text().startswith("<!doctype html>")
    assert json.loads(Path("r.json").read_text())["done"] == 2 and Path("r.md").read_text().startswith("# Benchmark")
    assert call("bench", "-o", "r.pdf").code == 2
    nowhere = call("bench", "-o", "no/such/r.csv", "--json")
    assert nowhere.code == 1 and nowhere.json["error"]["code"] == "cannot_write"
    assert {one["engine"] for one in call("bench", "--published", "--engines", "csm").json} == {"csm"}
