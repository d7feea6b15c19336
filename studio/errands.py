"""`Errands`: long work on model files behind a page, which asks how far it is. One at a time, on its own thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from studio.errors import RequestError, StudioError
from studio.hub import Stopped
from studio.models import Models
from studio.upkeep import Report

Kind = Literal["download", "check", "mend", "prepare"]
WINDOW_SECONDS = 5.0


class Pace:
    """How fast bytes come: over the last seconds, so that a line that slows down is soon told."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._points: deque[tuple[float, int]] = deque([(clock(), 0)])

    def note(self, brought: int) -> None:
        """So many bytes have come since the beginning."""
        now = self._clock()
        if now - self._points[-1][0] > WINDOW_SECONDS / 50:
            self._points.append((now, brought))
        while len(self._points) > 2 and now - self._points[1][0] > WINDOW_SECONDS:
            self._points.popleft()

    @property
    def bytes_per_second(self) -> float:
        """0.0 before the first."""
        (begun, first), (ended, last) = self._points[0], self._points[-1]
        return (last - first) / (ended - begun) if ended > begun else 0.0

    def seconds_for(self, count: int) -> float | None:
        """How long so many bytes will take; None when nothing can be said."""
        return count / self.bytes_per_second if self.bytes_per_second > 0 else None


@dataclass(frozen=True)
class Errand:
    """One piece of work and how far it is. done, total: bytes; total is 0 until it is known.

    bytes_per_second, seconds_left: at the pace of the last seconds. report: of a finished "check".
    """

    kind: Kind
    engine: str
    title: str  # the engine's, as it was when the errand began
    number: int
    state: Literal["running", "stopping", "stopped", "finished", "failed"] = "running"
    done: int = 0
    total: int = 0
    bytes_per_second: float = 0.0
    seconds_left: float | None = None
    report: Report | None = None
    error: StudioError | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("stopped", "finished", "failed")


class Errands:
    """Begins one errand at a time and remembers the last, also when the page that asked for it has gone."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._last: Errand | None = None
        self._reports: dict[str, Report] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def last(self) -> Errand | None:
        """The errand that is under way, else the one that was last."""
        with self._lock:
            return self._last

    def begin(self, kind: Kind, engine_id: str) -> Errand:
        """Start to fetch an engine's files, to check them, to fetch anew those that the last check found damaged, or to
        write a copy that loads faster.

        Raises UnknownEngine, RequestError when another errand is under way.
        """
        title = self._models.row(engine_id).title
        with self._lock:
            if self._last and not self._last.is_over:
                raise RequestError("Other files are being fetched or checked.", f"{title} can wait until that is done.")
            self._last = Errand(kind, engine_id, title, self._last.number + 1 if self._last else 1)
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._run, args=[kind, engine_id, self._stop], daemon=True)
            self._thread.start()
            return self._last

    def stop(self) -> None:
        """Ask the errand to end at its next piece. What has come is kept."""
        self._stop.set()
        with self._lock:
            if self._last and self._last.state == "running":
                self._last = replace(self._last, state="stopping")

    def close(self) -> None:
        """Stop, and wait a moment for the end."""
        self.stop()
        if self._thread:
            self._thread.join(2)

    def _run(self, kind: Kind, engine_id: str, stop: threading.Event) -> None:
        pace = Pace()

        def tell(done: int, total: int, brought: int) -> None:
            pace.note(brought)
            left = pace.seconds_for(total - done)
            self._change(done=done, total=total, bytes_per_second=pace.bytes_per_second, seconds_left=left)

        try:
            report = self._reports.pop(engine_id, None)
            if kind == "check":
                report = self._reports[engine_id] = self._models.check(engine_id, tell, stop.is_set)
                self._change(report=report)
            elif kind == "prepare":
                self._models.prepare(engine_id, tell, stop.is_set)
            else:
                if kind == "mend" and report:
                    self._models.mend(engine_id, report)
                self._models.download(engine_id, tell, stop.is_set)
            self._change(state="finished")
        except Stopped:
            self._change(state="stopped")
        except StudioError as error:
            self._change(state="failed", error=error)
        except BaseException as error:  # told on the page, and with its traceback in the log
            broken = StudioError(f"The studio broke off: {error}", "Try again, and tell its makers if that fails too.")
            self._change(state="failed", error=broken)
            raise

    def _change(self, **values: object) -> None:
        with self._lock:
            assert self._last
            self._last = replace(self._last, **values)  # type: ignore[arg-type]
