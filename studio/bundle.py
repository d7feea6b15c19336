"""A zip for a report of a fault: what the doctor found, versions, settings, how the last runs ended, the end of a log.

It is made to be shown to strangers, so each part names what goes in, and not what stays out: no word of a script, no
name of a speaker or a voice, no key, no address of a client, no folder's place in somebody's home.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from studio import doctor, engines
from studio.disk import aside
from studio.errors import OutputError
from studio.runs import Run
from studio.studio import Studio

RUNS = 50
LOG_LINES = 500
LOG_BYTES = 1_000_000
PACKAGES = (
    "av", "fastapi", "gradio_client", "httpx", "pydantic", "safetensors", "spaces", "starlette", "tokenizers", "torch",
    "transformers", "uvicorn",
)  # fmt: skip
SECRET = re.compile(
    r"\b(?:hf_|sk-|ghp_|github_pat_)[\w-]{8,}|(?<=Bearer )\S+|(?<=Basic )\S+|(?<=//)[^/\s:@]+:[^/\s@]+(?=@)"
)
QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|“[^”\n]*”|‘[^’\n]*’")
TOLD = (
    "time", "request", "method", "route", "status", "seconds", "model", "outcome", "characters", "sound_seconds",
    "queued_seconds", "first_sound_seconds",
)  # fmt: skip
WORD = re.compile(r"[\w./:{}+-]{1,64}", re.ASCII)  # a number, a time, a route, a name of a model
FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>[\w<>.]+)$')
RAISED = re.compile(r"(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Full|Refused|Stalled))\b")
README = """Made by `python -m studio doctor --bundle` for a report of a fault. Look through it before you send it.

doctor.json    what this machine has and what stands in the way
versions.json  of the packages that matter
settings.json  without keys and names of hosts
runs.json      how the last runs ended; no texts, no names of speakers or voices
log.txt        if a log was given: known fields of its lines, and where errors were raised
"""


def write(studio: Studio, path: Path, log: Path | None = None) -> None:
    """Write the bundle; one that is there is replaced. log: a file that holds what the studio wrote to standard error.

    Raises OutputError when the bundle cannot be written or the log cannot be read.
    """
    clean = Cleaner(studio)
    parts: dict[str, Any] = {
        "doctor.json": [clean.value(_finding(one)) for one in doctor.examine(studio)],
        "versions.json": {name: doctor.version(name) for name in sorted({*doctor.PACKAGES, *PACKAGES})},
        "settings.json": clean.value(_settings(studio)),
        "runs.json": [clean.value(_run(studio, run)) for run in studio.recent(RUNS)],
    }
    lines = None if log is None else [clean.text(line) for line in _known(_tail(log))]
    with aside(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("README.txt", README)
        for name, values in parts.items():
            bundle.writestr(name, json.dumps(values, indent=1, ensure_ascii=False, default=str) + "\n")
        if lines is not None:
            bundle.writestr("log.txt", "\n".join(lines) + "\n")


class Cleaner:
    """Takes places and secrets out of what is told: the second net, below choosing what is told at all."""

    def __init__(self, studio: Studio, environment: Mapping[str, str] = os.environ) -> None:
        token = next(
            (environment[name] for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") if environment.get(name)), ""
        )
        self._secrets = [secret for secret in (studio.settings.api_key, token) if secret]
        places = {str(studio.settings.data): "DATA", str(Path.home()): "~"}
        self._places = sorted(places.items(), key=lambda place: -len(place[0]))

    def text(self, text: str) -> str:
        """The text without secrets, and with places shortened."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        for place, short in self._places:
            text = text.replace(place, short)
        return SECRET.sub("[secret]", text)

    def value(self, value: Any) -> Any:
        """The same for every text in a JSON value."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(key)): self.value(one) for key, one in value.items()}
            case list() | tuple():
                return [self.value(one) for one in value]
        return value


def _finding(finding: doctor.Finding) -> dict[str, Any]:
    """As the doctor tells it, but of downloaded models only those of our engines: others are nobody's business."""
    told = asdict(finding)
    if finding.name == "models":
        known = {files.repo for name in engines.MODULES for files in getattr(engines.module(name), "FILES", ())}
        told["value"]["models"] = [repo for repo in told["value"]["models"] if repo in known]
    return told


def _settings(studio: Studio) -> dict[str, Any]:
    settings = studio.settings
    told = {field.name: getattr(settings, field.name) for field in fields(settings) if field.name != "api_key"}
    told["data"] = str(settings.data)
    told["allowed_hosts"] = len(settings.allowed_hosts)
    return {**told, "api_key": "set" if settings.api_key else "none"}


def _run(studio: Studio, run: Run) -> dict[str, Any]:
    """How a run went. Its error is told without what it quotes and without words of its script."""
    takes = studio.takes_of(run)
    return {
        "id": run.id,
        "engine": run.engine,
        "created": run.created,
        "state": run.state,
        "error": _without_words(run.error, run),
        "turns": len(run.script.turns),
        "characters": run.script.characters,
        "speakers": len(run.script.speakers),
        "recorded_voices": sum(voice.startswith("v-") for voice in run.voices.values()),
        "passages": run.passages,
        "takes": [{"seconds": take.seconds, "work_seconds": take.work_seconds} for take in takes],
        "verdicts": dict(Counter(take.verdict.kind for take in takes)),
        "seconds": run.seconds,
        "work_seconds": run.work_seconds,
        "loudness_lufs": run.loudness_lufs,
        "sampling": dict(run.sampling),
        "seed": run.seed,
        **{name: run.provenance.get(name) for name in ("revision", "device", "precision", "studio", "watermark")},
    }


def _without_words(error: str, run: Run) -> str:
    names = [str(voice.get("name", "")) for voice in run.provenance.get("voices", {}).values()]
    for words in sorted(
        (*(turn.text for turn in run.script.turns), *run.script.speakers, *names), key=len, reverse=True
    ):
        if words:
            error = error.replace(words, "…")
    return QUOTED.sub("“…”", error)


def _tail(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_BYTES))
            return file.read().decode(errors="replace").splitlines()[-LOG_LINES:]
    except OSError as error:
        raise OutputError(f"{log} cannot be read: {error.strerror}.", "Name the file with the studio's log.") from error


def _known(lines: list[str]) -> Iterator[str]:
    """What is told of a log: known fields of its JSON lines, frames of tracebacks, kinds of errors. Else only how many
    lines there were.
    """
    left_out = 0
    for line in lines:
        told = _line(line)
        if told is None:
            left_out += 1
        else:
            yield told
    yield f"({left_out} other lines left out)"


def _line(line: str) -> str | None:
    try:
        values = json.loads(line)
    except ValueError:
        values = None
    if isinstance(values, dict):
        return json.dumps({key: values[key] for key in TOLD if WORD.fullmatch(str(values.get(key, "")))})
    frame = FRAME.match(line)
    if frame:
        return f"  {'/'.join(Path(frame['file']).parts[-3:])}:{frame['line']} in {frame['name']}"
    raised = RAISED.match(line)
    return raised["kind"] if raised else None
