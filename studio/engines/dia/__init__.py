"""Dia 1.6B by Nari Labs: dialogue of two speakers in one breath, with laughs and sighs, in voices of its own or cloned.

Facts of the model: https://github.com/nari-labs/dia and https://huggingface.co/nari-labs/Dia-1.6B-0626.
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
    from studio.engines.dia.engine import DiaEngine

MODEL = hub.ModelFiles(
    "nari-labs/Dia-1.6B-0626",
    "ef2795fcc29c5abe6ffc91fd33808588b49bbc66",
    ("model-*.safetensors", "model.safetensors.index.json", "config.json"),
    6_444_716_173,
)
CODEC = hub.ModelFiles(
    "descript/dac_44khz",
    "c1bc521685adf9cfe247bc39a5ca58917eda1ac4",
    ("model.safetensors", "config.json"),
    306_507_817,
)
FILES = (MODEL, CODEC)
DOWNLOAD = "Run: python -m studio models download dia"

_CUES = "laughs, clears throat, sighs, gasps, coughs, singing, sings, mumbles, beep, groans, sniffs, claps, screams, "
_CUES += "inhales, exhales, applause, burps, humming, sneezes, chuckle, whistles"
_OWN = "The model's own voice, chosen by the seed: another seed is another voice"

SPEC = EngineSpec(
    id="dia",
    title="Dia 1.6B",
    summary="Lively dialogue of two speakers with laughs and sighs, in cloned voices or its own; wants a GPU.",
    sample_rate=44100,
    frame_rate=44100 / 512,
    licence="Apache-2.0",
    source=f"https://huggingface.co/{MODEL.repo}",
    revision=MODEL.revision,
    codec=f"{CODEC.repo}@{CODEC.revision}",
    memory_gb=4.7,  # on a card, 3072 positions and 1024 bytes of text: bench/results/memory-dia-h100.json
    memory_is_measured=True,
    limits=Limits(characters=400, seconds=12.0, turns=4, alternate=True),
    max_speakers=2,
    cues=tuple(f"({cue})" for cue in _CUES.split(", ")),
    context_passages=3,
    context_with_references=False,
    clones=True,
    reference=ReferenceNeeds(least=3.0, best_from=5.0, best_to=10.0, most=18.0),
    voices=tuple(Voice(f"random-{number}", f"Random {number}", "dia", _OWN) for number in (1, 2)),
    parameters=(
        Parameter("cfg", "Guidance", 3.0, 1.0, 5.0, 0.1, "How closely it keeps to the text; high hurries, 1 is off."),
        Parameter("temperature", "Temperature", 1.2, 0.0, 2.5, 0.05, "How freely it speaks; 0 takes the likeliest."),
        Parameter("top_p", "Top p", 0.95, 0.1, 1.0, 0.01, "Less leaves rare sounds out."),
        Parameter("top_k", "Top k", 45, 1, 100, 1, "Among how many sounds each is drawn."),
    ),
    characters_per_second=15.0,
    cpu_rtf=13.0,  # in bf16, two Zen 4 cores, of which the codec 1.7: bench/results/decode-dia-*.json
    gpu_rtf=0.154,  # bench/results/card-dia-h100.json
    int8=Lighter(memory_gb=3.7, cpu_rtf=6.2),
    packages=("torch", "transformers"),
)


def obstacle(placement: Placement) -> Obstacle | None:
    """PyTorch or transformers is missing, the files are not on this disk, or nothing is in the way."""
    if missing := missing_package(SPEC):
        return missing
    lacking = [files for files in FILES if hub.snapshot(files) is None]
    if lacking:
        size = sum(files.size for files in lacking) / 1e9
        return Obstacle(f"Its files are not on this disk ({size:.1f} GB).", DOWNLOAD)
    return None


def voice(voice_id: str) -> Voice:
    """The preset with this id. Raises UnknownVoice."""
    return SPEC.voice(voice_id)


def load(placement: Placement) -> DiaEngine:
    """The model and its codec, ready. Raises EngineUnavailable."""
    in_the_way = obstacle(placement)
    model, codec = hub.snapshot(MODEL), hub.snapshot(CODEC)
    if in_the_way or model is None or codec is None:
        found = in_the_way or Obstacle("Its files are not on this disk.", DOWNLOAD)
        raise EngineUnavailable(found.reason, found.remedy)
    from studio.engines.dia.engine import DiaEngine

    return DiaEngine.load(model, codec, placement)


def copy_bytes(placement: Placement) -> int:
    """How large the copy of `prepare` is. Raises EngineUnavailable."""
    from studio.engines.dia.engine import DiaEngine

    return DiaEngine.copy_bytes(_model(), placement)


def prepare(placement: Placement, progress: Callable[[int, int], None]) -> Path:
    """Write a copy of the weights that loads in a second, as `studio.engines.prepared` says. progress: bytes written
    and in all. Raises EngineUnavailable and OutputError.
    """
    from studio.engines.dia.engine import DiaEngine

    return DiaEngine.prepare(_model(), placement, progress)


def _model() -> Path:
    folder = hub.snapshot(MODEL)
    if folder is None:
        raise EngineUnavailable("Its files are not on this disk.", DOWNLOAD)
    return folder
