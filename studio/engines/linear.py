"""The product of activations with a matrix of weights: which kernel is fastest for a device, a type and a precision.

Speech is made one step at a time, so that these products are nearly all that a model does, and nearly all of that is
reading weights. Knows no model. Figures of two machines are in bench/results.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.engines.pages import gathered
from studio.errors import EngineUnavailable
from studio.gpu import cores

BLOCK = 32  # what `packed_int8` multiplies at a time
CACHED_BYTES = 1 << 19  # of a weight in fp32, brought to 8 bits at once
MOST_PACKERS = 4  # each holds a weight twice while it packs it

Linear = Callable[[Tensor], Tensor]
"""(..., inputs) -> (..., outputs), in the type of what comes in."""
Make = Callable[[Tensor], Linear]
"""A weight (outputs, inputs) -> the product with it; the weight itself need not be kept."""


def kernel(device: str, precision: str) -> Make:
    """How a weight on the device is multiplied. precision: "exact" or "int8". Raises EngineUnavailable."""
    if precision == "exact":
        return exact
    if device != "cpu":
        raise EngineUnavailable(f"Precision {precision} is made for the CPU, not for {device}.", "Choose exact.")
    return dynamic_int8 if _has_int8_dots() else packed_int8


def between(linear: Make, weights: torch.dtype) -> torch.dtype:
    """The type of what goes from product to product, norms and caches included, with weights of this type.

    What is brought to 8 bits for each product is kept in fp32: any other type would be converted there and back.
    """
    return torch.float32 if linear in (dynamic_int8, packed_int8) else weights


def exact(weight: Tensor) -> Linear:
    """The product in the weight's own type."""
    if weight.device.type != "cpu" or weight.dtype not in (torch.float32, torch.bfloat16):
        return Plain(weight)
    if _wants_blocks(weight.dtype):
        return Blocked(weight)
    return partial(_bf16, weight) if weight.dtype == torch.bfloat16 else Plain(weight)


@dataclass(frozen=True, eq=False)
class Plain:
    """torch's own product, with the weight to be had."""

    weight: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight)


def weight_of(linear: Linear) -> Tensor | None:
    """The weight of a product as it was given, where it is kept."""
    return linear.weight if isinstance(linear, Plain) else None


class Blocked:
    """The product with the weight in the order in which oneDNN reads it.

    It is brought into that order when it is first used, and then given up: loading stays quick, and never are there
    two copies of all weights.
    """

    def __init__(self, weight: Tensor) -> None:
        self._weight: Tensor | None = weight
        self._ordered = weight

    def __call__(self, x: Tensor) -> Tensor:
        if self._weight is not None:
            with gathered():
                self._ordered = torch.ops.mkldnn._reorder_linear_weight(self._weight, 1)
            self._weight = None
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._ordered, None, "none", [], "")
        return y


def _bf16(weight: Tensor, x: Tensor) -> Tensor:
    """Intel's CPUs multiply a vector faster than a matrix of one row: Granite Rapids by a quarter."""
    if x.numel() != x.shape[-1]:
        return F.linear(x, weight)
    return torch.mv(weight, x.reshape(-1)).view(*x.shape[:-1], -1)


def dynamic_int8(weight: Tensor) -> Linear:
    """Weights in 8 bits, each output with its own scale; activations in 8 bits with one scale a call."""
    torch.backends.quantized.engine = "x86"
    scales, zeros = torch.empty(len(weight), dtype=torch.float64), torch.zeros(len(weight), dtype=torch.int64)
    with warnings.catch_warnings():
        # Says that eager quantisation moves out of torch in a later version; nothing else is as fast in this one.
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor, torch.quantize_per_channel", UserWarning)
        quantised = torch._empty_per_channel_affine_quantized(
            weight.shape, scales=scales, zero_points=zeros, axis=0, dtype=torch.qint8
        )
    # written in place: what torch makes of a finished tensor would be a second one
    whole = torch.empty(0, dtype=torch.int8).set_(quantised.untyped_storage(), 0, weight.shape, (weight.shape[1], 1))
    _bring_to_8_bits(weight, whole, scales)
    packers = _packers.get()
    return packers.take(quantised) if packers else Dynamic(_pack(quantised))


class Dynamic:
    """The product with a weight that torch has packed."""

    def __init__(self, packed: object = None) -> None:
        self.packed = packed

    def __call__(self, x: Tensor) -> Tensor:
        # asked first: to leave a type as it is costs as much as some operations do
        is_fp32 = x.dtype == torch.float32
        y: Tensor = torch.ops.quantized.linear_dynamic.default(x if is_fp32 else x.float(), self.packed, False)
        return y if is_fp32 else y.to(x.dtype)


