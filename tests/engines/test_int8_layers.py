"""A layer of each model in 8 bits says the same as in fp32: at the published sizes, for one position and for many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from studio.engines.csm import layers as csm  # noqa: E402
from studio.engines.csm.config import _BACKBONE, _DEPTH, Sizes, _sizes  # noqa: E402
from studio.engines.csm.layers import Place, Stack  # noqa: E402
from studio.engines.linear import Make, dynamic_int8, exact, packed_int8  # noqa: E402
from studio.engines.weights import Plan  # noqa: E402

COSINE = 0.999
KERNELS = {"dynamic": dynamic_int8, "packed": packed_int8}
SIZES = {"backbone": _sizes({}, _BACKBONE), "depth": _sizes({}, _DEPTH)}


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


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("which", SIZES)
def test_a_layer_in_8_bits_points_where_the_exact_one_does(which: str, kernel: str) -> None:
    sizes: Sizes = replace(SIZES[which], layers=1)
    weights = weights_of(csm.plan(sizes, which, torch.float32))

    def outputs(make: Make) -> Any:
        stack = Stack(sizes, weights, which, 16, make)
        x = torch.randn(9, sizes.hidden, generator=torch.Generator().manual_seed(1))
        with torch.inference_mode():
            return torch.cat([stack(x[:8], Place.after(0, 8, x.device)), stack(x[8:], Place.after(8, 1, x.device))])

    plain, rough = outputs(exact), outputs(KERNELS[kernel])
    assert rough.dtype == torch.float32
    assert float(torch.cosine_similarity(plain, rough).min()) >= COSINE
