"""Dia2's two networks as they run: a backbone that takes a step of text and sound, a depth model that ends the frame.

Every shape is fixed and nothing waits for the device, so that a captured graph can hold a whole step. Projections that
share their input are one matrix. Knows tokens; what they mean is the business of `machine` and `steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.engines.dia2.config import Config, Stack
from studio.engines.linear import Linear, Make, between, exact
from studio.engines.norms import normed
from studio.errors import EngineUnavailable

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "swish": F.silu,
    "swiglu": F.silu,
    "gelu": F.gelu,
    "geglu": F.gelu,
    "relu": F.relu,
    "linear": lambda x: x,
}


class Cache:
    """Keys and values of all layers: each (layers, branches, heads, slots, width of a head)."""

    def __init__(self, stack: Stack, shape: tuple[int, int], dtype: torch.dtype, device: torch.device) -> None:
        """shape: (branches, slots)."""
        branches, slots = shape
        whole = (stack.layers, branches, stack.keys, slots, stack.head)
        self.keys = torch.zeros(whole, dtype=dtype, device=device)
        self.values = torch.zeros(whole, dtype=dtype, device=device)

    @property
    def pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of each layer."""
        return list(zip(self.keys, self.values, strict=True))


@dataclass(frozen=True, eq=False)
class Place:
    """Where steps stand. positions, slots: (steps,) int64, for the rotation and in the cache; they differ after a
    prefix. span: how many slots are looked at. mask: (steps, span) bool, True where a step may look; None for all.
    """

    positions: Tensor
    slots: Tensor
    span: int
    mask: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """The weights of one layer."""

    pre_norm: Tensor
    post_norm: Tensor
    qk_norm: Tensor
    qkv: Linear
    out: Linear
    wide: Linear
    narrow: Linear


