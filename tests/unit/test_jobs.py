"""Who is served when: people before batches, clients in turn; and what becomes of work that hangs or wants to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from studio.errors import QueueFull, ShuttingDown, Stalled, SynthesisError
from studio.jobs import Asker, JobRunner, Patience


def counting(stop: int, start: int = 0) -> Iterator[int]:
    yield from range(start, stop)


class Queue:
    """A runner whose worker is held back until `open`, and the order in which jobs then ran."""

    def __init__(self, waiting: int = 64) -> None:
        self.runner = JobRunner(patience=Patience(waiting=waiting))
        self.ran: list[str] = []
        self._gate = threading.Event()
        self._threads: list[threading.Thread] = []
        self.ask("first", "x")

    def ask(self, name: str, client: str, batch: bool = False) -> None:
        def work() -> Iterator[None]:
            self._gate.wait(5)
            self.ran.append(name)
            yield None

        before = self.runner.busy()
        self._threads.append(threading.Thread(target=lambda: list(self.runner.run(work, Asker(client, batch)))))
        self._threads[-1].start()
        while self.runner.busy() == before:
            time.sleep(0.001)

    def open(self) -> list[str]:
        time.sleep(0.02)  # the first is with the worker
        self._gate.set()
        for thread in self._threads:
            thread.join(5)
        self.runner.close()
        return self.ran[1:]


def test_clients_take_turns_and_people_come_before_batches() -> None:
    queue = Queue()
    queue.ask("book 1", "b", batch=True)
    for number in (1, 2, 3):
        queue.ask(f"a{number}", "a")
    queue.ask("b1", "b")
    queue.ask("c1", "c")
    queue.ask("book 2", "d", batch=True)
    queue.ask("b2", "b")
    assert queue.open() == ["a1", "b1", "c1", "a2", "b2", "a3", "book 2", "book 1"]  # b was served since


def test_who_was_served_last_is_served_after_who_waits() -> None:
    queue = Queue()
    queue.ask("x again", "x")
    queue.ask("y", "y")
    assert queue.open() == ["y", "x again"]


def test_a_full_queue_says_so() -> None:
    queue = Queue(waiting=2)
    queue.ask("one", "a")
    queue.ask("two", "a")
    with pytest.raises(QueueFull, match="2 requests wait"):
        next(queue.runner.run(lambda: counting(0)))
    assert queue.open() == ["one", "two"]


def test_a_job_whose_reader_leaves_while_it_waits_is_never_begun() -> None:
    queue = Queue()

    def never() -> Iterator[None]:
        yield queue.ran.append("never")

    waiting = queue.runner.run(never)
    next(waiting)
    waiting.close()
    assert queue.open() == [] and queue.runner.busy() == 0


def test_a_thread_that_hangs_is_replaced() -> None:
    given_up, release = [], threading.Event()
    patience = Patience(silent_seconds=0.3)
    runner = JobRunner(patience=patience, on_stall=lambda: given_up.append(threading.current_thread().name))

    def hangs() -> Iterator[int]:
        yield 1
        release.wait(10)
        yield 2

    def speaks() -> Iterator[int]:
        yield 3

    events = runner.run(hangs)
    assert next(events) == 1
    with pytest.raises(Stalled, match="no sign of life"):
        list(events)
    assert list(runner.run(speaks)) == [3] and len(given_up) == 1
    release.set()  # it comes back to life, and finds that it is not wanted
    assert list(runner.run(speaks)) == [3]
    runner.close()


def test_a_slow_reader_is_no_hang() -> None:
    runner = JobRunner(patience=Patience(silent_seconds=0.3))
    events = runner.run(lambda: counting(1000))
    assert next(events) == 0
    time.sleep(0.6)
    other = runner.run(lambda: counting(0))
    next(other)
    other.close()
    assert len(list(events)) == 999
    runner.close()


def test_an_engine_that_ends_the_process_ends_only_its_job() -> None:
    runner = JobRunner()

    def ends() -> Iterator[int]:
        yield 1
        raise SystemExit(3)

    with pytest.raises(SynthesisError, match="SystemExit"):
        list(runner.run(ends))
    assert list(runner.run(lambda: counting(3, 2))) == [2]
    runner.close()


def test_draining_refuses_and_waits() -> None:
    queue = Queue()
    queue.ask("asked before", "a")
    assert not queue.runner.drain(0.05)
    with pytest.raises(ShuttingDown):
        next(queue.runner.run(lambda: counting(0)))
    assert queue.open() == ["asked before"] and queue.runner.drain(1.0)


def test_closing_under_a_reader_is_an_error() -> None:
    runner = JobRunner()

    def goes_on() -> Iterator[int]:
        while True:
            time.sleep(0.01)
            yield 1

    events = runner.run(goes_on)
    next(events)
    runner.close()
    with pytest.raises(ShuttingDown):
        list(events)
