"""Precision int8 and prepared copies, through the loading code of each engine, on tiny checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny  # noqa: E402
import tiny_csm  # noqa: E402
import tiny_dia2  # noqa: E402

from studio.engines.base import Placement  # noqa: E402
from studio.engines.csm.engine import CsmEngine  # noqa: E402
from studio.engines.csm.model import Sampling as CsmSampling  # noqa: E402
from studio.engines.dia.decoding import Decoding  # noqa: E402
from studio.engines.dia.engine import DiaEngine  # noqa: E402
from studio.engines.dia.sampling import Sampling as DiaSampling  # noqa: E402
from studio.engines.dia2 import VARIANTS  # noqa: E402
from studio.engines.dia2.engine import Dia2Engine  # noqa: E402
from studio.engines.dia2.sampling import Draw, Sampling  # noqa: E402
from studio.engines.dia2.steps import Steps  # noqa: E402
from studio.errors import EngineUnavailable  # noqa: E402

Codes = Callable[[Placement], Any]
FRAMES = 12


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def placement(tmp_path: Path) -> Placement:
    return Placement("cpu", 1, tmp_path / "models")


@pytest.fixture(scope="module", params=["dia", "csm", "dia2"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Codes, Any, Path]:
    """Greedy codes of an engine that is loaded as placed; what prepares its copy; the folder of its model."""
    root = tmp_path_factory.mktemp(request.param)
    if request.param == "dia":
        model, codec = tiny.dia(root / "dia"), tiny.dac(root / "dac")
        return (lambda where: dia_codes(DiaEngine.load(model, codec, where))), DiaEngine.prepare, model
    if request.param == "csm":
        model = tiny_csm.csm(root / "csm")
        return (lambda where: csm_codes(CsmEngine.open(model, where))), CsmEngine.prepare, model
    model, codec = tiny_dia2.dia2(root / "dia2"), tiny.mimi(root / "mimi")
    spec = VARIANTS["dia2-1b"].SPEC

    def prepare(folder: Path, where: Placement, progress: Any) -> Path:
        return Dia2Engine.prepare(folder, where, "", progress)

    return (lambda where: dia2_codes(Dia2Engine.open(spec, (model, codec), where, ""))), prepare, model


def dia_codes(engine: DiaEngine) -> Any:
    none = torch.zeros(0, engine._dia.config.books, dtype=torch.int64)
    text = torch.tensor([1, 72, 105])
    decoding = Decoding(engine._dia, text, none, FRAMES, DiaSampling(3.0, 1.2, 1.0, 45))
    list(decoding.run(lambda noise: noise.fill_(1.0)))
    return decoding._grid[1:].clone()


def csm_codes(engine: CsmEngine) -> Any:
    csm = engine._csm
    csm.begin(csm.embed([3, 4, 5, 6]), 0)
    noise = torch.ones(csm.config.books, csm.config.vocabulary)
    return torch.stack([csm.frame(CsmSampling(0.0, 1), noise, csm.reach(64)) for _ in range(FRAMES)])


def dia2_codes(engine: Dia2Engine) -> Any:
    net = engine._loaded.net
    steps = Steps(net, Sampling(Draw(0, 50), Draw(0, 50)))
    pad = (net.config.text_pad, net.config.text_pad)
    return torch.tensor([steps.step(pad, at, at, lambda action: pad)[1] for at in range(FRAMES)])


def test_int8_runs_the_whole_way_and_says_much_the_same(engine: tuple[Codes, Any, Path], placement: Placement) -> None:
    codes, _, _ = engine
    plain, rough = codes(placement), codes(replace(placement, precision="int8"))
    assert rough.shape == plain.shape
    assert float((rough[0] == plain[0]).float().mean()) >= 0.5  # later frames go their own way
    assert torch.equal(rough, codes(replace(placement, precision="int8")))


@pytest.mark.parametrize("precision", ["exact", "int8"])
def test_a_prepared_copy_gives_the_same_codes(
    engine: tuple[Codes, Any, Path], placement: Placement, precision: str
) -> None:
    codes, prepare, model = engine
    placement = replace(placement, precision=precision)
    before = codes(placement)
    told: list[tuple[int, int]] = []
    copy = prepare(model, placement, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0 and copy.stat().st_size >= told[-1][1]
    assert torch.equal(codes(placement), before)
    copy.write_bytes(copy.read_bytes()[:-8])
    with pytest.raises(EngineUnavailable, match="damaged"):
        codes(placement)


def test_int8_on_a_card_is_refused_before_anything_is_read(
    engine: tuple[Codes, Any, Path], placement: Placement
) -> None:
    codes, _, _ = engine
    with pytest.raises(EngineUnavailable, match="CPU"):
        codes(Placement("mps", 1, placement.models, "int8"))
