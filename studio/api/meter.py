"""What happens at the API, counted for Prometheus and written as a line of JSON a request. Never a word of a script."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import Scope

from studio import __version__
from studio.api.answers import Progress
from studio.api.problems import is_ours
from studio.studio import Studio

LOG = logging.getLogger("studio.api")
WORDS = ("off", "json")
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)
FORGETS = 0.9  # of the mean time of an answer, with each new one
QUIET = ("/healthz", "/readyz", "/metrics")  # asked every few seconds: counted, not logged


class Meter:
    """The counters of one application."""

    def __init__(self, studio: Studio) -> None:
        self._writes = studio.settings.log == "json"
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "studio_requests", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "studio_request_seconds", "To the end of the answer.", ["route"], registry=registry, buckets=SECONDS
        )
        self._first = Histogram(
            "studio_first_sound_seconds", "To the first sound.", ["model"], registry=registry, buckets=SECONDS
        )
        self._sound = Counter("studio_sound_seconds", "Sound spoken for the API.", ["model"], registry=registry)
        self._outcomes = Counter(
            "studio_speech", "Requests for speech by how they ended.", ["model", "outcome"], registry=registry
        )
        for name, text, value in (
            ("studio_jobs", "Jobs that run or wait.", studio.runner.busy),
            ("studio_engines_loaded", "Engines in memory.", lambda: len(studio.manager.loaded())),
            ("studio_engines_gb", "What they take.", lambda: sum(one.memory_gb for one in studio.manager.loaded())),
        ):
            Gauge(name, text, registry=registry).set_function(value)
        Gauge("studio_info", "The version.", ["version"], registry=registry).labels(__version__).set(1)
        self._mean_seconds = 1.0
        self._busy = studio.runner.busy

    def text(self) -> bytes:
        """All of it in Prometheus' form."""
        return generate_latest(self.registry)

    def retry_after(self) -> float:
        """Seconds until somebody who is turned away may hope, by how long answers took lately."""
        return min(120.0, max(1.0, self._mean_seconds * self._busy() / 2))

    @contextmanager
    def request(self, scope: Scope) -> Iterator[None]:
        """Count and log what happens to one request until its answer has ended."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._count(scope, time.monotonic() - started)

    def spoke(self, model: str, progress: Progress) -> None:
        """One request for speech has ended."""
        self._outcomes.labels(model, progress.outcome).inc()
        self._sound.labels(model).inc(progress.sound_seconds)
        if progress.first_sound_seconds is not None:
            self._first.labels(model).observe(progress.first_sound_seconds)
        took = time.monotonic() - progress.started
        self._mean_seconds = FORGETS * self._mean_seconds + (1 - FORGETS) * took

    def broke(self, scope: Scope, error: Exception) -> None:
        """A fault of ours: where it was, without its message, which may hold what was to be spoken."""
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        where = "".join(traceback.format_tb(error.__traceback__))
        LOG.error("%s in %s\n%s", type(error).__name__, scope["studio.request_id"], where)

    def _count(self, scope: Scope, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none") if is_ours(scope["path"]) else "page"
        method = scope.get("method", "WEBSOCKET")
        status = str(scope.get("studio.status", 0))  # 0: the client left before there was one
        self._requests.labels(route, method if method in METHODS else "other", status).inc()
        self._seconds.labels(route).observe(seconds)
        if self._writes and is_ours(scope["path"]) and scope["path"] not in QUIET:
            self._write(route, method, status, seconds, scope)

    def _write(self, route: str, method: str, status: str, seconds: float, scope: Scope) -> None:
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request": scope["studio.request_id"],
            "client": scope["studio.client"],
            "method": method,
            "route": route,
            "status": int(status),
            "seconds": round(seconds, 4),
        }
        LOG.info("%s", json.dumps({**line, **scope.get("studio.told", {})}))


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET")


def log_to_stderr() -> None:
    """Let the lines be seen: for the process that serves, not for a test or a notebook that imports us."""
    shown = logging.StreamHandler()
    shown.setFormatter(logging.Formatter("%(message)s"))
    LOG.addHandler(shown)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