class Transformer:
    """What both networks are made of: layers of attention over a cache and gated MLPs, RMS norms in fp32."""

    def __init__(self, config: Config, stack: Stack, rope: tuple[Tensor, Tensor] | None) -> None:
        unknown = [name for name in stack.activations if name not in ACTIVATIONS]
        if unknown:
            raise EngineUnavailable(f"config.json names an activation that is not known: {unknown[0]}.")
        self._stack = stack
        self._epsilon = config.epsilon
        self._rope = rope
        self._gate, self._up = (ACTIVATIONS[name] for name in stack.activations)

    def __call__(self, x: Tensor, layers: Sequence[Layer], cache: Cache, place: Place) -> Tensor:
        """x: (branches, steps, width) -> the same shape, not yet normed. Writes the cache at the place's slots."""
        turn = self._turn(place.positions)
        for index, layer in enumerate(layers):
            qkv = layer.qkv(self.norm(x, layer.pre_norm).to(x.dtype))
            attended = self._attended(qkv, layer, (cache.keys[index], cache.values[index]), place, turn)
            x = x + layer.out(attended)
            gate, up = layer.wide(self.norm(x, layer.post_norm).to(x.dtype)).chunk(2, -1)
            x = x + layer.narrow(self._gate(gate) * self._up(up))
        return x

    def norm(self, x: Tensor, weight: Tensor) -> Tensor:
        """RMS norm over the last dimension, in fp32."""
        return normed(x.float(), weight, self._epsilon)

    def _attended(
        self, qkv: Tensor, layer: Layer, past: tuple[Tensor, Tensor], place: Place, turn: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        """Attention with scale 1: the norms of q and k set how sharp it is. (branches, steps, heads * head)"""
        stack, (branches, steps, _) = self._stack, qkv.shape
        heads = qkv.view(branches, steps, -1, stack.head)
        # q and k are normed and turned as one, each head by its own weights
        qk, v = torch.split(heads, [stack.heads + stack.keys, stack.keys], 2)
        qk = normed(qk.float(), None, self._epsilon) * layer.qk_norm
        if turn is not None:
            qk = qk * turn[0] + qk.roll(stack.head // 2, -1) * turn[1]
        q, k = torch.split(qk.to(qkv.dtype), [stack.heads, stack.keys], 2)
        keys, values = past
        keys.index_copy_(2, place.slots, k.transpose(1, 2))
        values.index_copy_(2, place.slots, v.transpose(1, 2))
        # Queries that share a key head stand in a row as if they were further steps: no key is ever repeated.
        shared = stack.heads // stack.keys
        q = q.view(branches, steps, stack.keys, shared, stack.head).permute(0, 2, 3, 1, 4).flatten(2, 3)
        mask = place.mask if place.mask is None or steps == 1 else place.mask.repeat(shared, 1)
        y = F.scaled_dot_product_attention(
            q, keys[:, :, : place.span], values[:, :, : place.span], attn_mask=mask, scale=1.0
        )
        y = y.view(branches, stack.keys, shared, steps, stack.head).permute(0, 3, 1, 2, 4)
        return y.reshape(branches, steps, -1)

    def _turn(self, positions: Tensor) -> tuple[Tensor, Tensor] | None:
        """How heads are turned at these positions: what to multiply them by, and their halves swapped."""
        if self._rope is None:
            return None
        cos, sin = (table.index_select(0, positions)[None, :, None] for table in self._rope)
        return cos, sin


class TextEmbedding:
    """Two streams of text tokens as one vector; the pad token of the second stream adds nothing."""

    def __init__(self, weights: Mapping[str, Tensor], at: str, pad: int, linear: Make) -> None:
        self._table = weights[f"{at}.embedding"]
        self._dtype = between(linear, self._table.dtype)
        self._main = linear(weights[f"{at}.main_proj"])
        self._second = linear(weights[f"{at}.second_proj"])
        self._pad = pad

    def __call__(self, text: Tensor) -> Tensor:
        """text: (branches, 2, steps) int64 -> (branches, steps, width)."""
        main, second = text.unbind(1)
        words = self._main(F.embedding(main, self._table).to(self._dtype))
        ahead = self._second(F.embedding(second, self._table).to(self._dtype))
        return words + torch.where((second != self._pad)[..., None], ahead, 0.0).to(words.dtype)


class Net:
    """Both networks with their weights, on one device in one type.

    linear: how a matrix is multiplied; another one may hold it quantised.
    """

    def __init__(self, config: Config, weights: Mapping[str, Tensor], linear: Make = exact) -> None:
        self.config = config
        audio = weights["audio"]
        self.device, self.dtype = audio.device, between(linear, audio.dtype)
        # one more than the last position: a prefix decodes its last position twice
        self.slots = config.max_steps + 1
        main, depth = config.backbone, config.depth
        self.logits = _stage_heads(config, weights, linear)  # first: their table is the largest thing that passes
        self.rope = _rope(config, main.head, self.slots, self.device)
        self.depth_rope = _rope(config, depth.head, config.books, self.device) if config.depth_rope else None
        self._main = Transformer(config, main, self.rope)
        self._depth = Transformer(config, depth, self.depth_rope)
        self._text = TextEmbedding(weights, "transformer.text_embed", config.text_pad, linear)
        self._depth_text = (
            TextEmbedding(weights, "depformer.text_embed", config.text_pad, linear) if config.depth_text else None
        )
        self._audio = audio
        self._offsets = torch.arange(config.books, device=self.device)[:, None] * config.audio_tokens
        product = cache(lambda name: linear(weights[name]))  # sets of depth weights have matrices in common
        self.layers = [_layer(weights, f"transformer.layers.{i}", None, main, product) for i in range(main.layers)]
        self.heads = linear(weights["heads"])
        self.norm, self.depth_norm = weights["transformer.norm"], weights["depformer.norm"]
        self.sets = {
            name: [_layer(weights, f"depformer.layers.{i}", name, depth, product) for i in range(depth.layers)]
            for name in config.sets
        }
        self.inputs = linear(weights["depformer.inputs"]) if config.sets else None
        self.depth_audio = weights.get("depformer.audio_embeds")
        self.stages = torch.arange(config.books, device=self.device)

    def new_cache(self, branches: int) -> Cache:
        """An empty cache of the backbone."""
        return Cache(self.config.backbone, (branches, self.slots), self.dtype, self.device)

    def new_depth_cache(self, branches: int) -> Cache:
        """A cache of the depth model: every frame writes over the last one's."""
        return Cache(self.config.depth, (branches, max(1, self.config.books - 1)), self.dtype, self.device)

    def backbone(self, text: Tensor, codes: Tensor, cache: Cache, place: Place) -> Tensor:
        """text: (branches, 2, steps), codes: (books, steps), int64 -> (branches, steps, width), normed.

        All branches hear the same codes.
        """
        x = self._main(self.heard(text, codes), self.layers, cache, place)
        return self._main.norm(x, self.norm).to(self.dtype)

    def heard(self, text: Tensor, codes: Tensor) -> Tensor:
        """What the backbone begins with: (branches, steps, width)."""
        sound = F.embedding(codes + self._offsets, self._audio).to(self.dtype).sum(0)  # (steps, width)
        return self._text(text) + sound

    def first_heads(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """hidden: (branches, width) -> logits of the action and of the first codebook, fp32."""
        action, book = torch.split(self.heads(hidden).float(), [self.config.actions, self.config.audio_tokens], -1)
        return action, book

    def depth_inputs(self, hidden: Tensor) -> Tensor:
        """What each set of depth weights makes of a frame's hidden state: (branches, sets, width)."""
        if self.inputs is None:
            return hidden[:, None, :0]
        return self.inputs(hidden).view(hidden.shape[0], len(self.config.sets), -1)

    def depth(self, stage: int, code: Tensor, inputs: Tensor, text: Tensor, cache: Cache) -> Tensor:
        """Logits of codebook `stage + 1`, (branches, codes) fp32, after its neighbour's code, (1,) int64.

        text: (branches, 2, 1), the tokens of this frame; only the first stage of some models hears them.
        """
        config = self.config
        name = config.schedule[stage]
        assert self.depth_audio is not None
        x = F.embedding(code + stage * config.audio_tokens, self.depth_audio)
        if stage == 0 and self._depth_text is not None:
            x = x + self._depth_text(text)[:, 0]
        x = inputs[:, config.sets.index(name)] + x
        at = self.stages[stage : stage + 1]
        x = self._depth(x[:, None], self.sets[name], cache, Place(at, at, stage + 1))[:, 0]
        return self.logits[stage](self._depth.norm(x, self.depth_norm).to(self.dtype)).float()


def _rope(config: Config, head: int, positions: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """What to multiply a head by at each position, and what its halves swapped: each (positions, head) fp32."""
    low, high = config.rope_span
    share = 2.0 * torch.arange(head // 2, device=device) / head
    angles = torch.arange(positions, device=device).float()[:, None] * (1.0 / (low * (high / low) ** share))
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)


def _layer(
    weights: Mapping[str, Tensor], at: str, name: int | None, stack: Stack, product: Callable[[str], Linear]
) -> Layer:
    """A layer of the backbone, or one of the depth model with the set of weights of this name."""
    if name is None:
        attention, qkv, out = f"{at}.attn", f"{at}.qkv", f"{at}.out"
    else:
        attention = f"{at}.self_attention"
        qkv, out = f"{attention}.in_proj.{name}", f"{attention}.out_proj.{name}"
    norms = (f"{at}.pre_norm", f"{at}.post_norm", f"{attention}.q_norm", f"{attention}.k_norm")
    matrices = (qkv, out, f"{at}.mlp.wi", f"{at}.mlp.wo")
    pre, post, q, k = (weights[norm] for norm in norms)
    qk = torch.cat((q.expand(stack.heads, -1), k.expand(stack.keys, -1)))
    return Layer(pre, post, qk, *map(product, matrices))


def _stage_heads(config: Config, weights: Mapping[str, Tensor], linear: Make) -> list[Linear]:
    """The heads of the depth model, without the rows of tokens that are no sounds."""
    stages = range(config.books - 1)
    rows = [stage * config.audio_tokens for stage in stages]
    table = weights["depformer.logits"] if rows else None
    return [linear(table[row : row + config.codes]) for row in rows if table is not None]
