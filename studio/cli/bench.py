"""The command `bench`: measures engines, tells how far it is, compares with an earlier time. Decides nothing.

Progress and tables for people go to stderr; the last line of stdout is one JSON document.
"""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.arguments import pair
from studio.cli.bench_compare import compared, earlier
from studio.cli.terminal import MENDABLE, Stopped, opened, put, tell
from studio.errors import RequestError, StudioError

if TYPE_CHECKING:
    from studio.benchmark.bench import Benchmarks
    from studio.benchmark.store import Bench
    from studio.benchmark.suites import Suite

PURPOSE = "Measure engines on this machine: speed, memory, words, voices."
SHOWN = ("rtf", "first_sound_s", "host_gb", "load_cold_s", "wer", "similarity", "mos")
SUITE = "quick"
KINDS = (".csv", ".json", ".md", ".html")
PUBLISHED = ("published", "hardware", "checked", "address")


def add_arguments(bench: argparse.ArgumentParser) -> None:
    """The options of `bench`."""
    add = bench.add_argument
    add("--engines", metavar="IDS", type=_words, help="a,b,… (default: all that can run here)")
    add("--suite", metavar="NAME", default=SUITE, help=f"one of ours, a folder, meta.lst or .jsonl ({SUITE})")
    add("--suites", action="store_true", help="list the suites that come along")
    add("--repeat", metavar="N", type=int, default=3, help="how often each script is spoken (3)")
    add("--seeds", metavar="N,…", type=_numbers, default=(0,), help="each script with each of these (0)")
    voice = "for the engines that have this voice; repeat it"
    add("--voice", metavar="S1=VOICE", action="append", default=[], type=pair, help=voice)
    add("--speed-only", action="store_true", help="listen to nothing: no word errors, voices, ratings")
    add("--compare", metavar="RUN", help="an earlier benchmark, or `last`")
    threshold = "exit 1 when a measure is worse than in --compare by more than this share, such as 0.1"
    add("--threshold", metavar="SHARE", type=float, help=threshold)
    out = (
        "write it to a file; its ending says how: .csv (rows), .json (all), .md, .html (a report that plays); repeat it"
    )
    add("-o", "--output", metavar="FILE", action="append", default=[], type=_target, help=out)
    add("--html", metavar="FILE", dest="output", action="append", type=_target, help="the same for one report.html")
    add("--published", action="store_true", help="list what others have published of these engines")
    guide = "which engine suits: of gpu=GB, language=en, stream, cues, clone, commercial, offline"
    add("--guide", metavar="NEEDS", type=_words, help=guide)
    add("--list", action="store_true", help="list earlier benchmarks")
    add("--show", metavar="RUN", help="show an earlier benchmark, measure nothing")
    add("--resume", metavar="RUN", help="go on with one that was paused or killed")
    add("--delete", metavar="RUN", help="forget one, and its sounds")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in _words(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers") from None


def _target(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in KINDS:
        raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(KINDS)}")
    return path


def run(options: argparse.Namespace) -> int:
    """Run the command; gives its exit code: 1 when a row failed, or a measure is worse than the threshold allows.

    An error is the last line of stdout, too, with or without --json. Raises StudioError.
    """
    try:
        return _run(options)
    except StudioError as error:
        options.json = False  # it is told here, in one line
        _put({"error": {"code": error.code, "message": error.message, "remedy": error.remedy}})
        raise


def _run(options: argparse.Namespace) -> int:
    if options.threshold is not None and not (options.threshold >= 0 and options.compare):
        options.fail("--threshold is a share of 0 or more, and wants --compare RUN")
    if options.suites or options.published:
        return _suites() if options.suites else _published(options.engines or ())
    if options.output:
        from studio.cli.delivery import check_place

        for path in options.output:
            check_place(path)
    with opened() as studio:
        from studio.benchmark.bench import Benchmarks

        benchmarks = Benchmarks(studio)
        if options.guide is not None:
            return _guide(benchmarks, options.guide)
        if options.list:
            return _list(benchmarks)
        if options.delete:
            benchmarks.delete(options.delete)
            _put({"deleted": options.delete})
            return 0
        chosen, before = _chosen(benchmarks, options)
        if not options.show:
            _follow(benchmarks, chosen)
        return _report(benchmarks, chosen, before, options)


def _put(value: Any) -> None:
    """One line, so that it is the last one whatever stood before."""
    put(json.dumps(value, allow_nan=False))


def _suites() -> int:
    from studio.benchmark import suites
    from studio.tables import Table

    found = suites.ours()
    rows = tuple((one.id, one.title, str(len(one.items)), one.licence) for one in found)
    tell(str(Table(("suite", "title", "scripts", "licence"), rows)))
    _put([{"id": one.id, "title": one.title, "scripts": len(one.items), "licence": one.licence} for one in found])
    return 0


def _list(benchmarks: Benchmarks) -> int:
    from studio.benchmark.values import head_values
    from studio.tables import Table

    found = benchmarks.recent()
    heads = ("run", "state", "suite", "engines", "rows")
    rows = tuple(
        (one.id, one.state, one.facts["suite"]["title"], ", ".join(one.plan["engines"]), f"{one.done}/{one.cells}")
        for one in found
    )
    tell(str(Table(heads, rows)) if rows else "Nothing has been measured yet: python -m studio bench")
    _put([head_values(one) for one in found])
    return 0


def _chosen(benchmarks: Benchmarks, options: argparse.Namespace) -> tuple[str, Bench | None]:
    """The benchmark that is meant or made, and the one to compare it with. Raises RequestError; then none is made."""
    known = options.show or options.resume
    chosen = known or _new(benchmarks, options)
    try:
        return chosen, earlier(benchmarks, options.compare, chosen) if options.compare else None
    except RequestError:
        if not known:
            benchmarks.delete(chosen)
        raise


def _new(benchmarks: Benchmarks, options: argparse.Namespace) -> str:
    from studio.benchmark.plan import Plan

    suite = _suite(options.suite)
    engines = options.engines or tuple(benchmarks.ready())
    plan = Plan(engines, options.seeds, options.repeat, dict(options.voice), not options.speed_only)
    estimate = benchmarks.estimate(plan, suite)
    made = benchmarks.new(plan, suite)
    for warning in made.facts["warnings"]:
        tell(f"note: {warning}")
    for engine, (rtf, basis) in estimate.engines.items():
        tell(f"{engine}: about {rtf:.2g} s of work for a second of sound, {basis}.")
    tell(f"{made.id}: {made.cells} rows, {estimate.sound_seconds:.0f} s of sound, about {_time(estimate.seconds)}.")
    return made.id


def _suite(word: str) -> Suite:
    from studio.benchmark import suites

    return suites.find(word)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def _follow(benchmarks: Benchmarks, bench_id: str) -> None:
    """Do what is left, telling of it. Raises Stopped at Ctrl-C: what is done stays."""
    from studio.benchmark.session import Doing, Done

    cells = benchmarks.store.get(bench_id).cells
    try:
        with closing(benchmarks.run(bench_id)) as events:
            for event in events:
                if isinstance(event, Doing):
                    tell(event.text)
                elif isinstance(event, Done) and not event.row.judged:
                    row = event.row
                    told = f"RTF {row.values['rtf']:.3f}" if "rtf" in row.values else row.error
                    tell(f"  {row.cell + 1} of {cells}: {told}")
    except KeyboardInterrupt:
        done = len(benchmarks.store.rows(bench_id))
        go_on = f"Go on: python -m studio bench --resume {bench_id}"
        raise Stopped(f"Paused; {done} of {cells} rows are kept.", go_on) from None


def _report(benchmarks: Benchmarks, bench_id: str, before: Bench | None, options: argparse.Namespace) -> int:
    from studio.benchmark.values import bench_values

    found, rows = benchmarks.store.get(bench_id), benchmarks.store.rows(bench_id)
    told = bench_values(found, rows)
    tell(table(told))
    for warning in told["warnings"]:
        tell(f"note: {warning}")
    if before:
        told["comparison"] = compared(benchmarks, found, before, options.threshold)
    from studio.benchmark.written import write

    for path in options.output:
        write(benchmarks, found, path)
        tell(f"{path} is written.")
    _put(told)
    is_worse = bool(before and options.threshold is not None and told["comparison"]["regressions"])
    return MENDABLE if found.failed or is_worse else 0


def _guide(benchmarks: Benchmarks, words: tuple[str, ...]) -> int:
    from studio.benchmark.guide import Needs, answers

    found = answers(benchmarks.studio, benchmarks.store, Needs.read(words))
    for answer in found:
        once = f"; it cannot run here yet: {answer.obstacle}" if answer.suits and answer.obstacle else ""
        tell(f"{answer.title}: {'suits' if answer.suits else 'does not suit'}{once}")
        for reason in answer.reasons:
            tell(f"  {'+' if reason.holds else '-'} {reason.text} ({reason.source})")
    _put([{**asdict(answer), "suits": answer.suits} for answer in found])
    return 0


def _published(engines: tuple[str, ...]) -> int:
    from studio.benchmark import published
    from studio.tables import Table

    found = [one for one in published.figures() if not engines or one.engine in engines]
    heads = ("system", "measure", "as published", "hardware", "checked", "source")
    told = [one.values for one in found]
    rows = tuple((one["system"], one["measure"], *(one[name] for name in PUBLISHED)) for one in told)
    tell(str(Table(heads, rows)) if rows else "Nothing is known.")
    _put(told)
    return 0


def table(told: dict[str, Any]) -> str:
    """The figures that matter most, for a terminal: the median, and between what it lay."""
    from studio.benchmark.measures import ALL, shown
    from studio.tables import Table

    heads = ("engine", *(ALL[name].title for name in SHOWN), "rows")
    rows = []
    for summary in told["summary"]:
        cells = []
        for name in SHOWN:
            value = summary["measures"].get(name)
            text = "-" if value is None else shown(ALL[name], value["median"])
            if value and value["count"] > 1:
                text += f" ({shown(ALL[name], value['least'])}-{shown(ALL[name], value['most'])})"
            cells.append(text)
        failed = f", {summary['failed']} failed" if summary["failed"] else ""
        rows.append((summary["engine"], *cells, f"{summary['rows']}{failed}"))
    return str(Table(heads, tuple(rows)))
