"""Dia's two halves: the encoder reads text once, the decoder goes forward over codes. Knows no sampling, no delays.

Both run one to two branches at once: the text, and for guidance the same number of zeros. Attention has no scale: the
checkpoint has it in its weights. Numbers as in transformers' DiaForConditionalGeneration, to which it is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.engines import fused, prepared
from studio.engines.dia.config import Config, Stack, open_checkpoint, plan
from studio.engines.dia.fused_row import FusedRow
from studio.engines.linear import Make, between, exact, kernel, packed_together
from studio.engines.norms import normed
from studio.engines.pages import settled


@dataclass(frozen=True)
class Rotary:
    """Rotary positions of one stack. cos, sin: (positions, head_dim), the sign of the turned half in sin."""

    cos: Tensor
    sin: Tensor

    @staticmethod
    def of(stack: Stack, dtype: torch.dtype, device: torch.device) -> Rotary:
        frequencies = 1.0 / stack.theta ** (torch.arange(0, stack.head_dim, 2, dtype=torch.float32) / stack.head_dim)
        angles = torch.arange(stack.positions, dtype=torch.float32)[:, None] * frequencies
        cos, sin = angles.cos(), angles.sin()
        return Rotary(torch.cat([cos, cos], -1).to(device, dtype), torch.cat([-sin, sin], -1).to(device, dtype))

    def at(self, positions: Tensor) -> Rotary:
        """Those of some positions (steps,), for heads: (steps, 1, head_dim)."""
        return Rotary(self.cos[positions, None], self.sin[positions, None])

    def __call__(self, x: Tensor) -> Tensor:
        """x: (branches, steps, heads, head_dim), turned."""
        return torch.addcmul(x * self.cos, x.roll(x.shape[-1] // 2, -1), self.sin)


def parted(x: Tensor, size: int) -> Tensor:
    """(..., n * size) as (..., n, size)."""
    return x.view(*x.shape[:-1], -1, size)


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention without scale, several query heads to one of the keys.

    queries: (branches, steps, heads, head_dim). keys, values: (branches, kv_heads, slots, head_dim). mask: True where
    a step may look, (heads to one of the keys * steps, slots) bool. Gives (branches, steps, heads * head_dim).
    """
    branches, steps, heads, head_dim = queries.shape
    kv_heads = keys.shape[1]
    shared = heads // kv_heads
    # the heads that share keys become more steps of one head, so that keys need not be repeated
    q = queries.view(branches, steps, kv_heads, shared, head_dim).permute(0, 2, 3, 1, 4)
    q = q.reshape(branches, kv_heads, shared * steps, head_dim)
    x = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, scale=1.0)
    x = x.view(branches, kv_heads, shared, steps, head_dim).permute(0, 3, 1, 2, 4)
    return x.reshape(branches, steps, heads * head_dim)


