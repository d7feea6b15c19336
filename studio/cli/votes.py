"""`votes`: what blind tests say as a table, and votes as files to be carried from one studio to another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.cli.terminal import opened, put, put_json, tell
from studio.disk import aside
from studio.errors import RequestError, suggest
from studio.tables import Table
from studio.trials import abx, breakdown, files, ranking, ratings, votes
from studio.trials.abx import Audibility
from studio.trials.breakdown import Choice, Part
from studio.trials.files import Answers
from studio.trials.ranking import Ranking, Steadiness
from studio.trials.trials import Trials
from studio.trials.votes import Vote

METHODS = {
    "mushra": "Scores from 0 to 100 with a hidden reference (MUSHRA, ITU-R BS.1534-3)",
    "plain": "Scores from 0 to 100 without a reference (no MUSHRA test)",
}


def run(options: argparse.Namespace) -> None:
    """Raises RequestError, OutputError; SystemExit(2) where a file is wanted."""
    if options.action == "import" and options.file is None:
        options.fail("votes import wants a FILE")
    with opened() as studio:
        trials = Trials(studio)
        {"table": _table, "export": _export, "import": _import}[options.action](trials, options)


def _chosen(trials: Trials, options: argparse.Namespace) -> Answers:
    found = trials.answers(options.comparison)
    choice = Choice(options.listener, options.tag or "", _script(found.votes, options.script))
    return Answers(choice.of(found.votes), [] if options.tag else choice.of_ratings(found.ratings))


def _script(found: Sequence[Vote], wanted: str) -> str:
    """The digest of a script, by it or by what it is called. Raises RequestError."""
    if not wanted:
        return ""
    known = breakdown.scripts(found)
    for digest, name in known.items():
        if wanted in (digest, name):
            return digest
    raise RequestError(f"No vote is about a script {wanted!r}.", suggest(wanted, list(known.values())))


def _table(trials: Trials, options: argparse.Namespace) -> None:
    chosen = _chosen(trials, options)
    told, heard = trials.gradings(chosen.ratings), abx.audibility(chosen.votes, trials.titles)
    found = None
    if any(vote.kind != "abx" for vote in chosen.votes) or not (told or heard):
        found = trials.rank(chosen.votes, options.by)
    steady = ranking.steadiness(chosen.votes)
    parts = breakdown.parts(chosen.votes, found, options.parts, options.by) if found and options.parts else []
    if options.json:
        plain = {
            "listeners": [asdict(one) for one in steady],
            "parts": [asdict(one) for one in parts],
            "abx": [asdict(one) for one in heard],
            "ratings": told,
        }
        put_json({**(asdict(found) if found else {}), **plain})
        return
    if found:
        put(str(table(found)))
        put("\nHow sure it is that the row is better than the column:\n" + str(matrix(found)))
        if parts:
            put(f"\nBy {options.parts}:\n" + str(part_table(parts, found)))
        put("\n" + str(listeners(steady)))
        put("\n" + "\n".join(filter(None, (found.verdict, found.power))))
    _tell_tests(heard, told)


def _tell_tests(heard: Sequence[Audibility], gradings: Sequence[dict[str, Any]]) -> None:
    """ABX runs and scores from 0 to 100, where there are any."""
    if heard:
        put("\nIs a difference heard (ABX, whole runs)?\n" + str(abx_table(heard)))
    for grading in gradings:
        put(f"\n{METHODS[grading['method']]}:")
        if "why" in grading:
            put(grading["why"])
            continue
        for one in grading["screened"]:
            if one["is_out"]:
                put(f"{one['listener']} is left out: did not hear the hidden reference or the middle anchor as such.")
        put(str(grading_table(grading)))
        put(f"Intervals are over {grading['over']}. {grading['verdict']}".rstrip())


def part_table(parts: Sequence[Part], whole: Ranking) -> Table:
    """Scores in parts, a column for everything that is ranked."""
    rows = [
        (
            one.name,
            str(one.votes),
            *(f"{one.scores[place.id]:.0%}" if place.id in one.scores else "-" for place in whole.places),
            one.verdict,
        )
        for one in parts
    ]
    return Table(("", "votes", *(place.label for place in whole.places), ""), tuple(rows))


def abx_table(heard: Sequence[Audibility]) -> Table:
    """A row for each pair and listener."""
    rows = [
        (
            " / ".join(one.labels),
            one.listener or "all",
            f"{one.right} of {one.trials}" if one.trials else "-",
            "-" if one.p is None else f"{one.p:.2g}",
            one.verdict,
        )
        for one in heard
    ]
    return Table(("pair", "listener", "right", "p", ""), tuple(rows))


def grading_table(grading: dict[str, Any]) -> Table:
    """Means, intervals, medians."""
    rows = [
        (
            one["label"],
            f"{one['mean']:.1f}",
            "-" if one["low"] is None else f"{one['low']:.1f} to {one['high']:.1f}",
            f"{one['median']:.1f}",
            str(one["scores"]),
            one["word"],
        )
        for one in grading["grades"]
    ]
    return Table(("what", "mean", "95 % interval", "median", "scores", ""), tuple(rows))


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
    text = files.to_json(chosen)
    if path and path.suffix.lower() == ".csv":
        text = ratings.to_csv(chosen.ratings) if options.ratings else votes.to_csv(chosen.votes)
    if path is None:
        put(text.rstrip("\n"))
        return
    with aside(path) as part:
        part.write_text(text, encoding="utf-8", newline="")
    if path.suffix.lower() == ".csv":
        tell(f"{path}: {len(chosen.ratings)} sheets." if options.ratings else f"{path}: {len(chosen.votes)} votes.")
    else:
        tell(f"{path}: {len(chosen.votes)} votes, {len(chosen.ratings)} sheets of scores.")


def _import(trials: Trials, options: argparse.Namespace) -> None:
    merged = trials.merge(files.read(_text(options.file)))
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
