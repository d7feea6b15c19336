"""Full-size models of random weights, without files: ours and the stock one over the same memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from studio.engines.weights import Plan

BLOCK = 1 << 22


def random_weights(plan: Plan, seed: int = 0, device: str = "cpu") -> tuple[dict[str, Any], dict[str, Any]]:
    """Ours by the plan's names, and the published tensors they are made of, which are views of ours."""
    random = torch.Generator().manual_seed(seed)
    block = torch.randn(BLOCK, generator=random).to(device) * 0.02
    ours, published = {}, {}
    for name, target in plan.items():
        whole = torch.empty(target.shape, dtype=target.dtype, device=device)
        if whole.dim() == 1:
            whole.fill_(1.0)
        else:
            flat = whole.view(-1)
            for start in range(0, len(flat), BLOCK):
                piece = flat[start : start + BLOCK]
                shift = int(torch.randint(0, BLOCK, (1,), generator=random))
                piece.copy_(block.roll(shift)[: len(piece)])
        ours[name], row = whole, 0
        for part, shape in target.parts:
            published[part] = whole[row : row + shape[0]]
            row += shape[0]
    return ours, published


class InType(Mapping[str, Any]):
    """Weights in the types of another plan, each made when it is asked for."""

    def __init__(self, weights: Mapping[str, Any], plan: Plan) -> None:
        self._weights, self._plan = weights, plan

    def __getitem__(self, name: str) -> Any:
        return self._weights[name].to(self._plan[name].dtype)

    def __iter__(self) -> Iterator[str]:
        return iter(self._plan)

    def __len__(self) -> int:
        return len(self._plan)


DIA = {
    "encoder_config": {
        "num_hidden_layers": 12,
        "hidden_size": 1024,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "head_dim": 128,
        "intermediate_size": 4096,
        "max_position_embeddings": 1024,
        "vocab_size": 256,
    },
    "decoder_config": {
        "num_hidden_layers": 18,
        "hidden_size": 2048,
        "num_attention_heads": 16,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "intermediate_size": 8192,
        "max_position_embeddings": 3072,
        "vocab_size": 1028,
        "num_channels": 9,
        "cross_num_attention_heads": 16,
        "cross_num_key_value_heads": 16,
        "cross_head_dim": 128,
        "cross_hidden_size": 1024,
    },
    "bos_token_id": 1026,
    "eos_token_id": 1024,
    "pad_token_id": 1025,
}


def dia2(size: str) -> dict[str, Any]:
    """config.json of Dia2 "1b" or "2b". Which stage has which weights does not change the speed."""
    small = size == "1b"
    sets = [0] * 8 + [1] * 8 + [2] * 15 if small else [0] + [1] * 10 + [2] * 10 + [3] * 9 + [4]
    width = 1024 if small else 2048
    backbone = {"n_layer": 30 if small else 28, "n_embd": width, "n_hidden": 6144}
    depth = {"n_layer": 3 if small else 4, "n_embd": 1024, "n_hidden": 3072}
    attention = {"gqa_query_heads": 16, "kv_heads": 8, "gqa_head_dim": 128}
    return {
        "data": {
            "channels": 34,
            "text_vocab_size": 49280,
            "audio_vocab_size": 2050,
            "action_vocab_size": 2,
            "text_pad_token_id": 3,
            "text_new_word_token_id": 2,
            "delay_pattern": [16] + [18] * 31,
            "second_stream_ahead": 2,
        },
        "model": {
            "decoder": {**backbone, **attention},
            "depformer": {
                **depth,
                "gqa_query_heads": 8,
                "kv_heads": 8,
                "gqa_head_dim": 128,
                "apply_rope": True,
                "text_embedding": False,
            },
            "normalization_layer_epsilon": 1e-6,
        },
        "runtime": {"max_context_steps": 1500, "weights_schedule": sets},
    }
