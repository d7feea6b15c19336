"""`studio render`: many scripts, each into its file once, whatever fails, is stopped or killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import soundfile

from studio import cli

ROOT = Path(__file__).parents[2]
WORDS = ("render", "scripts", "-o", "out", "--engine", "tone", "--json")


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two scripts in folders of their own, and what is none."""
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STUDIO_SHOW_TONE", "1")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "scripts"
    for name, text in {"one.txt": "[S1] One.", "two/deep.md": "[S1] Two. [S2] Three."}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "cover.png").write_bytes(b"")
    (folder / ".hidden.txt").write_text("[S1] No.", encoding="utf-8")
    return folder


def render(capsys: pytest.CaptureFixture[str], *more: str, words: tuple[str, ...] = WORDS) -> tuple[int, Any]:
    code = cli.main([*words, *more])
    return code, json.loads(capsys.readouterr().out)


def states(told: Any) -> dict[str, str]:
    return {Path(one["script"]).name: one["state"] for one in told["scripts"]}


def test_every_script_becomes_a_file_once(scripts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = render(capsys)
    assert code == 0 and states(told) == {"one.txt": "made", "deep.md": "made"}
    assert soundfile.info("out/one.wav").duration == pytest.approx(0.2, abs=0.01)
    assert soundfile.info("out/two/deep.wav").duration > 0.4
    written = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.wav")}
    code, told = render(capsys)
    assert code == 0 and (told["made"], told["there"], told["failed"]) == (0, 2, 0)
    assert written == {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.wav")}
    assert not list(Path("data").rglob("*.wav"))


def test_only_what_changed_is_made_anew(scripts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render(capsys)
    (scripts / "one.txt").write_text("[S1] One more.", encoding="utf-8")
    assert states(render(capsys)[1]) == {"one.txt": "made", "deep.md": "there"}
    assert states(render(capsys, "--seed", "1")[1]) == {"one.txt": "made", "deep.md": "made"}
    Path("out/one.wav").write_bytes(b"RIFF")
    assert states(render(capsys, "--seed", "1")[1]) == {"one.txt": "made", "deep.md": "there"}
    assert states(render(capsys, "--seed", "1", "--fresh")[1]) == {"one.txt": "made", "deep.md": "made"}


def test_what_fails_is_told_and_hinders_no_other(scripts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (scripts / "bad.txt").write_text("...", encoding="utf-8")
    (scripts / "picture.txt").write_bytes(b"\x89PNG")
    code = cli.main([*WORDS])
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert code == 1 and (told["made"], told["failed"]) == (2, 2)
    errors = {Path(one["script"]).name: one["error"] for one in told["scripts"] if one["state"] == "failed"}
    assert set(errors) == {"bad.txt", "picture.txt"} and "picture" in errors["picture.txt"]["message"]
    assert "bad.txt: " in err and "2 made, 0 there before, 2 failed" in err


def test_scripts_that_are_alike_are_spoken_once(
    scripts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.director import Director

    spoken: list[object] = []
    perform = Director.perform
    monkeypatch.setattr(Director, "perform", lambda *words: spoken.append(words) or perform(*words))
    (scripts / "again.txt").write_text("[S1]  One.\n", encoding="utf-8")
    code, told = render(capsys)
    assert code == 0 and told["made"] == 3 and len(spoken) == 2
    assert Path("out/again.wav").read_bytes() == Path("out/one.wav").read_bytes()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"one.md": "[S1] Same."}, "would both become"),
        ({}, "There is no nothing"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_spoken(
    scripts: Path, capsys: pytest.CaptureFixture[str], more: dict[str, str], message: str
) -> None:
    for name, text in more.items():
        (scripts / name).write_text(text, encoding="utf-8")
    code, told = render(capsys, words=WORDS if more else ("render", "nothing", "-o", "out", "--json"))
    assert code == 1 and message in told["error"]["message"] and not Path("out").exists()


def test_records_in_the_folder_of_scripts_are_no_scripts(scripts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("render", "scripts", "-o", "scripts/out", "--engine", "tone", "--format", "flac", "--json")
    for state in ("made", "there"):
        assert set(states(render(capsys, words=words)[1]).values()) == {state}
    record = json.loads(Path("scripts/out/.rendered/two/deep.flac.json").read_text(encoding="utf-8"))
    assert [turn["text"] for turn in record["turns"]] == ["Two.", "Three."]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_or_killed_it_goes_on_from_there(
    scripts: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    for index in range(6):
        (scripts / f"s{index}.txt").write_text(f"[S1] Number {index} of six.", encoding="utf-8")
    words = [*WORDS, "--set", "work_seconds=0.2"]
    with subprocess.Popen(
        [sys.executable, "-m", "studio", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        while len(list(Path("out/.rendered").rglob("*.json"))) < 2:
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(number)
        assert running.wait(20) == (130 if number == signal.SIGINT else -signal.SIGKILL)
    records = {path: path.stat().st_mtime_ns for path in Path("out/.rendered").rglob("*.json")}
    code, told = render(capsys, words=tuple(words))
    assert code == 0 and told["there"] == len(records) >= 2 and told["made"] == 8 - len(records)
    assert records.items() <= {path: path.stat().st_mtime_ns for path in Path("out/.rendered").rglob("*.json")}.items()
    assert not list(Path("out").rglob("*.part"))
