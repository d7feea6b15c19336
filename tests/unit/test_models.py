"""Model files by engine: what is listed, shared, deleted and refused; and long work behind a page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio import engines, hub, upkeep
from studio.errands import Errand, Errands, Pace
from studio.errors import AccessRefused, RequestError, UnknownEngine
from studio.hub import ModelFiles, Progress, Stopped
from studio.models import ModelRow
from studio.studio import Studio
from studio.upkeep import Report
from tests.hubserver import COMMIT, put
from tests.stand_ins import StandIn, stand_in

__all__ = ["stand_in"]

ONE = ModelFiles("some/one", COMMIT, ("one.safetensors",), 3000)
TWO = ModelFiles("some/two", COMMIT, ("two.json",), 1000)
CODEC = ModelFiles("some/codec", COMMIT, ("codec.json",), 500)
GATED = ModelFiles("some/gated", COMMIT, ("gated.json",), 100, gated=True)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(engines, "MODULES", ("hibari", "tone"))
    return tmp_path / "hf" / "hub"


def test_rows_tell_what_is_here(cache: Path, studio: Studio, stand_in: StandIn) -> None:
    stand_in("first", ONE, CODEC)
    stand_in("second", TWO, CODEC)
    put(cache, "some/codec", {"codec.json": b"c" * 501})
    assert [(row.engine, row.state, row.bytes_on_disk) for row in studio.models.rows()] == [
        ("first", "partial", 501),
        ("second", "partial", 501),
    ]
    assert studio.models.row("second").bytes_missing == 999
    put(cache, "some/two", {"two.json": b"2" * 900})
    row = studio.models.row("second")
    assert (row.state, row.bytes_needed, row.bytes_missing) == ("ready", 1401, 0)


def test_an_engine_without_files_needs_none(cache: Path, studio: Studio) -> None:
    assert studio.models.rows() == []
    row = studio.models.row("hibari")
    assert (row.state, row.bytes_needed, row.access) == ("ready", 0, "free")
    assert studio.models.delete("hibari") == 0
    with pytest.raises(UnknownEngine):
        studio.models.row("nobody")


def test_every_engine_names_its_files_in_one_way() -> None:
    for name in engines.MODULES:
        files = getattr(engines.module(name), "FILES", ())
        assert isinstance(files, tuple) and all(isinstance(one, ModelFiles) for one in files), name


def test_what_two_engines_share_goes_with_the_last(cache: Path, studio: Studio, stand_in: StandIn) -> None:
    stand_in("first", ONE, CODEC)
    stand_in("second", TWO, CODEC)
    for repo, path, size in (
        ("some/one", "one.safetensors", 3000),
        ("some/two", "two.json", 9),
        ("some/codec", "codec.json", 5),
    ):
        put(cache, repo, {path: b"x" * size})
    assert studio.models.delete("first") == 3000
    assert studio.models.row("second").state == "ready"
    assert studio.models.delete("second") == 14
    assert list(cache.iterdir()) == []


def test_an_engine_is_unloaded_before_its_files_go_and_spared_while_it_speaks(
    cache: Path, studio: Studio, stand_in: StandIn
) -> None:
    stand_in("first", CODEC)
    put(cache, "some/codec", {"codec.json": b"12345"})
    with studio.manager.lend("first"), pytest.raises(RequestError, match="speaking"):
        studio.models.delete("first")
    assert studio.manager.is_loaded("first")
    assert studio.models.delete("first") == 5
    assert not studio.manager.is_loaded("first")


def test_a_damaged_file_is_found_and_removed(cache: Path, studio: Studio, stand_in: StandIn) -> None:
    stand_in("first", CODEC)
    folder = put(cache, "some/codec", {"codec.json": b"12345"})
    (folder / "codec.json").resolve().write_bytes(b"1234")
    report = studio.models.check("first", lambda *now: None)
    assert [flaw.name for flaw in report.flaws] == ["codec.json"]
    assert studio.models.mend("first", report) == 4
    assert studio.models.row("first").state == "absent"


def test_a_gate_is_closed_without_a_token(
    cache: Path, studio: Studio, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("first", GATED, CODEC)
    assert studio.models.row("first").access == "closed"
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert studio.models.row("first").access == "unasked"
    monkeypatch.delenv("HF_TOKEN")
    cache.parent.mkdir()
    (cache.parent / "token").write_text("hf_secret")
    row = studio.models.row("first")
    assert row.access == "unasked" and "hf_secret" not in repr(row)
    put(cache, "some/gated", {"gated.json": b"1"})
    put(cache, "some/codec", {"codec.json": b"1"})
    assert studio.models.row("first").access == "granted"


def test_other_work_on_files_is_refused_meanwhile(cache: Path, studio: Studio, stand_in: StandIn) -> None:
    stand_in("first", CODEC)
    put(cache, "some/codec", {"codec.json": b"12345"})

    def meanwhile(*now: int) -> None:
        with pytest.raises(RequestError, match="First is being checked"):
            studio.models.delete("first")

    studio.models.check("first", meanwhile)
    assert studio.models.delete("first") == 5


class Slow:
    """Files that come a byte at a time until somebody stops them, or `end` comes."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.error: Exception | None = None
        self.mended: list[Report] = []
        self.report = Report((), 3, 100)

    def row(self, engine_id: str) -> ModelRow:
        return ModelRow(engine_id, engine_id.title(), (CODEC,), "absent")

    def download(self, engine_id: str, progress: Progress, stopped: Callable[[], bool]) -> ModelRow:
        done = 0
        while not self.end.wait(0.002):
            done += 1
            progress(done, 10_000, done)
            if stopped():
                raise Stopped
        if self.error:
            raise self.error
        return self.row(engine_id)

    def check(self, engine_id: str, progress: Progress, stopped: Callable[[], bool]) -> Report:
        progress(100, 100, 100)
        return self.report

    def mend(self, engine_id: str, report: Report) -> int:
        self.mended.append(report)
        return 1


