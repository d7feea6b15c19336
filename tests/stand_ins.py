"""Engines that exist only in a test: with files on the hub, and the voice of Tone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from studio import engines, hub, upkeep
from studio.disk import aside
from studio.engines import prepared
from studio.engines.base import Obstacle, Placement
from studio.hub import ModelFiles

StandIn = Callable[..., None]
PIECES = 8  # in which a copy is written


def _prepare(
    files: tuple[ModelFiles, ...], size: int, placement: Placement, progress: Callable[[int, int], None]
) -> Path:
    """A copy as `studio.engines.prepared` writes it, of nothing but its head and zeros."""
    path = placement.models / prepared.FOLDER / f"{size}.safetensors"
    sources = {blob.name: blob.name for blob in upkeep.held(files)}
    tensor = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    head = json.dumps({"__metadata__": {"sources": json.dumps(sources)}, "a": tensor}).encode()
    with aside(path) as part, part.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for piece in range(1, PIECES + 1):
            file.write(bytes(size // PIECES))
            time.sleep(0.02)
            progress(piece * (size // PIECES), size)
    return path


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """stand_in("one", FILES, ...): an engine of this id that needs these files, after the others in the menu.

    copy_bytes: of the copy it makes of them. more: other values in its spec.
    """

    def made(engine_id: str, *files: ModelFiles, copy_bytes: int = 0, **more: Any) -> None:
        tone = engines.module("tone")
        module = ModuleType(f"studio.engines.{engine_id}")

        def obstacle(placement: Placement) -> Obstacle | None:
            here = all(hub.snapshot(one) for one in files)
            return (
                None
                if here
                else Obstacle("Its files are not here.", f"Run: python -m studio models download {engine_id}")
            )

        for name, value in {
            "SPEC": replace(tone.SPEC, id=engine_id, title=engine_id.title(), **more),
            "FILES": files,
            "obstacle": obstacle,
            "voice": tone.voice,
            "load": tone.load,
        }.items():
            setattr(module, name, value)
        if copy_bytes:
            module.copy_bytes = lambda placement: copy_bytes  # type: ignore[attr-defined]
            module.prepare = partial(_prepare, files, copy_bytes)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(engines, "MODULES", (*engines.MODULES, engine_id))

    return made
