"""One engine alone in a fresh process: how long it loads, how much memory it takes. `python -m studio.benchmark.probe`.

The process reads one JSON document and prints one; the parent is `probe`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.benchmark import meters
from studio.metrics import Missing
from studio.settings import Settings

TIMEOUT_SECONDS = 1800.0
ROOT = Path(__file__).parents[2]
GB = 1e9

Alone = dict[str, float] | Missing
Probe = Callable[[Settings, str, str, str, Callable[[], bool]], Alone]


def probe(settings: Settings, engine: str, precision: str, script: str, stopped: Callable[[], bool]) -> Alone:
    """Figures of measures.ALONE for an engine that speaks a script (its text form). Missing says why there are none.

    stopped: asked now and then; once it says so, the process is ended.
    """
    asked = {"settings": {**asdict(settings), "data": str(settings.data), "api_key": ""}, "engine": engine}
    told = json.dumps({**asked, "precision": precision, "script": script})
    command = [sys.executable, "-m", "studio.benchmark.probe"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        begun, out, err = time.monotonic(), "", ""
        sent: str | None = told
        while True:
            try:
                out, err = process.communicate(sent, timeout=0.25)
                break
            except subprocess.TimeoutExpired:
                sent = None
                if stopped() or time.monotonic() - begun > TIMEOUT_SECONDS:
                    process.kill()
    try:
        found = json.loads(out.strip().splitlines()[-1])
        return {str(name): float(value) for name, value in found.items()}
    except (ValueError, IndexError, AttributeError):
        why = err.strip().splitlines()[-1:] or [f"it ended with code {process.returncode}"]
        return Missing(f"the process in which {engine} was tried alone gave no answer: {why[0][:200]}")


def _measured(asked: Mapping[str, Any]) -> dict[str, float]:
    begun = time.perf_counter()
    from studio.script import Script
    from studio.studio import Studio

    given = asked["settings"]
    settings = Settings(**{**given, "data": Path(given["data"]), "allowed_hosts": tuple(given["allowed_hosts"])})
    studio, engine, precision = Studio(settings), asked["engine"], asked["precision"]
    script = Script.parse(asked["script"])
    request = studio.request(script, engine, {}, {}, 0, precision)
    with studio.manager.lend(engine, precision):
        cold = time.perf_counter() - begun
    with closing(studio.utter(engine, request)) as events:
        for _ in events:
            pass
    figures = {"load_cold_s": cold, "host_gb": meters.peak_gb(), **_card(studio.manager.placement.device)}
    studio.manager.unload(engine)
    begun = time.perf_counter()
    with studio.manager.lend(engine, precision):
        figures["load_warm_s"] = time.perf_counter() - begun
    studio.close()
    return figures


def _card(device: str) -> dict[str, float]:
    if device != "cuda":
        return {}
    import torch

    return {
        "alone_gpu_allocated_gb": torch.cuda.max_memory_allocated() / GB,
        "alone_gpu_reserved_gb": torch.cuda.max_memory_reserved() / GB,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measured(json.load(sys.stdin))) + "\n")
