"""A benchmark behind a page: it runs on a thread of its own, the page asks how far it is. One at a time."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, replace

from studio.benchmark.bench import Benchmarks
from studio.benchmark.session import Doing, Done
from studio.errors import RequestError, StudioError


@dataclass(frozen=True)
class State:
    """bench: which one, "" for none yet. doing: a sentence. changes: how many rows have come or were filled in."""

    bench: str = ""
    is_running: bool = False
    doing: str = ""
    changes: int = 0
    error: StudioError | None = None


class Background:
    """Begins benchmarks and remembers how the last one stands."""

    def __init__(self, benchmarks: Benchmarks) -> None:
        self._benchmarks = benchmarks
        self._lock = threading.Lock()
        self._state = State()
        self._pause = threading.Event()
        self._stops = False
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> State:
        """How it stands."""
        return self._state

    def begin(self, bench_id: str) -> None:
        """Begin a benchmark or go on with it. Raises RequestError while another runs here."""
        with self._lock:
            if self._state.is_running:
                raise RequestError("A benchmark is running.", "Pause or stop it first.")
            self._state, self._stops = State(bench_id, is_running=True, doing="Starting"), False
            self._pause = threading.Event()
            self._thread = threading.Thread(target=self._run, args=[bench_id, self._pause], daemon=True)
            self._thread.start()

    def pause(self, stop: bool = False) -> None:
        """Ask it to end at its next step; it can go on later, unless it is to stop for good."""
        with self._lock:
            if self._state.is_running:
                self._stops = stop
                self._change(doing="Stopping" if stop else "Pausing")
                self._pause.set()

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Pause, and wait a moment."""
        self.pause()
        if self._thread:
            self._thread.join(timeout_seconds)

    def _run(self, bench_id: str, pause: threading.Event) -> None:
        try:
            with closing(self._benchmarks.run(bench_id)) as events:
                for event in events:
                    if isinstance(event, Doing) and not pause.is_set():
                        self._change(doing=event.text)
                    elif isinstance(event, Done):
                        self._change(changes=self._state.changes + 1)
                    if pause.is_set():
                        break
            if self._stops:
                self._benchmarks.stop(bench_id)
        except StudioError as error:
            self._change(error=error)
        except BaseException as error:  # told on the page, and with its traceback in the log
            self._change(error=StudioError(f"The benchmark broke off: {error}", "Its rows are kept: go on with it."))
            raise
        finally:
            self._change(is_running=False, doing="", changes=self._state.changes + 1)

    def _change(self, **values: object) -> None:
        self._state = replace(self._state, **values)  # type: ignore[arg-type]
