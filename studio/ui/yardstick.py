"""`Yardstick`: what the page asks about benchmarks, as functions from JSON to JSON.

On a shared machine a visitor may look at what was measured, and starts, changes and deletes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

from studio.benchmark import machine, published, suites
from studio.benchmark.background import Background
from studio.benchmark.bench import Benchmarks
from studio.benchmark.figures import plots
from studio.benchmark.guide import Needs, answers
from studio.benchmark.measures import ALL, BY_NAME, Measure, shown
from studio.benchmark.plan import Plan
from studio.benchmark.store import Bench, Row
from studio.benchmark.summary import compare, summaries, warnings
from studio.benchmark.values import head_values
from studio.benchmark.writing import MATTER, cell, machine_line
from studio.benchmark.written import write
from studio.errors import RequestError
from studio.studio import Studio
from studio.ui import forms
from studio.ui.forms import Json

Answer = Callable[[Any], Json]
COLUMNS = ("rtf", "first_sound_s", "seconds", "wer", "similarity", "mos")  # of the table of rows
PAGE_ROWS = 200  # that the page shows at once
MOST_SPEAKERS = 20  # of a suite, whose voices can be chosen
HISTORY = 40  # benchmarks that are listed, until more are asked for
KINDS = (".html", ".csv", ".json", ".md")
FILES, RUNS = "benchmarks/files", "benchmarks/runs"  # below the data folder: what a page may fetch


class Yardstick:
    """One for all visitors."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.is_shared = studio.settings.is_shared
        self.benchmarks = Benchmarks(studio)
        self.background = Background(self.benchmarks)

    def functions(self) -> list[Answer]:
        """What the page may call, each by its name."""
        changing = (
            self.bench_estimate, self.bench_begin, self.bench_resume, self.bench_pause, self.bench_stop,
            self.bench_delete, self.bench_file,
        )  # fmt: skip
        looking = (
            self.bench_open, self.bench_history, self.bench, self.bench_progress, self.bench_compare, self.bench_guide,
            self.arenas,
        )  # fmt: skip
        return [*looking, *map(self._unless_shared, changing)]

    def bench_open(self, asked: Json) -> Json:
        """What there is to measure, and what was measured."""
        return {
            "engines": [
                {
                    "id": row.spec.id,
                    "title": row.spec.title,
                    "obstacle": f"{row.obstacle.reason} {row.obstacle.remedy}" if row.obstacle else "",
                }
                for row in self.studio.engines()
            ],
            "suites": [
                {"id": one.id, "title": one.title, "count": len(one.items), "licence": one.licence}
                for one in suites.ours()
            ],
            "voices": self._voices(),
            "may_change": not self.is_shared,
            **self._history(),
        }

    def _voices(self) -> list[Json]:
        """Every voice that a speaker may have: the recorded ones, then those of each engine."""
        recorded = [] if self.is_shared else self.studio.library.search()
        groups = [("Recorded, for engines that follow them", [(voice.id, voice.name) for voice in recorded])]
        groups += [
            (row.spec.title, [(voice.id, voice.name) for voice in row.spec.voices]) for row in self.studio.engines()
        ]
        return [
            {"title": title, "voices": [{"id": one, "name": name} for one, name in found]}
            for title, found in groups
            if found
        ]

    def bench_history(self, asked: Json) -> Json:
        """What was measured. asked: {limit: how many}."""
        return self._history(min(10_000, max(1, int(asked["limit"]))))

    def bench_estimate(self, asked: Json) -> Json:
        """How long it would take. asked: {engines, suite, repeats, seeds, judge, voices: speaker -> voice}."""
        plan, suite = self._order(asked)
        estimate = self.benchmarks.estimate(plan, suite)
        return {
            "seconds": round(estimate.seconds),
            "sound_seconds": round(estimate.sound_seconds),
            "rows": plan.repeats * len(plan.seeds) * len(suite.items) * len(plan.engines),
            "basis": [f"{name}: {basis}" for name, (_, basis) in estimate.engines.items()],
            "speakers": list(dict.fromkeys(who for item in suite.items for who in item.script.speakers))[
                :MOST_SPEAKERS
            ],
            "broken": list(suite.broken)[:20],
            "load": machine.load_warning(),
        }

    def bench_begin(self, asked: Json) -> Json:
        """Begin one. asked: as for an estimate."""
        if self.background.state.is_running:
            raise RequestError("A benchmark is running.", "Pause or stop it first.")
        plan, suite = self._order(asked)
        made = self.benchmarks.new(plan, suite)
        self.background.begin(made.id)
        return self.bench({"id": made.id})

    def bench_resume(self, asked: Json) -> Json:
        """Go on with one. asked: {id}."""
        self.background.begin(self.benchmarks.store.get(str(asked["id"])).id)
        return self.bench(asked)

    def bench_pause(self, asked: Json) -> Json:
        """Let the running one rest."""
        self.background.pause()
        return self.bench_progress(asked)

    def bench_stop(self, asked: Json) -> Json:
        """End one for good; its rows stay. asked: {id}."""
        state = self.background.state
        if state.is_running and state.bench == asked["id"]:
            self.background.pause(stop=True)
        else:
            self.benchmarks.stop(str(asked["id"]))
        return self.bench(asked)

    def bench_delete(self, asked: Json) -> Json:
        """Forget one and its sounds. asked: {id}."""
        self.benchmarks.delete(str(asked["id"]))
        return self._history()

    def bench_progress(self, asked: Json) -> Json:
        """How the running one stands; `changes` tells whether to ask for more."""
        state = self.background.state
        return {
            "bench": state.bench,
            "running": state.is_running,
            "doing": state.doing,
            "changes": state.changes,
            "error": forms.problem(state.error) if state.error else None,
        }

    def bench(self, asked: Json) -> Json:
        """One benchmark, with plots and a page of its rows. asked: {id, others: with what was published, page: from 0,
        else the last}.
        """
        found = self.benchmarks.store.get(str(asked["id"]))
        rows = self.benchmarks.store.rows(found.id)
        pages = max(1, -(-len(rows) // PAGE_ROWS))
        page = pages - 1 if asked.get("page") is None else min(max(0, int(asked["page"])), pages - 1)
        summed = summaries(found, rows)
        device = found.facts["machine"]["device"]
        return {
            **self._head(found),
            "machine": machine_line(found),
            "warnings": warnings(found, rows),
            "titles": [one.title for one in summed],
            "firsts": [one.first_sound for one in summed],
            "table": [_line(measure, [cell(one, measure) for one in summed], [one.missing for one in summed])
                      for measure in map(ALL.__getitem__, MATTER)],
            "plots": [
                {"name": plot.name, "title": plot.title, "note": plot.note, "svg": plot.svg}
                for plot in plots(summed, device, others=asked.get("others") is not False)
            ],
            "columns": [BY_NAME[name].title for name in COLUMNS],
            "rows": [self._row(row) for row in rows[page * PAGE_ROWS :][:PAGE_ROWS]],
            "page": page,
            "pages": pages,
            "first_row": page * PAGE_ROWS,
            "all_rows": len(rows),
            "published": [one.values for engine in found.plan["engines"] for one in published.of(engine)],
            "progress": self.bench_progress({}),
            **self._history(),
        }  # fmt: skip

    def bench_compare(self, asked: Json) -> Json:
        """What has changed since another. asked: {id, with, threshold: a share}."""
        store = self.benchmarks.store
        now, before = store.get(str(asked["id"])), store.get(str(asked["with"]))
        threshold = float(asked.get("threshold") or 0.1)
        return {
            "with": before.id,
            "threshold": threshold,
            "machines": machine.same(now.facts["machine"], before.facts["machine"]),
            "differences": [
                {
                    "engine": one.engine,
                    "measure": BY_NAME[one.measure].title,
                    "before": shown(BY_NAME[one.measure], one.before),
                    "now": shown(BY_NAME[one.measure], one.now),
                    "interval": "" if one.low is None or one.high is None else f"{one.low:+.3g} to {one.high:+.3g}",
                    "pairs": one.pairs,
                    "verdict": one.verdict,
                }
                for one in compare(store.rows(now.id), store.rows(before.id), threshold)
            ],
        }

    def bench_guide(self, asked: Json) -> Json:
        """Which engine suits. asked: {needs: words as `Needs.read` takes them}."""
        found = answers(self.studio, self.benchmarks.store, Needs.read([str(word) for word in asked["needs"]]))
        return {"answers": [{**asdict(answer), "suits": answer.suits} for answer in found]}

    def arenas(self, asked: Json) -> Json:
        """What public arenas have published, engines of ours first."""
        return {"figures": [one.values for one in sorted(published.arenas(), key=lambda one: not one.engine)]}

    def bench_file(self, asked: Json) -> Json:
        """A benchmark as a file. asked: {id, kind: one of KINDS}."""
        found, kind = self.benchmarks.store.get(str(asked["id"])), str(asked["kind"])
        if kind not in KINDS:
            raise RequestError(f"There is no file {kind!r} of a benchmark.", "Reload the page.")
        path = self.studio.settings.data / FILES / f"{found.id}{kind}"
        write(self.benchmarks, found, path)
        return {"url": forms.file_url(path), "name": path.name}

    def _order(self, asked: Json) -> tuple[Plan, suites.Suite]:
        engines = tuple(str(one) for one in asked["engines"])
        seeds = tuple(int(one) for one in asked["seeds"])
        suite = suites.find(str(asked["suite"]))
        speakers = _speakers(suite)
        chosen = {str(who): str(voice) for who, voice in dict(asked.get("voices") or {}).items() if voice}
        voices = {who: voice for who, voice in chosen.items() if who in speakers}
        plan = Plan(engines, seeds, int(asked["repeats"]), voices, judge=asked["judge"] is not False)
        return plan, suite

    def _history(self, limit: int = HISTORY) -> Json:
        found = self.benchmarks.recent(limit + 1)
        return {"history": [self._head(one) for one in found[:limit]], "older": len(found) > limit}

    def _head(self, bench: Bench) -> Json:
        told = head_values(bench)
        return {**told, "suite": Path(told["suite"]).name} if self.is_shared else told

    def _row(self, row: Row) -> Json:
        sound = self.benchmarks.sound(row)
        values = [shown(BY_NAME[name], row.values[name]) if name in row.values else "" for name in COLUMNS]
        missing = [row.missing.get(name, "") for name in COLUMNS]
        return {
            "cell": row.cell, "engine": row.engine, "item": row.item, "seed": row.seed, "repeat": row.repeat + 1,
            "values": values, "missing": missing, "error": row.error, "judged": row.judged,
            "url": forms.file_url(sound) if sound else "",
        }  # fmt: skip

    def _unless_shared(self, function: Answer) -> Answer:
        @wraps(function)
        def allowed(asked: Any) -> Json:
            if self.is_shared:
                raise RequestError("Only who runs this studio may measure with it.", "There: python -m studio bench")
            return function(asked)

        return allowed


def _speakers(suite: suites.Suite) -> list[str]:
    """Everybody who speaks, in order."""
    return list(dict.fromkeys(who for item in suite.items for who in item.script.speakers))


def _line(measure: Measure, cells: Sequence[str], missing: Sequence[Any]) -> Json:
    """A line of the table of figures. missing: of each engine, measure -> why."""
    return {
        "title": measure.title,
        "definition": measure.definition,
        "cells": list(cells),
        "missing": [one.get(measure.name, "") for one in missing],
    }
