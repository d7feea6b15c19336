"""Tiny checkpoints with random weights in the published layouts, written in a second, for tests of real loading code.

tiny.mimi(folder)                   kyutai/mimi
tiny.dac(folder)                    descript/dac_44khz
tiny.dia(folder)                    nari-labs/Dia-1.6B-0626, the transformers side
tiny_csm.csm(folder)                sesame/csm-1b, the transformers side
tiny_dia2.dia2(folder, "a")         nari-labs/Dia2-*
tiny.in_cache(folder, cache, "nari-labs/Dia2-1B", revision)    the same as the hub's cache keeps it
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CORPUS = (
    "Hello there, how are you doing today? I really hope you are having a wonderful time.",
    "Two people are talking in a small kitchen. One of them has lost a key, the other found it in the garden.",
    "Really? That's wonderful news. It's hard to believe, isn't it? Don't tell anyone before Thursday.",
    "The quick brown fox jumps over the lazy dog while 12 dozen 34 567 890 boxes wait outside.",
    "Thanks for calling. How can I help you? My parcel never arrived and it has been two weeks.",
)
PLAIN = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}


def dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def in_cache(folder: Path, cache: Path, repo: str, revision: str) -> Path:
    """Copy a checkpoint into a hub cache: blobs named by their hash, a snapshot of links. Returns the snapshot."""
    home = cache / f"models--{repo.replace('/', '--')}"
    snapshot = home / "snapshots" / revision
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        blob = home / "blobs" / hashlib.sha256(content).hexdigest()
        link = snapshot / path.relative_to(folder)
        for parent in (blob.parent, link.parent, home / "refs"):
            parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        link.symlink_to(os.path.relpath(blob, link.parent))
    (home / "refs" / "main").write_text(revision)
    return snapshot


def bpe(vocabulary: int, specials: list[str], model: models.Model) -> Tokenizer:
    """A byte-level BPE as GPT-2 and Llama 3 have it, trained on a few sentences."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=specials,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(list(CORPUS), trainer)
    return tokenizer


# --------------------------------------------------------------------------- codecs


def mimi_config(books: int = 8, codebook: int = 64) -> Any:
    """The strides stay those of kyutai/mimi, so that a frame is 1920 samples at 24 kHz."""
    from transformers import MimiConfig

    return MimiConfig(
        hidden_size=16,
        num_filters=2,
        codebook_size=codebook,
        codebook_dim=8,
        vector_quantization_hidden_dimension=8,
        num_quantizers=books,
        num_semantic_quantizers=1,
        upsample_groups=16,
        num_hidden_layers=2,
        intermediate_size=32,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=8000,
        sliding_window=250,
        layer_scale_initial_scale=0.5,
    )


def with_codebooks(model: Any) -> Any:
    """The codec with random codebooks: transformers leaves them at zero."""
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if name.endswith("embed_sum"):
                buffer.copy_(torch.randn_like(buffer))
    return model


def mimi(folder: Path, books: int = 8, codebook: int = 64) -> Path:
    from transformers import MimiModel

    torch.manual_seed(11)
    with_codebooks(MimiModel(mimi_config(books, codebook)).eval()).save_pretrained(folder)
    dump(
        folder / "preprocessor_config.json",
        {"feature_extractor_type": "EncodecFeatureExtractor", "feature_size": 1, "sampling_rate": 24000},
    )
    return folder


def dac(folder: Path) -> Path:
    from transformers import DacConfig, DacModel

    torch.manual_seed(12)
    config = DacConfig(
        encoder_hidden_size=4,
        downsampling_ratios=[2, 4, 8, 8],
        decoder_hidden_size=32,
        n_codebooks=9,
        codebook_size=1024,
        codebook_dim=8,
        sampling_rate=44100,
    )
    DacModel(config).eval().save_pretrained(folder)
    dump(
        folder / "preprocessor_config.json",
        {"feature_extractor_type": "DacFeatureExtractor", "sampling_rate": 44100, "hop_length": 512},
    )
    return folder


# --------------------------------------------------------------------------- Dia


def dia(folder: Path, layers: int = 2) -> Path:
    """Shards with an index; ids as published, since they are part of the format."""
    from transformers import DiaConfig, DiaForConditionalGeneration, GenerationConfig
    from transformers.models.dia.configuration_dia import DiaDecoderConfig, DiaEncoderConfig

    torch.manual_seed(13)
    shared = {"num_hidden_layers": layers, "num_key_value_heads": 2, "head_dim": 16}
    encoder = DiaEncoderConfig(
        hidden_size=32,
        num_attention_heads=2,
        intermediate_size=64,
        vocab_size=256,
        max_position_embeddings=1024,
        **shared,
    )
    decoder = DiaDecoderConfig(
        hidden_size=48,
        intermediate_size=96,
        num_attention_heads=4,
        cross_num_attention_heads=2,
        cross_head_dim=16,
        cross_num_key_value_heads=2,
        cross_hidden_size=32,
        vocab_size=1028,
        num_channels=9,
        max_position_embeddings=3072,
        **shared,
    )
    model = DiaForConditionalGeneration(DiaConfig(encoder_config=encoder, decoder_config=decoder)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)
    model.generation_config = GenerationConfig(
        do_sample=True,
        top_k=45,
        top_p=0.95,
        temperature=1.2,
        guidance_scale=3.0,
        max_length=3072,
        bos_token_id=1026,
        eos_token_id=1024,
        pad_token_id=1025,
        decoder_start_token_id=1026,
    )
    model.save_pretrained(folder, max_shard_size="200KB")
    _as_published(folder)
    return folder


def _as_published(folder: Path) -> None:
    """The JSON files of Dia-1.6B-0626 where transformers 5 writes others."""
    config = json.loads((folder / "config.json").read_text())
    new = ("rope_parameters", "bos_token_id", "eos_token_id", "pad_token_id", "use_cache", "dtype")
    for half in ("encoder_config", "decoder_config"):
        config[half] = {key: value for key, value in config[half].items() if key not in new}
        config[half] |= {"rope_scaling": None, "rope_theta": 10000.0}
    config = {key: value for key, value in config.items() if key not in ("dtype", "use_cache")}
    config |= {"bos_token_id": 1026, "eos_token_id": 1024, "pad_token_id": 1025, "torch_dtype": "float32"}
    dump(folder / "config.json", config | {"transformers_version": "4.53.0.dev0"})
    dump(
        folder / "preprocessor_config.json",
        {
            "feature_extractor_type": "DiaFeatureExtractor",
            "feature_size": 1,
            "hop_length": 512,
            "padding_side": "right",
            "padding_value": 0.0,
            "processor_class": "DiaProcessor",
            "return_attention_mask": True,
            "sampling_rate": 44100,
        },
    )
    codec = {"audio_tokenizer_class": "DacModel", "audio_tokenizer_name_or_path": "descript/dac_44khz"}
    dump(folder / "audio_tokenizer_config.json", codec)
    pad = {**PLAIN, "content": "<pad>", "normalized": True}
    dump(folder / "special_tokens_map.json", {"pad_token": pad, "unk_token": pad})
    added = {str(i): {**pad, "content": text, "special": i == 0} for i, text in enumerate(("<pad>", "[S1]", "[S2]"))}
    words = {"pad_token": "<pad>", "unk_token": "<pad>", "tokenizer_class": "DiaTokenizer", "max_length": 1024}
    dump(folder / "tokenizer_config.json", {"added_tokens_decoder": added, **words, "processor_class": "DiaProcessor"})
