"""Which published tensors Dia2's networks are made of: names and shapes of nari-labs/Dia2-1B and -2B.

The two checkpoints hold 440 and 450 tensors; projections that share their input become one here.
"""

from __future__ import annotations

import torch

from studio.engines.dia2.config import Config, Stack
from studio.engines.weights import Target, one


def plan(config: Config, dtype: torch.dtype) -> dict[str, Target]:
    """Every tensor that the networks hold, and the published ones it is made of. Norms are in fp32.

    Names and shapes are those of nari-labs/Dia2-1B and -2B (440 and 450 tensors).
    """
    main, depth, books = config.backbone, config.depth, range(config.books)
    audio, sets = config.audio_tokens, config.sets
    table = (audio, main.width)
    small = (audio, depth.width)
    targets = _text("transformer.text_embed", config.text_tokens, config.low_rank or main.width, main.width, dtype)
    targets["audio"] = Target(dtype, tuple((f"transformer.audio_embeds.{book}.weight", table) for book in books))
    heads = (("action_head", config.actions), ("cb0_head", audio))
    targets["heads"] = Target(dtype, tuple((f"transformer.{name}.weight", (size, main.width)) for name, size in heads))
    for layer in range(main.layers):
        at, q, kv = f"transformer.layers.{layer}", main.heads * main.head, main.keys * main.head
        fused = tuple(
            (f"{at}.attn.{name}_proj.weight", (size, main.width)) for name, size in (("q", q), ("k", kv), ("v", kv))
        )
        targets[f"{at}.qkv"] = Target(dtype, fused)
        targets[f"{at}.out"] = one(f"{at}.attn.o_proj.weight", (main.width, q), dtype)
        targets |= _shared(at, f"{at}.attn", main, dtype)
    if config.depth_text:
        targets |= _text("depformer.text_embed", config.text_tokens, depth.width, depth.width, dtype)
    inner = depth.heads * depth.head
    for name in ("audio_embeds", "logits") if config.schedule else ():
        stages = tuple((f"depformer.{name}.{stage}.weight", small) for stage in books[:-1])
        targets[f"depformer.{name}"] = Target(dtype, stages)
    if sets:
        inputs = tuple((f"depformer.depformer_in.{number}.weight", (depth.width, main.width)) for number in sets)
        targets["depformer.inputs"] = Target(dtype, inputs)
    for layer in range(depth.layers):
        at = f"depformer.layers.{layer}"
        for number in sets:
            qkv, out = f"{at}.self_attention.in_proj.{number}", f"{at}.self_attention.out_proj.{number}"
            targets[qkv] = one(f"{qkv}.weight", (3 * inner, depth.width), dtype)
            targets[out] = one(f"{out}.weight", (depth.width, inner), dtype)
        targets |= _shared(at, f"{at}.self_attention", depth, dtype)
    for name, width in (("transformer.norm", main.width), ("depformer.norm", depth.width)):
        targets[name] = one(f"{name}.weight", (width,), torch.float32)
    return targets


def _text(at: str, tokens: int, inner: int, width: int, dtype: torch.dtype) -> dict[str, Target]:
    shapes = {"embedding": (tokens, inner), "main_proj": (width, inner), "second_proj": (width, inner)}
    return {f"{at}.{name}": one(f"{at}.{name}.weight", shape, dtype) for name, shape in shapes.items()}


def _shared(at: str, attention: str, stack: Stack, dtype: torch.dtype) -> dict[str, Target]:
    """What the layers of both networks have in common."""
    norms = {f"{at}.pre_norm": stack.width, f"{at}.post_norm": stack.width}
    norms |= {f"{attention}.{name}_norm": stack.head for name in "qk"}
    return {
        **{name: one(f"{name}.weight", (width,), torch.float32) for name, width in norms.items()},
        f"{at}.mlp.wi": one(f"{at}.mlp.wi.weight", (2 * stack.hidden, stack.width), dtype),
        f"{at}.mlp.wo": one(f"{at}.mlp.wo.weight", (stack.width, stack.hidden), dtype),
    }
