"""The transformer that CSM has twice: Llama layers over a static cache. Knows sizes; no text, codes or codebooks.

All shapes of a call follow from `Place`, nothing is allocated that lasts and nothing waits for the device, so that a
call can be captured in a graph. Letters: n positions of a call, T slots of the cache, R of them looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from studio.engines.csm.config import Rotary, Sizes
from studio.engines.linear import Linear, Make, between
from studio.engines.norms import normed
from studio.engines.weights import Target, one

Turn = tuple[torch.Tensor, torch.Tensor]
"""What heads are multiplied by, and their halves swapped: each (n, heads + 2 * key heads, head). It leaves values."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a call writes and how far it looks.

    positions: (n,) int64 on the device. reach: R, the slots that attention sees, from the first. mask: (n, R) bool,
    true where a position may look; None when each may look at all R. turn: `Stack.turn` of the positions, where it
    is known beforehand.
    """

    positions: torch.Tensor
    reach: int
    mask: torch.Tensor | None = None
    turn: Turn | None = None

    @staticmethod
    def after(start: int, count: int, device: torch.device) -> Place:
        """`count` positions from `start` on, each of which sees itself and all before it."""
        slots = torch.arange(start + count, device=device)
        positions = slots[start:]
        return Place(positions, start + count, None if count == 1 else slots[None, :] <= positions[:, None])


@dataclass(frozen=True, eq=False)
class Layer:
    """The weights of a layer, those that multiply the same input joined, and its part of the cache.

    joined: queries, keys and values below each other. gated: gate and up. kept: (2 * key heads, T, head), the keys and
    below them the values of what was said.
    """

    before: torch.Tensor
    joined: Linear
    out: Linear
    between: torch.Tensor
    gated: Linear
    down: Linear
    kept: torch.Tensor

    def seen(self, reach: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of the first `reach` slots, (1, key heads, reach, head) each, the same memory as `kept`.

        Made anew each time: a Space with ZeroGPU moves every tensor that is held by itself, and would part them.
        """
        keys, values = self.kept[None, :, :reach].chunk(2, dim=1)
        return keys, values


def plan(sizes: Sizes, name: str, dtype: torch.dtype) -> dict[str, Target]:
    """What a `Stack` holds, and of which published tensors that is made; the same names begin both."""
    queries, keys = sizes.heads * sizes.head, sizes.key_heads * sizes.head
    wide, deep = (sizes.inner, sizes.hidden), (sizes.hidden, sizes.inner)
    targets = {f"{name}.norm": one(f"{name}.norm.weight", (sizes.hidden,), dtype)}
    for at in (f"{name}.layers.{layer}" for layer in range(sizes.layers)):
        attention = [(f"{at}.self_attn.{part}_proj.weight", (rows, sizes.hidden)) for part, rows in
                     (("q", queries), ("k", keys), ("v", keys))]  # fmt: skip
        targets |= {
            f"{at}.before": one(f"{at}.input_layernorm.weight", (sizes.hidden,), dtype),
            f"{at}.joined": Target(dtype, tuple(attention)),
            f"{at}.out": one(f"{at}.self_attn.o_proj.weight", (sizes.hidden, queries), dtype),
            f"{at}.between": one(f"{at}.post_attention_layernorm.weight", (sizes.hidden,), dtype),
            f"{at}.gated": Target(dtype, ((f"{at}.mlp.gate_proj.weight", wide), (f"{at}.mlp.up_proj.weight", wide))),
            f"{at}.down": one(f"{at}.mlp.down_proj.weight", deep, dtype),
        }
    return targets


