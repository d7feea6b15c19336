"""Scripts as Ray tasks: each is spoken somewhere, and what comes back here is its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from studio.cluster import for_workers, needs, slots
from studio.errors import StudioError, SynthesisError
from studio.render import Made, Order, rendered
from studio.settings import Settings
from studio.studio import Studio

AHEAD = 2  # orders that are handed out for each that can run


def spoken(settings: Settings, orders: Sequence[Order]) -> Iterator[tuple[Order, Made | StudioError]]:
    """Speak orders as Ray tasks, as many at once as there are cards or cores, and tell of each as it is done.

    Ray must be `running`. A task whose process dies is run again, elsewhere; only what comes back here counts.
    """
    import ray

    task, sent = ray.remote(**needs(settings))(_speak), for_workers(settings)
    most, todo = AHEAD * slots(settings), iter(orders)
    under_way: dict[Any, Order] = {}
    try:
        while True:
            for one in islice(todo, most - len(under_way)):
                under_way[task.remote(sent, one)] = one
            if not under_way:
                return
            (ready, *_), _ = ray.wait(list(under_way))
            yield under_way.pop(ready), _got(ready)
    finally:
        for left in under_way:
            ray.cancel(left, force=True)


def _got(task: Any) -> Made | StudioError:
    import ray

    try:
        made: Made | StudioError = ray.get(task)
    except ray.exceptions.RayError as error:
        return SynthesisError(f"The task failed: {type(error).__name__}.", "Run it again.")
    return made


def _speak(settings: Settings, one: Order) -> Made | StudioError:
    """In a worker of Ray's, which stays for further tasks."""
    try:
        with rendered(_studio(settings), one) as made:
            assert isinstance(made.sound, Path)
            return Made(made.sound.read_bytes(), made.values)
    except StudioError as error:
        return error


@cache
def _studio(settings: Settings) -> Studio:
    return Studio(settings)
