"""`Inspector`: what can be told of a file that somebody drops, as a function from JSON to JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from studio import watermark
from studio.inspection import Inspection
from studio.studio import Studio
from studio.ui.forms import Json
from studio.ui.recordings import Recordings


class Inspector:
    """One for all visitors. On a shared machine a visitor learns only of the runs that the own browser remembers."""

    def __init__(self, studio: Studio, recordings: Recordings) -> None:
        self.studio = studio
        self._recordings = recordings

    def functions(self) -> list[Callable[[Any], Json]]:
        """What the page may call, each by its name."""
        return [self._recordings.in_turn(self.inspect), self.watermark]

    def watermark(self, asked: Json) -> Json:
        """What the mark means here and now."""
        return {"meaning": watermark.meaning(self.studio.settings.watermark)}

    def inspect(self, asked: Json) -> Json:
        """Look at a file. asked: {source: {path, name}, runs: ids the browser remembers}. Raises AudioError."""
        source = self._recordings.source(asked["source"])
        found = self.studio.inspect(source.path)
        run = found.match.run if found.match else None
        is_seen = not self.studio.settings.is_shared or (run is not None and run.id in (asked.get("runs") or ()))
        return {
            "name": source.name,
            "seconds": round(found.seconds, 2),
            "marked": found.mark.found if found.mark.probability is not None else None,
            "mark": found.verdict,
            "label": _label(found),
            "origin": found.origin if is_seen else "Runs of other visitors are not compared.",
            "run": run.id if run and is_seen else "",
        }


def _label(found: Inspection) -> list[str]:
    """What the file says of itself, a claim."""
    label = found.label
    if label is None:
        return ["It says nothing of Dialogue Studio about itself."]
    return [
        f"It says of itself: spoken by {label.engine} with {', '.join(label.voices)}.",
        f"Seed {label.seed}, {label.created}, run {label.run}; mark: {label.watermark}.",
    ]
