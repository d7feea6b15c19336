"""A tiny Dia2 checkpoint with random weights, in the layout of nari-labs/Dia2-1B and -2B."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import tiny
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, models

CUES = re.findall(
    r"\(.+?\)",
    "(laughs) (clears throat) (sighs) (gasps) (coughs) (singing) (sings) (mumbles) (beep) (groans) (sniffs) (claps) "
    "(screams) (inhales) (exhales) (applause) (burps) (humming) (sneezes) (chuckle) (whistles)",
)
# The first 17 ids of SmolLM's vocabulary: what makes 2 "new word", 3 "pad" and 7 "zero" in Dia2's config.
SMOL_SPECIALS = re.findall(
    r"<\S+>",
    "<|endoftext|> <|im_start|> <|im_end|> <repo_name> <reponame> <file_sep> <filename> <gh_stars> <issue_start> "
    "<issue_comment> <issue_closed> <jupyter_start> <jupyter_text> <jupyter_code> <jupyter_output> <jupyter_script> "
    "<empty_output>",
)


def dia2_config(variant: str = "a") -> dict[str, Any]:
    """The keys of the published config.json with small numbers.

    "a" has the branches of the published models; "b" has the others: a low-rank text embedding, one in the depformer
    too, no rotary positions there, no second text stream, a weight set a stage.
    """
    config: dict[str, Any] = {
        "data": {
            "channels": 10,
            "text_vocab_size": 640,
            "audio_vocab_size": 66,
            "action_vocab_size": 2,
            "text_pad_token_id": 3,
            "text_new_word_token_id": 2,
            "text_zero_token_id": 7,
            "audio_pad_token_id": 65,
            "audio_bos_token_id": 64,
            "action_pad_token_id": 0,
            "action_new_word_token_id": 1,
            "delay_pattern": [4, 6, 6, 6, 6, 6, 6, 6],
            "first_word_min_start": 3,
            "max_pad": 8,
            "second_stream_ahead": 2,
        },
        "model": {
            "decoder": _sizes(3, 48, 96, 4, 2, 16),
            "depformer": {**_sizes(2, 32, 64, 2, 2, 16), "apply_rope": True, "text_embedding": False},
            "linear": {"mlp_activations": ["silu", "linear"]},
            "dropout": 0.0,
            "rope_min_timescale": 1,
            "rope_max_timescale": 10000,
            "normalization_layer_epsilon": 1e-6,
        },
        "runtime": {"weights_schedule": [0, 0, 0, 1, 1, 2, 2], "max_context_steps": 120},
    }
    if variant == "b":
        config["data"] |= {"channels": 6, "delay_pattern": [1, 3, 2, 4], "second_stream_ahead": 0}
        config["model"]["decoder"] = {**_sizes(2, 32, 64, 2, 2, 16), "low_rank_dim": 12}
        config["model"]["depformer"] = {
            **_sizes(2, 24, 48, 2, 2, 12),
            "apply_rope": False,
            "text_embedding": True,
            "mlp_activations": ["gelu", "linear"],
        }
        config["runtime"] = {"weights_schedule": [0, 1, 2], "max_context_steps": 60}
    return config


def _sizes(layers: int, width: int, hidden: int, queries: int, keys: int, head: int) -> dict[str, Any]:
    names = ("n_layer", "n_embd", "n_hidden", "gqa_query_heads", "kv_heads", "gqa_head_dim")
    return dict(zip(names, (layers, width, hidden, queries, keys, head), strict=True))


def dia2_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Every tensor of a Dia2 model.safetensors by its published name."""
    data, decoder, depformer = config["data"], config["model"]["decoder"], config["model"]["depformer"]
    books, audio, text = data["channels"] - 2, data["audio_vocab_size"], data["text_vocab_size"]
    schedule = config["runtime"].get("weights_schedule")
    groups = sorted(set(range(books - 1) if schedule is None else schedule))
    width, head = decoder["n_embd"], decoder["gqa_head_dim"]
    queries, keys = decoder["gqa_query_heads"] * head, decoder["kv_heads"] * head
    low, hidden = decoder.get("low_rank_dim") or width, decoder["n_hidden"]
    small, inner = depformer["n_embd"], depformer["gqa_query_heads"] * depformer["gqa_head_dim"]
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.text_embed.embedding": (text, low),
        "transformer.text_embed.main_proj": (width, low),
        "transformer.text_embed.second_proj": (width, low),
        "transformer.norm": (width,),
        "transformer.action_head": (data["action_vocab_size"], width),
        "transformer.cb0_head": (audio, width),
        "depformer.norm": (small,),
    }
    shapes |= {f"transformer.audio_embeds.{book}": (audio, width) for book in range(books)}
    for at in (f"transformer.layers.{layer}" for layer in range(decoder["n_layer"])):
        shapes |= {f"{at}.pre_norm": (width,), f"{at}.post_norm": (width,)}
        shapes |= {f"{at}.attn.q_proj": (queries, width), f"{at}.attn.o_proj": (width, queries)}
        shapes |= {f"{at}.attn.{name}_proj": (keys, width) for name in "kv"}
        shapes |= {f"{at}.attn.{name}_norm": (head,) for name in "qk"}
        shapes |= {f"{at}.mlp.wi": (2 * hidden, width), f"{at}.mlp.wo": (width, hidden)}
    for stage in range(books - 1):
        shapes |= {f"depformer.audio_embeds.{stage}": (audio, small), f"depformer.logits.{stage}": (audio, small)}
    shapes |= {f"depformer.depformer_in.{group}": (small, width) for group in groups}
    if depformer.get("text_embedding", True):
        shapes["depformer.text_embed.embedding"] = (text, small)
        shapes |= {f"depformer.text_embed.{name}_proj": (small, small) for name in ("main", "second")}
    for at in (f"depformer.layers.{layer}" for layer in range(depformer["n_layer"])):
        shapes |= {f"{at}.pre_norm": (small,), f"{at}.post_norm": (small,)}
        shapes |= {f"{at}.self_attention.in_proj.{group}": (3 * inner, small) for group in groups}
        shapes |= {f"{at}.self_attention.out_proj.{group}": (small, inner) for group in groups}
        shapes |= {f"{at}.self_attention.{name}_norm": (depformer["gqa_head_dim"],) for name in "qk"}
        shapes |= {f"{at}.mlp.wi": (2 * depformer["n_hidden"], small), f"{at}.mlp.wo": (small, depformer["n_hidden"])}
    return {f"{name}.weight": shape for name, shape in shapes.items()}


