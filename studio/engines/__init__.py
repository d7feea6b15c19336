"""The engines by id. A new engine is one file in this folder and one word in MODULES; menu, CLI and API follow."""

from __future__ import annotations

import importlib
from typing import cast

from studio.engines.base import EngineModule
from studio.errors import UnknownEngine, suggest

MODULES = ("hibari", "kokoro", "tone")


def module(engine_id: str) -> EngineModule:
    """The module of one engine: its spec and how to load it. Raises UnknownEngine."""
    if engine_id not in MODULES:
        raise UnknownEngine(f"There is no engine {engine_id!r}.", suggest(engine_id, MODULES))
    return cast(EngineModule, importlib.import_module(f"studio.engines.{engine_id}"))
