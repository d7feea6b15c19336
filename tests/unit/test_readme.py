"""The README is true: its commands run, its engine speaks, its tables say what the code says, its links lead on."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from studio import cli, engines, listings
from studio.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(mark: str) -> str:
    """The fenced block below an HTML comment."""
    found = re.search(rf"<!-- {re.escape(mark)} -->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found, f"README.md has no block marked {mark!r}"
    return found[1]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_commands_run_as_written(tmp_path: Path) -> None:
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    ours = f'set -euo pipefail\npython() {{ "{sys.executable}" "$@"; }}\n'
    answer = subprocess.run(
        ["bash", "-c", ours + block("run") + block("run: voices")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "STUDIO_DATA": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    made = {
        path.name: soundfile.info(path)
        for path in tmp_path.iterdir()
        if path.suffix in (".wav", ".mp3", ".flac", ".ogg")
    }
    assert set(made) == {"radio-scene.wav", "news.mp3", "who.flac", "live.wav", "news.ogg", "book.wav"}
    assert {name.split(".")[1].upper() for name in made} == {sound.format for sound in made.values()}
    assert all(sound.duration > 2 for sound in made.values())
    assert json.loads((tmp_path / "book.json").read_text())["sampling"]["speed"] == 0.9


def test_the_engine_example_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the README says: the file in the engines' folder, the word in MODULES, and nothing else."""
    folder = tmp_path / "engines"
    folder.mkdir()
    (folder / "hum.py").write_text(block("example: hum"), encoding="utf-8")
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(folder)])
    monkeypatch.setattr(engines, "MODULES", (*engines.MODULES, "hum"))
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    Path("talk.txt").write_text("[S1] Good morning, bear. [pause 1s] [S2] Good morning, bee.", encoding="utf-8")
    try:
        assert cli.main(["say", "talk.txt", "--engine", "hum", "--voice", "S2=bear"]) == 0
        assert cli.main(["engines"]) == 0
    finally:
        sys.modules.pop("studio.engines.hum", None)
        importlib.invalidate_caches()
    assert soundfile.info("talk.wav").duration == pytest.approx(1.0 + 0.08 * (4 + 8 + 5 + 4 + 8 + 4), abs=0.1)


def test_the_engine_example_is_short_and_typed(tmp_path: Path) -> None:
    code = block("example: hum")
    assert len(code.splitlines()) <= 50
    (tmp_path / "hum.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "E,F,I,B,UP"]
    answer = subprocess.run([*command, tmp_path / "hum.py"], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout


TABLE = re.compile(r"(?<=<!-- engines -->\n\n).*?(?=\n\n<!-- /engines -->)", re.DOTALL)


def table() -> str:
    specs = [engines.module(name).SPEC for name in engines.MODULES if name != "tone"]
    return listings.engines_overview(specs).markdown()


def test_the_engines_table_is_what_the_specs_say() -> None:
    found = TABLE.search(README)
    assert found and found[0] == table(), "`make readme` writes it anew"


def test_every_setting_is_told() -> None:
    told = set(re.findall(rf"^\| `{PREFIX}(\w+)`", README, re.MULTILINE))
    assert told == {field.name.upper() for field in dataclasses.fields(Settings)}


def test_links_and_pictures_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", README)
    for target in (first or second for first, second in targets):
        path, _, anchor = target.partition("#")
        assert not path or (ROOT / path).is_file(), f"README.md names {path}, which is not there"
        heads = {
            re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.+)$", README, re.M)
        }
        assert not anchor or anchor in heads, f"README.md has no heading for #{anchor}"


def test_make_knows_the_targets_that_are_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))
    assert {"run", "test", "check"} <= named <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_files_and_modules_that_are_named_are_there() -> None:
    for path in re.findall(r"`((?:studio|tests|assets)/[\w/.]+)`", README):
        assert (ROOT / path).exists() or path == "studio/engines/hum.py", path


if __name__ == "__main__":  # make readme
    (ROOT / "README.md").write_text(TABLE.sub(lambda _: table(), README), encoding="utf-8")
