"""Dia2's config.json as a checked value, with every default that the published models rely on.

The file's keys and their meaning: https://github.com/nari-labs/dia2 (dia2/config.py). Two keys are in it that the
reference reads and never uses, first_word_min_start and max_pad; they are left out here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from studio.engines.numbers import MOST_LAYERS, positive, whole
from studio.errors import EngineUnavailable

GATED = ("silu", "linear")  # what the two halves of an MLP go through when the file does not say


@dataclass(frozen=True)
class Stack:
    """The sizes of a transformer. heads, keys: of queries and of keys and values; head: the width of each."""

    layers: int
    width: int
    hidden: int
    heads: int
    keys: int
    head: int
    activations: tuple[str, str] = GATED


@dataclass(frozen=True)
class Config:
    """Everything about the model that its weights do not say.

    books: codebooks of the codec. ahead: how many words the second text stream runs before the first, 0 for no second
    stream. low_rank: width of the text table, 0 for that of the backbone. schedule: for each codebook but the first,
    which set of depth weights makes it. delays: for each codebook, how many steps its code comes after the text.
    """

    books: int
    text_tokens: int
    audio_tokens: int
    actions: int
    text_pad: int
    new_word: int
    text_zero: int
    audio_pad: int
    audio_bos: int
    delays: tuple[int, ...]
    ahead: int
    backbone: Stack
    depth: Stack
    low_rank: int
    depth_text: bool
    depth_rope: bool
    rope_span: tuple[float, float]
    epsilon: float
    schedule: tuple[int, ...]
    max_steps: int

    @property
    def codes(self) -> int:
        """How many tokens of a codebook are sounds."""
        return min(self.audio_pad, self.audio_bos)

    @property
    def lag(self) -> int:
        """Steps from the text of a frame to its last code."""
        return max(self.delays)

    @cached_property
    def sets(self) -> tuple[int, ...]:
        """The names of the sets of depth weights."""
        return tuple(sorted(set(self.schedule)))

    @staticmethod
    def read(folder: Path, remedy: str) -> Config:
        """The config of a checkpoint. Raises EngineUnavailable when it is missing, damaged or of another model."""
        try:
            return _config(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        except OSError as error:
            raise EngineUnavailable(f"config.json cannot be read: {error.strerror or error}.", remedy) from error
        except KeyError as error:
            raise EngineUnavailable(f"config.json is not one of Dia2: it has no {error}.", remedy) from error
        except (TypeError, ValueError, AttributeError) as error:
            raise EngineUnavailable(f"config.json is not one of Dia2: {error}.", remedy) from error


def _config(file: Mapping[str, Any]) -> Config:
    data, model, runtime = file["data"], file["model"], file["runtime"]
    books = whole(data["channels"], "channels", most=MOST_LAYERS) - 2
    schedule = runtime.get("weights_schedule")
    delays = tuple(int(delay) for delay in data.get("delay_pattern") or [0] * books)
    tokens = int(data["audio_vocab_size"])
    depth = model["depformer"]
    config = Config(
        books=books,
        text_tokens=int(data["text_vocab_size"]),
        audio_tokens=tokens,
        actions=int(data["action_vocab_size"]),
        text_pad=int(data["text_pad_token_id"]),
        new_word=int(data["text_new_word_token_id"]),
        text_zero=int(data.get("text_zero_token_id", 7)),
        audio_pad=int(data.get("audio_pad_token_id", tokens - 1)),
        audio_bos=int(data.get("audio_bos_token_id", tokens - 2)),
        delays=delays,
        ahead=int(data.get("second_stream_ahead", 0)),
        backbone=_stack(model["decoder"], model.get("linear", {}).get("mlp_activations", GATED)),
        depth=_stack(depth, depth.get("mlp_activations", GATED)),
        low_rank=int(model["decoder"].get("low_rank_dim") or 0),
        depth_text=bool(depth.get("text_embedding", True)),
        depth_rope=bool(depth.get("apply_rope", True)),
        rope_span=(
            positive(model.get("rope_min_timescale", 1), "rope_min_timescale"),
            positive(model.get("rope_max_timescale", 10000), "rope_max_timescale"),
        ),
        epsilon=positive(model.get("normalization_layer_epsilon", 1e-5), "normalization_layer_epsilon"),
        schedule=tuple(range(books - 1)) if schedule is None else tuple(int(group) for group in schedule),
        max_steps=whole(runtime.get("max_context_steps", 1500), "max_context_steps"),
    )
    _check(config)
    return config


def _stack(sizes: Mapping[str, Any], activations: Any) -> Stack:
    gate, up = activations
    return Stack(
        layers=whole(sizes["n_layer"], "n_layer", most=MOST_LAYERS),
        width=whole(sizes["n_embd"], "n_embd"),
        hidden=whole(sizes["n_hidden"], "n_hidden"),
        heads=whole(sizes["gqa_query_heads"], "gqa_query_heads"),
        keys=whole(sizes["kv_heads"], "kv_heads"),
        head=whole(sizes["gqa_head_dim"], "gqa_head_dim"),
        activations=(str(gate).lower(), str(up).lower()),
    )


def _check(config: Config) -> None:
    """Raises ValueError for values that contradict each other."""
    if config.books < 1 or len(config.delays) != config.books or min(config.delays) < 0:
        raise ValueError(f"{len(config.delays)} delays for {config.books} codebooks")
    if len(config.schedule) != config.books - 1:
        raise ValueError(f"{len(config.schedule)} sets of depth weights for {config.books - 1} codebooks")
    if config.backbone.heads % config.backbone.keys:
        raise ValueError(f"{config.backbone.heads} query heads over {config.backbone.keys}")
    if config.depth.heads != config.depth.keys:
        raise ValueError(f"{config.depth.heads} query heads over {config.depth.keys} in the depth model")
    for name in ("text_pad", "new_word", "text_zero"):
        whole(getattr(config, name), name, 0, config.text_tokens - 1)
    for name in ("audio_pad", "audio_bos"):
        whole(getattr(config, name), name, 1, config.audio_tokens - 1)
    if config.max_steps <= config.lag:
        raise ValueError(f"max_context_steps is {config.max_steps}")
