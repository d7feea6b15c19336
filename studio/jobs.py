"""`JobRunner`: one thread that owns the accelerator. Callers iterate a job's events; closing the iterator stops it.

Who asks takes turns: people before batches, then one job of each client in rotation. A thread that gives no sign of
life is left to itself and replaced, so that one engine that hangs does not silence the others.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

from studio.errors import QueueFull, ShuttingDown, Stalled, StudioError, SynthesisError
from studio.events import Waiting

E = TypeVar("E")
HEARTBEAT_SECONDS = 0.25
BACKLOG = 256  # events a slow reader may fall behind before the work waits for it
REMEMBERED_CLIENTS = 1024


@dataclass(frozen=True)
class Patience:
    """How many jobs may wait, and for how many seconds the running one may give no sign of life."""

    waiting: int = 64
    silent_seconds: float = 300.0


USUAL = Patience()


@dataclass(frozen=True)
class Asker:
    """Who wants something. client: whose turn it is, a word that only tells clients apart. batch: others go first."""

    client: str = ""
    batch: bool = False


PERSON = Asker()  # at the page or the terminal


class _Stopped(Exception):
    """The reader has gone."""


class _Job(Generic[E]):
    def __init__(self, work: Callable[[], Iterator[E]], asker: Asker) -> None:
        self.work = work
        self.asker = asker
        self.stop = threading.Event()
        self.done = threading.Event()
        self.failure: StudioError | None = None  # why it ended without its work's doing
        self.alive = time.monotonic()
        self.events: queue.Queue[tuple[str, E | BaseException | None]] = queue.Queue(BACKLOG)

    def tell(self, kind: str, value: E | BaseException | None = None) -> None:
        while not self.stop.is_set():
            self.alive = time.monotonic()
            try:
                return self.events.put((kind, value), timeout=0.1)
            except queue.Full:
                continue
        raise _Stopped

    def run(self) -> None:
        """On the worker thread: every exception of the work goes to the reader; none may end the thread."""
        self.alive = time.monotonic()
        try:
            self._tell_all()
        except _Stopped:
            pass
        finally:
            self.done.set()

    def end(self, failure: StudioError) -> None:
        """From outside: the reader gets the failure, and the work stops at its next event if it ever comes there."""
        self.failure = failure
        self.stop.set()
        self.done.set()

    def _tell_all(self) -> None:
        try:
            with closing(self.work()) as events:  # type: ignore[type-var]  # work is a generator function
                for event in events:
                    self.tell("event", event)
        except _Stopped:
            raise
        except Exception as error:  # noqa: BLE001  # handed over whole, not handled here
            self.tell("error", error)
        except BaseException as error:  # noqa: BLE001  # it wanted to end the process: it ends this job
            self.tell("error", SynthesisError(f"The engine gave up: {type(error).__name__}.", "Try another engine."))
        else:
            self.tell("end")


class JobRunner:
    """Runs one job at a time, always on the same thread."""

    def __init__(
        self,
        on_idle: Callable[[], None] = lambda: None,
        idle_seconds: float | None = None,
        patience: Patience = USUAL,
        on_stall: Callable[[], None] = lambda: None,
    ) -> None:
        """on_idle: called on the worker thread each time nothing was asked for `idle_seconds`; None means never.
        on_stall: called when a thread is given up, before another begins.
        """
        self._on_idle = on_idle
        self._idle_seconds = idle_seconds
        self._patience = patience
        self._on_stall = on_stall
        self._waiting: list[_Job[object]] = []
        self._active: _Job[object] | None = None
        self._apart: set[_Job[object]] = set()
        self._served: OrderedDict[str, int] = OrderedDict()  # client -> when it was its turn last
        self._begun = 0
        self._changed = threading.Condition(threading.Lock())
        self._refuses = False
        self._closed = False
        self._thread = threading.Thread()
        self._begin()

    def run(
        self, work: Callable[[], Iterator[E]], asker: Asker = PERSON, apart: bool = False
    ) -> Generator[E | Waiting | None, None, None]:
        """The events of `work`, a generator function that runs on the worker thread; queued at the first `next`.

        apart: it needs nothing that the others use, so it begins at once on a thread of its own, which knows the
        caller's context variables. It is given up like the others when it gives no sign of life.

        Before it starts: Waiting whenever the position changes. None is a heartbeat, a place to stop. Closing this
        iterator closes the work at its next event and never waits for it. Errors of the work are raised here, and
        QueueFull, ShuttingDown and Stalled.
        """
        job: _Job[E] = _Job(work, asker)
        try:
            self._start_apart(job) if apart else self._enqueue(job)  # type: ignore[arg-type]
            yield from self._follow(job)
        finally:
            self._drop(job)  # type: ignore[arg-type]

    def busy(self) -> int:
        """Jobs that run or wait."""
        with self._changed:
            return len(self._waiting) + len(self._apart) + (self._active is not None)

    @property
    def refuses(self) -> bool:
        """Whether nothing new is taken any more."""
        return self._refuses

    def drain(self, timeout_seconds: float) -> bool:
        """Take nothing new and wait for what was asked for. False when it did not end in time."""
        with self._changed:
            self._refuses = True
            return self._changed.wait_for(
                lambda: not self._waiting and not self._apart and self._active is None, timeout_seconds
            )

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Stop the running job at its next event, drop the waiting ones, end the thread."""
        with self._changed:
            self._refuses = self._closed = True
            for job in [*self._waiting, *self._apart, *([self._active] if self._active else [])]:
                job.end(ShuttingDown("The studio is being stopped.", "Ask again once it runs."))
            self._changed.notify_all()
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
                self._watch()
                if job.done.is_set() and job.events.empty():
                    raise job.failure or ShuttingDown("The work ended without a result.", "Ask again.") from None
                yield None
                continue
            if kind == "end":
                return
            if kind == "error":
                raise value  # type: ignore[misc]
            yield value  # type: ignore[misc]

    def _enqueue(self, job: _Job[object]) -> None:
        with self._changed:
            self._admit(len(self._waiting))
            self._waiting.append(job)
            self._changed.notify_all()

    def _start_apart(self, job: _Job[object]) -> None:
        def run() -> None:
            try:
                job.run()
            finally:
                with self._changed:
                    self._apart.discard(job)  # it may have been given up
                    self._changed.notify_all()

        with self._changed:
            self._admit(len(self._apart))
            self._apart.add(job)
        threading.Thread(target=contextvars.copy_context().run, args=(run,), name="apart", daemon=True).start()

    def _admit(self, others: int) -> None:
        """Raises ShuttingDown, and QueueFull when as many others are there as may be."""
        if self._refuses:
            raise ShuttingDown("The studio is being stopped.", "Ask again once it runs.")
        if others >= self._patience.waiting:
            raise QueueFull(f"{others} requests wait already.", "Ask again in a little while.")

    def _drop(self, job: _Job[object]) -> None:
        job.stop.set()
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                self._changed.notify_all()

    def _position(self, job: _Job[object]) -> int:
        """How many jobs are before this one: 0 when it runs, is over, or begins at once."""
        with self._changed:
            return self._in_order().index(job) + (self._active is not None) if job in self._waiting else 0

    def _in_order(self) -> list[_Job[object]]:
        """Those who wait, the next one first: of each client one, before any gets another."""
        before: Counter[Asker] = Counter()
        ranks: dict[int, tuple[bool, int, int]] = {}
        for job in self._waiting:
            ranks[id(job)] = (job.asker.batch, before[job.asker], self._served.get(job.asker.client, 0))
            before[job.asker] += 1
        return sorted(self._waiting, key=lambda job: ranks[id(job)])  # equal ones stay in order of arrival

    def _take(self) -> _Job[object] | None:
        if not self._waiting:
            return None
        job = self._in_order()[0]
        self._waiting.remove(job)
        self._begun += 1
        self._served[job.asker.client] = self._begun
        self._served.move_to_end(job.asker.client)
        if len(self._served) > REMEMBERED_CLIENTS:
            self._served.popitem(last=False)
        return job

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="engines", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        """Replace the thread when its job gives no sign of life, which cannot be ended, only left behind; give up what
        runs apart likewise.
        """
        limit = self._patience.silent_seconds
        silent = Stalled(f"The engine gave no sign of life for {limit:g} s.", "Try again, or another engine.")
        with self._changed:
            for apart in [job for job in self._apart if time.monotonic() - job.alive >= limit]:
                apart.end(silent)
                self._apart.discard(apart)
            job = self._active
            if job is None or self._closed or time.monotonic() - job.alive < limit:
                return
            job.end(silent)
            self._on_stall()
            self._active = None
            self._begin()

    def _loop(self) -> None:
        while True:
            with self._changed:
                if self._thread is not threading.current_thread():  # given up, and come back to life too late
                    return
                self._active = None
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._closed, self._idle_seconds)
                if self._closed:
                    return
                self._active = job = self._take()
            if job is None:
                self._on_idle()
            else:
                job.run()
