"""Engines that take turns in memory: after many swaps as much is held as after a few."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny  # noqa: E402
import tiny_dia2  # noqa: E402

from studio import engines  # noqa: E402
from studio.engines.base import Placement  # noqa: E402
from studio.engines.pages import give_back  # noqa: E402
from studio.manager import ModelManager  # noqa: E402
from studio.request import SpeechRequest  # noqa: E402
from studio.script import Script  # noqa: E402

MODEL_MB = 30.0
SWAPS = 20
SETTLED = 5  # swaps until allocators and caches hold what they will


def rss_mb() -> float:
    gc.collect()
    give_back()
    return psutil.Process().memory_info().rss / 1e6


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """A Dia2 of 30 MB and a Dia in the hub's cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    config = tiny_dia2.dia2_config()
    config["data"]["text_vocab_size"] = round(MODEL_MB * 1e6 / 4 / config["model"]["decoder"]["n_embd"])
    dia2: Any = engines.module("dia2-1b")
    dia: Any = engines.module("dia")
    folders = (
        tiny_dia2.dia2(tmp_path / "dia2", "a", config),
        tiny.mimi(tmp_path / "mimi"),
        tiny.dia(tmp_path / "dia"),
        tiny.dac(tmp_path / "dac"),
    )
    for folder, files in zip(folders, (*dia2.FILES, *dia.FILES), strict=True):
        tiny.in_cache(folder, tmp_path, files.repo, files.revision)
    gc.collect()
    gc.freeze()  # what is here already need not be looked through after every swap
    yield "dia2-1b", "dia"
    gc.unfreeze()


def test_twenty_swaps_leave_memory_where_it_was(two: tuple[str, str], tmp_path: Path) -> None:
    manager = ModelManager(Placement("cpu", 1, tmp_path / "models"), 5.0, lambda: 0.0)
    script, held = Script.parse("[S1] Hello there."), []
    for _ in range(SWAPS):
        for name in two:
            spec = engines.module(name).SPEC
            with manager.lend(name) as engine:
                pieces = engine.synthesize(SpeechRequest(script, {"S1": spec.voices[0]}, spec.sampling({}), 1))
                for _ in range(3):
                    next(pieces)
                pieces.close()
            assert [resident.id for resident in manager.loaded()] == [name]
        del engine, pieces
        held.append(rss_mb())
    grown = held[-1] - held[SETTLED]
    assert grown < MODEL_MB / 2, [round(one) for one in held]
    manager.close()
    assert manager.loaded() == ()
