"""A report of a fault holds what helps, and nothing of what was said, by whom, with which key, or where at home."""

from __future__ import annotations

import json
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from studio import bundle, cli
from studio.errors import StudioError
from studio.script import Script
from studio.settings import Settings
from studio.studio import Studio

KEY = "a-key-that-nobody-may-see"
TOKEN = "hf_abcdefghijklmnopqrstuvwx"
PLANTED = (KEY, TOKEN, "zebra", "Quirrel", "Wanda", "203.0.113.9", "private-repo", "intranet.example")
LOG = """{"time": "2026-01-01T00:00:00.000+00:00", "request": "req_1", "client": "203.0.113.9", "method": "POST",
{"time": "2026-01-01T00:00:00.000+00:00", "request": "req_1", "client": "203.0.113.9", "route": "/v1/audio/speech", \
"status": 500, "seconds": 0.1, "model": "tone", "outcome": "zebra crossing for Quirrel"}
Traceback (most recent call last):
  File "HOME/work/studio/director.py", line 12, in perform
    say("zebra")
ValueError: zebra is no number hf_abcdefghijklmnopqrstuvwx
GET https://Quirrel:secret@intranet.example/private-repo
""".replace("\\\n", "")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home with a token, a downloaded private model, and the studio's data in it."""
    home = tmp_path / "home" / "wanda-q"
    for model in ("models--someone--private-repo", "models--nari-labs--Dia-1.6B-0626"):
        (home / "hub" / model).mkdir(parents=True)
    for name, value in {"HOME": home, "USERPROFILE": home, "HF_HUB_CACHE": home / "hub", "HF_TOKEN": TOKEN}.items():
        monkeypatch.setenv(name, str(value))
    return home


@pytest.fixture
def used(home: Path, settings: Settings) -> Studio:
    """A studio that has spoken, has failed, and has been stopped."""
    more = {"data": home / "data", "api_key": KEY, "host": "0.0.0.0", "allowed_hosts": ("intranet.example",)}
    studio = Studio(replace(settings, **more))  # type: ignore[arg-type]
    for text in ("Quirrel: A zebra came by. [pause 1s]\nWanda: Which zebra?\nQuirrel: That one.", "Quirrel: zebra ..."):
        script = Script.parse(text, cast=("Quirrel", "Wanda"))
        with suppress(StudioError):
            for _ in studio.speak("tone", studio.request(script, "tone", {}, {}, 1)):
                pass
    run = studio.recent()[0]
    told = f"There is no word in 'zebra ...' of Quirrel, {home / 'data'}: {TOKEN}."
    studio.runs.save(replace(run, state="failed", error=told, notes=("Wanda is loud.",)))
    return studio


def test_nothing_planted_is_in_it(used: Studio, home: Path, tmp_path: Path) -> None:
    log, made = home / "studio.log", tmp_path / "report.zip"
    log.write_text(LOG.replace("HOME", str(home)))
    bundle.write(used, made, log)
    used.close()
    with zipfile.ZipFile(made) as opened:
        parts = {name: opened.read(name).decode() for name in opened.namelist()}
    whole = "\n".join(parts.values()).lower()
    for secret in (*PLANTED, "wanda-q", str(home), "secret@", "crossing"):
        assert secret.lower() not in whole, secret

    runs = json.loads(parts["runs.json"])
    assert [run["state"] for run in runs] == ["failed", "finished"]
    assert runs[0]["error"].startswith("There is no word in") and "DATA" in runs[0]["error"]
    assert (runs[1]["turns"], runs[1]["speakers"], runs[1]["passages"]) == (3, 2, 3)
    assert runs[1]["verdicts"] == {"ok": 3} and runs[1]["engine"] == "tone"
    settings = json.loads(parts["settings.json"])
    assert settings["api_key"] == "set" and settings["data"] == "DATA" and settings["allowed_hosts"] == 1
    found = {finding["name"]: finding for finding in json.loads(parts["doctor.json"])}
    assert found["models"]["value"]["models"] == ["nari-labs/Dia-1.6B-0626"]
    assert found["data"]["value"]["path"] == "DATA" and found["models"]["value"]["path"] == "~/hub"
    assert json.loads(parts["versions.json"])["numpy"]
    assert '"status": 500' in parts["log.txt"]
    assert "director.py:12 in perform" in parts["log.txt"] and "ValueError" in parts["log.txt"]


def test_from_the_command_line(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(home / "data"))
    made = tmp_path / "report.zip"
    assert cli.main(["doctor", "--bundle", str(made)]) == 0
    with zipfile.ZipFile(made) as opened:
        assert opened.namelist() == ["README.txt", "doctor.json", "versions.json", "settings.json", "runs.json"]
    assert cli.main(["doctor", "--bundle", str(made), "--log", str(tmp_path / "none")]) == 1
    with pytest.raises(SystemExit):
        cli.main(["doctor", "--log", "x"])
