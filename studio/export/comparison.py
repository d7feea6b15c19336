"""A comparison as one file that stands alone: a .zip of everything, or a page that plays it without a network."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection
from pathlib import Path

from studio import formats
from studio.disk import aside
from studio.errors import RequestError
from studio.export.manifest import as_csv, manifest
from studio.export.page import as_html
from studio.trials.comparison import Comparison
from studio.trials.trials import Trials

KINDS = (".zip", ".html")


def write(trials: Trials, comparison: Comparison, path: Path, favourites: Collection[str] = ()) -> None:
    """Write it whole or not at all, in the form that the file's ending says. favourites: ids of entries.

    Raises OutputError, RequestError.
    """
    if path.suffix.lower() not in KINDS:
        raise RequestError(f"{path.name} is no file of a comparison.", f"Let it end in {' or '.join(KINDS)}.")
    told = manifest(trials, comparison, favourites)
    if not any(entry["sound"] for entry in told["entries"]):
        raise RequestError("Nothing of this comparison is spoken yet.", "Speak it, then save it.")
    rendered = zip(told["entries"], trials.store.renderings(comparison), strict=True)
    sounds = {entry["sound"]: trials.store.sounds / one.sound for entry, one in rendered if entry["sound"]}
    with aside(path.resolve()) as part:
        if path.suffix.lower() == ".html":
            part.write_text(as_html(told, sounds), encoding="utf-8", newline="")
        else:
            _zip(part, comparison, told, sounds)


def _zip(part: Path, comparison: Comparison, told: dict[str, object], sounds: dict[str, Path]) -> None:
    texts = {
        "comparison.json": json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        "script.txt": f"{comparison.script}\n",
        "script.json": formats.to_json(comparison.script) + "\n",
        "metrics.csv": as_csv(told),
        "listen.html": as_html(told, sounds),
    }
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        for name, sound in sounds.items():
            archive.write(sound, f"sounds/{name}", zipfile.ZIP_STORED)
