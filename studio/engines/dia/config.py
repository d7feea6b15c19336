"""What a Dia checkpoint holds: the numbers of its config.json and every tensor that must be there. Reads no weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.engines.checkpoint import Checkpoint
from studio.engines.numbers import MOST_LAYERS, positive, whole
from studio.engines.weights import Plan, Target
from studio.errors import EngineUnavailable

if TYPE_CHECKING:
    import torch

BYTES = 256  # that a text is made of
REPO = "nari-labs/Dia-1.6B-0626"
REMEDY = f"Dia is read from config.json and model-*.safetensors of {REPO}. Run: python -m studio models download dia"

_SIZES = {
    "hidden": "hidden_size",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "inner": "intermediate_size",
    "positions": "max_position_embeddings",
    "vocabulary": "vocab_size",
}

# (our name, columns or 0 for a vector, published name -> rows); several are fused, one below the other
_Row = tuple[str, int, dict[str, int]]


@dataclass(frozen=True)
class Stack:
    """The sizes of one half of the model. inner: width of its MLPs. positions: how many it can tell apart."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    inner: int
    positions: int
    vocabulary: int
    eps: float
    theta: float

    @staticmethod
    def read(values: Mapping[str, Any]) -> Stack:
        """From `encoder_config` or `decoder_config`. Raises KeyError, and ValueError for what we do not compute."""
        rope = values.get("rope_scaling") or values.get("rope_parameters") or {}
        kind = rope.get("rope_type") or rope.get("type") or "default"
        activation = values.get("hidden_act", "silu")
        if kind != "default" or activation != "silu":
            raise ValueError(f"rope {kind!r} or activation {activation!r} is unknown")
        named = {field: whole(values[name], name) for field, name in _SIZES.items()}
        if named["heads"] % named["kv_heads"]:
            raise ValueError(f"{named['heads']} query heads over {named['kv_heads']}")
        return Stack(
            layers=whole(values["num_hidden_layers"], "num_hidden_layers", most=MOST_LAYERS),
            **named,
            eps=positive(values.get("norm_eps", 1e-5), "norm_eps"),
            theta=positive(values.get("rope_theta") or rope.get("rope_theta", 10000.0), "rope_theta"),
        )


@dataclass(frozen=True)
class Config:
    """The numbers of a config.json in transformers' layout.

    cross_*: the decoder's attention to the text. delays: for each codebook, by how many steps it comes after the first.
    bos, eos, pad: ids beyond the codes, which stand before a sound, at its end and behind it.
    """

    encoder: Stack
    decoder: Stack
    cross_heads: int
    cross_kv_heads: int
    cross_head_dim: int
    delays: tuple[int, ...]
    bos: int
    eos: int
    pad: int

    @property
    def books(self) -> int:
        return len(self.delays)

    @staticmethod
    def load(folder: Path) -> Config:
        """The config in a folder. Raises EngineUnavailable, for Nari's own layout too."""
        try:
            values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            if "encoder_config" not in values:
                raise _is_original("config.json")
            return Config.read(values)
        except KeyError as error:
            raise EngineUnavailable(f"config.json of Dia has no {error}.", REMEDY) from error
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise EngineUnavailable(f"config.json of Dia cannot be read: {error}.", REMEDY) from error

    @staticmethod
    def read(values: Mapping[str, Any]) -> Config:
        """Raises KeyError, and ValueError for what does not fit together or is unknown."""
        decoder = values["decoder_config"]
        config = Config(
            encoder=Stack.read(values["encoder_config"]),
            decoder=Stack.read(decoder),
            cross_heads=whole(decoder["cross_num_attention_heads"], "cross_num_attention_heads"),
            cross_kv_heads=whole(decoder["cross_num_key_value_heads"], "cross_num_key_value_heads"),
            cross_head_dim=whole(decoder["cross_head_dim"], "cross_head_dim"),
            delays=tuple(values.get("delay_pattern") or (0, 8, 9, 10, 11, 12, 13, 14, 15)),
            bos=_id(values, "bos_token_id"),
            eos=_id(values, "eos_token_id"),
            pad=_id(values, "pad_token_id"),
        )
        if decoder["num_channels"] != config.books or decoder["cross_hidden_size"] != config.encoder.hidden:
            raise ValueError("its parts do not fit together")
        if config.encoder.vocabulary < BYTES or config.cross_heads % config.cross_kv_heads:
            raise ValueError("it reads fewer than 256 bytes, or its heads do not fit together")
        longest = max(whole(delay, "delay_pattern", 0, config.decoder.positions - 3) for delay in config.delays)
        if config.delays[0] != 0 or longest < 1:
            raise ValueError(f"the delays {config.delays} are unknown")
        return config


