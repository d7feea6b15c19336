"""Imports gradio without its rewriting 81 stub files, which it does at every import and which takes over a second.

The stubs ship inside gradio's wheel, so nothing is lost. If gradio's insides move, the import is as slow as ever.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_MODULE = "gradio.component_meta"
_WRITER = "create_or_modify_pyi"


class _Finder(importlib.abc.MetaPathFinder):
    """Puts our loader round the one module that writes stubs, once."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    """Loads the module as it is, then replaces its stub writer by nothing."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if hasattr(module, _WRITER):
            setattr(module, _WRITER, lambda *_args, **_kwargs: None)


def install() -> None:
    """Call before gradio is first imported; later it does nothing."""
    if "gradio" not in sys.modules:
        sys.meta_path.insert(0, _Finder())
