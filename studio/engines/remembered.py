"""Codes of the sounds that an engine heard last, so that a reference is encoded once and not once a passage.

An engine has one of these as long as it is loaded: what is remembered is of its revision, its codec and its device.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from studio.audio import Audio

T = TypeVar("T")
MOST = 64  # the two references of a script and the passages that it goes on from, several scripts long


class Remembered(Generic[T]):
    """What was made of sounds, by what they hold and not by what they are called; the oldest use is forgotten first."""

    def __init__(self, make: Callable[[Audio], T], most: int = MOST) -> None:
        self._make = make
        self._most = most
        self._made: OrderedDict[str, T] = OrderedDict()

    def of(self, sound: Audio) -> T:
        """What is made of a sound, now or before."""
        digest = sound.digest
        if digest not in self._made:
            self._made[digest] = self._make(sound)
        self._made.move_to_end(digest)
        while len(self._made) > self._most:
            self._made.popitem(last=False)
        return self._made[digest]

    def clear(self) -> None:
        """Forget all of it."""
        self._made.clear()
