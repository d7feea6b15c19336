"""What a CSM checkpoint says about itself in config.json: sizes, ids, rotary frequencies; the defaults are CSM-1B's.

Knows the transformers layout of sesame/csm-1b. Its repository also holds Sesame's own layout (model.safetensors,
ckpt.pt), whose heads are rotated in another order: the same numbers would speak nonsense, so that layout is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.engines.checkpoint import Checkpoint
from studio.engines.numbers import MOST_LAYERS, positive, whole
from studio.errors import EngineUnavailable

STEM = "transformers"  # its shards are transformers-0000N-of-00002.safetensors
INDEX = f"{STEM}.safetensors.index.json"
SESAMES_OWN = ("model.safetensors", "ckpt.pt")

_LLAMA = {"rope_type": "llama3", "factor": 32.0}
_BACKBONE = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 2048,
    "rope_scaling": _LLAMA
    | {"high_freq_factor": 0.5, "low_freq_factor": 0.125, "original_max_position_embeddings": 1024},
}
_DEPTH = {
    "hidden_size": 1024,
    "intermediate_size": 8192,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 33,
    "rope_scaling": _LLAMA
    | {"high_freq_factor": 0.0078125, "low_freq_factor": 0.001953125, "original_max_position_embeddings": 16},
}


@dataclass(frozen=True)
class Rotary:
    """How fast positions turn. factor 1: plain; else Llama 3's, which slows what turns less than `low` times in
    `original` positions by the factor, leaves what turns more than `high` times, and goes over in between."""

    theta: float = 500_000.0
    factor: float = 1.0
    low: float = 1.0
    high: float = 4.0
    original: int = 8192


@dataclass(frozen=True)
class Sizes:
    """One transformer: `heads` query heads share `key_heads` keys and values of `head` numbers each."""

    hidden: int
    inner: int
    layers: int
    heads: int
    key_heads: int
    head: int
    positions: int
    epsilon: float
    rotary: Rotary


@dataclass(frozen=True)
class Config:
    """A CSM model. books: codebooks, the first drawn by the backbone, the others by the depth decoder.

    vocabulary: codes of a codebook, among them three that no codec knows. end: the code that all books hold in the
    last frame. is_tied: backbone and depth decoder share their table of codes. codec: Mimi's own config.
    banned, depth_banned: codes that generation_config.json forbids in the first book and in the others.
    """

    books: int
    vocabulary: int
    text_vocabulary: int
    end: int
    is_tied: bool
    backbone: Sizes
    depth: Sizes
    codec: Mapping[str, Any]
    banned: tuple[int, ...] = ()
    depth_banned: tuple[int, ...] = ()
    weights: str = field(default=INDEX)

    @staticmethod
    def read(folder: Path, remedy: str) -> Config:
        """The config of the checkpoint in a folder. Raises EngineUnavailable when it is not one that is known here."""
        values = _json(folder / "config.json", remedy)
        drawing = (
            _json(folder / "generation_config.json", remedy) if (folder / "generation_config.json").exists() else {}
        )
        try:
            return _config(values, drawing)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EngineUnavailable(f"config.json is not that of a CSM model: {error}.", remedy) from error


def _config(values: Mapping[str, Any], drawing: Mapping[str, Any]) -> Config:
    depth = values.get("depth_decoder_config") or {}
    books = whole(values.get("num_codebooks", 32), "num_codebooks", 2, MOST_LAYERS)
    vocabulary = whole(values.get("vocab_size", 2051), "vocab_size")
    backbone_sizes = _sizes(values, _BACKBONE)
    expected = {"num_codebooks": books, "vocab_size": vocabulary, "backbone_hidden_size": backbone_sizes.hidden}
    for name, value in expected.items():
        if depth.get(name, value) != value:
            raise ValueError(f"the depth decoder has {name} {depth[name]}, the backbone {value}")
    return Config(
        books=books,
        vocabulary=vocabulary,
        text_vocabulary=int(values.get("text_vocab_size", 128256)),
        end=whole(values.get("codebook_eos_token_id", 0), "codebook_eos_token_id", 0, vocabulary - 1),
        is_tied=bool(values.get("tie_codebooks_embeddings", True)),
        backbone=backbone_sizes,
        depth=_sizes(depth, _DEPTH),
        codec=dict(values.get("codec_config") or {}),
        banned=_banned(drawing, "suppress_tokens", vocabulary),
        depth_banned=_banned(drawing, "depth_decoder_suppress_tokens", vocabulary),
        weights=str(values.get("transformers_weights", INDEX)),
    )


def _banned(drawing: Mapping[str, Any], name: str, vocabulary: int) -> tuple[int, ...]:
    return tuple(whole(code, name, 0, vocabulary - 1) for code in drawing.get(name) or ())


def _sizes(values: Mapping[str, Any], published: Mapping[str, Any]) -> Sizes:
    known = {**published, **values}
    if known.get("hidden_act", "silu") != "silu" or known.get("attention_bias") or known.get("mlp_bias"):
        raise ValueError("its layers have another activation than silu, or biases")
    heads, keys = whole(known["num_attention_heads"], "num_attention_heads"), known["num_key_value_heads"]
    sizes = Sizes(
        hidden=whole(known["hidden_size"], "hidden_size"),
        inner=whole(known["intermediate_size"], "intermediate_size"),
        layers=whole(known["num_hidden_layers"], "num_hidden_layers", most=MOST_LAYERS),
        heads=heads,
        key_heads=heads if keys is None else whole(keys, "num_key_value_heads"),
        head=whole(known.get("head_dim") or known["hidden_size"] // heads, "head_dim"),
        positions=whole(known["max_position_embeddings"], "max_position_embeddings"),
        epsilon=positive(known.get("rms_norm_eps", 1e-5), "rms_norm_eps"),
        rotary=_rotary(known),
    )
    if sizes.heads % sizes.key_heads:
        raise ValueError(f"it has {sizes.heads} query heads over {sizes.key_heads}")
    return sizes


def _rotary(known: Mapping[str, Any]) -> Rotary:
    """Published files have `rope_theta` and `rope_scaling`, newer ones `rope_parameters` with everything in it."""
    scaling = known.get("rope_parameters") or known["rope_scaling"] or {}
    theta = float(scaling.get("rope_theta") or known.get("rope_theta") or Rotary.theta)
    kind = scaling.get("rope_type") or scaling.get("type") or "default"
    if kind == "default":
        return Rotary(theta)
    if kind != "llama3":
        raise ValueError(f"rotary positions of the kind {kind!r} are not known here")
    return Rotary(
        theta,
        float(scaling["factor"]),
        float(scaling["low_freq_factor"]),
        float(scaling["high_freq_factor"]),
        int(scaling.get("original_max_position_embeddings") or known["max_position_embeddings"]),
    )


def open_checkpoint(folder: Path, config: Config, remedy: str) -> Checkpoint:
    """The weights beside a config. Raises EngineUnavailable, also when only Sesame's own layout is there."""
    refuse_sesames_own(folder, remedy)
    named = folder / Path(config.weights).name
    return Checkpoint.open(named if named.is_file() else folder, remedy, STEM)


def refuse_sesames_own(folder: Path, remedy: str) -> None:
    """Raises EngineUnavailable when the folder holds Sesame's own layout and not that of transformers."""
    own = [name for name in SESAMES_OWN if (folder / name).exists()]
    if own and not any(folder.glob(f"{STEM}*.safetensors")):
        raise EngineUnavailable(
            f"{' and '.join(own)} in {folder} {'is' if len(own) == 1 else 'are'} CSM in Sesame's own layout, which is "
            "not read here.",
            f"The right files are {INDEX} and transformers-0000N-of-00002.safetensors of the same repository. {remedy}",
        )


def _json(path: Path, remedy: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineUnavailable(f"{path.name} of CSM cannot be read: {error}.", remedy) from error
    if not isinstance(value, dict):
        raise EngineUnavailable(f"{path.name} of CSM is not a JSON object.", remedy)
    return value
