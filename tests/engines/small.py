"""Models of few and small layers whose heads are as large as the published ones', for the kernels of cards."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from bench import fullsize
from bench.fullsize import random_weights
from bench.pairs import read_config
from studio.engines.csm import model as csm_model
from studio.engines.csm.config import Config as CsmConfig
from studio.engines.csm.model import Csm
from studio.engines.dia.config import Config as DiaConfig
from studio.engines.dia.config import plan as dia_plan
from studio.engines.dia.model import Dia
from studio.engines.dia2.config import Config as Dia2Config
from studio.engines.dia2.layout import plan as dia2_plan
from studio.engines.dia2.model import Net
from studio.engines.linear import Plain

BF16 = torch.bfloat16


def _weights(plan: Any) -> dict[str, Any]:
    """Random, and large enough that logits are not flat, but not so that attention takes one slot and no other."""
    return {name: one * (4 if one.dim() > 1 else 1) for name, one in random_weights(plan, seed=1)[0].items()}


def csm(dtype: torch.dtype = BF16) -> Csm:
    """4 books of 67 codes."""
    rotary = {"rope_type": "default", "rope_theta": 10000.0}
    small = {"num_hidden_layers": 2, "hidden_size": 128, "intermediate_size": 192, "rope_parameters": rotary}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 64, "vocab_size": 67}
    ids = {"pad_token_id": 3, "bos_token_id": 1, "audio_token_id": 4, "audio_eos_token_id": 5}
    values = transformers.CsmConfig(
        num_codebooks=4,
        text_vocab_size=50,
        max_position_embeddings=300,
        codebook_pad_token_id=66,
        depth_decoder_config={**small, **heads, "backbone_hidden_size": 128, "num_codebooks": 4},
        **small,
        **heads,
        **ids,
    ).to_dict()
    config = read_config(CsmConfig, values)
    weights = _weights(csm_model.plan(config, dtype, []))
    return Csm(config, weights, weights["words"], Plain, projects_ahead=True)


def dia2(dtype: torch.dtype = BF16) -> Net:
    """4 books of 70 tokens."""
    values = fullsize.dia2("1b")
    values["data"] |= {"channels": 6, "text_vocab_size": 60, "audio_vocab_size": 70, "delay_pattern": [1, 2, 2, 2]}
    values["runtime"] = {"max_context_steps": 300, "weights_schedule": [0, 1, 1]}
    sizes = {"n_layer": 2, "n_embd": 128, "n_hidden": 192, "gqa_query_heads": 4, "gqa_head_dim": 64}
    values["model"]["decoder"] |= {**sizes, "kv_heads": 2}
    values["model"]["depformer"] |= {**sizes, "kv_heads": 4}
    config = read_config(Dia2Config, values)
    return Net(config, _weights(dia2_plan(config, dtype)), Plain)


def dia(dtype: torch.dtype = BF16) -> Dia:
    """9 books as published, of 96 codes; 600 positions."""
    values = {**fullsize.DIA, "eos_token_id": 96, "pad_token_id": 97, "bos_token_id": 98}
    sizes = {"num_hidden_layers": 2, "hidden_size": 128, "intermediate_size": 192}
    values["encoder_config"] = {**values["encoder_config"], **sizes, "num_attention_heads": 2, "num_key_value_heads": 2}
    decoder = {"num_attention_heads": 4, "num_key_value_heads": 1, "cross_hidden_size": 128, "vocab_size": 100}
    cross = {"cross_num_attention_heads": 4, "cross_num_key_value_heads": 4, "max_position_embeddings": 600}
    values["decoder_config"] = {**values["decoder_config"], **sizes, **decoder, **cross}
    config = DiaConfig.read(values)
    return Dia(_weights(dia_plan(config, dtype)), config, Plain)
