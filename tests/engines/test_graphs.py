"""Steps as graphs, with a stand-in for the card: it holds what a step was when it was captured, and does that again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from studio.engines.csm.model import Sampling as CsmSampling  # noqa: E402
from studio.engines.dia.decoding import Decoding  # noqa: E402
from studio.engines.dia.sampling import Sampling as DiaSampling  # noqa: E402
from studio.engines.dia2.sampling import Sampling  # noqa: E402
from studio.engines.dia2.steps import Steps  # noqa: E402
from studio.engines.graphs import Graphs, Step  # noqa: E402
from tests.engines import small  # noqa: E402


class Written:
    """Captures as a card does: a captured step is not done, and its replay knows only what stands in memory."""

    def __init__(self) -> None:
        self.captured = 0
        self.replayed = 0

    def __call__(self, step: Step) -> Written:
        self.captured += 1
        self._step = step
        return self

    def replay(self) -> None:
        self.replayed += 1
        self._step()


def test_a_step_runs_then_is_captured_then_replayed_and_none_is_done_twice() -> None:
    written, total, more = Written(), torch.zeros(1), torch.ones(1)
    graphs = Graphs(written)
    for at in range(1, 5):
        more.fill_(at)
        graphs.run("add", lambda: total.add_(more))
    assert total == 1 + 2 + 3 + 4
    assert (written.captured, written.replayed) == (1, 3)


def test_each_kind_of_step_has_its_graph() -> None:
    made: list[Written] = []

    def capture(step: Step) -> Written:
        made.append(Written())
        return made[-1](step)

    total = torch.zeros(1)
    graphs = Graphs(capture)
    for size in (1, 10, 1, 10, 1):
        graphs.run(size, lambda size=size: total.add_(size))
    assert total == 23 and len(made) == 2


def test_without_graphs_every_step_runs_as_it_is_given() -> None:
    seen: list[int] = []
    graphs = Graphs(None)
    for at in range(3):
        graphs.run("same", lambda at=at: seen.append(at))
    assert seen == [0, 1, 2]
    assert Graphs.on(torch.device("cpu"))._capture is None


@pytest.fixture
def as_on_a_card(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Every step of a model is captured, here too. Gives how many replays there were."""
    written: list[Written] = []

    def capture(step: Step) -> Written:
        written.append(Written())
        return written[-1](step)

    monkeypatch.setattr(Graphs, "on", staticmethod(lambda device: Graphs(capture)))
    return lambda: sum(one.replayed for one in written)


FP32 = torch.float32


def frames_of_csm() -> Any:
    csm, sampling, noise = small.csm(FP32), CsmSampling(0.9, 20), torch.Generator().manual_seed(5)
    said = []
    for ids in ([1, 2, 3], [4, 5, 6, 7, 8]):  # the second passage by the graphs of the first
        csm.begin(csm.embed(ids), 0)
        for _ in range(4):
            said.append(csm.frame(sampling, torch.empty(4, 67).exponential_(generator=noise), 256))
    return torch.stack(said)


def frames_of_dia2() -> Any:
    steps, said = Steps(small.dia2(FP32), Sampling()), []
    for seed in (1, 2):
        steps.begin(seed)
        said += [steps.step((5 + at, 3), at, at, lambda action: (action, 3))[1] for at in range(4)]
    return torch.tensor(said)


def steps_of_dia() -> Any:
    prompt, noise = torch.full((250, 9), 7), torch.Generator().manual_seed(2)
    decoding = Decoding(small.dia(FP32), torch.arange(40, 90), prompt, 60, DiaSampling(3.0, 1.2, 0.95, 45))
    run = decoding.run(lambda drawn: drawn.exponential_(generator=noise))
    for _ in range(9):  # over the bound where a step begins to look further back
        next(run)
    return decoding._grid


@pytest.mark.parametrize("speak", [frames_of_csm, frames_of_dia2, steps_of_dia])
def test_a_model_says_the_same_by_graphs(speak: Callable[[], Any], request: pytest.FixtureRequest) -> None:
    """What a step was when it was captured is what it is each time: all that changes stands in buffers."""
    plain = speak()
    replays = request.getfixturevalue("as_on_a_card")
    assert torch.equal(speak(), plain)
    assert replays() > 2
