"""Dia's step by the kernels for cards: the same as `Decoder` and `Row` do with torch's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from studio.engines.cards import Launch
from studio.engines.dia.row import FREE, Row
from studio.engines.dia.sampling import Sampling
from studio.engines.fused import MOST_TOKENS, Attention, Heads, Layer, Norm, Place, matrix, norm, product

if TYPE_CHECKING:
    from studio.engines.dia.model import Decoder, Memory

LOG = logging.getLogger(__name__)
THREADS = 1024  # of `draw_row`, for each codebook


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


class FusedRow:
    """The draw of a row and its writing as one kernel, `draw_row`, where torch has 75 small ones."""

    def __init__(self, launch: Launch, row: Row, noise: Tensor, sampling: Sampling) -> None:
        self._launch, self._row, self._noise, self._sampling = launch, row, noise, sampling
        device = row.grid.device
        self._drawn = torch.zeros(len(row.delays), dtype=torch.int32, device=device)
        self._count = torch.zeros(1, dtype=torch.int32, device=device)

    @staticmethod
    def fits(vocabulary: int) -> bool:
        """Whether the kernel can draw from so many codes."""
        return vocabulary <= MOST_TOKENS

    def __call__(self, logits: Tensor) -> None:
        """See `Row.write`. logits: (branches, books, vocabulary) fp32."""
        row, how = self._row, self._sampling
        books, tokens = logits.shape[1:]
        self._launch(
            f"draw_row<{-(-tokens // THREADS)}, {how.branches}>",
            (books, 1, 1),
            THREADS,
            4 * (3 * tokens + 32 + 32 + 1),
            (
                logits.contiguous(),
                self._noise,
                row.grid,
                row.position,
                row.ends,
                row.delays,
                self._drawn,
                self._count,
                tokens,
                float(how.guidance),
                float(how.temperature or 1.0),
                min(how.top_k, tokens),
                float(how.top_p),
                row.eos,
                row.pad,
            ),
        )

    @staticmethod
    def works(launch: Launch, device: torch.device) -> bool:
        """Whether the kernel draws on the device what torch draws. If not, the log says why."""
        random = torch.Generator().manual_seed(0)
        logits = torch.randn(2, 3, 40, generator=random).to(device)
        noise = torch.empty(3, 40).exponential_(generator=random).to(device)
        sampling, grids = Sampling(3.0, 1.2, 0.95, 20), []
        try:
            for is_fused in (False, True):
                place = torch.zeros(1, dtype=torch.int64, device=device)
                grid = torch.full((9, 3), FREE, device=device)
                row = Row(grid, place, place + 5, torch.tensor([0, 2, 3], device=device), 36, 37)
                fused = FusedRow(launch, row, noise, sampling)
                for _ in range(8):
                    fused(logits) if is_fused else row.write(logits, noise, sampling)
                grids.append(grid)
            is_right = bool(torch.equal(*grids))
            reason = "it draws other codes than torch"
        except (RuntimeError, OSError, ImportError) as error:
            is_right, reason = False, str(error)
        if not is_right:
            LOG.warning("The kernel that draws Dia's codes is not used, which makes speech slower: %s.", reason)
        return is_right


def _heads(decoder: Decoder) -> tuple[Heads, Heads]:
    """Of the attention to what was said, and to the text."""
    config, stack = decoder.config, decoder.config.decoder
    turn = decoder.rotary.cos.float(), decoder.rotary.sin.float()
    return (
        Heads(stack.heads, stack.kv_heads, stack.head_dim, 1.0, stack.eps, turn),
        Heads(config.cross_heads, config.cross_kv_heads, config.cross_head_dim, 1.0, stack.eps, None),
    )