def dia2(folder: Path, variant: str = "a", config: dict[str, Any] | None = None) -> Path:
    """A Dia2 checkpoint with the variant's config, or another one."""
    folder.mkdir(parents=True, exist_ok=True)
    config = config or dia2_config(variant)
    tiny.dump(folder / "config.json", config)
    dia2_tokenizer(folder)
    generator = torch.Generator().manual_seed(20251119 + ord(variant))
    tensors = {}
    for name, shape in sorted(dia2_shapes(config).items()):
        if len(shape) == 1:  # scales around 1; those of q and k set how sharp attention is, since its scale is 1
            tensors[name] = 0.5 + torch.rand(shape, generator=generator)
        else:
            tensors[name] = torch.randn(shape, generator=generator)
            if "audio_embeds" not in name and "embedding" not in name:
                tensors[name] *= 1.5 / shape[-1] ** 0.5  # wide logits, so that the best is best by far
    save_file(tensors, str(folder / "model.safetensors"))
    return folder


def dia2_tokenizer(folder: Path) -> None:
    """GPT-2 byte-level BPE with [S1], [S2] and the cues behind the base vocabulary, without a gap."""
    tokenizer = tiny.bpe(512, SMOL_SPECIALS, models.BPE())
    added = ["[S1]", "[S2]", *CUES]
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in added])
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    listed = {
        str(tokenizer.token_to_id(token)): {**tiny.PLAIN, "content": token, "special": token in SMOL_SPECIALS}
        for token in (*SMOL_SPECIALS, *added)
    }
    tiny.dump(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 8192, **special, "added_tokens_decoder": listed},
    )
