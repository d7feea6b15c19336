"""A layer of each model in 8 bits says the same as in fp32: at the published sizes, for one position and for many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from bench import fullsize  # noqa: E402
from bench.pairs import read_config  # noqa: E402
from studio.engines.csm import layers as csm  # noqa: E402
from studio.engines.csm.config import _BACKBONE, _DEPTH, Sizes, _sizes  # noqa: E402
from studio.engines.csm.layers import Place, Stack  # noqa: E402
from studio.engines.dia import config as dia  # noqa: E402
from studio.engines.dia.model import Decoder, Encoder  # noqa: E402
from studio.engines.dia2 import layout as dia2  # noqa: E402
from studio.engines.dia2.config import Config as Dia2Config  # noqa: E402
from studio.engines.dia2.model import Cache, Net  # noqa: E402
from studio.engines.dia2.model import Place as Dia2Place  # noqa: E402
from studio.engines.linear import Make, dynamic_int8, exact, packed_int8  # noqa: E402
from studio.engines.weights import Plan  # noqa: E402

COSINE = 0.999
KERNELS = {"dynamic": dynamic_int8, "packed": packed_int8}
CSM = {"csm backbone": _sizes({}, _BACKBONE), "csm depth": _sizes({}, _DEPTH)}
MANY = 8  # positions at once, before a single one


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def weights_of(plan: Plan) -> Mapping[str, Any]:
    """Random weights as large as trained ones; those of norms around 1."""
    random = torch.Generator().manual_seed(7)
    return {
        name: torch.randn(target.shape, generator=random) * (target.shape[1] ** -0.5)
        if len(target.shape) > 1
        else 1 + 0.2 * torch.randn(target.shape, generator=random)
        for name, target in plan.items()
    }


def drawn(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def of_csm(which: str) -> Any:
    sizes: Sizes = replace(CSM[which], layers=1)
    weights = weights_of(csm.plan(sizes, which, torch.float32))

    def outputs(make: Make) -> Any:
        stack, x = Stack(sizes, weights, which, 16, make), drawn(MANY + 1, sizes.hidden)
        places = Place.after(0, MANY, x.device), Place.after(MANY, 1, x.device)
        return torch.cat([stack(part, place) for part, place in zip(x.split(MANY), places, strict=True)])

    return outputs


def of_dia(which: str) -> Any:
    values = dict(fullsize.DIA)
    for part in ("encoder_config", "decoder_config"):
        values[part] = {**values[part], "num_hidden_layers": 1}
    config = dia.Config.read(values)
    weights = weights_of(dia.plan(config, torch.float32))
    # what comes in is as large as it is to the other models' layers here
    weights["text"] *= config.encoder.hidden**0.5
    weights["codes"] *= (config.decoder.hidden / config.books) ** 0.5
    # attention has no scale: it is in the weights, those of queries are so much smaller
    for name in ("encoder.0.qkv", "decoder.0.qkv", "decoder.0.cross_q"):
        stack = config.encoder if name.startswith("encoder") else config.decoder
        weights[name][: stack.heads * stack.head_dim] *= stack.head_dim**-0.5

    def outputs(make: Make) -> Any:
        if which == "dia encoder":
            return Encoder(weights, config, make)(torch.arange(40, 40 + MANY)[None])[0]
        decoder = Decoder(weights, config, make)
        memories = decoder.memories(drawn(2, 12, config.encoder.hidden), MANY + 1)
        codes, at = torch.arange((MANY + 1) * config.books).view(-1, config.books), torch.arange(MANY + 1)
        found = [decoder(codes[:MANY], memories, at[:MANY], MANY), decoder(codes[MANY:], memories, at[MANY:], MANY + 1)]
        return torch.cat(found).flatten(1)

    return outputs


def of_dia2(which: str) -> Any:
    values = fullsize.dia2(which.split()[1])
    values["model"]["decoder"]["n_layer"] = values["model"]["depformer"]["n_layer"] = 1
    values["data"] |= {"channels": MANY + 3, "text_vocab_size": 600, "delay_pattern": [16] + [18] * MANY}
    values["runtime"] |= {"weights_schedule": [0] * MANY, "max_context_steps": 32}
    config = read_config(Dia2Config, values)
    weights = weights_of(dia2.plan(config, torch.float32))
    # attention has no scale here either: it is in the norms of queries
    for name in weights:
        if name.endswith("q_norm"):
            weights[name].mul_(weights[name].numel() ** -0.5)

    def outputs(make: Make) -> Any:
        net = Net(config, weights, make)
        stack, layers, which_net = (
            (config.depth, net.sets[config.sets[0]], net._depth)
            if which.endswith("depth")
            else (config.backbone, net.layers, net._main)
        )
        cache, x, found = Cache(stack, (2, MANY + 1), net.dtype, net.device), drawn(2, MANY + 1, stack.width), []
        for at in (torch.arange(MANY), torch.tensor([MANY])):
            span = int(at[-1]) + 1
            mask = torch.arange(span) <= at[:, None]
            found.append(which_net(x[:, at], layers, cache, Dia2Place(at, at, span, mask)))
        return torch.cat(found, 1).flatten(0, 1)

    return outputs


OUTPUTS = {
    **dict.fromkeys(CSM, of_csm),
    **dict.fromkeys(("dia encoder", "dia decoder"), of_dia),
    **dict.fromkeys(("dia2 1b backbone", "dia2 2b backbone", "dia2 2b depth"), of_dia2),
}


@pytest.mark.parametrize("which", OUTPUTS)
def test_a_layer_in_8_bits_points_where_the_exact_one_does(which: str) -> None:
    with torch.inference_mode():
        outputs = OUTPUTS[which](which)
        plain = outputs(exact)
        for name, make in KERNELS.items():
            rough = outputs(make)
            assert rough.dtype == torch.float32 and rough.shape == plain.shape
            assert float(torch.cosine_similarity(plain, rough, -1).min()) >= COSINE, name
