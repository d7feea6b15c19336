"""Dia2 speaking: text goes in word by word, whole frames of codes come out as soon as their last code is there.

Knows the delays between codebooks, where a prefix ends and when the speech is over; nothing of sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from studio.engines.dia2.machine import INITIAL_PADDING, MAX_PADDING, REFERENCE, Entry, Feed, Machine
from studio.engines.dia2.steps import Steps
from studio.engines.mimi import FRAMES_PER_SECOND
from studio.errors import RequestError


@dataclass(frozen=True, eq=False)
class Prefix:
    """Speech that is taken as already spoken. codes: (books, steps) int64. entries: its words. starts: for each word
    the step at which it begins.
    """

    codes: Tensor
    entries: tuple[Entry, ...]
    starts: tuple[int, ...]

    @property
    def steps(self) -> int:
        return int(self.codes.shape[1])


class Speech:
    """One passage being spoken. Iterate `frames` once; `machine.said` and `first_frame` then tell when words sound."""

    def __init__(
        self, steps: Steps, begin: int, seed: int, source: Iterable[Entry | None], prefix: Prefix | None
    ) -> None:
        config = steps.net.config
        self.config = config
        known = prefix.entries if prefix else ()
        self.machine = Machine(Feed(source, known), config.new_word, config.text_pad, config.ahead)
        self._prefix = prefix
        self._steps = steps
        self._seed = seed
        self._text = (begin, config.text_pad)
        # a column for each step, a row for each codebook: the code of frame u stands in column u + delay
        self._grid = np.full((config.books, config.max_steps + 1), config.audio_bos, np.int64)
        # With a second text stream the sound begins where the prefix ends, without one shortly before the first word.
        self.first_frame: int | None = (prefix.steps - 1 if prefix else 0) if config.ahead else None
        self._given = 0
        self.is_whole = False

    def frames(self) -> Iterator[Tensor]:
        """After each step the frames that are whole with it: (books, 0 or more) int64. Also when there is nothing to
        read yet, so that the caller may stop there.

        `is_whole` is true afterwards if all words were spoken and have sounded before the steps ran out.
        """
        config, machine = self.config, self.machine
        self._steps.begin(self._seed)
        start = 0
        if self._prefix:
            yield from self._hear(self._prefix)
            start = self._prefix.steps - 1
        stop = config.max_steps
        for at in range(start, config.max_steps):
            while not machine.is_ready():
                yield self._none
            # behind a prefix the cache is one ahead: its last step is heard twice
            slot = at + 1 if self._prefix else at
            self._text, codes = self._steps.step(self._text, at, slot, partial(self._follow, at))
            self._grid[:, at + 1] = codes
            if self.first_frame is None and self._text[0] == config.new_word:
                self.first_frame = max(0, at - INITIAL_PADDING)
            if machine.end is not None:
                self.is_whole = at + 1 >= machine.end + config.lag
                stop = machine.end + config.lag + MAX_PADDING
            yield self._whole(at + 2 - config.lag)
            if at + 1 >= stop:
                break
        if self.first_frame is None:
            self.first_frame = start
            yield self._whole(at + 2 - config.lag)

    @property
    def unspoken(self) -> tuple[Entry, ...]:
        """The words that were known and did not come to be spoken."""
        return tuple(entry for entry in self.machine.feed.entries if entry.tokens)

    def _follow(self, at: int, action: int) -> tuple[int, int]:
        """The text after an action. The second one is "new word", whatever the config calls it, as in the reference."""
        return self.machine.step(at, action in (1, self.config.new_word))

    def _hear(self, prefix: Prefix) -> Iterator[Tensor]:
        """Take the prefix as spoken: its words begin where told, its codes are heard in one go."""
        machine, delays = self.machine, self.config.delays
        while not machine.feed.holds(len(prefix.entries) + self.config.ahead):
            yield self._none
        text, starts = [], set(prefix.starts)
        for at in range(prefix.steps):
            text.append(self._text)
            self._text = machine.step(at, at in starts, forced=True)
        left = 0
        while machine.feed.entries and machine.feed.entries[0].turn == REFERENCE:
            machine.feed.entries.popleft()  # or it would be spoken now
            left += 1
        if left > len(prefix.entries) // 4:
            raise RequestError(
                f"A reference of {prefix.steps / FRAMES_PER_SECOND:.0f} s cannot hold its {len(prefix.entries)} words.",
                "Check that the transcript is what is said in it.",
            )
        for row, delay, codes in zip(self._grid, delays, prefix.codes.numpy(), strict=True):
            row[delay : delay + prefix.steps] = codes[: len(row) - delay]
        self._steps.prefill(text, torch.from_numpy(self._grid[:, : prefix.steps].copy()))

    @property
    def _none(self) -> Tensor:
        return torch.zeros(self.config.books, 0, dtype=torch.int64)

    def _whole(self, until: int) -> Tensor:
        """The frames before `until` that have not been given yet."""
        if self.first_frame is None:
            return self._none
        # a codebook without delay has no code for the first frame: none was drawn before the first step
        begin = max(self._given, self.first_frame, 1 - min(self.config.delays))
        if until <= begin:
            return self._none
        self._given = until
        rows = zip(self._grid, self.config.delays, strict=True)
        return torch.from_numpy(np.stack([row[begin + delay : until + delay] for row, delay in rows]))
