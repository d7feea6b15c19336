"""`Saving`: a comparison as a file that the page can fetch, as a function from JSON to JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from studio.export.comparison import KINDS, write
from studio.export.manifest import stem
from studio.trials.trials import Trials
from studio.ui.forms import Json
from studio.ui.listening import Listening


class Saving:
    """One for all visitors. trials: opens them, when they are first asked for."""

    def __init__(self, trials: Callable[[], Trials], listening: Listening) -> None:
        self._trials = trials
        self._listening = listening

    def functions(self) -> list[Callable[[Any], Json]]:
        """What the page may call, each by its name."""
        return [self.save_comparison]

    def save_comparison(self, asked: Json) -> Json:
        """Write all of a comparison to one file. asked: {id, kind: ".zip" or ".html", favourites: ids of entries}.

        Raises RequestError.
        """
        trials = self._trials()
        comparison = trials.store.get(str(asked["id"]))
        kind = next((one for one in KINDS if one == asked["kind"]), "")
        name = f"{stem(comparison.name)[:40] or 'comparison'}{kind}"
        favourites = {str(one) for one in asked.get("favourites") or ()}
        url = self._listening.parcel(name, lambda path: write(trials, comparison, path, favourites))
        return {"url": url, "name": name}
