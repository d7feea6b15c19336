"""`Trials`: the one door to listening tests for page and terminal, on a studio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from studio.errors import StudioError
from studio.script import Script
from studio.studio import Studio
from studio.trials import measures, ranking
from studio.trials.blind import BlindTest
from studio.trials.comparison import Comparison, Entry, labels
from studio.trials.ranking import Ranking
from studio.trials.rendering import render
from studio.trials.renderings import Rendering
from studio.trials.store import TrialStore
from studio.trials.votes import Vote

FOLDER = "trials"


class Trials:
    """Comparisons of one studio, kept in its data folder."""

    def __init__(self, studio: Studio, chance: Random | None = None) -> None:
        self.studio = studio
        self.store = TrialStore(studio.settings.data / FOLDER, chance)
        self.titles = {row.spec.id: row.spec.title for row in studio.engines()}
        self.blind = BlindTest(self.store, self.titles)

    def begin(self, script: Script, entries: Sequence[Entry], name: str = "") -> Comparison:
        """A new comparison, nothing spoken yet. Raises UnknownEngine, RequestError; an engine that is known and cannot
        run here is no reason to refuse: its entry will say so.
        """
        for entry in entries:
            self.studio.spec(entry.engine)
        comparison = Comparison(script, tuple(entries), name)
        self.store.add(comparison)
        return comparison

    def render(self, comparison: Comparison, stopped: Callable[[], bool] = lambda: False) -> Iterator[Rendering]:
        """Speak what is not spoken yet, as `rendering.render` tells it, then measure what is not measured yet."""
        yield from render(self.studio, self.store, comparison, stopped)
        for entry in comparison.order():
            rendering = self.store.rendering(comparison.id, entry.id)
            if rendering.is_ready and not measures.is_done(rendering) and not stopped():
                yield self._measured(comparison, rendering)

    def _measured(self, comparison: Comparison, rendering: Rendering) -> Rendering:
        entry = comparison.entry(rendering.entry)
        try:
            voices = self.studio.cast(comparison.script, entry.engine, rendering.voices)
        except StudioError:  # a voice that was deleted since: the rest can be measured
            voices = {}
        recogniser = self.studio.recogniser
        found = measures.measure(self.store, comparison.script, rendering, recogniser, voices)
        measured = replace(rendering, measures={**rendering.measures, **found})
        self.store.keep(comparison.id, measured)
        return measured

    def labels(self, comparison: Comparison) -> list[str]:
        """What to call each entry."""
        return labels(comparison.entries, self.titles)

    def rank(self, votes: Sequence[Vote], way: str = "system") -> Ranking:
        """See `ranking.rank`."""
        return ranking.rank(votes, self.titles, way)
