"""Engines that exist only in a test: with files on the hub, and the voice of Tone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from studio import engines, hub
from studio.engines.base import Obstacle, Placement
from studio.hub import ModelFiles

StandIn = Callable[..., None]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """stand_in("one", FILES, ...): an engine of this id that needs these files, after the others in the menu."""

    def made(engine_id: str, *files: ModelFiles) -> None:
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
            "SPEC": replace(tone.SPEC, id=engine_id, title=engine_id.title()),
            "FILES": files,
            "obstacle": obstacle,
            "voice": tone.voice,
            "load": tone.load,
        }.items():
            setattr(module, name, value)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(engines, "MODULES", (*engines.MODULES, engine_id))

    return made
