"""Dia2 one module at a time, as its reference runs: each projection by itself, two branches, all 1501 slots attended.

For comparison only. Weights by their published names. https://github.com/nari-labs/dia2
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from studio.engines.dia2.config import Config, Stack


class PlainDia2:
    """Greedy frames, one after the other, each from the tokens of the last."""

    def __init__(self, config: Config, weights: Mapping[str, Any]) -> None:
        self.config, self._weights = config, weights
        self._slots = config.max_steps + 1
        self._cache = self._new_cache(config.backbone, self._slots)
        self._depth_cache = self._new_cache(config.depth, config.books)

    def _new_cache(self, stack: Stack, slots: int) -> list[Any]:
        return [torch.zeros(2, 2, stack.keys, slots, stack.head) for _ in range(stack.layers)]

    def frame(self, text: tuple[int, int], codes: list[int], at: int) -> list[int]:
        """The codes after these text tokens and codes, at a step."""
        config = self.config
        tokens = torch.tensor([text, (config.text_zero, config.text_pad)])
        x = self._text(tokens)
        for book in range(config.books):
            code = config.audio_bos if config.delays[book] > at else codes[book]
            x = x + F.embedding(torch.tensor([code, code]), self._weights[f"transformer.audio_embeds.{book}.weight"])
        x = x[:, None]
        for layer, cache in enumerate(self._cache):
            name = f"transformer.layers.{layer}"
            h = self._norm(x, f"{name}.pre_norm")
            q, k, v = (self._linear(h, f"{name}.attn.{part}_proj") for part in "qkv")
            x = x + self._linear(
                self._attend((q, k, v), f"{name}.attn", config.backbone, cache, at), f"{name}.attn.o_proj"
            )
            x = x + self._mlp(self._norm(x, f"{name}.post_norm"), f"{name}.mlp")
        x = self._norm(x, "transformer.norm")[:, 0]
        self._linear(x, "transformer.action_head")
        code = self._choose(self._linear(x, "transformer.cb0_head"))
        found = [code]
        for stage in range(config.books - 1):
            code = self._choose(self._stage(stage, code, x))
            found.append(code)
        return found

    def _stage(self, stage: int, code: int, hidden: Any) -> Any:
        config, group = self.config, self.config.schedule[stage]
        before = F.embedding(torch.tensor([code, code]), self._weights[f"depformer.audio_embeds.{stage}.weight"])
        x = (self._linear(hidden, f"depformer.depformer_in.{group}") + before)[:, None]
        for layer, cache in enumerate(self._depth_cache):
            name = f"depformer.layers.{layer}"
            attention = f"{name}.self_attention"
            parts = self._linear(self._norm(x, f"{name}.pre_norm"), f"{attention}.in_proj.{group}").chunk(3, -1)
            x = x + self._linear(
                self._attend(parts, attention, config.depth, cache, stage), f"{attention}.out_proj.{group}"
            )
            x = x + self._mlp(self._norm(x, f"{name}.post_norm"), f"{name}.mlp")
        return self._linear(self._norm(x[:, 0], "depformer.norm"), f"depformer.logits.{stage}")

    def _choose(self, logits: Any) -> int:
        """Guidance of 2 with the 50 best, then the best; never a token that is no sound."""
        guided = torch.lerp(logits[1], logits[0], 2.0)
        least = guided.topk(50).values[-1]
        kept = torch.where(guided >= least, logits[0], float("-inf"))
        kept[self.config.codes :] = float("-inf")
        return int(kept.argmax())

    def _text(self, tokens: Any) -> Any:
        table = self._weights["transformer.text_embed.embedding.weight"]
        main, second = (
            self._linear(F.embedding(tokens[:, column], table), f"transformer.text_embed.{name}_proj")
            for column, name in enumerate(("main", "second"))
        )
        return main + torch.where((tokens[:, 1] != self.config.text_pad)[:, None], second, 0.0)

    def _attend(self, parts: Any, name: str, stack: Stack, cache: Any, at: int) -> Any:
        q, k, v = (part.view(2, 1, -1, stack.head).transpose(1, 2) for part in parts)
        q = self._turned(self._norm(q, f"{name}.q_norm"), at)
        k = self._turned(self._norm(k, f"{name}.k_norm"), at)
        cache[0][:, :, at], cache[1][:, :, at] = k[:, :, 0], v[:, :, 0]
        mask = (torch.arange(cache.shape[3]) <= at)[None, None, None]
        y = F.scaled_dot_product_attention(q, cache[0], cache[1], mask, scale=1.0, enable_gqa=q.shape[1] != k.shape[1])
        return y.transpose(1, 2).flatten(2)

    def _turned(self, x: Any, at: int) -> Any:
        low, high = self.config.rope_span
        share = 2.0 * torch.arange(x.shape[-1] // 2) / x.shape[-1]
        angles = at * (1.0 / (low * (high / low) ** share))
        first, second = x.chunk(2, -1)
        cos, sin = angles.cos(), angles.sin()
        return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)

    def _mlp(self, x: Any, name: str) -> Any:
        gate, up = self._linear(x, f"{name}.wi").chunk(2, -1)
        return self._linear(F.silu(gate) * up, f"{name}.wo")

    def _linear(self, x: Any, name: str) -> Any:
        return F.linear(x.to(torch.float32), self._weights[f"{name}.weight"])

    def _norm(self, x: Any, name: str) -> Any:
        weight = self._weights[f"{name}.weight"]
        return F.rms_norm(x.float(), x.shape[-1:], weight, self.config.epsilon)
