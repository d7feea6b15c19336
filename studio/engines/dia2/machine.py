"""How text is fed to Dia2: one token a step, words begun when the model says so. Knows tokens, neither model nor sound.

At every step the model draws an action, "pad" or "new word". A new word takes the next entry of the script, whose
tokens are then fed one a step. So the model decides when words begin, within limits: not while tokens of the last word
are left, not before the padding of the last entry is over, and after six steps without a word at the latest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MAX_PADDING = 6  # steps without a word after which one is begun
INITIAL_PADDING = 2  # steps before the first word
REFERENCE = -1  # the turn of words that are a voice's reference, not the script's


@dataclass(frozen=True)
class Entry:
    """A word and its tokens, or a pause (no tokens). padding: steps before the next word may begin.

    turn: the turn of the script it is from, or REFERENCE.
    """

    tokens: tuple[int, ...]
    text: str
    padding: int
    turn: int = 0


class Feed:
    """The entries to come, taken from their source only as far as the machine must see ahead.

    source may give None: nothing has been written yet, ask again later.
    """

    def __init__(self, source: Iterable[Entry | None], known: Iterable[Entry] = ()) -> None:
        self._source: Iterator[Entry | None] = iter(source)
        self._ended = False
        self.entries: deque[Entry] = deque(known)

    def holds(self, words: int) -> bool:
        """Whether so many words are at hand, or all there will be. Waits for the source; False when that gives None."""
        while not self._ended and sum(bool(entry.tokens) for entry in self.entries) < words:
            try:
                entry = next(self._source)
            except StopIteration:
                self._ended = True
                break
            if entry is None:
                return False
            self.entries.append(entry)
        return True


@dataclass
class Machine:
    """The state of the text while it is spoken.

    said: each word with the step it began at. end: the step at which a word was wanted and none was left.
    """

    feed: Feed
    new_word: int
    pad: int
    ahead: int
    budget: int = INITIAL_PADDING
    hold: int = INITIAL_PADDING
    said: list[tuple[Entry, int]] = field(default_factory=list)
    end: int | None = None
    _pending: deque[int] = field(default_factory=deque)
    _lookahead: deque[int] = field(default_factory=deque)

    def is_ready(self) -> bool:
        """Whether the next step can be made: either no word can begin in it, or the words that it needs are known."""
        return bool(self._pending) or self.hold > 0 or self.feed.holds(1 + self.ahead)

    def step(self, at: int, wants_word: bool, forced: bool = False) -> tuple[int, int]:
        """The two text tokens that follow step `at`, in which the model drew this action; `is_ready` comes before.

        forced: begin a word exactly where told, as for a reference whose times are known.
        """
        emits = self._begins(at, self._may_begin(wants_word, forced))
        if emits:
            main = self.new_word
        else:
            self.budget, self.hold = max(0, self.budget - 1), max(0, self.hold - 1)
            main = self._pending.popleft() if self._pending else self.pad
        if not self.ahead:
            return main, main
        if emits:
            return (self._pending.popleft() if self._pending else self.pad), self.new_word
        return main, (self._lookahead.popleft() if self._lookahead else self.pad)

    def _may_begin(self, wants_word: bool, forced: bool) -> bool:
        if self._pending:
            return False
        return wants_word if forced else self.hold <= 0 and (wants_word or self.budget <= 0)

    def _begins(self, at: int, word: bool) -> bool:
        """Take the next entry if a word may begin. True when the marker of a new word is to be fed."""
        if not word:
            return False
        if not self.feed.entries:
            is_first = self.end is None
            self.end = at if is_first else self.end
            return bool(self.ahead) and is_first  # the last marker says that the text is over
        entry = self.feed.entries.popleft()
        self.hold = entry.padding
        if not entry.tokens:
            return False  # a pause: this very step is the first of it
        self.said.append((entry, at))
        self._pending.extend(entry.tokens)
        self._lookahead.extend(self._word_ahead())
        self.budget = MAX_PADDING
        return True

    def _word_ahead(self) -> tuple[int, ...]:
        """The tokens of the word that comes `ahead` words later, which the second stream begins now."""
        words = [entry for entry in self.feed.entries if entry.tokens]
        return words[self.ahead - 1].tokens if 0 < self.ahead <= len(words) else ()
