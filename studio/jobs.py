"""`JobRunner`: one thread that owns the accelerator. Callers iterate a job's events; closing the iterator stops it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Generic, TypeVar

from studio.events import Waiting

E = TypeVar("E")
HEARTBEAT_SECONDS = 0.25
BACKLOG = 256  # events a slow reader may fall behind before the work waits for it


class _Stopped(Exception):
    """The reader has gone."""


class _Job(Generic[E]):
    def __init__(self, work: Callable[[], Iterator[E]]) -> None:
        self.work = work
        self.stop = threading.Event()
        self.done = threading.Event()
        self.events: queue.Queue[tuple[str, E | BaseException | None]] = queue.Queue(BACKLOG)

    def tell(self, kind: str, value: E | BaseException | None = None) -> None:
        while not self.stop.is_set():
            try:
                return self.events.put((kind, value), timeout=0.1)
            except queue.Full:
                continue
        raise _Stopped

    def run(self) -> None:
        """On the worker thread: every exception of the work goes to the reader; none may end the thread."""
        try:
            with closing(self.work()) as events:  # type: ignore[type-var]  # work is a generator function
                for event in events:
                    self.tell("event", event)
            self.tell("end")
        except _Stopped:
            pass
        except BaseException as error:  # handed over whole, not handled here
            if not self.stop.is_set():
                self.events.put(("error", error))
        finally:
            self.done.set()


class JobRunner:
    """Runs one job at a time, in order of arrival, always on the same thread."""

    def __init__(self, name: str = "engines") -> None:
        self._waiting: list[_Job[object]] = []
        self._changed = threading.Condition(threading.Lock())
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], Iterator[E]]) -> Iterator[E | Waiting | None]:
        """The events of `work`, a generator function that runs on the worker thread.

        Before it starts: Waiting whenever the position changes. None is a heartbeat, a place to stop. Closing this
        iterator closes the work at its next event and never blocks. Errors of the work are raised here.
        """
        job: _Job[E] = _Job(work)
        with self._changed:
            if self._closed:
                raise RuntimeError("The job runner is closed.")
            self._waiting.append(job)  # type: ignore[arg-type]
            self._changed.notify()
        return self._follow(job)

    def busy(self) -> int:
        """Jobs that run or wait."""
        with self._changed:
            return len(self._waiting)

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Stop the running job at its next event, drop the waiting ones, end the thread."""
        with self._changed:
            self._closed = True
            for job in self._waiting:
                job.stop.set()
            self._changed.notify()
        self._thread.join(timeout_seconds)

    def _follow(self, job: _Job[E]) -> Iterator[E | Waiting | None]:
        position = 0
        try:
            while True:
                ahead = self._position(job)
                if ahead != position and ahead > 0:
                    yield Waiting(ahead)
                position = ahead
                try:
                    kind, value = job.events.get(timeout=HEARTBEAT_SECONDS)
                except queue.Empty:
                    if job.done.is_set() and job.events.empty():
                        return
                    yield None
                    continue
                if kind == "end":
                    return
                if isinstance(value, BaseException):
                    raise value
                yield value  # type: ignore[misc]
        finally:
            job.stop.set()

    def _position(self, job: _Job[E]) -> int:
        """0 when running or over, 1 when next."""
        with self._changed:
            return self._waiting.index(job) if job in self._waiting else 0  # type: ignore[arg-type]

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                job = self._waiting[0]  # stays in the list while it runs, so positions count it
            if job.stop.is_set():
                job.done.set()
            else:
                job.run()
            with self._changed:
                self._waiting.remove(job)
