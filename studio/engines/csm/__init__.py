"""CSM 1B by Sesame: a conversation spoken turn by turn, each turn with the sound of those before it in its ears.

Its weights are gated: a person must accept Sesame's terms on the hub once. Which files, which limits and what is in the
way is known here; the model's own code is imported when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from studio import hub
from studio.engines.base import EngineSpec, Lighter, Limits, Obstacle, Placement, ReferenceNeeds, missing_package
from studio.errors import EngineUnavailable
from studio.request import Parameter
from studio.voice import Voice

if TYPE_CHECKING:
    from studio.engines.csm.engine import CsmEngine

_REPOSITORY, _REVISION = "sesame/csm-1b", "c92a71e1c419772e25be7dc14d952c2521a740ab"
MODEL = hub.ModelFiles(
    _REPOSITORY,
    _REVISION,
    (
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "transformers.safetensors.index.json",
        "transformers-00001-of-00002.safetensors",
        "transformers-00002-of-00002.safetensors",
    ),
    7_150_800_000,  # fp32; the repository holds the same weights twice more in Sesame's own layout
    gated=True,
)
FILES = (MODEL,)
SESAMES_OWN = hub.ModelFiles(_REPOSITORY, _REVISION, ("model.safetensors",), 6_210_000_000)
PAGE = f"https://huggingface.co/{_REPOSITORY}"
DOWNLOAD = "python -m studio models download csm"
REMEDY = f"Run: {DOWNLOAD}"
_OWN_VOICE = "The model's own voice, random per seed; kept through the script by feeding back what it has said"

SPEC = EngineSpec(
    id="csm",
    title="CSM 1B",
    summary="Conversation: each turn is spoken with those before it in mind. Clones voices. 7.2 GB to download.",
    sample_rate=24000,
    frame_rate=12.5,
    licence="Apache-2.0, terms to accept; codec CC-BY-4.0 (Kyutai)",
    source=PAGE,
    revision=MODEL.revision,
    memory_gb=3.6,  # on a card, the context full: bench/results/memory-csm-h100.json
    memory_is_measured=True,
    limits=Limits(characters=500, seconds=40.0),
    context_passages=8,
    clones=True,
    reference=ReferenceNeeds(least=2.0, best_from=7.0, best_to=12.0, most=30.0),
    hears_all_voices=True,
    voices=tuple(Voice(f"random-{number}", f"Random {number}", "csm", _OWN_VOICE) for number in range(1, 9)),
    parameters=(
        Parameter(
            "temperature", "Temperature", 0.9, 0.0, 1.5, 0.05, "How freely it speaks; 0 leaves nothing to chance."
        ),
        Parameter("top_k", "Top k", 50.0, 1.0, 200.0, 1.0, "How many codes each choice is made from."),
    ),
    characters_per_second=15.0,
    cpu_rtf=5.5,  # in bf16, two Zen 4 cores, codec included: bench/results/decode-csm-*.json
    gpu_rtf=0.071,  # bench/results/card-csm-h100.json
    int8=Lighter(memory_gb=3.1, cpu_rtf=2.1),
    packages=("torch", "transformers", "tokenizers", "huggingface_hub"),
)


def voice(voice_id: str) -> Voice:
    """The preset with this id. Raises UnknownVoice."""
    return SPEC.voice(voice_id)


def obstacle(placement: Placement) -> Obstacle | None:
    """A package or the files are missing, and perhaps the right to fetch them. Looks at the disk only."""
    if missing := missing_package(SPEC):
        return missing
    if hub.snapshot(MODEL) is not None:
        return None
    if hub.snapshot(SESAMES_OWN) is not None:
        right = "transformers.safetensors.index.json and transformers-0000N-of-00002.safetensors"
        reason = "On this disk is CSM in Sesame's own layout (model.safetensors), which is not read here."
        return Obstacle(reason, f"The right files are {right} of the same repository. {_how_to_fetch()}")
    return Obstacle("Its files are not on this computer.", _how_to_fetch())


def _how_to_fetch() -> str:
    """What a person must do, from where they stand: with or without a key to the hub."""
    if hub.has_token():
        return f"{REMEDY} (7.2 GB). Its terms must have been accepted once at {PAGE}"
    key = "run: hf auth login (or set HF_TOKEN)"
    return f"Accept Sesame's terms at {PAGE}, then {key}. Then check again and run: {DOWNLOAD}"


def load(placement: Placement) -> CsmEngine:
    """The model, ready. Raises EngineUnavailable."""
    in_the_way = obstacle(placement)
    folder = hub.snapshot(MODEL)
    if in_the_way or folder is None:
        in_the_way = in_the_way or Obstacle("Its files are not on this computer.", REMEDY)
        raise EngineUnavailable(in_the_way.reason, in_the_way.remedy)
    from studio.engines.csm.engine import CsmEngine

    return CsmEngine.open(folder, placement)


def copy_bytes(placement: Placement) -> int:
    """How large the copy of `prepare` is. Raises EngineUnavailable."""
    from studio.engines.csm.engine import CsmEngine

    return CsmEngine.copy_bytes(_model(), placement)


def prepare(placement: Placement, progress: Callable[[int, int], None]) -> Path:
    """Write a copy of the weights that loads in a second, as `studio.engines.prepared` says. progress: bytes written
    and in all. Raises EngineUnavailable and OutputError.
    """
    from studio.engines.csm.engine import CsmEngine

    return CsmEngine.prepare(_model(), placement, progress)


def _model() -> Path:
    folder = hub.snapshot(MODEL)
    if folder is None:
        raise EngineUnavailable("Its files are not on this disk.", REMEDY)
    return folder