@pytest.fixture
def slow() -> Slow:
    return Slow()


def over(errands: Errands) -> Errand:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if errands.last and errands.last.is_over:
            return errands.last
        time.sleep(0.002)
    raise AssertionError(errands.last)


def errands_on(slow: Slow) -> Errands:
    return Errands(slow)  # type: ignore[arg-type]  # what it needs of Models


def test_an_errand_tells_how_far_it_is_and_stops(slow: Slow) -> None:
    errands = errands_on(slow)
    assert errands.last is None
    errands.begin("download", "one")
    while not (errands.last and errands.last.done > 3):
        time.sleep(0.002)
    with pytest.raises(RequestError, match="Two can wait|being fetched"):
        errands.begin("check", "two")
    errands.stop()
    last = over(errands)
    assert (last.state, last.engine, last.total) == ("stopped", "one", 10_000)
    assert errands.begin("download", "one").number == last.number + 1
    slow.end.set()
    assert over(errands).state == "finished"
    errands.close()


def test_an_errand_that_fails_says_why(slow: Slow) -> None:
    errands = errands_on(slow)
    slow.error = AccessRefused("It is closed.", "Open it.")
    slow.end.set()
    errands.begin("download", "one")
    last = over(errands)
    assert last.state == "failed" and last.error is slow.error


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_does_not_leave_an_errand_under_way(slow: Slow) -> None:
    errands = errands_on(slow)
    slow.error = ZeroDivisionError("a bug")
    slow.end.set()
    errands.begin("download", "one")
    assert "a bug" in str(over(errands).error)
    errands.close()


def test_what_a_check_found_is_mended(slow: Slow) -> None:
    errands = errands_on(slow)
    slow.end.set()
    slow.report = Report((upkeep.Flaw(CODEC, Path("codec.json"), "is damaged"),), 3, 100)
    errands.begin("check", "one")
    assert over(errands).report is slow.report
    errands.begin("mend", "one")
    over(errands)
    assert slow.mended == [slow.report]


def test_the_pace_is_of_the_last_seconds() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    assert pace.seconds_for(10) is None
    for second in range(1, 21):
        now = 100.0 + second
        pace.note(1000 * min(second, 10) + 10 * max(0, second - 10))
    assert pace.bytes_per_second == pytest.approx(10, abs=1)
    assert pace.seconds_for(100) == pytest.approx(10, abs=1)


def test_a_token_is_looked_for_where_the_hub_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    assert not hub.has_token()
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").write_text("hf_secret")
    assert hub.has_token()


def test_a_copy_is_offered_written_found_and_deleted(cache: Path, studio: Studio, stand_in: StandIn) -> None:
    stand_in("first", ONE, copy_bytes=8000)
    assert not studio.models.row("first").can_copy, "there is nothing to copy yet"
    put(cache, "some/one", {"one.safetensors": b"x" * 3000})
    row = studio.models.row("first")
    assert (row.can_copy, row.bytes_of_copies, studio.models.copy_bytes("first")) == (True, 0, 8000)
    told: list[tuple[int, int, int]] = []
    row = studio.models.prepare("first", lambda *numbers: told.append(numbers))
    assert told[-1] == (8000, 8000, 8000) and 8000 < row.bytes_of_copies < 8400
    stand_in("first", ONE, copy_bytes=16000)  # a newer version of the engine
    assert 16000 < studio.models.prepare("first", lambda *numbers: None).bytes_of_copies < 16400, "the old copy is gone"
    assert studio.models.delete_copy("first") > 16000
    assert (studio.models.row("first").bytes_of_copies, studio.models.row("first").state) == (0, "ready")
    studio.models.prepare("first", lambda *numbers: None)
    assert studio.models.delete("first") > 19000
    assert not list(studio.settings.data.rglob("*.safetensors"))
    with pytest.raises(RequestError, match="loads at once"):
        studio.models.copy_bytes("hibari")


def test_writing_a_copy_can_be_stopped_and_leaves_nothing(cache: Path, studio: Studio, stand_in: StandIn) -> None:
    stand_in("first", ONE, copy_bytes=8000)
    put(cache, "some/one", {"one.safetensors": b"x" * 3000})
    studio.errands.begin("prepare", "first")
    with pytest.raises(RequestError, match="Other files"):
        studio.errands.begin("check", "first")
    studio.errands.stop()
    assert over(studio.errands).state == "stopped"
    assert not [path for path in (studio.settings.data / "models").rglob("*") if path.is_file()]
