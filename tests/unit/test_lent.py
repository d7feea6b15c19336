"""What the lender of a GPU refuses is told in our words; jobs that need nothing of ours begin at once."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator

import pytest

from studio.errors import GpuRefused, QueueFull, RequestError, Stalled
from studio.gpu import _refusal
from studio.jobs import JobRunner, Patience
from studio.settings import Settings

visitor: contextvars.ContextVar[str] = contextvars.ContextVar("visitor")


class Told(Exception):
    """As gradio's error carries what `spaces` says."""

    def __init__(self, title: str, message: str) -> None:
        super().__init__(message)
        self.title, self.message = title, message


SPENT = "You have exceeded your free ZeroGPU quota (60s requested vs. 12s left). Try again in 1 day, 3:04:05. "


@pytest.mark.parametrize(
    ("title", "message", "ours"),
    [
        ("ZeroGPU quota exceeded", SPENT, "asks for 60 s, 12 s are left. Try again in 1 day, 3:04:05 hours"),
        ("ZeroGPU quota exceeded", "Space app has reached its GPU limit. Try", "used up. Try again tomorrow"),
        ("ZeroGPU quota exceeded", "No GPU was available after 60s. Try re-running", "No GPU was free"),
        ("ZeroGPU queue timeout", "No GPU was available", "No GPU is to be had now"),
        ("ZeroGPU illegal duration", "The requested GPU duration (900s)", "Write shorter turns."),
        ("ZeroGPU worker error", "GPU task aborted", "taken back before the passage was done"),
        ("ZeroGPU pending credits exceeded", "You have too many", "in use already"),
    ],
)
def test_what_a_visitor_is_told(title: str, message: str, ours: str) -> None:
    refusal = _refusal(Told(title, message))
    assert isinstance(refusal, GpuRefused) and ours in str(refusal)


def test_other_errors_are_not_the_lenders() -> None:
    assert _refusal(Told("Error", "Something else")) is None and _refusal(ValueError("x")) is None


def test_apart_begins_at_once_in_the_callers_context() -> None:
    runner, let_go = JobRunner(patience=Patience(waiting=1)), threading.Event()

    def hold() -> Iterator[str]:
        yield "begun"
        let_go.wait(10)

    def tell() -> Iterator[str]:
        yield visitor.get()
        let_go.wait(10)

    held = runner.run(hold)
    assert next(held) == "begun"
    visitor.set("Anna")
    beside = runner.run(tell, apart=True)
    assert next(beside) == "Anna"  # though the worker thread is busy
    assert runner.busy() == 2
    with pytest.raises(QueueFull):
        next(runner.run(tell, apart=True))
    let_go.set()
    assert [one for one in beside if one] == []
    held.close()
    assert runner.drain(5) and runner.busy() == 0
    runner.close()


def test_what_is_apart_ends_with_the_studio() -> None:
    runner, ended = JobRunner(), threading.Event()

    def work() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            ended.set()

    events = runner.run(work, apart=True)
    next(events)
    runner.close()
    assert ended.wait(5)


def test_what_hangs_apart_is_given_up() -> None:
    runner, let_go = JobRunner(patience=Patience(silent_seconds=0.4)), threading.Event()

    def hang() -> Iterator[str]:
        yield "begun"
        let_go.wait(20)

    events = runner.run(hang, apart=True)
    assert next(events) == "begun"
    with pytest.raises(Stalled):
        list(events)
    assert runner.busy() == 0
    let_go.set()
    runner.close()


def test_a_space_is_known_by_its_environment() -> None:
    space = {"SPACE_ID": "someone/studio", "SPACES_ZERO_GPU": "true", "GRADIO_SERVER_NAME": "0.0.0.0"}
    settings = Settings.from_environment(space)
    assert settings.zero_gpu and settings.public and settings.is_shared
    assert not Settings.from_environment({}).zero_gpu
    with pytest.raises(RequestError):
        Settings.from_environment({"GRADIO_SERVER_NAME": "0.0.0.0"})
