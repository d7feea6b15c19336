"""A comparison as plain JSON and as a table: script, entries with all that made them, and what was measured."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from typing import Any

from studio import __version__
from studio.trials import playing
from studio.trials.comparison import Comparison, Entry
from studio.trials.renderings import Rendering
from studio.trials.trials import Trials

FORMAT, VERSION = "dialogue-studio-comparison", 1
MOST_STEM_CHARACTERS = 80
Json = dict[str, Any]
COLUMNS = (
    "number", "label", "favourite", "engine", "seed", "precision", "state", "seconds", "rtf", "work_seconds",
    "loudness_lufs", "wer", "dnsmos", "distillmos", "process_gb", "rise_gb", "gpu_gb",
)  # fmt: skip


def manifest(trials: Trials, comparison: Comparison, favourites: Collection[str] = ()) -> Json:
    """All of a comparison. `sound` of an entry is the name of its file; gain: what brings it to the common loudness.
    favourites: ids of entries that somebody likes best.
    """
    names = trials.labels(comparison)
    renderings = trials.store.renderings(comparison)
    entries = [
        {**_entry(number, label, entry, rendering), "favourite": entry.id in favourites}
        for number, (label, entry, rendering) in enumerate(zip(names, comparison.entries, renderings, strict=True), 1)
    ]
    plain = comparison.values
    return {
        "format": FORMAT,
        "version": VERSION,
        "studio": __version__,
        "id": comparison.id,
        "name": comparison.name,
        "created": comparison.created,
        "script": plain["script"],
        "matched_lufs": playing.MATCHED_LUFS,
        "entries": entries,
    }


def _entry(number: int, label: str, entry: Entry, rendering: Rendering) -> Json:
    ready = rendering.is_ready
    return {
        "number": number,
        "label": label,
        **entry.values,
        "voices_used": dict(rendering.voices),
        "precision_used": rendering.precision,
        "state": rendering.state,
        "reason": rendering.reason,
        "remedy": rendering.remedy,
        "sound": f"{number}-{stem(label)}.wav" if ready else None,
        "seconds": rendering.seconds,
        "work_seconds": rendering.work_seconds,
        "rtf": rendering.rtf,
        "loudness_lufs": rendering.loudness_lufs,
        "gain": playing.gain(rendering.loudness_lufs),
        "timings": [list(timing) for timing in rendering.timings],
        "takes": list(rendering.takes),
        "measures": dict(rendering.measures),
    }


def stem(label: str) -> str:
    """A label as the name of a file, without its ending."""
    words = "".join(letter if letter.isalnum() or letter == "." else " " for letter in label.lower()).split()
    return "-".join(words)[:MOST_STEM_CHARACTERS].strip("-.")


def as_csv(told: Mapping[str, Any]) -> str:
    """A line an entry; what is missing is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in told["entries"]:
        row = entry | _measured(entry["measures"])
        writer.writerow(["" if row.get(name) is None else row[name] for name in COLUMNS])
    return out.getvalue()


def _measured(measures: Mapping[str, Any]) -> Json:
    words, mos, other = (measures.get(name, {}) for name in ("words", "mos", "distillmos"))
    return {
        "wer": words.get("wer"),
        "dnsmos": mos.get("value"),
        "distillmos": other.get("value"),
        **measures.get("memory", {}),
    }
