"""The kernels for a card, run on the CPU: each is what torch makes of the same numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from studio.engines import fused  # noqa: E402
from studio.engines.csm.model import Sampling as CsmSampling  # noqa: E402
from studio.engines.dia.decoding import Decoding  # noqa: E402
from studio.engines.dia.fused_row import FusedRow  # noqa: E402
from studio.engines.dia.row import FREE, Row  # noqa: E402
from studio.engines.dia.sampling import Sampling as DiaSampling  # noqa: E402
from studio.engines.dia2.fused import pick_of  # noqa: E402
from studio.engines.dia2.sampling import Draw, Sampling, choose  # noqa: E402
from studio.engines.dia2.steps import Steps  # noqa: E402
from studio.engines.fused import Attention, Following, Heads, Norm, Pick, Place, product  # noqa: E402
from tests.engines import small  # noqa: E402
from tests.engines.cuda_on_cpu import COMPILER, Emulated  # noqa: E402

pytestmark = pytest.mark.skipif(COMPILER is None, reason="There is no C++ compiler to run the kernels with.")
BF16 = torch.bfloat16


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Emulated:
    return Emulated(fused.SOURCE, tmp_path_factory.mktemp("kernels"))


def random(*shape: int, seed: int = 0, dtype: torch.dtype = BF16) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape))).to(dtype)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize(("inputs", "outputs"), [(64, 37), (1032, 9), (2048, 16), (6144, 5)])
def test_products(launch: Emulated, rows: int, inputs: int, outputs: int) -> None:
    x, weight, norm = random(rows, inputs), random(2 * outputs, inputs, seed=1) / inputs**0.5, random(inputs).float()
    normed = F.rms_norm(x.float(), (inputs,), norm, 1e-5).to(BF16)
    for mode, weights, given in (("plain", weight[:outputs], None), ("gated", weight, Norm(norm, 1e-5))):
        found = torch.zeros(rows, outputs, dtype=BF16)
        product(launch, weights, x, found, mode, given)
        y = (normed if given else x).float() @ weights.float().T
        wanted = y if mode == "plain" else F.silu(y[:, :outputs]) * y[:, outputs:]
        torch.testing.assert_close(found.float(), wanted, atol=0.02, rtol=0.02)
    added = base = random(rows, outputs, seed=3)
    product(launch, weight[:outputs], x, added := base.clone(), "added")
    torch.testing.assert_close(
        added.float(), base.float() + x.float() @ weight[:outputs].float().T, atol=0.03, rtol=0.02
    )
    exact = torch.zeros(rows, outputs)
    product(launch, weight[:outputs], x, exact, "exact", Norm(norm, 1e-5))
    torch.testing.assert_close(exact, normed.float() @ weight[:outputs].float().T, atol=1e-2, rtol=1e-2)


def turned(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor, at: int) -> torch.Tensor:
    return x * cosine[at] + x.roll(x.shape[-1] // 2, -1) * sine[at]


@pytest.mark.parametrize("position", [0, 1, 31, 300, 599])
@pytest.mark.parametrize(("head", "shared", "has_norm"), [(64, 4, False), (128, 2, True), (128, 1, True)])
def test_attention_of_a_step(launch: Emulated, head: int, shared: int, has_norm: bool, position: int) -> None:
    rows, kv, slots = 2, 2, 600
    angles = torch.arange(slots)[:, None] * torch.logspace(0, -3, head // 2)
    cosine, sine = torch.cat([angles.cos()] * 2, -1), torch.cat([-angles.sin(), angles.sin()], -1)
    keys, values = random(rows, kv, slots, head), random(rows, kv, slots, head, seed=1)
    fresh, norm = random(rows, (shared + 2) * kv * head, seed=position), random((shared + 1) * kv, head).float()
    heads = Heads(kv * shared, kv, head, head**-0.5, 1e-6, (cosine, sine))
    at, slot = torch.tensor([position]), max(0, position - 1)
    found = torch.zeros(rows, kv * shared * head, dtype=BF16)
    cache = keys.clone(), values.clone()
    attention = Attention(launch, heads, rows, slots, keys)
    attention.keep(fresh, cache, found, Place(at, torch.tensor([slot])), norm if has_norm else None)

    parts = fresh.view(rows, -1, head).float()
    qk, v = parts[:, : (shared + 1) * kv], parts[:, (shared + 1) * kv :]
    if has_norm:
        qk = F.rms_norm(qk, (head,), None, 1e-6) * norm
    qk = turned(qk, cosine, sine, position)
    keys[:, :, slot], values[:, :, slot] = qk[:, shared * kv :].to(BF16), v.to(BF16)
    q = qk[:, : shared * kv].to(BF16).float()[:, :, None]
    wanted = F.scaled_dot_product_attention(
        q, keys[:, :, : slot + 1].float(), values[:, :, : slot + 1].float(), scale=heads.scale, enable_gqa=True
    )
    torch.testing.assert_close(cache[0].float(), keys.float(), atol=0.02, rtol=0.01)
    assert torch.equal(cache[1], values)
    torch.testing.assert_close(found.view(rows, -1, head).float(), wanted[:, :, 0], atol=0.02, rtol=0.02)
    assert not attention._counts.any()  # ready for the next step


def test_attention_to_what_stands_there(launch: Emulated) -> None:
    keys, values, q = random(2, 3, 300, 128), random(2, 3, 300, 128, seed=1), random(2, 3 * 128, seed=2)
    found = torch.zeros(2, 3 * 128, dtype=BF16)
    heads = Heads(3, 3, 128, 0.1, 1e-6, None)
    Attention(launch, heads, 2, 300, keys).look(q, (keys, values), found, 277)
    wanted = F.scaled_dot_product_attention(
        q.view(2, 3, 1, 128).float(), keys[:, :, :277].float(), values[:, :, :277].float(), scale=0.1
    )
    torch.testing.assert_close(found.view(2, 3, 128).float(), wanted[:, :, 0], atol=0.02, rtol=0.02)


def exponential(*shape: int, seed: int) -> torch.Tensor:
    return torch.empty(*shape).exponential_(generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", [0.0, 0.9])
@pytest.mark.parametrize("top_k", [1, 50, 2051])
def test_a_code_of_csm_is_drawn(launch: Emulated, temperature: float, top_k: int) -> None:
    table, ban = random(2051, 72, seed=9), torch.zeros(2051)
    ban[7] = -torch.inf
    for seed in range(3):
        logits, noise = random(1, 2051, seed=seed, dtype=torch.float32) * 2, exponential(2051, seed=seed)
        logits[0, 7] = 100.0
        token, x = torch.zeros(1, dtype=torch.int64), torch.zeros(1, 72, dtype=BF16)
        Pick(temperature, top_k)(launch, logits, noise, token, ban, Following(table, 0, x, 72))
        assert token == CsmSampling(temperature, top_k)(logits + ban, noise)
        assert torch.equal(x, table[token])


@pytest.mark.parametrize("guidance", [1.0, 2.0])
@pytest.mark.parametrize(
    ("temperature", "top_k", "filter_k"), [(0, 50, 50), (0.8, 50, 50), (0.8, 30, 200), (0.8, 0, 0)]
)
def test_a_code_of_dia2_is_drawn(
    launch: Emulated, guidance: float, temperature: float, top_k: int, filter_k: int
) -> None:
    draw, tokens = Draw(temperature, top_k), 2050
    sampling = Sampling(draw, draw, guidance, filter_k)
    ban, table, base = torch.zeros(tokens), random(3 * tokens, 40, seed=9), random(2, 80, seed=8)[:, :40]
    ban[-2:] = torch.finfo(torch.float32).min
    for seed in range(3):
        logits = random(sampling.branches, tokens, seed=seed, dtype=torch.float32)
        noise = exponential(1, draw.width(tokens), seed=seed)
        token, x = torch.zeros(1, dtype=torch.int64), torch.zeros(2, 40, dtype=BF16)
        following = Following(table, tokens, x, 40, base)
        pick_of(sampling, draw, tokens)(launch, logits, noise, token, ban, following)
        assert token == choose(sampling.candidates(logits) + ban, draw, noise)
        assert torch.equal(x, table[token + tokens] + base)


def row_of(books: int, ends: int, first: int) -> Row:
    """Row 4 of 9 is next, with this code in the first book. The end is 1024."""
    grid = torch.full((9, books), FREE)
    grid[:4], grid[4, 0] = 1, first
    return Row(grid, torch.tensor([3]), torch.tensor([ends]), torch.arange(books), 1024, 1025)


EXTREMES = {
    "plain": lambda logits: logits,
    "all the same": lambda logits: torch.zeros_like(logits),
    "few values": lambda logits: (2 * logits).round(),
    "far apart": lambda logits: logits * 1e6,
    "tiny": lambda logits: logits * 1e-30,
    "one that is certain": lambda logits: logits.index_fill(2, torch.tensor([17]), 1e30),
    "the end is certain": lambda logits: logits.index_fill(2, torch.tensor([1024]), 50.0),
    "the end is as probable as another": lambda logits: logits.index_fill(2, torch.tensor([3, 1024]), 50.0),
    "what is never drawn is certain": lambda logits: logits.index_fill(2, torch.tensor([1025, 1027]), 1e4),
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize(
    "sampling",
    [
        DiaSampling(3.0, 1.2, 0.95, 45),
        DiaSampling(1.0, 0.8, 0.3, 100),
        DiaSampling(3.0, 0.0, 1.0, 1),
        DiaSampling(5.0, 2.5, 0.999, 2000),
    ],
    ids=str,
)
def test_a_row_of_dia_is_drawn_and_written(launch: Emulated, sampling: DiaSampling, name: str) -> None:
    books, tokens, eos = 3, 1028, 1024
    # drawn; the first book's end as if it had been known; an end that was before
    states = ((8, FREE), (8, eos), (3, FREE), (2, FREE))
    turn = list(EXTREMES).index(name) + sampling.top_k
    for seed, (ends, known) in enumerate((states[turn % 4], states[(turn + 1) % 4])):
        logits = EXTREMES[name](random(sampling.branches, books, tokens, seed=seed, dtype=torch.float32) * 3)
        noise = exponential(books, tokens, seed=seed) if sampling.temperature else torch.ones(books, tokens)
        wanted, found = row_of(books, ends, known), row_of(books, ends, known)
        wanted.write(logits, noise, sampling)
        fused_row = FusedRow(launch, found, noise, sampling)
        fused_row(logits)
        assert torch.equal(found.grid, wanted.grid)
        assert (found.position, found.ends) == (wanted.position, wanted.ends)
        assert not fused_row._count.any()  # ready for the next row


def test_a_draw_that_does_not_run_or_is_wrong_is_not_used(launch: Emulated, caplog: pytest.LogCaptureFixture) -> None:
    cpu = torch.device("cpu")
    assert FusedRow.works(launch, cpu) and not caplog.records

    def broken(*given: object) -> None:
        raise RuntimeError("no NVRTC")

    assert not FusedRow.works(broken, cpu)
    assert not FusedRow.works(lambda *given: None, cpu)
    assert [record.message for record in caplog.records] == [
        "The kernel that draws Dia's codes is not used, which makes speech slower: no NVRTC.",
        "The kernel that draws Dia's codes is not used, which makes speech slower: it draws other codes than torch.",
    ]


def test_kernels_that_do_not_run_or_are_wrong_are_not_used(launch: Emulated, caplog: pytest.LogCaptureFixture) -> None:
    assert fused.works(launch, "cpu") and not caplog.records

    def broken(*given: object) -> None:
        raise RuntimeError("no NVRTC")

    assert not fused.works(broken, "cpu")
    assert not fused.works(lambda *given: None, "cpu")
    assert [record.message for record in caplog.records] == [
        "The kernels for cards are not used, which makes speech slower: no NVRTC.",
        "The kernels for cards are not used, which makes speech slower: their product is wrong.",
    ]


# --------------------------------------------------------------------------- whole models


def close(found: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Whether numbers in bf16 are the same but for roundings."""
    return float(F.cosine_similarity(found.flatten().float(), wanted.flatten().float(), 0)) > 0.999


