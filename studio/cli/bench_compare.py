"""`bench --compare`: which earlier benchmark is meant, and what has changed since. Measures nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.cli.terminal import tell
from studio.errors import RequestError

if TYPE_CHECKING:
    from studio.benchmark.bench import Benchmarks
    from studio.benchmark.store import Bench


def earlier(benchmarks: Benchmarks, word: str, chosen: str) -> Bench:
    """The benchmark to compare the chosen one with; `last`: the latest that is finished and comparable.

    Raises RequestError, also for one that is not: that must not pass for "nothing is worse".
    """
    from studio.benchmark.summary import shared_scripts

    now = benchmarks.store.get(chosen)
    if word != "last":
        before = benchmarks.store.get(word)
        if not shared_scripts(now, before):
            raise RequestError(f"{word} has nothing in common with this benchmark.", "Compare the same scripts.")
        return before
    finished = (one.id for one in benchmarks.recent() if one.state == "finished" and one.id != chosen)
    found = next((one for one in map(benchmarks.store.get, finished) if shared_scripts(now, one)), None)
    if found is None:
        raise RequestError(
            "No benchmark of these scripts and engines was finished before.", "Run it without --compare."
        )
    return found


def compared(benchmarks: Benchmarks, now: Bench, before: Bench, threshold: float | None) -> dict[str, Any]:
    """Tell what is better and worse by more than the threshold; gives it back as JSON."""
    from studio.benchmark import machine
    from studio.benchmark.summary import compare, lost, shared_scripts
    from studio.benchmark.values import difference_values

    shared, rows = shared_scripts(now, before), benchmarks.store.rows(now.id)
    former = [row for row in benchmarks.store.rows(before.id) if row.item in shared]
    differences = compare(rows, former, threshold or 0.0)
    worse = [one for one in differences if one.verdict == "worse"]
    others = machine.same(now.facts["machine"], before.facts["machine"])
    if others:
        tell(f"note: not the same machine or versions: {', '.join(others)} differ.")
    gone = lost(rows, former)
    if gone:
        tell(f"note: not measured this time, so nobody knows whether they are worse: {', '.join(gone)}.")
    for one in differences:
        if one.verdict != "same":
            tell(f"{one.verdict}: {one.engine} {one.measure}, {one.before:.4g} -> {one.now:.4g}")
    tell(f"{len(worse)} of {len(differences)} measures are worse than in {before.id}.")
    return {
        "with": before.id,
        "threshold": threshold,
        "machines_differ_in": others,
        "not_measured_now": gone,
        "differences": [difference_values(one) for one in differences],
        "regressions": len(worse),
    }