def _pack(quantised: Tensor) -> object:
    packed: object = torch.ops.quantized.linear_prepack(quantised, None)
    return packed


@contextmanager
def packed_together() -> Iterator[None]:
    """The weights of `dynamic_int8` that are made within are packed beside each other, and all are at the end.

    Packing is nearly all that a load takes: torch does it with 0.1 to 0.4 billion weights a second, on one core each.
    """
    packers = _Packers(min(cores(), MOST_PACKERS))
    token = _packers.set(packers)
    try:
        yield
        packers.finish()
    finally:
        _packers.reset(token)
        packers.close()


class _Packers:
    """Threads that pack. No more weights wait for them than there are threads."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "packing")
        self._free = threading.Semaphore(threads)
        self._products: list[tuple[Dynamic, Future[object]]] = []

    def take(self, quantised: Tensor) -> Dynamic:
        """The product with this weight, to be used once `finish` is over."""
        self._free.acquire()
        product, packing = Dynamic(), self._pool.submit(_pack, quantised)
        packing.add_done_callback(lambda _: self._free.release())
        self._products.append((product, packing))
        return product

    def finish(self) -> None:
        """Wait for all. Raises what went wrong in a thread."""
        for product, packing in self._products:
            product.packed = packing.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


_packers: ContextVar[_Packers | None] = ContextVar("packers", default=None)


def packed_int8(weight: Tensor) -> Linear:
    """Weights in 8 bits, each output with its own scale; activations in bf16. A head whose size is no multiple
    of a block stays exact: torch's kernel crashes with some."""
    if any(size % BLOCK for size in weight.shape):
        return exact(weight)
    whole, scales = torch.empty(weight.shape, dtype=torch.int8), torch.empty(len(weight))
    _bring_to_8_bits(weight, whole, scales)
    return partial(_packed, whole, scales.to(torch.bfloat16))


def _packed(weight: Tensor, scales: Tensor, x: Tensor) -> Tensor:
    y: Tensor = torch._weight_int8pack_mm(x.reshape(-1, x.shape[-1]).to(torch.bfloat16), weight, scales)
    return y.to(x.dtype).view(*x.shape[:-1], -1)


def _bring_to_8_bits(weight: Tensor, whole: Tensor, scales: Tensor) -> None:
    """Write the weight to `whole`, (outputs, inputs) int8, and what one step of each output is worth to `scales`,
    (outputs,), each above 0.

    Some rows at a time, which stay in the CPU's cache: twice as fast as the whole, and no second copy in fp32.
    """
    rows = max(1, CACHED_BYTES // (4 * weight.shape[1]))
    for part, into, scale in zip(weight.split(rows), whole.split(rows), scales.split(rows), strict=True):
        part = part.float()
        step = torch.maximum(part.amax(1), -part.amin(1)).div_(127).clamp_min_(1e-8)
        into.copy_((part * step.reciprocal()[:, None]).round_())
        scale.copy_(step)


@cache
def _wants_blocks(dtype: torch.dtype) -> bool:
    """Whether torch's own product is slow here and oneDNN's is not.

    torch takes MKL's, which is as fast as memory on Intel's CPUs (3.4 billion fp32 weights a second and core on Granite
    Rapids) and not on AMD's: on two Zen 4 cores 4.0 for one row and 1.7 for two, oneDNN 6.9 and 4.1. In bf16 torch's
    product with one row multiplies 7 billion weights a second there, its product with a vector 5, oneDNN's 13.
    """
    if not (torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available() and "amd" in _cpu_name()):
        return False
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@cache
def _has_int8_dots() -> bool:
    """Whether the CPU multiplies and adds 8 bits in one instruction: without it the fast kernel would overflow."""
    known = _capabilities()
    return "x86" in torch.backends.quantized.supported_engines and any(
        known.get(name, False) for name in ("avx512_vnni", "avx_vnni", "amx_int8")
    )


def _cpu_name() -> str:
    return str(_capabilities().get("cpu_name", "")).lower()


@cache
def _capabilities() -> dict[str, object]:
    ask = getattr(torch.cpu, "get_capabilities", None)  # since torch 2.10
    return dict(ask()) if ask else {"avx512_vnni": bool(torch.cpu._is_vnni_supported())}
