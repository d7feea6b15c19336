"""A passage that is spoken in another process, told piece by piece as plain values. Knows no way of getting there."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace

from studio import gpu
from studio.audio import Audio
from studio.engines.base import Speech, WordTime
from studio.errors import OutOfMemory, StudioError, SynthesisError


@dataclass(frozen=True)
class Done:
    """The end of a passage. words: as the engine gave them. work_seconds: there. sound_seconds: as heard here."""

    words: tuple[WordTime, ...] | None
    work_seconds: float
    sound_seconds: float = 0.0


Told = Audio | StudioError | Done


def telling(title: str, speak: Callable[[], Speech]) -> Generator[Told, None, None]:
    """There: what an engine says, then the end. An error is told, since of one that is raised little arrives here."""
    began = time.perf_counter()
    try:
        words = yield from speak()
    except StudioError as error:
        yield error
    except Exception as error:  # noqa: BLE001  # handed over, not handled
        yield _failure(title, error)
    else:
        yield Done(words, time.perf_counter() - began)


def hearing(told: Iterable[Told], unended: StudioError) -> Generator[Audio, None, Done]:
    """Here: the sound; gives back the end. Raises what was told, and `unended` when no end was."""
    sound_seconds = 0.0
    for one in told:
        if isinstance(one, StudioError):
            raise one
        if isinstance(one, Done):
            return replace(one, sound_seconds=sound_seconds)
        sound_seconds += one.seconds
        yield one
    raise unended


def _failure(title: str, error: Exception) -> StudioError:
    if gpu.is_out_of_memory(error):
        return OutOfMemory(f"{title} ran out of memory where it speaks.", "Write shorter turns.")
    return SynthesisError(f"{title} failed: {error or type(error).__name__}.", "Try again, or another engine.")