class Stack:
    """All layers and the norm behind them."""

    def __init__(self, sizes: Sizes, weights: Mapping[str, torch.Tensor], name: str, slots: int, linear: Make) -> None:
        self.sizes = sizes
        self._linear = linear
        norm = weights[f"{name}.norm"]
        self.norm = norm.to(between(linear, norm.dtype))
        self.layers = [self._layer(weights, f"{name}.layers.{layer}", slots) for layer in range(sizes.layers)]
        angles = torch.arange(slots).float()[:, None] * frequencies(sizes.rotary, sizes.head)
        cosine, sine = angles.cos(), angles.sin()
        # (T, 1, head): one half turns against the other, so the sign of the sine is kept in its table
        self.cosine = torch.cat([cosine, cosine], dim=-1)[:, None].to(self.norm.device, self.norm.dtype)
        self.sine = torch.cat([-sine, sine], dim=-1)[:, None].to(self.norm.device, self.norm.dtype)

    def _layer(self, weights: Mapping[str, torch.Tensor], at: str, slots: int) -> Layer:
        kept = self.norm.new_zeros((2 * self.sizes.key_heads, slots, self.sizes.head))
        return Layer(
            before=weights[f"{at}.before"].to(self.norm.dtype),
            joined=self._linear(weights[f"{at}.joined"]),
            out=self._linear(weights[f"{at}.out"]),
            between=weights[f"{at}.between"].to(self.norm.dtype),
            gated=self._linear(weights[f"{at}.gated"]),
            down=self._linear(weights[f"{at}.down"]),
            kept=kept,
        )

    def __call__(self, x: torch.Tensor, place: Place) -> torch.Tensor:
        """x: (n, hidden) -> (n, hidden), normed."""
        turn = place.turn or self.turn(place.positions)
        mask = None if place.mask is None else place.mask.repeat(self.sizes.heads // self.sizes.key_heads, 1)
        for layer in self.layers:
            x = self._attended(self.normed(x, layer.before), layer, place, turn, mask).add_(x)
            both = layer.gated(self.normed(x, layer.between))
            gate, up = both[:, : self.sizes.inner], both[:, self.sizes.inner :]
            x = layer.down(functional.silu(gate).mul_(up)).add_(x)
        return self.normed(x)

    def turn(self, positions: torch.Tensor) -> Turn:
        """How these positions, (n,), turn heads."""
        sizes = self.sizes
        cosine, sine = (table.index_select(0, positions) for table in (self.cosine, self.sine))
        turning, still = (len(positions), sizes.heads + sizes.key_heads, sizes.head), (0, 0, 0, sizes.key_heads)
        return (
            functional.pad(cosine.expand(turning), still, value=1.0),
            functional.pad(sine.expand(turning), still),
        )

    def normed(self, x: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
        """By a weight, (hidden,); by that behind the last layer if not given."""
        return normed(x, self.norm if weight is None else weight, self.sizes.epsilon)

    def _attended(
        self,
        x: torch.Tensor,
        layer: Layer,
        place: Place,
        turn: Turn,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        sizes, count, group = self.sizes, len(x), self.sizes.heads // self.sizes.key_heads
        joined = layer.joined(x).view(count, -1, sizes.head)
        cosine, sine = turn
        turned = torch.addcmul(joined * cosine, joined.roll(sizes.head // 2, -1), sine)
        layer.kept.index_copy_(1, place.positions, turned[:, sizes.heads :].transpose(0, 1))
        keys, values = layer.seen(place.reach)
        # the queries that share a key stand below each other, as if they were so many more positions: no key is copied
        rows = turned[:, : sizes.heads].view(count, sizes.key_heads, group, sizes.head).permute(1, 2, 0, 3)
        seen = functional.scaled_dot_product_attention(
            rows.reshape(1, sizes.key_heads, group * count, sizes.head), keys, values, attn_mask=mask
        )
        back = seen.reshape(sizes.key_heads, group, count, sizes.head).permute(2, 0, 1, 3)
        return layer.out(back.reshape(count, -1))


def frequencies(rotary: Rotary, head: int) -> torch.Tensor:
    """(head / 2,) float32: radians a position, for each pair of numbers."""
    plain = 1.0 / (rotary.theta ** (torch.arange(0, head, 2).float() / head))
    if rotary.factor == 1.0:
        return plain
    turns = rotary.original / (2 * math.pi / plain)  # in the positions that Llama first learned
    share = ((turns - rotary.low) / (rotary.high - rotary.low)).clamp(0.0, 1.0)
    return (1 - share) * plain / rotary.factor + share * plain