def _id(values: Mapping[str, Any], name: str) -> int:
    """Of the codes: published at the top; transformers 5 writes it into the decoder's part."""
    decoder = values["decoder_config"]
    return whole(values.get(name) or decoder[name], name, 0, decoder["vocab_size"] - 1)


def open_checkpoint(folder: Path) -> Checkpoint:
    """The weights in a folder. Raises EngineUnavailable for pickles, damaged files and Nari's own layout."""
    checkpoint = Checkpoint.open(folder, REMEDY)
    if "encoder.embedding.weight" in checkpoint.tensors:
        raise _is_original(checkpoint.files[0].name)
    return checkpoint


def _is_original(name: str) -> EngineUnavailable:
    return EngineUnavailable(f"{name} has Nari's own layout of Dia; only the one of transformers is read.", REMEDY)


def plan(config: Config, dtype: torch.dtype) -> Plan:
    """Every tensor of the model under our names, the projections of one input fused."""
    return {
        name: Target(
            dtype, tuple((f"{part}.weight", (rows, columns) if columns else (rows,)) for part, rows in parts.items())
        )
        for name, columns, parts in _rows(config)
    }


def _rows(config: Config) -> Iterator[_Row]:
    encoder, decoder = config.encoder, config.decoder
    codes = config.books * decoder.vocabulary
    yield "text", encoder.hidden, {"model.encoder.embedding": encoder.vocabulary}
    yield "codes", decoder.hidden, {"model.decoder.embeddings.embed": codes}
    yield "logits", decoder.hidden, {"logits_dense": codes}
    yield "encoder.norm", 0, {"model.encoder.norm": encoder.hidden}
    yield "decoder.norm", 0, {"model.decoder.norm": decoder.hidden}
    for i in range(encoder.layers):
        yield from _layer(f"encoder.{i}", f"model.encoder.layers.{i}", encoder, "post_sa_norm")
    for i in range(decoder.layers):
        yield from _layer(f"decoder.{i}", f"model.decoder.layers.{i}", decoder, "pre_mlp_norm")
        yield from _cross(f"decoder.{i}", f"model.decoder.layers.{i}", config)


def _layer(ours: str, theirs: str, stack: Stack, second_norm: str) -> Iterator[_Row]:
    queries, keys = stack.heads * stack.head_dim, stack.kv_heads * stack.head_dim
    attention = f"{theirs}.self_attention"
    yield f"{ours}.norm", 0, {f"{theirs}.pre_sa_norm": stack.hidden}
    fused = {f"{attention}.q_proj": queries, f"{attention}.k_proj": keys, f"{attention}.v_proj": keys}
    yield f"{ours}.qkv", stack.hidden, fused
    yield f"{ours}.out", queries, {f"{attention}.o_proj": stack.hidden}
    yield f"{ours}.mlp_norm", 0, {f"{theirs}.{second_norm}": stack.hidden}
    yield f"{ours}.gate_up", stack.hidden, {f"{theirs}.mlp.gate_up_proj": 2 * stack.inner}
    yield f"{ours}.down", stack.inner, {f"{theirs}.mlp.down_proj": stack.hidden}


def _cross(ours: str, theirs: str, config: Config) -> Iterator[_Row]:
    queries, keys = config.cross_heads * config.cross_head_dim, config.cross_kv_heads * config.cross_head_dim
    hidden, attention = config.decoder.hidden, f"{theirs}.cross_attention"
    yield f"{ours}.cross_norm", 0, {f"{theirs}.pre_ca_norm": hidden}
    yield f"{ours}.cross_q", hidden, {f"{attention}.q_proj": queries}
    fused = {f"{attention}.k_proj": keys, f"{attention}.v_proj": keys}
    yield f"{ours}.cross_kv", config.encoder.hidden, fused
    yield f"{ours}.cross_out", queries, {f"{attention}.o_proj": hidden}
