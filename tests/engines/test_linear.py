"""Products with weights: every kernel against the plain one, and int8 through the whole of each engine."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from studio.engines import linear  # noqa: E402
from studio.engines.linear import (  # noqa: E402
    Blocked,
    Make,
    dynamic_int8,
    exact,
    kernel,
    packed_int8,
    packed_together,
)
from studio.errors import EngineUnavailable  # noqa: E402

KERNELS: dict[str, Make] = {"exact": exact, "blocked": Blocked, "dynamic": dynamic_int8, "packed": packed_int8}
ROWS = [(1,), (2,), (1, 1), (2, 1), (2, 33), (7,)]


def cosine(a: Any, b: Any) -> float:
    return float(torch.cosine_similarity(a.double().flatten(), b.double().flatten(), 0))


@pytest.mark.parametrize("rows", ROWS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_gives_the_product(name: str, dtype: Any, rows: tuple[int, ...]) -> None:
    if name == "blocked" and dtype != torch.float32 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this CPU has no bf16")
    for outputs, inputs in ((96, 64), (1028, 96), (5, 7), (3, 32)):
        random = torch.Generator().manual_seed(outputs)
        weight = torch.randn(outputs, inputs, generator=random) * 0.02
        x = torch.randn(*rows, inputs, generator=random)
        with torch.inference_mode():
            y = KERNELS[name](weight.to(dtype))(x.to(dtype))
        assert y.dtype == dtype and y.shape == (*rows, outputs)
        assert cosine(y, x @ weight.T) > (
            0.999 if "int8" in KERNELS[name].__name__ or dtype != torch.float32 else 1 - 1e-9
        )


def test_int8_weights_with_rows_of_very_different_size_keep_each_row() -> None:
    sizes = torch.logspace(-4, 1, 32)[:, None]
    weight = torch.randn(32, 256, generator=torch.Generator().manual_seed(1)) * sizes
    x = torch.randn(1, 256, generator=torch.Generator().manual_seed(2))
    for make in (dynamic_int8, packed_int8):
        assert cosine(make(weight)(x) / sizes.T, x @ (weight / sizes).T) > 0.999


def test_a_row_of_zeros_gives_zero() -> None:
    for make in (dynamic_int8, packed_int8):
        assert float(make(torch.zeros(4, 32))(torch.ones(1, 32)).abs().max()) == 0.0


def test_weights_packed_together_are_as_those_packed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "cores", lambda: 3)
    weights = list(torch.randn(20, 64, 96, generator=torch.Generator().manual_seed(1)))
    x = torch.randn(2, 96, generator=torch.Generator().manual_seed(2))
    alone = [dynamic_int8(weight)(x) for weight in weights]
    with packed_together():
        products = [dynamic_int8(weight) for weight in weights]
    assert all(torch.equal(product(x), y) for product, y in zip(products, alone, strict=True))


def test_what_goes_wrong_while_packing_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(quantised: Any) -> object:
        raise MemoryError("no room")

    monkeypatch.setattr(linear, "_pack", broken)
    with pytest.raises(MemoryError, match="no room"), packed_together():
        [dynamic_int8(torch.ones(4, 32)) for _ in range(20)]
    with pytest.raises(KeyError), packed_together():
        raise KeyError("a weight that is not there")
    assert linear._packers.get() is None


def test_int8_elsewhere_than_on_the_cpu_is_refused() -> None:
    with pytest.raises(EngineUnavailable, match="CPU") as raised:
        kernel("cuda", "int8")
    assert "exact" in raised.value.remedy
    assert kernel("cuda", "exact") is exact


def test_a_cpu_without_instructions_for_8_bits_takes_the_other_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_has_int8_dots", lambda: False)
    assert kernel("cpu", "int8") is packed_int8
