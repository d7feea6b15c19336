"""`Trials`: the one door to listening tests for page and terminal, on a studio."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from random import Random
from typing import Any
from uuid import uuid4

from studio.errors import RequestError, StudioError
from studio.script import Script
from studio.studio import Studio
from studio.trials import grading, measures, ranking
from studio.trials.blind import BlindTest
from studio.trials.comparison import Comparison, Entry
from studio.trials.files import Answers
from studio.trials.ranking import Ranking
from studio.trials.ratings import METHODS, Rating
from studio.trials.rendering import render
from studio.trials.renderings import Rendering
from studio.trials.sheets import SheetStore
from studio.trials.store import FOLDER, Merged, TrialStore
from studio.trials.votes import Vote

MOST_SCRIPTS = 50


class Trials:
    """Comparisons of one studio, kept in its data folder."""

    def __init__(self, studio: Studio, chance: Random | None = None) -> None:
        self.studio = studio
        self.store = TrialStore(studio.settings.data / FOLDER, chance)
        self.titles = {row.spec.id: row.spec.title for row in studio.engines()}
        self.blind = BlindTest(self.store)
        self.sheets = SheetStore(self.store, chance)

    def begin(self, script: Script, entries: Sequence[Entry], name: str = "") -> Comparison:
        """A new comparison, nothing spoken yet. Raises UnknownEngine, RequestError; an engine that is known and cannot
        run here is no reason to refuse: its entry will say so.
        """
        return self.begin_series([script], entries, name)[0]

    def begin_series(self, scripts: Sequence[Script], entries: Sequence[Entry], name: str = "") -> list[Comparison]:
        """A comparison for each script, of the same entries, heard as one test; all or none. Raises as `begin` does."""
        scripts = list(dict.fromkeys(scripts))
        if not 0 < len(scripts) <= MOST_SCRIPTS:
            raise RequestError(f"A comparison takes 1 to {MOST_SCRIPTS} scripts, not {len(scripts)}.")
        titles = {entry.engine: self.studio.spec(entry.engine).title for entry in entries}
        series = uuid4().hex[:12] if len(scripts) > 1 else ""
        begun = [Comparison(script, tuple(entries), name, series=series, titles=titles) for script in scripts]
        for comparison in begun:
            self.store.add(comparison)
        return begun

    def render(self, comparison: Comparison, stopped: Callable[[], bool] = lambda: False) -> Iterator[Rendering]:
        """Speak what is not spoken yet, as `rendering.render` tells it, then measure what is not measured yet."""
        with closing(self.render_series([comparison], stopped)) as told:
            yield from (rendering for _, rendering in told)

    def render_series(
        self, comparisons: Sequence[Comparison], stopped: Callable[[], bool] = lambda: False
    ) -> Generator[tuple[Comparison, Rendering], None, None]:
        """The same for all scripts of a series, each model loaded once."""
        with closing(render(self.studio, self.store, comparisons, stopped)) as told:  # type: ignore[type-var]  # it is a generator
            yield from told
        for entry in comparisons[0].order():
            for comparison in comparisons:
                rendering = self.store.rendering(comparison.id, entry.id)
                if rendering.is_ready and not measures.is_done(rendering) and not stopped():
                    yield comparison, self._measured(comparison, rendering)

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
        return list(replace(comparison, titles={**self.titles, **comparison.titles}).names.values())

    def answers(self, target: str = "") -> Answers:
        """All votes and ratings, or those of one comparison or series."""
        return Answers(self.store.votes(target), self.sheets.ratings(target))

    def merge(self, answers: Answers) -> Merged:
        """Add votes and ratings from elsewhere; those that are here already are not added again."""
        one, two = self.store.merge(answers.votes), self.sheets.merge(answers.ratings)
        return Merged(one.added + two.added, one.known + two.known, one.differing + two.differing)

    def gradings(self, ratings: Sequence[Rating]) -> list[dict[str, Any]]:
        """What ratings say, a document for each method that was used: `Grading`, or {method, why} when none counts."""
        told: list[dict[str, Any]] = []
        for method in METHODS:
            if not any(one.method == method for one in ratings):
                continue
            try:
                told.append(grading.grade(ratings, self.titles, method).values)
            except RequestError as error:
                told.append({"method": method, "why": str(error)})
        return told

    def rank(self, votes: Sequence[Vote], way: str = "system") -> Ranking:
        """See `ranking.rank`."""
        return ranking.rank(votes, self.titles, way)
