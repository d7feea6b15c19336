"""The command `models`: what is on the disk for each engine, and how it comes, is checked and goes. Decides nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from studio import listings
from studio.cli.terminal import MENDABLE, Stopped, opened, put, put_json, tell
from studio.errands import Pace
from studio.errors import EngineUnavailable
from studio.hub import cache_folder
from studio.listings import amount, duration
from studio.models import ModelRow, Models
from studio.upkeep import Report


def run(options: argparse.Namespace) -> int:
    """Do what `options.action` says. Gives the exit code; raises StudioError; SystemExit(2) for words that lack one."""
    if options.action in ("download", "prepare", "delete") and not options.engine:
        options.fail(f"{options.action} what? Name an engine: `python -m studio models` lists them")
    with opened() as studio:
        acts = {"list": _list, "download": _download, "check": _check, "prepare": _prepare, "delete": _delete}
        return acts[options.action](studio.models, options)


def _list(models: Models, options: argparse.Namespace) -> int:
    rows = [models.row(options.engine)] if options.engine else models.rows()
    if options.json:
        put_json([listings.model_values(row) for row in rows])
        return 0
    put(str(listings.models_table(rows)))
    tell(f"The files lie in {cache_folder()}.")
    return 0


def _download(models: Models, options: argparse.Namespace) -> int:
    row = models.row(options.engine)
    if not row.files:
        tell(f"{row.title} needs no files from elsewhere.")
    elif models.is_sound(row.engine):
        tell(f"{row.title} is here, {amount(row.bytes_on_disk)}.")
    else:
        row = _fetch(models, row)
    if options.json:
        put_json(listings.model_values(row))
    return 0


def _fetch(models: Models, row: ModelRow) -> ModelRow:
    """Raises EngineUnavailable; Stopped at Ctrl-C."""
    size = amount(row.bytes_missing) if row.bytes_missing else "what is damaged"
    tell(f"Fetching {row.title}, {size}, from {', '.join(files.repo for files in row.files)}.")
    try:
        with bar(row.title) as progress:
            row = models.download(row.engine, progress)
    except KeyboardInterrupt:
        kept = amount(models.row(row.engine).bytes_on_disk)
        raise Stopped(f"Stopped; {kept} are kept.", "Run it again to go on from there.") from None
    tell(f"{row.title} is here, {amount(row.bytes_on_disk)}.")
    return row


def _check(models: Models, options: argparse.Namespace) -> int:
    """Check one engine, or every one that has files here."""
    rows = [models.row(options.engine)] if options.engine else [row for row in models.rows() if row.state != "absent"]
    if options.engine and rows[0].state == "absent":
        remedy = f"Run: python -m studio models download {options.engine}"
        raise EngineUnavailable(f"{rows[0].title} is not on this disk.", remedy)
    reports = {row.engine: _checked(models, row, options) for row in rows}
    if options.json:
        put_json([{"engine": engine, **listings.report_values(report)} for engine, report in reports.items()])
    elif not reports:
        tell("No engine's files are on this disk.")
    return MENDABLE if any(report.flaws for report in reports.values()) else 0


def _checked(models: Models, row: ModelRow, options: argparse.Namespace) -> Report:
    """Check an engine and tell what was found; with --mend fetch anew what is damaged, and check again."""
    with bar(row.title) as progress:
        report = models.check(row.engine, progress)
    show = tell if options.json else put
    for line in listings.report_lines(row, report):
        show(line)
    if not report.flaws:
        return report
    if not options.mend:
        tell(f"To fetch anew what is wrong, run: python -m studio models check {row.engine} --mend")
        return report
    models.mend(row.engine, report)
    _fetch(models, row)
    with bar(row.title) as progress:
        return models.check(row.engine, progress)


def _prepare(models: Models, options: argparse.Namespace) -> int:
    """Write a copy that loads faster. Raises Stopped at Ctrl-C, after which nothing of it is left."""
    row = models.row(options.engine)
    tell(f"Writing a copy of {row.title} that loads in about a second: {amount(models.copy_bytes(row.engine))}.")
    try:
        with bar(row.title) as progress:
            row = models.prepare(row.engine, progress)
    except KeyboardInterrupt:
        raise Stopped("Stopped; nothing is left of the copy.", "Run it again when there is time.") from None
    tell(f"The copy is there, {amount(row.bytes_of_copies)}. To be rid of it: models delete {row.engine} --copy")
    if options.json:
        put_json(listings.model_values(row))
    return 0


def _delete(models: Models, options: argparse.Namespace) -> int:
    row = models.row(options.engine)
    what, act = ("the copy", models.delete_copy) if options.copy else ("the files", models.delete)
    size = row.bytes_of_copies + row.bytes_of_codes + (0 if options.copy else row.bytes_on_disk)
    if size and not options.yes and not _agrees(f"Delete {what} of {row.title}, {amount(size)}?", options):
        tell("Nothing is deleted.")
        return MENDABLE
    freed = act(row.engine) if size else 0
    nothing = f"{row.title} has no copy." if options.copy else f"{row.title} has no files on this disk."
    tell(f"{amount(freed)} are free again." if size else nothing)
    if options.json:
        put_json({"engine": row.engine, "freed_bytes": freed})
    return 0


def _agrees(question: str, options: argparse.Namespace) -> bool:
    """Ask at the terminal. Exits with 2 when nobody is there to answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        options.fail("nobody is here to be asked; to delete without a question, add --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int, int], None]]:
    """A bar on stderr, if that is a terminal. Gives what to call with (bytes done, in all, this call's own)."""
    console, pace = Console(stderr=True), Pace()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None, told="")

        def progress(done: int, total: int, brought: int) -> None:
            pace.note(brought)
            left = pace.seconds_for(total - done)
            told = f"{amount(done)} of {amount(total)}, {amount(pace.bytes_per_second)}/s"
            told += "" if left is None else f", {duration(left)} left"
            bar.update(task, completed=done, total=total, told=told)

        yield progress
