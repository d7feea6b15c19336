"""`JobRunner`: one thread that owns the accelerator. Callers iterate a job's events; closing the iterator stops it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
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
            self._tell_all()
        except _Stopped:
            pass
        finally:
            self.done.set()

    def _tell_all(self) -> None:
        try:
            with closing(self.work()) as events:  # type: ignore[type-var]  # work is a generator function
                for event in events:
                    self.tell("event", event)
        except _Stopped:
            raise
        except BaseException as error:  # noqa: BLE001  # handed over whole, not handled here
            self.tell("error", error)
        else:
            self.tell("end")


class JobRunner:
    """Runs one job at a time, in order of arrival, always on the same thread."""

    def __init__(self, on_idle: Callable[[], None] = lambda: None, idle_seconds: float | None = None) -> None:
        """on_idle: called on the worker thread each time nothing was asked for `idle_seconds`; None means never."""
        self._on_idle = on_idle
        self._idle_seconds = idle_seconds
        self._waiting: list[_Job[object]] = []
        self._active: _Job[object] | None = None
        self._changed = threading.Condition(threading.Lock())
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="engines", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], Iterator[E]]) -> Generator[E | Waiting | None, None, None]:
        """The events of `work`, a generator function that runs on the worker thread; queued at the first `next`.

        Before it starts: Waiting whenever the position changes. None is a heartbeat, a place to stop. Closing this
        iterator closes the work at its next event and never waits for it. Errors of the work are raised here.
        """
        job: _Job[E] = _Job(work)
        try:
            self._enqueue(job)  # type: ignore[arg-type]
            yield from self._follow(job)
        finally:
            self._drop(job)  # type: ignore[arg-type]

    def busy(self) -> int:
        """Jobs that run or wait."""
        with self._changed:
            return len(self._waiting) + (self._active is not None)

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Stop the running job at its next event, drop the waiting ones, end the thread."""
        with self._changed:
            self._closed = True
            for job in [*self._waiting, *([self._active] if self._active else [])]:
                job.stop.set()
            self._changed.notify()
        self._thread.join(timeout_seconds)

    def _follow(self, job: _Job[E]) -> Iterator[E | Waiting | None]:
        told = 0
        while True:
            position = self._position(job)  # type: ignore[arg-type]
            if position and position != told:
                yield Waiting(position)
            told = position
            try:
                kind, value = job.events.get(timeout=HEARTBEAT_SECONDS)
            except queue.Empty:
                if job.done.is_set() and job.events.empty():  # the runner was closed under us
                    return
                yield None
                continue
            if kind == "end":
                return
            if kind == "error":
                raise value  # type: ignore[misc]
            yield value  # type: ignore[misc]

    def _enqueue(self, job: _Job[object]) -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError("The job runner is closed.")
            self._waiting.append(job)
            self._changed.notify()

    def _drop(self, job: _Job[object]) -> None:
        job.stop.set()
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)

    def _position(self, job: _Job[object]) -> int:
        """How many jobs are before this one: 0 when it runs, is over, or begins at once."""
        with self._changed:
            return self._waiting.index(job) + (self._active is not None) if job in self._waiting else 0

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._active = None
                self._changed.wait_for(lambda: self._waiting or self._closed, self._idle_seconds)
                if self._closed:
                    for waiting in self._waiting:
                        waiting.done.set()
                    return
                self._active = job = self._waiting.pop(0) if self._waiting else None
            if job is None:
                self._on_idle()
            else:
                job.run()
