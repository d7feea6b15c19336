"""Speaking on several cards or machines by Ray: engines as replicas (`fleet`), scripts as tasks (`tasks`).

Ray decides what runs where and who waits; there is no queue of ours beyond this process. It is started for this machine
alone and bound to it, with nothing reported to anybody, unless RAY_ADDRESS names a cluster that is there.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from studio.errors import EngineUnavailable
from studio.gpu import choose_device
from studio.settings import Settings

ROOT = Path(__file__).parents[2]
NAME = "studio"
TRIES = 3  # Ray gives its processes half a minute to start, which is too little on a busy machine
STORE_BYTES = 500_000_000  # of sounds on their way between processes; more goes by the disk
REMEDY = "Run: python -m pip install --require-hashes -r requirements-ray.lock"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_AUTO_CONNECT": "0"}  # no reports, and no start by the way
PRIVATE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's word for: all of it on 127.0.0.1, as on Windows and macOS
}


@contextmanager
def running(cores: int | None = None) -> Iterator[None]:
    """Ray is up until the block ends: our own, for this machine, or the one that RAY_ADDRESS names. cores: of our own,
    None for all that are here.

    Raises EngineUnavailable when Ray is not installed, does not start, or listens to other machines though it is ours.
    """
    if importlib.util.find_spec("ray") is None:
        raise EngineUnavailable("Ray is not installed.", REMEDY)
    with ExitStack() as stack:
        os.environ.update(QUIET)  # read when Ray is imported
        if is_ours():
            os.environ.update(PRIVATE)
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        import ray

        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "namespace": NAME}
        if is_ours():
            place = "/tmp" if os.name == "posix" else None  # short, since sockets lie below it
            folder = tempfile.mkdtemp(prefix="studio-ray-", dir=place)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            quiet |= {
                "address": "local",  # and never one that somebody else has started here
                "num_cpus": cores,
                "include_dashboard": False,
                "_temp_dir": folder,
                "object_store_memory": STORE_BYTES,
            }
        stack.callback(ray.shutdown)
        _start(quiet)
        check_private()
        yield


def _start(options: dict[str, Any]) -> None:
    import ray

    for left in range(TRIES - 1, -1, -1):
        try:
            ray.init(**options)
            return
        except Exception as error:  # Ray raises bare ones
            if not left:
                raise EngineUnavailable(
                    f"Ray does not start: {error}", "Free some memory, or mend RAY_ADDRESS."
                ) from error
            ray.shutdown()


def check_private() -> None:
    """Raises EngineUnavailable when a Ray of ours listens to other machines: whoever reaches it could run code."""
    if not is_ours():
        return
    for process in psutil.Process().children(recursive=True):
        try:
            found = process.net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        for one in found:
            if one.status == psutil.CONN_LISTEN and one.laddr.ip.rpartition(":")[2] not in ("127.0.0.1", "1"):
                raise EngineUnavailable(f"Ray listens to other machines at port {one.laddr.port}.", REMEDY)


def is_ours() -> bool:
    """Whether Ray is started by us, for this machine, and not there already."""
    return "RAY_ADDRESS" not in os.environ


def needs(settings: Settings) -> dict[str, float]:
    """What Ray reserves for whoever speaks: a core, and a card where there are cards."""
    return {"num_cpus": 1, "num_gpus": 1 if choose_device(settings.device).startswith("cuda") else 0}


def slots(settings: Settings) -> int:
    """How many can speak at once. Ray must be `running`."""
    import ray

    kind = "GPU" if needs(settings)["num_gpus"] else "CPU"
    return max(1, int(ray.cluster_resources().get(kind, 1)))


def for_workers(settings: Settings) -> Settings:
    """Without what only the server needs."""
    return replace(settings, api_key="", host="127.0.0.1", ray=False)