class _Layer:
    """What encoder and decoder layers share: self-attention and a gated MLP, each behind a norm."""

    def __init__(self, weights: Mapping[str, Tensor], name: str, stack: Stack, linear: Make) -> None:
        self._stack = stack
        norm = weights[f"{name}.norm"]
        self.norm = norm.to(between(linear, norm.dtype))
        self.qkv, self.out = linear(weights[f"{name}.qkv"]), linear(weights[f"{name}.out"])
        self.mlp_norm = weights[f"{name}.mlp_norm"].to(self.norm.dtype)
        self.gate_up, self.down = linear(weights[f"{name}.gate_up"]), linear(weights[f"{name}.down"])

    def queries_keys_values(self, x: Tensor, rotary: Rotary) -> tuple[Tensor, Tensor, Tensor]:
        """(branches, steps, hidden) -> each (branches, steps, its heads, head_dim), turned to their positions."""
        heads, kv_heads = self._stack.heads, self._stack.kv_heads
        fused = parted(self.qkv(normed(x, self.norm, self._stack.eps)), self._stack.head_dim)
        turned = rotary(fused[:, :, : heads + kv_heads])
        return turned[:, :, :heads], turned[:, :, heads:], fused[:, :, heads + kv_heads :]

    def mlp(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(normed(x, self.mlp_norm, self._stack.eps)).chunk(2, -1)
        return self.down(F.silu(gate).mul_(up))


class Encoder:
    """Bytes of text to what the decoder looks at."""

    def __init__(self, weights: Mapping[str, Tensor], config: Config, linear: Make) -> None:
        self._config = config.encoder
        self._embedding, norm = weights["text"], weights["encoder.norm"]
        self._norm = norm.to(between(linear, norm.dtype))
        self.device = self._norm.device
        self._layers = [_Layer(weights, f"encoder.{i}", config.encoder, linear) for i in range(config.encoder.layers)]
        self._rotary = Rotary.of(config.encoder, self._norm.dtype, self._norm.device)

    def __call__(self, text: Tensor) -> Tensor:
        """text: (branches, bytes) int64 -> (branches, bytes, hidden)."""
        rotary = self._rotary.at(torch.arange(text.shape[1], device=text.device))
        x = F.embedding(text, self._embedding).to(self._norm.dtype)
        for layer in self._layers:
            q, k, v = layer.queries_keys_values(x, rotary)
            x = layer.out(attend(q, k.transpose(1, 2), v.transpose(1, 2))).add_(x)
            x = layer.mlp(x).add_(x)
        return normed(x, self._norm, self._config.eps)


class _DecoderLayer(_Layer):
    def __init__(self, weights: Mapping[str, Tensor], name: str, config: Config, linear: Make) -> None:
        super().__init__(weights, name, config.decoder, linear)
        self.cross_norm = weights[f"{name}.cross_norm"].to(self.norm.dtype)
        self.cross_q, self.cross_kv = linear(weights[f"{name}.cross_q"]), linear(weights[f"{name}.cross_kv"])
        self.cross_out = linear(weights[f"{name}.cross_out"])


@dataclass(frozen=True)
class Memory:
    """What one layer remembers of one passage, all (branches, kv_heads, slots, head_dim).

    keys, values: of the steps so far, zeros behind them. text_keys, text_values: of the text.
    """

    keys: Tensor
    values: Tensor
    text_keys: Tensor
    text_values: Tensor


class Decoder:
    """Codes so far to the logits of the next ones."""

    def __init__(self, weights: Mapping[str, Tensor], config: Config, linear: Make) -> None:
        self.config = config
        self._codes, norm, self.logits = weights["codes"], weights["decoder.norm"], linear(weights["logits"])
        self.norm = norm.to(between(linear, norm.dtype))
        self.layers = [_DecoderLayer(weights, f"decoder.{i}", config, linear) for i in range(config.decoder.layers)]
        self.rotary = Rotary.of(config.decoder, self.norm.dtype, self.norm.device)
        self._offsets = torch.arange(config.books, device=self.norm.device) * config.decoder.vocabulary

    def memories(self, text: Tensor, slots: int) -> list[Memory]:
        """Empty memories for so many steps, the keys of the encoded text (branches, bytes, hidden) in them."""
        stack, head_dim = self.config.decoder, self.config.cross_head_dim
        shape = (text.shape[0], stack.kv_heads, slots, stack.head_dim)
        found = []
        for layer in self.layers:
            both = parted(layer.cross_kv(text), head_dim).transpose(1, 2).chunk(2, 1)
            keys, values = (one.contiguous() for one in both)
            found.append(Memory(text.new_zeros(shape), text.new_zeros(shape), keys, values))
        return found

    def heard(self, codes: Tensor) -> Tensor:
        """What the first layer begins with: codes (steps, books) -> (steps, hidden)."""
        return F.embedding(codes + self._offsets, self._codes).to(self.norm.dtype).sum(1)

    def __call__(
        self, codes: Tensor, memories: list[Memory], positions: Tensor, span: int, masked: bool = True
    ) -> Tensor:
        """codes: (steps, books) int64, the same for all branches, at positions (steps,), which are remembered.

        span: how many slots of the memories to look at, all positions below it. Its shapes are all that change from
        step to step, and nothing is read back from the device. masked: whether a step must be kept from what is behind
        it, as all must but a single one at the end of the span. Gives the logits after the last step: (branches, books,
        vocabulary) float32.
        """
        config, stack, branches = self.config, self.config.decoder, memories[0].keys.shape[0]
        x = self.heard(codes).expand(branches, -1, -1)
        rotary = self.rotary.at(positions)
        mask = None
        if masked:
            mask = torch.arange(span, device=codes.device) <= positions[:, None]
            mask = mask.repeat(stack.heads // stack.kv_heads, 1)
        for layer, memory in zip(self.layers, memories, strict=True):
            q, k, v = layer.queries_keys_values(x, rotary)
            memory.keys.index_copy_(2, positions, k.transpose(1, 2))
            memory.values.index_copy_(2, positions, v.transpose(1, 2))
            x = layer.out(attend(q, memory.keys[:, :, :span], memory.values[:, :, :span], mask)).add_(x)
            q = parted(layer.cross_q(normed(x, layer.cross_norm, stack.eps)), config.cross_head_dim)
            x = layer.cross_out(attend(q, memory.text_keys, memory.text_values)).add_(x)
            x = layer.mlp(x).add_(x)
        last = normed(x[:, -1], self.norm, stack.eps)
        return parted(self.logits(last).float(), stack.vocabulary)


class Dia:
    """The model in memory. weights: by the names of `config.plan`. linear: how a matrix is multiplied.

    launch: the kernels for steps, where there is a card that has them. draws: whether they draw codes, too.
    """

    def __init__(self, weights: Mapping[str, Tensor], config: Config, linear: Make = exact) -> None:
        self.config = config
        self.encoder = Encoder(weights, config, linear)
        self.decoder = Decoder(weights, config, linear)
        self.device = self.encoder.device
        self.launch = fused.card() if self.device.type == "cuda" and linear is exact else None
        self.draws = self.launch is not None and FusedRow.works(self.launch, self.device)

    @staticmethod
    def load(
        folder: Path, device: str, dtype: torch.dtype, precision: str = "exact", copies: Path | None = None
    ) -> Dia:
        """From a folder in the published layout. copies: folder of prepared weights. Raises EngineUnavailable."""
        config, linear = Config.load(folder), kernel(device, precision)
        checkpoint = open_checkpoint(folder)
        with settled(precision), packed_together(), torch.inference_mode():
            weights = prepared.load(checkpoint, plan(config, dtype), device, copies, precision=precision)
            return Dia(weights, config, linear)
