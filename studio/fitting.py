"""What else could speak in so much memory: the answer to "it does not fit". Knows specs, loads nothing."""

from __future__ import annotations

from collections.abc import Iterator

from studio import engines
from studio.engines.base import EngineSpec, Placement
from studio.errors import EngineUnavailable

STAND_IN = "tone"  # beeps, and is no help to anybody
MOST = 3  # named at a time


def others(spec: EngineSpec, room_gb: float, placement: Placement) -> str:
    """What would fit beside an engine that does not, as a sentence; empty when nothing does.

    First the same engine with lighter weights, then what is ready here, then what is to be downloaded; the largest
    first, since it speaks best.
    """
    found = sorted(_fitting(spec, room_gb, placement), key=lambda one: one[:2], reverse=True)
    return f"This fits: {', '.join(words for *_, words in found[:MOST])}." if found else ""


def _fitting(spec: EngineSpec, room_gb: float, placement: Placement) -> Iterator[tuple[int, float, str]]:
    """How welcome each engine is in each precision, its gigabytes and its name."""
    for name in engines.MODULES:
        try:
            module = engines.module(name)
        except EngineUnavailable:  # a broken one
            continue
        other, is_ready = module.SPEC, module.obstacle(placement) is None
        for precision in other.precisions(placement.device):
            size = other.takes(precision).memory_gb
            is_same = other.id == spec.id
            if name == STAND_IN or size > room_gb or size >= spec.memory_gb:
                continue
            words = f"{other.title}{'' if precision == 'exact' else f' in {precision}'} ({size:g} GB"
            yield 2 if is_same else int(is_ready), size, words + (")" if is_ready else ", to download)")
