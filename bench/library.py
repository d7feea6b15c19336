"""The library of voices under load: killed many times, searched with many voices in it, exported and imported.

    python -m bench.library [kills] [voices]

A process that adds, changes, deletes and restores voices is killed at a random moment, again and again; after each kill
every voice must be whole and every file belong to one. Several such processes write at once in every fourth round.
search_ms: the median of 50 searches for two words; cold_ms: the first, in a new process. The last line is JSON.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.recorded import kept, library
from tests.unit.test_library import check, crash

COLD = """
import sys, time
from pathlib import Path
from tests.recorded import library
shelf = library(Path(sys.argv[1]))
began = time.perf_counter()
shelf.search("anna warm")
print(time.perf_counter() - began)
"""


def main(kills: str = "100", voices: str = "1000") -> None:
    with tempfile.TemporaryDirectory() as folder:
        survived, left = kill_often(Path(folder), int(kills))
    with tempfile.TemporaryDirectory() as folder:
        figures = timed(Path(folder), int(voices))
    print(json.dumps({"kills": survived, "voices_left": left, "voices": int(voices), **figures}))


def kill_often(folder: Path, kills: int) -> tuple[int, int]:
    """How often it was killed and found whole, and how many voices there were in the end."""
    moments, done, left = random.Random(2026), 0, 0
    while done < kills:
        writers = 3 if done % 4 == 3 else 1
        threads = [
            threading.Thread(target=crash, args=(folder, number, moments.uniform(0.0, 0.5)))
            for number in range(writers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = check(folder)
        done += writers
    return done, left


def timed(folder: Path, voices: int) -> dict[str, object]:
    """Milliseconds of searches, seconds of an export and an import, and whether a second export has the same bytes."""
    shelf = library(folder)
    began = time.perf_counter()
    for number in range(voices):
        kept(shelf, f"{'Anna' if number % 10 == 0 else 'Ben'} {number}", 100 + number, seconds=0.2)
    added = time.perf_counter() - began
    spent = []
    for _ in range(50):
        began = time.perf_counter()
        found = shelf.search("anna warm")
        spent.append(time.perf_counter() - began)
    assert len(found) == voices / 10
    began = time.perf_counter()
    assert len(shelf.search()) == voices
    every = time.perf_counter() - began
    cold = subprocess.run([sys.executable, "-c", COLD, folder], capture_output=True, text=True, check=True).stdout
    one, other = folder / "one.zip", folder / "other.zip"
    began = time.perf_counter()
    shelf.export(one)
    exported = time.perf_counter() - began
    there = library(folder / "there")
    began = time.perf_counter()
    there.import_(one)
    imported = time.perf_counter() - began
    there.export(other)
    return {
        "search_ms": round(1000 * statistics.median(spent), 2),
        "all_ms": round(1000 * every, 1),
        "cold_ms": round(1000 * float(cold), 1),
        "add_ms": round(1000 * added / voices, 1),
        "export_s": round(exported, 2),
        "import_s": round(imported, 2),
        "zip_bytes": one.stat().st_size,
        "same_bytes": one.read_bytes() == other.read_bytes(),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
