"""Where every module lives. A module imports its own floor or lower; this reads the code to see that it is so.

A new module: give it a place in FLOORS, the lowest floor that has all it needs. A new engine needs nothing here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.engines import MODULES

ROOT = Path(__file__).parents[2]

FLOORS = (
    # 0 values and files
    "errors disk database tables audio script dictation sentences cues formats voice request settings",
    # 1 engines, sound
    "gpu hub download upkeep loudness soundfiles m4a watermark likeness uploads encoding metrics hearing doubts "
    "references engines",
    "fitting manager remote zero",  # 2 load, lend, evict
    # 3 script to takes
    "events bounds takes runs label casting passages director live assembly advice jobs models errands",
    "library intake trials benchmark export inspection studio",  # 4 what is kept, compared, written out; the one door
    # 5 three thin faces
    "ui api panel cli render cluster portraits listings doctor bundle __main__",
)
ENGINES = {name.partition("-")[0] for name in MODULES}  # "dia2-1b" is a size of dia2
FLOOR = {module: floor for floor, modules in enumerate(FLOORS) for module in modules.split()}

# Too heavy to import before they are needed: a page, a `--help` and a test of a parser do without.
HEAVY = {"torch", "torchaudio", "transformers", "onnxruntime", "spaces", "huggingface_hub", "ray"}
# shared by engines in folders, and imported by their models' code alone
MODEL_CODE = {"cards", "fused", "graphs", "linear", "norms"}
PAGE = {"gradio", "gradio_client"}

Import = tuple[str, bool, int]  # (dotted name, runs when the module is imported, line)


def modules() -> list[Path]:
    return sorted((ROOT / "studio").rglob("*.py"))


def imports(tree: ast.Module, package: str = "studio") -> list[Import]:
    """Every import, except those for types only. `from studio import x` counts as `studio.x`."""
    return list(_imports(tree, True, package))


def _imports(node: ast.AST, at_top: bool, package: str) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, at_top, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - child.level + 1]) if child.level else ""
            source = ".".join(filter(None, (base, child.module)))
            yield from ((f"{source}.{alias.name}", at_top, child.lineno) for alias in child.names)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _imports(ast.Module(child.orelse, []), at_top, package)
        else:
            yield from _imports(
                child, at_top and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef), package
            )


def strays(path: Path, found: list[Import]) -> list[str]:
    """What a module imports that it may not, one line each."""
    here = path.relative_to(ROOT / "studio").with_suffix("").parts
    name = here[0]
    if name == "__init__":
        return [
            f"studio/__init__.py:{line} imports {what}: it holds the version only"
            for what, _, line in found
            if "studio" in what
        ]
    if name not in FLOOR:
        return [f"{name} has no floor: add it to FLOORS in tests/unit/test_floors.py, as low as its imports allow"]
    wrong = []
    for what, at_top, line in found:
        reason = _reason(here, what.split("."), at_top)
        if reason:
            wrong.append(f"{path.relative_to(ROOT)}:{line} imports {what}: {reason}")
    return wrong


def _reason(here: tuple[str, ...], what: list[str], at_top: bool) -> str:
    if what[0] in PAGE and here[0] != "ui":
        return "gradio belongs to studio/ui and app.py"
    if what[0] in HEAVY and at_top and not _is_model_code(here):
        return "import it inside the function that needs it"
    if what[0] == "app":
        return "app.py uses studio, never the other way"
    if what[0] != "studio" or len(what) < 2 or what[1] == "__version__":
        return ""
    if FLOOR.get(what[1], 0) > FLOOR[here[0]]:
        return f"floor {FLOOR[here[0]]} may not use floor {FLOOR[what[1]]}"
    if what[1] == "engines" and len(what) > 2 and what[2] in ENGINES and here[:2] != ("engines", what[2]):
        return (
            f"nobody names an engine but MODULES; use engines.module({what[2]!r}), or share code in a module beside it"
        )
    return ""


def _is_model_code(here: tuple[str, ...]) -> bool:
    """An engine in a folder keeps its model's code beside its __init__, which imports it when it loads."""
    return here[0] == "engines" and (here[-1] in MODEL_CODE or (len(here) > 2 and here[-1] != "__init__"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_keeps_to_its_floor(path: Path) -> None:
    package = ".".join(path.relative_to(ROOT).parts[:-1])
    found = imports(ast.parse(path.read_text(encoding="utf-8")), package)
    assert not strays(path, found), "\n" + "\n".join(strays(path, found))


@pytest.mark.parametrize(
    ("path", "code", "complaint"),
    [
        ("manager.py", "from studio.director import plan", "floor 2 may not use floor 3"),
        ("manager.py", "def f():\n    from studio import ui", "floor 2 may not use floor 5"),
        ("takes.py", "from . import cli", "floor 3 may not use floor 5"),
        ("engines/kokoro.py", "import studio.manager", "floor 1 may not use floor 2"),
        ("engines/kokoro.py", "from studio.engines import hibari", "nobody names an engine"),
        ("engines/dia/model.py", "from ..tone import SPEC", "nobody names an engine"),
        ("engines/kokoro.py", "import onnxruntime as ort", "inside the function"),
        ("engines/dia/__init__.py", "import torch.nn", "inside the function"),
        ("cli/say.py", "from studio.engines.tone import SPEC", "nobody names an engine"),
        ("cli/say.py", "import gradio", "belongs to studio/ui"),
        ("ui/page.py", "import app", "never the other way"),
        ("helpers.py", "import json", "helpers has no floor"),
    ],
)
def test_what_strays_is_named(path: str, code: str, complaint: str) -> None:
    package = ".".join(("studio", *Path(path).parts[:-1]))
    found = imports(ast.parse(code), package)
    assert complaint in "\n".join(strays(ROOT / "studio" / path, found))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("gpu.py", "def f():\n    import torch"),
        ("engines/dia/model.py", "import torch\nfrom studio.engines.dia import layers"),
        ("engines/kokoro.py", "from studio.engines.text import cut\nfrom studio.errors import StudioError"),
        ("events.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from studio.ui import page"),
        ("ui/page.py", "import gradio as gr\nfrom studio.studio import Studio"),
    ],
)
def test_what_is_allowed_passes(path: str, code: str) -> None:
    package = ".".join(("studio", *Path(path).parts[:-1]))
    assert strays(ROOT / "studio" / path, imports(ast.parse(code), package)) == []
