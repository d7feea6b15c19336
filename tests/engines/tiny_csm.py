"""A tiny CSM checkpoint with random weights, in the layout of the transformers side of sesame/csm-1b."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tiny
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, models, processors

CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{ bos_token }}[{{ message['role'] }}]{{ message['content'][0]['text'] }}{{ eos_token }}
{%- if message['content'] | length > 1 -%}<|AUDIO|><|audio_eos|>{%- endif -%}
{%- endfor -%}
"""

SHARED = ("backbone_model.embed_tokens.embed_audio_tokens.weight", "depth_decoder.model.embed_tokens.weight")


def llama_tokenizer(folder: Path) -> dict[str, int]:
    """A Llama-3-shaped tokenizer with CSM's markers. Returns their ids."""
    tokenizer = tiny.bpe(400, [], models.BPE(ignore_merges=True))
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|AUDIO|>", "<|audio_eos|>"]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in specials])
    ids = {token: tokenizer.token_to_id(token) for token in specials}
    begin, end = specials[:2]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin}:0 $A:0 {end}:0",
        pair=f"{begin}:0 $A:0 {end}:0 {begin}:1 $B:1 {end}:1",
        special_tokens=[(token, ids[token]) for token in specials[:2]],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    added = {str(i): {**tiny.PLAIN, "content": token, "special": True} for token, i in ids.items()}
    words = {"bos_token": begin, "eos_token": end, "pad_token": end}
    tiny.dump(folder / "special_tokens_map.json", words)
    tiny.dump(
        folder / "tokenizer_config.json",
        {
            "added_tokens_decoder": added,
            **words,
            "clean_up_tokenization_spaces": True,
            "model_max_length": 131072,
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    )
    return ids


def csm(folder: Path, books: int = 8) -> Path:
    """Shards under the name that config.json points to, beside which the repository keeps Sesame's own file."""
    from transformers import CsmConfig, CsmForConditionalGeneration
    from transformers.models.csm.configuration_csm import CsmDepthDecoderConfig

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(14)
    ids = llama_tokenizer(folder)
    depth = CsmDepthDecoderConfig(
        num_codebooks=books,
        backbone_hidden_size=48,
        vocab_size=67,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=books + 1,
        rope_parameters=_rope(0.0078125, 0.001953125, 16),
    )
    config = CsmConfig(
        num_codebooks=books,
        vocab_size=67,
        text_vocab_size=404,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        max_position_embeddings=2048,
        pad_token_id=ids["<|AUDIO|>"],
        codebook_pad_token_id=66,
        codebook_eos_token_id=0,
        bos_token_id=ids["<|begin_of_text|>"],
        eos_token_id=None,
        audio_token_id=ids["<|AUDIO|>"],
        audio_eos_token_id=ids["<|audio_eos|>"],
        rope_parameters=_rope(0.5, 0.125, 1024),
        depth_decoder_config=depth,
        codec_config=tiny.mimi_config(books),
    )
    model = CsmForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "codec_model" not in name:
                parameter.normal_(0, 0.2)
    tiny.with_codebooks(model.codec_model)
    model.save_pretrained(folder, max_shard_size="200KB")
    _as_published(folder, ids)
    return folder


def in_two_halves(folder: Path) -> Path:
    """The checkpoint in the very files of sesame/csm-1b: two shards, the table of codes in both halves."""
    tensors: dict[str, Any] = {}
    for shard in folder.glob("transformers-*.safetensors"):
        tensors |= load_file(shard)
        shard.unlink()
    table = next(tensors[name] for name in SHARED if name in tensors)
    tensors |= {name: table.clone() for name in SHARED}
    names = sorted(tensors)
    places = {}
    for at, half in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), start=1):
        file = f"transformers-0000{at}-of-00002.safetensors"
        save_file({name: tensors[name] for name in half}, folder / file)
        places |= dict.fromkeys(half, file)
    tiny.dump(folder / "transformers.safetensors.index.json", {"metadata": {}, "weight_map": places})
    return folder


def _rope(high: float, low: float, original: int) -> dict[str, Any]:
    return {
        "rope_type": "llama3",
        "rope_theta": 500000.0,
        "factor": 32.0,
        "high_freq_factor": high,
        "low_freq_factor": low,
        "original_max_position_embeddings": original,
    }


def _as_published(folder: Path, ids: dict[str, int]) -> None:
    """The names and JSON files of sesame/csm-1b where transformers 5 writes others."""
    index = folder / "model.safetensors.index.json"
    value = json.loads(index.read_text())
    index.unlink()
    for shard in set(value["weight_map"].values()):
        (folder / shard).rename(folder / shard.replace("model-", "transformers-"))
    value["weight_map"] = {k: v.replace("model-", "transformers-") for k, v in value["weight_map"].items()}
    tiny.dump(folder / "transformers.safetensors.index.json", value)
    config = json.loads((folder / "config.json").read_text())
    for part in (config, config["depth_decoder_config"]):
        part["rope_scaling"] = part.pop("rope_parameters")
        part["rope_theta"] = part["rope_scaling"].pop("rope_theta")
    config.pop("dtype", None)
    config |= {"transformers_weights": "transformers.safetensors.index.json", "tie_word_embeddings": False}
    tiny.dump(folder / "config.json", config | {"torch_dtype": "float32", "transformers_version": "4.52.0.dev0"})
    sampling = {"do_sample": True, "temperature": 0.9, "top_k": 50}
    # untrained heads draw the three ids that no codebook has, so the tiny model must be kept from them
    kept_from = {"suppress_tokens": [64, 65, 66], "depth_decoder_suppress_tokens": [64, 65, 66]}
    tiny.dump(
        folder / "generation_config.json",
        {
            # true would make transformers drop every depth_decoder_ key, and the depth decoder greedy
            "_from_model_config": False,
            "bos_token_id": ids["<|begin_of_text|>"],
            "pad_token_id": ids["<|AUDIO|>"],
            "max_new_tokens": 125,
            **sampling,
            **{f"depth_decoder_{name}": value for name, value in sampling.items()},
            **kept_from,
        },
    )
    tiny.dump(
        folder / "preprocessor_config.json",
        {
            "chunk_length_s": None,
            "feature_extractor_type": "EncodecFeatureExtractor",
            "feature_size": 1,
            "overlap": None,
            "padding_side": "right",
            "padding_value": 0.0,
            "processor_class": "CsmProcessor",
            "return_attention_mask": True,
            "sampling_rate": 24000,
        },
    )
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
