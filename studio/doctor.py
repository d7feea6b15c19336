"""What this machine has and what stands in the way: asked of packages and folders, without loading a model."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from studio import __version__, hub, watermark
from studio.hearing import Recogniser
from studio.listings import amount
from studio.metrics import distillmos, mos, speakers
from studio.studio import EngineRow, Studio

PACKAGES = ("gradio", "hibari-tts", "huggingface-hub", "numpy", "onnxruntime", "scipy", "soundfile", "soxr")
GB = 1e9
ANOTHER_FOLDER = "mend that, or name another folder with STUDIO_DATA."
METRICS = "Run: make run METRICS=1"
LOW_DISK_GB = 1.0  # an hour of kept speech takes 0.35 GB as float WAV at 24 kHz


@dataclass(frozen=True)
class Finding:
    """One thing looked at: text for people, value (plain JSON) for programs, a remedy where something can be done.

    state: "ok"; "note" when something is missing that speech can do without; "mend" when it cannot.
    """

    name: str
    text: str
    value: Any
    remedy: str = ""
    state: Literal["ok", "note", "mend"] = "ok"


def examine(studio: Studio) -> list[Finding]:
    """All findings, in the order a person would ask."""
    rows = studio.engines()
    return [
        _system(),
        _packages(),
        _data_folder(studio.settings.data),
        _hub_cache(),
        _torch(),
        _graphics(),
        _watermark(studio.settings.watermark),
        Finding("device", f"engines run on {studio.manager.placement.device}", studio.manager.placement.device),
        *map(_engine, rows),
        _hearing(studio.recogniser),
        _judges(),
        _can_speak(rows),
    ]


def _system() -> Finding:
    python, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    cores = os.cpu_count() or 1
    value = {"studio": __version__, "python": python, "system": system, "cores": cores}
    return Finding("system", f"Dialogue Studio {__version__}, Python {python}, {system}, {cores} cores", value)


def _packages() -> Finding:
    versions = {name: version(name) for name in PACKAGES}
    text = ", ".join(f"{name} {found or 'missing'}" for name, found in versions.items())
    if None in versions.values():
        return Finding("packages", text, versions, "Install what is missing: pip install -r requirements.lock", "mend")
    return Finding("packages", text, versions)


def version(package: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _data_folder(folder: Path) -> Finding:
    standing = next(path for path in (folder, *folder.parents) if path.exists())
    used, free = size(folder), shutil.disk_usage(standing).free
    writable = standing.is_dir() and os.access(standing, os.W_OK)
    text = f"{folder}: {amount(used)} kept, {amount(free)} free"
    value = {"path": str(folder), "bytes": used, "free_bytes": free, "writable": writable}
    if not writable:
        return Finding("data", text, value, f"It cannot be written; {ANOTHER_FOLDER}", "mend")
    if free < LOW_DISK_GB * GB:
        return Finding("data", text, value, f"The disk is nearly full; {ANOTHER_FOLDER}", "note")
    return Finding("data", text, value)


def _hub_cache() -> Finding:
    folder, offline = hub.cache_folder(), hub.is_offline()
    used = size(folder)
    models = sorted(path.name.removeprefix("models--").replace("--", "/") for path in folder.glob("models--*"))
    value = {"path": str(folder), "bytes": used, "models": models, "offline": offline}
    switched_off = ", downloads switched off" if offline else ""
    return Finding("models", f"{folder}: {len(models)} downloaded models, {amount(used)}{switched_off}", value)


def _torch() -> Finding:
    found = version("torch")
    if found is None:
        return Finding("torch", "not installed; an engine that needs it says so below", None)
    cuda = _cuda_of_torch()
    kind = f"for CUDA {cuda}" if cuda else "without CUDA"
    return Finding("torch", f"PyTorch {found}, {kind}", {"version": found, "cuda": cuda})


def _cuda_of_torch() -> str | None:
    """The CUDA version that torch was built for, read from its version.py: importing torch takes seconds."""
    spec = importlib.util.find_spec("torch")
    file = Path(spec.origin).with_name("version.py") if spec and spec.origin else None
    built = re.search(r"^cuda\b.*= *['\"](.+?)['\"]", file.read_text("utf-8"), re.MULTILINE) if file else None
    return built[1] if built else None


def _watermark(is_wanted: bool) -> Finding:
    hindrance = watermark.obstacle()
    value = {"wanted": is_wanted, "can_mark": hindrance is None}
    state: Literal["ok", "note"] = "note" if is_wanted and hindrance else "ok"
    return Finding("watermark", watermark.meaning(is_wanted), value, state=state)


def _graphics() -> Finding:
    """NVIDIA cards as the driver's own tool names them; quiet when there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("graphics", "no NVIDIA driver found", [])
    query = [tool, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("graphics", f"nvidia-smi fails: {error}", [], "Check the NVIDIA driver.", "note")
    cards = [line.strip() for line in answer.stdout.splitlines() if line.strip()]
    return Finding("graphics", "; ".join(cards) or "no NVIDIA card found", cards)


def _engine(row: EngineRow) -> Finding:
    name, spec = f"engine {row.spec.id}", row.spec
    if row.obstacle is None:
        return Finding(name, f"{spec.title} can speak; {spec.memory_gb:g} GB of memory", {"can_run": True})
    value = {"can_run": False, "reason": row.obstacle.reason}
    return Finding(name, f"{spec.title} cannot run: {row.obstacle.reason}", value, row.obstacle.remedy, "note")


def _hearing(recogniser: Recogniser) -> Finding:
    if recogniser.obstacle:
        return Finding("hearing", "no recogniser of speech: words of recordings must be typed", None, METRICS, "note")
    return Finding("hearing", f"words of recordings are heard by {recogniser.model}", recogniser.model)


def _judges() -> Finding:
    missing = [str(why) for why in (speakers.obstacle(), mos.obstacle(), distillmos.obstacle()) if why]
    if missing:
        return Finding("judges", "; ".join(missing), missing, METRICS, "note")
    return Finding("judges", "voices can be compared, and sound be rated (DNSMOS, DistillMOS)", [])


def _can_speak(rows: list[EngineRow]) -> Finding:
    ready = [row.spec.id for row in rows if row.obstacle is None]
    if ready:
        return Finding("verdict", f"ready to speak with {', '.join(ready)}", ready)
    return Finding(
        "verdict", "no engine can run here", ready, "Do what is said beside one of the engines above.", "mend"
    )


def size(folder: Path) -> int:
    """Bytes of the files below a folder; links are not followed, and what vanishes meanwhile is not counted."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
