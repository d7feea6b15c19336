"""Where a model's weights lie in memory: on huge pages, where Linux has them. Knows no model and no tensor.

A step reads nearly all weights once. In pages of 4 KB the CPU spends a third of that time on finding out where they
are; in pages of 2 MB it does not (bench/results: two Zen 4 cores). Linux gives those to programs that ask.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

COLLAPSE = 25  # MADV_COLLAPSE, since Linux 6.1
FILLED = 0.75  # of a huge page must be in use already: memory that was freed is not taken again
SIZE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")

Span = tuple[int, int]  # (first address, first address behind it)


@contextmanager
def settled(precision: str = "int8") -> Iterator[None]:
    """What was freed within goes back to the system, and what is kept lies on huge pages afterwards.

    Not where the precision is exact: to make 3 GB of such pages takes seconds, and products that want their weights
    in another order make them themselves. Elsewhere than on Linux, and where it has no such pages, all stays as it is.
    """
    before = [used for span in _anonymous() for used in _in_use(span)]
    yield
    give_back()
    if precision != "exact":
        _collapse_new(before)


@contextmanager
def gathered() -> Iterator[None]:
    """As `settled`, for a single weight: what was freed is left to the next one, and only new mappings are looked at,
    since this is asked for often.
    """
    before = _anonymous()
    yield
    _collapse_new(before)


def give_back() -> None:
    """Give memory that was freed back to the system: glibc keeps up to a model's size."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim:
        trim(0)


def _anonymous() -> list[Span]:
    """The memory of this process that is in no file, in order."""
    maps = Path("/proc/self/maps")
    rows = [line.split() for line in maps.read_text().splitlines()] if SIZE.is_file() and maps.is_file() else []
    private = [row[0].split("-") for row in rows if row[1] == "rw-p" and row[4] == "0" and row[5:] in ([], ["[heap]"])]
    return [(int(start, 16), int(end, 16)) for start, end in private]


def _without(spans: list[Span], taken: list[Span]) -> list[Span]:
    """What is in the spans and not in those taken; both in order, each without overlaps."""
    left, first = [], 0
    for start, end in spans:
        while first < len(taken) and taken[first][1] <= start:
            first += 1
        at = first
        while at < len(taken) and taken[at][0] < end:
            if start < taken[at][0]:
                left.append((start, taken[at][0]))
            start, at = max(start, taken[at][1]), at + 1
        if start < end:
            left.append((start, end))
    return left


def _in_use(span: Span) -> list[Span]:
    """Those huge pages' worth of a span that are in use and not freed, as many as follow each other in one piece."""
    size = int(SIZE.read_text())
    start, end = -(-span[0] // size) * size, span[1] // size * size
    if start >= end:
        return []
    resident = np.zeros((end - start) // mmap.PAGESIZE, np.uint8)
    ctypes.CDLL(None).mincore(
        ctypes.c_void_p(start), ctypes.c_size_t(end - start), resident.ctypes.data_as(ctypes.c_void_p)
    )
    used = (resident & 1).reshape(-1, size // mmap.PAGESIZE).mean(axis=1) >= FILLED
    edges = np.flatnonzero(np.diff(used, prepend=False, append=False)).reshape(-1, 2)
    return [(start + first * size, start + last * size) for first, last in edges.tolist()]


def _collapse_new(before: list[Span]) -> None:
    """Make the huge pages that have come into use since one piece each."""
    libc = ctypes.CDLL(None)
    for span in _without(_anonymous(), before):
        for start, end in _in_use(span):  # a long run at once: a call waits for all cores
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), COLLAPSE)