def test_frames_of_csm(launch: Emulated) -> None:
    for sampling in (CsmSampling(0.0, 1), CsmSampling(0.9, 20)):
        plain, quick = small.csm(), small.csm()
        quick.fuse(launch)
        assert quick._fused
        noise = torch.Generator().manual_seed(5)
        for csm in (plain, quick):
            csm.begin(csm.embed([1, 2, 3, 4, 5]), 0)
        for _ in range(3):
            drawn = torch.empty(4, 67).exponential_(generator=noise)
            frames = [csm.frame(sampling, drawn, 256) for csm in (plain, quick)]
            assert close(quick._hidden, plain._hidden)
            assert frames[1][0] == frames[0][0]
            quick._input.copy_(plain._input)  # both go on from the same, also where a tie was rounded another way


def test_frames_of_dia2(launch: Emulated) -> None:
    net = small.dia2()
    for guidance, draw in ((2.0, Draw(0, 50)), (1.0, Draw(0.8, 30))):
        sampling = Sampling(draw, draw, guidance, 40)
        plain, quick = Steps(net, sampling), Steps(net, sampling, launch)
        assert quick._fused
        for steps in (plain, quick):
            steps.begin(3)
            steps.prefill([(1, 3), (5, 6)], torch.full((4, 2), 7))
        for at in range(3):
            for steps in (plain, quick):
                steps.step((5 + at, 3), at + 1, at + 2, lambda action: (action, 3))
            assert close(quick._fused._first_logits, net.first_heads(plain._hidden)[1])
            quick._codes.copy_(plain._codes)  # both go on from the same, also where a tie was rounded another way
        assert close(quick._cache.keys[:, :, :, :5], plain._cache.keys[:, :, :, :5])


def test_steps_of_dia(launch: Emulated) -> None:
    dia = small.dia()
    dia.launch, dia.draws = launch, True
    text, prompt = torch.arange(40, 90), torch.randint(0, 96, (20, 9), generator=torch.Generator().manual_seed(1))
    decoding = Decoding(dia, text, prompt, 60, DiaSampling(3.0, 1.2, 0.95, 45))
    run = decoding.run(lambda noise: noise.fill_(1.0))
    next(run)
    plain = [replace(memory, keys=memory.keys.clone(), values=memory.values.clone()) for memory in decoding._memories]
    assert decoding._fused and decoding._fused_row
    for row in range(21, 24):
        codes, at = decoding._grid[row : row + 1].clone(), torch.tensor([row])
        assert codes.min() >= 0
        wanted = dia.decoder(codes, plain, at, row + 1)
        assert close(decoding._fused(codes, at), wanted)
        next(run)
    assert close(torch.stack([memory.keys for memory in decoding._memories]), torch.stack([one.keys for one in plain]))
