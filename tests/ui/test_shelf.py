"""What the page asks about files and memory, asked without a page, at home and on a shared machine."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio import engines
from studio.hub import ModelFiles
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.desk import Desk
from tests.hubserver import COMMIT, put
from tests.stand_ins import StandIn, stand_in

__all__ = ["stand_in"]

FILES = ModelFiles("some/model", COMMIT, ("config.json",), 2000)
GATED = ModelFiles("some/gated", COMMIT, ("gated.json",), 100, gated=True)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> Path:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(engines, "MODULES", ("tone",))
    stand_in("first", FILES)
    stand_in("second", GATED)
    return tmp_path / "hf" / "hub"


def ask(desk: Desk, name: str, asked: object) -> Any:
    return next(function for function in desk.functions() if function.__name__ == name)(asked)


def over(desk: Desk) -> Any:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        errand = ask(desk, "models", {})["errand"]
        if errand["over"]:
            return errand
        time.sleep(0.01)
    raise AssertionError(errand)


def test_the_page_opens_with_what_can_be_fetched(cache: Path, desk: Desk) -> None:
    opened = ask(desk, "open_desk", {"browser": "b", "runs": []})
    first, second = opened["models"]["rows"]
    assert (first["state"], first["needed"], first["offered"], first["access"]) == ("absent", 2000, True, "free")
    assert (second["access"], second["parts"][0]["url"]) == ("unasked", "https://huggingface.co/some/gated")
    assert opened["models"]["errand"] is None and opened["models"]["may_change"]
    assert "hf_secret" not in str(opened)


def test_files_that_are_here_are_not_offered(cache: Path, desk: Desk) -> None:
    put(cache, "some/model", {"config.json": b"{}"})
    row = ask(desk, "models", {})["rows"][0]
    assert (row["state"], row["offered"], row["here"]) == ("ready", False, 2)
    engine = next(one for one in ask(desk, "look_again", {})["engines"] if one["id"] == "first")
    assert engine["obstacle"] is None


def test_a_fetch_that_fails_says_why(cache: Path, desk: Desk) -> None:
    """Tests are offline."""
    assert ask(desk, "download", {"engine": "first"})["errand"]["kind"] == "download"
    errand = over(desk)
    assert errand["state"] == "failed" and "HF_HUB_OFFLINE" in errand["error"]["message"]
    assert "HF_HUB_OFFLINE" in ask(desk, "look_again", {"engine": "second"})["error"]["message"]
    assert ask(desk, "halt", {})["errand"]["state"] == "failed"


def test_a_check_tells_what_it_found_and_a_deletion_what_it_freed(cache: Path, desk: Desk) -> None:
    folder = put(cache, "some/model", {"config.json": b"{}"})
    ask(desk, "verify", {"engine": "first"})
    assert over(desk)["report"] == {"count": 1, "size": 2, "unproven": 0, "flaws": []}
    (folder / "config.json").resolve().write_bytes(b"[]")
    ask(desk, "verify", {"engine": "first"})
    assert [flaw["file"] for flaw in over(desk)["report"]["flaws"]] == ["config.json"]
    ask(desk, "mend", {"engine": "first"})
    over(desk)
    assert ask(desk, "models", {})["rows"][0]["state"] == "absent"
    put(cache, "some/model", {"config.json": b"{}"})
    answer = ask(desk, "discard", {"engine": "first"})
    assert answer["freed"] == 2 and answer["models"]["rows"][0]["here"] == 0


def test_the_page_opens_also_when_the_engine_of_the_last_errand_has_gone(
    cache: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(desk, "verify", {"engine": "first"})
    over(desk)
    monkeypatch.setattr(engines, "MODULES", ("tone",))
    assert ask(desk, "open_desk", {"browser": "b", "runs": []})["models"]["errand"]["title"] == "First"


def test_what_is_loaded_can_be_unloaded(cache: Path, desk: Desk, settings: Settings) -> None:
    with desk.studio.manager.lend("tone"):
        (tone,) = ask(desk, "models", {})["memory"]["loaded"]
        assert tone["engine"] == "tone" and tone["is_speaking"]
        assert "speaking" in ask(desk, "unload", {"engine": "tone"})["error"]["message"]
    memory = ask(desk, "unload", {"engine": "tone"})["memory"]
    assert memory["loaded"] == [] and memory["used_gb"] == 0 and memory["budget_gb"] > 0 and not memory["is_set"]
    studio = Studio(replace(settings, budget_gb=8.0))
    try:
        assert ask(Desk(studio), "models", {})["memory"]["budget_gb"] == 8.0
    finally:
        studio.close()


def test_visitors_of_a_shared_machine_may_look_only(cache: Path, settings: Settings) -> None:
    put(cache, "some/model", {"config.json": b"{}"})
    studio = Studio(replace(settings, host="0.0.0.0", public=True))
    try:
        desk = Desk(studio)
        told = ask(desk, "models", {})
        assert not told["may_change"] and told["disk"] is None
        assert not any(row["offered"] for row in told["rows"])
        for name in ("download", "halt", "verify", "mend", "discard", "unload"):
            assert "Only who runs" in ask(desk, name, {"engine": "first"})["error"]["message"]
        assert "error" not in ask(desk, "look_again", {"engine": "second"})
        assert studio.errands.last is None and studio.models.row("first").state == "ready"
    finally:
        studio.close()


@pytest.mark.parametrize("asked", [None, {}, {"engine": "nobody"}, {"engine": None}, []])
@pytest.mark.parametrize("name", ["download", "verify", "mend", "discard", "unload"])
def test_nonsense_gets_an_answer(cache: Path, desk: Desk, name: str, asked: object) -> None:
    answer = ask(desk, name, asked)
    assert "error" in answer or name == "unload"
