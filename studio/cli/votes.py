"""`votes`: what blind tests say as a table, and votes as files to be carried from one studio to another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.cli.terminal import opened, put, put_json, tell
from studio.disk import aside
from studio.errors import RequestError
from studio.tables import Table
from studio.trials import ranking, votes
from studio.trials.ranking import Ranking, Steadiness
from studio.trials.trials import Trials
from studio.trials.votes import Vote


def run(options: argparse.Namespace) -> None:
    """Raises RequestError, OutputError; SystemExit(2) where a file is wanted."""
    if options.action == "import" and options.file is None:
        options.fail("votes import wants a FILE")
    with opened() as studio:
        trials = Trials(studio)
        {"table": _table, "export": _export, "import": _import}[options.action](trials, options)


def _chosen(trials: Trials, options: argparse.Namespace) -> list[Vote]:
    found = trials.store.votes(options.comparison)
    return [
        vote
        for vote in found
        if (not options.listener or vote.listener == options.listener) and (not options.tag or options.tag in vote.tags)
    ]


def _table(trials: Trials, options: argparse.Namespace) -> None:
    chosen = _chosen(trials, options)
    found = trials.rank(chosen, options.by)
    steady = ranking.steadiness(chosen)
    if options.json:
        put_json({**asdict(found), "listeners": [asdict(one) for one in steady]})
        return
    put(str(table(found)))
    put("\nHow sure it is that the row is better than the column:\n" + str(matrix(found)))
    put("\n" + str(listeners(steady)))
    put("\n" + "\n".join(filter(None, (found.verdict, found.power))))


def table(found: Ranking) -> Table:
    """The places. The score is the share of votes that one would win against an average one."""
    rows = []
    for number, place in enumerate(found.places, 1):
        low, middle, high = place.scores
        votes_word = f"{place.wins}-{place.ties}-{place.losses}"
        rows.append((str(number), place.label, f"{middle:.0%}", f"{low:.0%} to {high:.0%}", votes_word))
    return Table(("", "what", "score", "95 % interval", "won-tied-lost"), tuple(rows))


def matrix(found: Ranking) -> Table:
    """How sure it is that the row is better than the column, and how often it was preferred to it."""
    numbers = [str(number) for number in range(1, len(found.places) + 1)]
    rows = []
    for one, place in enumerate(found.places):
        cells = [
            "" if one == two else f"{found.better[one][two]:.0%} ({found.met[one][two][0]} won)"
            for two in range(len(found.places))
        ]
        rows.append((f"{numbers[one]} {place.label}", *cells))
    return Table(("", *numbers), tuple(rows))


def listeners(steady: Sequence[Steadiness]) -> Table:
    """How each listener answers."""

    def of(pair: tuple[int, int]) -> str:
        return f"{pair[0]} of {pair[1]}" if pair[1] else "-"

    rows = [(one.listener, str(one.votes), of(one.repeats), of(one.gold), of(one.first)) for one in steady]
    return Table(("listener", "votes", "repeats alike", "gold pairs right", "preferred the first"), tuple(rows))


def _export(trials: Trials, options: argparse.Namespace) -> None:
    chosen, path = _chosen(trials, options), options.file
    text = votes.to_csv(chosen) if path and path.suffix.lower() == ".csv" else votes.to_json(chosen)
    if path is None:
        put(text.rstrip("\n"))
        return
    with aside(path) as part:
        part.write_text(text, encoding="utf-8", newline="")
    tell(f"{path}: {len(chosen)} votes.")


def _import(trials: Trials, options: argparse.Namespace) -> None:
    merged = trials.store.merge(votes.read(_text(options.file)))
    told: dict[str, Any] = asdict(merged)
    if options.json:
        put_json(told)
    tell(f"{merged.added} votes added, {merged.known} were here already.")
    if merged.differing:
        tell(f"{merged.differing} questions have another answer here, which stays.")


def _text(path: Path) -> str:
    """The file. Raises RequestError."""
    try:
        if path.stat().st_size > votes.MOST_BYTES:
            raise RequestError(f"{path} is too large for votes.", "Name a file that `votes export` wrote.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise RequestError(f"{path} cannot be read: {error}.", "Name a file that `votes export` wrote.") from error
