"""Dia's decoder by the kernels for cards: the same as `Decoder` does with torch's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from studio.engines.cards import Launch
from studio.engines.fused import Attention, Heads, Layer, Norm, Place, matrix, norm, product

if TYPE_CHECKING:
    from studio.engines.dia.model import Decoder, Memory


class FusedDecoder:
    """The decoder over the memories of one passage."""

    def __init__(self, launch: Launch, decoder: Decoder, memories: Sequence[Memory]) -> None:
        stack, like = decoder.config.decoder, memories[0].keys
        branches, slots, text = len(like), like.shape[2], memories[0].text_keys.shape[2]
        self._launch, self._decoder, self._memories = launch, decoder, memories
        own, cross = _heads(decoder)
        self._own, self._cross = (
            Attention(launch, own, branches, slots, like),
            Attention(launch, cross, branches, text, like),
        )
        self._text_length = text
        self._layers = [
            Layer(
                norm(layer.norm, stack.eps),
                matrix(layer.qkv),
                matrix(layer.out),
                norm(layer.mlp_norm, stack.eps),
                matrix(layer.gate_up),
                matrix(layer.down),
            )
            for layer in decoder.layers
        ]
        self._crossings = [
            (norm(layer.cross_norm, stack.eps), matrix(layer.cross_q), matrix(layer.cross_out))
            for layer in decoder.layers
        ]
        self._norm: Norm = norm(decoder.norm, stack.eps)
        self._fresh = like.new_zeros(branches, (own.heads + 2 * own.keys) * own.head)
        self._asked = like.new_zeros(branches, cross.heads * cross.head)
        self._attended = like.new_zeros(branches, own.heads * own.head)
        self._inner = like.new_zeros(branches, matrix(decoder.layers[0].down).shape[1])
        logits = matrix(decoder.logits)
        self._logits = torch.zeros(branches, len(logits), dtype=torch.float32, device=like.device)

    @staticmethod
    def fits(decoder: Decoder) -> bool:
        """Whether the kernels know a decoder of these sizes and this type."""
        return decoder.norm.dtype == torch.bfloat16 and all(heads.fits() for heads in _heads(decoder))

    def __call__(self, codes: Tensor, position: Tensor) -> Tensor:
        """codes: (1, books) int64, at a position, (1,). Gives the logits: (branches, books, vocabulary) fp32."""
        launch, place = self._launch, Place(position, position)
        x = self._decoder.heard(codes).repeat(len(self._fresh), 1)
        for layer, crossing, memory in zip(self._layers, self._crossings, self._memories, strict=True):
            product(launch, layer.qkv, x, self._fresh, "plain", layer.pre_norm)
            self._own.keep(self._fresh, (memory.keys, memory.values), self._attended, place, None)
            product(launch, layer.out, self._attended, x, "added")
            cross_norm, ask, answer = crossing
            product(launch, ask, x, self._asked, "plain", cross_norm)
            # in place: all have read a head's queries before anybody writes what it found
            self._cross.look(self._asked, (memory.text_keys, memory.text_values), self._asked, self._text_length)
            product(launch, answer, self._asked, x, "added")
            product(launch, layer.wide, x, self._inner, "gated", layer.post_norm)
            product(launch, layer.narrow, self._inner, x, "added")
        product(launch, matrix(self._decoder.logits), x, self._logits, "exact", self._norm)
        return self._logits.view(len(x), -1, self._decoder.config.decoder.vocabulary)


def _heads(decoder: Decoder) -> tuple[Heads, Heads]:
    """Of the attention to what was said, and to the text."""
    config, stack = decoder.config, decoder.config.decoder
    turn = decoder.rotary.cos.float(), decoder.rotary.sin.float()
    return (
        Heads(stack.heads, stack.kv_heads, stack.head_dim, 1.0, stack.eps, turn),
        Heads(config.cross_heads, config.cross_kv_heads, config.cross_head_dim, 1.0, stack.eps, None),
    )
