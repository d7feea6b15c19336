"""Which of a voice's recordings an engine is given. Knows seconds only, so that a person can foresee it."""

from __future__ import annotations

from collections.abc import Sequence

from studio.engines.base import ReferenceNeeds
from studio.library.entries import Reference


def choose(references: Sequence[Reference], needs: ReferenceNeeds) -> Reference:
    """The recording whose length the engine follows best: within its best range the first, else the nearest to that
    range; one that the engine would refuse only when there is no other. The earlier of two that are as good.
    """

    def distance(reference: Reference) -> tuple[bool, float]:
        seconds = reference.seconds
        return (
            not needs.least <= seconds <= needs.most,
            max(0.0, needs.best_from - seconds, seconds - needs.best_to),
        )

    return min(references, key=distance)
