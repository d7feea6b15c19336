"""The kernels of `kernels.cu` as steps of a transformer: five launches a layer instead of dozens. Knows no model.

For a card, weights in bf16, one position at a time and one or two rows (two where guidance runs beside). All it reads
and writes stays where it is, so that a step can be captured in a graph. Numbers differ from torch's by roundings to
bf16 that are left out here. Compiled by NVRTC, which comes with PyTorch: no compiler is needed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from studio import gpu
from studio.engines.cards import Card, Launch
from studio.engines.linear import Linear, weight_of

LOG = logging.getLogger(__name__)
SOURCE = Path(__file__).with_name("kernels.cu")
WARPS = 8  # of a block of all kernels but `pick`
HEAD_SIZES, SHARED = (64, 128), (1, 2, 4)  # of a head, and of the queries that share a key, that the kernels know
MOST_RANKED, MOST_TOKENS = 1024, 3072
PART_SLOTS = 256  # of the past, that one block of an attention looks at
MOST_TAKEN = 2048  # numbers of a row that the threads of a block take at once
SPLIT_VECTORS = 128  # of 8 weights: as many as one warp has under way at once


@cache
def card() -> Launch | None:
    """The kernels on this machine's card; None where there is no NVIDIA card, they do not run on it, or a card is only
    promised, so that they cannot be tried.
    """
    if (
        not torch.cuda.is_available()
        or not gpu.is_here()
        or torch.version.hip
        or not hasattr(torch.cuda, "_compile_kernel")
    ):
        return None
    launch = Card(SOURCE.read_text(encoding="utf-8"))
    return launch if works(launch, "cuda") else None


def works(launch: Launch, device: str) -> bool:
    """Whether the kernels run on the device and multiply as torch does. If not, the log says why."""
    x = torch.linspace(-1, 1, 64, device=device, dtype=torch.bfloat16)[None]
    weight, found = x.T @ x, torch.zeros(1, 64, device=device, dtype=torch.bfloat16)
    try:
        product(launch, weight, x, found, "plain")
        wanted = x @ weight.T
        is_right = bool(torch.allclose(found.float(), wanted.float(), atol=0.05, rtol=0.05))
        reason = "their product is wrong"
    except (RuntimeError, OSError, ImportError) as error:  # NVRTC or the driver is missing, or too old
        is_right, reason = False, str(error)
    if not is_right:
        LOG.warning("The kernels for cards are not used, which makes speech slower: %s.", reason)
    return is_right


def product(launch: Launch, weight: Tensor, x: Tensor, into: Tensor, mode: str, normed: Norm | None = None) -> None:
    """`into` (rows, outputs) from x (rows, inputs), normed first if asked.

    mode: "plain", "added" to what is there, "gated" (the weight has gate and up below each other, with SiLU), or
    "exact" into fp32.
    """
    rows, inputs, outputs = len(x), x.shape[1], into.shape[1]
    taken = 1 << max(0, (inputs - 1) // MOST_TAKEN).bit_length()
    split = min(WARPS, 1 << max(0, (inputs // 8 - 1) // SPLIT_VECTORS).bit_length())
    launch(
        f"product<{rows}, {taken}, {'true' if normed else 'false'}, {mode}>",
        (-(-outputs * split // WARPS), 1, 1),
        32 * WARPS,
        2 * rows * inputs + 4 * WARPS * 2 * rows,
        (weight, x, normed.weight if normed else x, into, inputs, outputs, normed.epsilon if normed else 0.0, split),
    )


@dataclass(frozen=True, eq=False)
class Norm:
    """The root of the mean square. weight: (width,) fp32."""

    weight: Tensor
    epsilon: float


@dataclass(frozen=True, eq=False)
class Pick:
    """How a token is drawn. See the kernel `pick`. best: among so many; by_rank: noise is for ranks, not for tokens."""

    temperature: float
    best: int
    by_rank: bool = False
    guidance: float = 1.0
    filter: int = 0

    def fits(self, tokens: int) -> bool:
        """Whether the kernel can draw from so many tokens."""
        return tokens <= MOST_TOKENS and not (self.by_rank and self.best > MOST_RANKED)

    def __call__(
        self, launch: Launch, logits: Tensor, noise: Tensor, token: Tensor, ban: Tensor | None, following: Following
    ) -> None:
        """logits: (branches, tokens) fp32. token: (1,) int64, written. ban: (tokens,) fp32, added."""
        branches, tokens = logits.shape
        table, base, x = following.table, following.base, following.x
        launch(
            f"pick<{-(-tokens // 1024)}, {branches if self.guidance != 1.0 else 1}>",
            (1, 1, 1),
            1024,
            4 * (1024 + 32 + 32 + 1),
            (
                logits,
                logits if ban is None else ban,
                noise,
                token,
                table,
                table if base is None else base,
                x,
                tokens,
                int(ban is not None),
                self.guidance,
                self.filter,
                self.temperature,
                self.best,
                int(self.by_rank),
                following.offset,
                int(base is not None),
                0 if base is None else base.stride(0),
                len(x),
                following.width,
            ),
        )


@dataclass(frozen=True, eq=False)
class Following:
    """What is made of a token for the next stage: row `token + offset` of the table, plus the base, into each row of x.

    table: (tokens, width). base: (rows, width), rows may be apart. x: (rows, width). width 0: nothing.
    """

    table: Tensor
    offset: int
    x: Tensor
    width: int
    base: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Heads:
    """An attention. scale: of scores. turn: (cosine, sine), each (positions, head) fp32, the sign of the turned half in
    the sine; None: not turned. keys, values: (branches, keys, slots, head)."""

    heads: int
    keys: int
    head: int
    scale: float
    epsilon: float
    turn: tuple[Tensor, Tensor] | None

    @property
    def shared(self) -> int:
        return self.heads // self.keys

    def fits(self) -> bool:
        """Whether the kernels know heads like these."""
        return self.head in HEAD_SIZES and self.heads % self.keys == 0 and self.shared in SHARED


Kept = tuple[Tensor, Tensor]  # keys and values of a layer: (rows, keys, slots, head)


@dataclass(frozen=True, eq=False)
class Place:
    """Where a step stands: (1,) int64 on the device each, for the turn and in the cache."""

    position: Tensor
    slot: Tensor


class Attention:
    """Attention with the buffers it needs, for one kind of heads and caches of so many slots."""

    def __init__(self, launch: Launch, heads: Heads, rows: int, slots: int, like: Tensor) -> None:
        self._launch, self._heads = launch, heads
        self._parts = max(1, slots // PART_SLOTS)
        self._most = -(-slots // self._parts)
        size = rows * heads.keys * self._parts * heads.shared * (heads.head + 2)
        self._partial = torch.zeros(size, dtype=torch.float32, device=like.device)
        self._counts = torch.zeros(rows * heads.keys, dtype=torch.int32, device=like.device)
        self._none = torch.zeros(1, dtype=torch.float32, device=like.device)
        self._start = torch.zeros(1, dtype=torch.int64, device=like.device)

    def keep(self, fresh: Tensor, kept: Kept, into: Tensor, place: Place, norm: Tensor | None) -> None:
        """Of what comes before, the step included. fresh: (rows, (heads + 2 keys) * head). norm: of queries and keys,
        (heads + keys, head) fp32."""
        self._run(fresh, kept, into, place=place, norm=norm)

    def look(self, queries: Tensor, kept: Kept, into: Tensor, length: int) -> None:
        """Of the first `length` slots. queries: (rows, heads * head)."""
        self._run(queries, kept, into, length=length)

    def _run(
        self,
        fresh: Tensor,
        kept: Kept,
        into: Tensor,
        *,
        place: Place | None = None,
        length: int = 0,
        norm: Tensor | None = None,
    ) -> None:
        heads, (keys, values) = self._heads, kept
        cosine, sine = heads.turn or (self._none, self._none)
        position, slot = (place.position, place.slot) if place else (self._start, self._start)
        floats = heads.shared * heads.head * (1 + WARPS) + heads.shared * (self._most + 2)
        self._launch(
            f"attend<{heads.head}, {heads.shared}, {'true' if place else 'false'}>",
            (self._parts, heads.keys, len(fresh)),
            32 * WARPS,
            4 * floats,
            (
                fresh,
                cosine,
                sine,
                self._none if norm is None else norm,
                keys,
                values,
                position,
                slot,
                into,
                self._partial,
                self._counts,
                keys.shape[2],
                length,
                self._most,
                int(heads.turn is not None),
                int(norm is not None),
                heads.scale,
                heads.epsilon,
            ),  # fmt: skip
        )


@dataclass(frozen=True, eq=False)
class Layer:
    """The weights of a layer: norms in fp32, matrices in bf16. qk_norm: (heads + keys, head), or None."""

    pre_norm: Norm
    qkv: Tensor
    out: Tensor
    post_norm: Norm
    wide: Tensor
    narrow: Tensor
    qk_norm: Tensor | None = None


class Stack:
    """Layers that take a step. caches: keys and values of each layer, (rows, keys, slots, head)."""

    def __init__(self, launch: Launch, heads: Heads, caches: Sequence[tuple[Tensor, Tensor]], inner: int) -> None:
        like, self._launch, self._caches = caches[0][0], launch, caches
        rows, slots = like.shape[0], like.shape[2]
        self._attention = Attention(launch, heads, rows, slots, like)
        self._fresh = like.new_zeros(rows, (heads.heads + 2 * heads.keys) * heads.head)
        self._attended = like.new_zeros(rows, heads.heads * heads.head)
        self._inner = like.new_zeros(rows, inner)

    def __call__(self, x: Tensor, layers: Sequence[Layer], place: Place) -> None:
        """x: (rows, width), in place."""
        for layer, kept in zip(layers, self._caches, strict=True):
            product(self._launch, layer.qkv, x, self._fresh, "plain", layer.pre_norm)
            self._attention.keep(self._fresh, kept, self._attended, place, layer.qk_norm)
            product(self._launch, layer.out, self._attended, x, "added")
            product(self._launch, layer.wide, x, self._inner, "gated", layer.post_norm)
            product(self._launch, layer.narrow, self._inner, x, "added")


def norm(weight: Tensor, epsilon: float) -> Norm:
    """A norm as the kernels want it, from a weight of any type."""
    return Norm(weight.float().contiguous(), epsilon)


def matrix(linear: Linear) -> Tensor:
    """The weight of a product that is torch's own."""
    weight = weight_of(linear)
    assert weight is not None, "only exact products on a card have their weights as they are"
    return weight
