"""How many threads engines get, and how those wait."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio import gpu
from studio.errors import RequestError
from studio.gpu import cores
from studio.settings import Settings
from studio.studio import Studio


def test_without_a_setting_small_models_get_one_thread_and_large_ones_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu.psutil, "cpu_count", lambda logical: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)
    placement = Studio(Settings(tmp_path)).manager.placement
    assert (placement.threads, placement.large_threads) == (1, 6)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    assert cores() == gpu.MOST_THREADS


def test_the_setting_holds_for_all(tmp_path: Path) -> None:
    placement = Studio(Settings(tmp_path, threads=3)).manager.placement
    assert (placement.threads, placement.large_threads) == (3, 3)
    with pytest.raises(RequestError, match="THREADS"):
        Settings(tmp_path, threads=-1)


def test_threads_sleep_while_they_wait_unless_the_user_has_said_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "77")
    Studio(Settings(tmp_path))
    assert (os.environ["OMP_WAIT_POLICY"], os.environ["GOMP_SPINCOUNT"]) == ("PASSIVE", "77")
