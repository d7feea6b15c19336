"""The engines by id. A new engine is one file in this folder and one word in MODULES; menu, CLI and API follow.

An id with a dash is one size of a model: "dia2-1b" is what `VARIANTS["dia2-1b"]` of `dia2` holds, which offers the same
as a module.
"""

from __future__ import annotations

import importlib
from typing import cast

from studio.engines.base import EngineModule
from studio.errors import EngineUnavailable, UnknownEngine, suggest

MODULES = ("hibari", "kokoro", "dia", "dia2-1b", "dia2-2b", "csm", "tone")


def module(engine_id: str) -> EngineModule:
    """One engine's module: its spec and how to load it. Raises UnknownEngine, EngineUnavailable if it is broken."""
    if engine_id not in MODULES:
        raise UnknownEngine(f"There is no engine {engine_id!r}.", suggest(engine_id, MODULES))
    try:
        family = importlib.import_module(f"studio.engines.{engine_id.partition('-')[0]}")
        return cast(EngineModule, family.VARIANTS[engine_id] if "-" in engine_id else family)
    except ImportError as error:
        remedy = "Install what is missing, or take the engine out of MODULES."
        raise EngineUnavailable(f"The engine {engine_id!r} cannot be imported: {error}.", remedy) from error
