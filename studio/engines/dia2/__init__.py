"""Dia2 by Nari Labs, 1B and 2B: two voices in one passage, English, streaming, with the sounds that people make.

There is no package to install: these are our own networks over the published files. What was learnt of the format is
from https://github.com/nari-labs/dia2 at 8687268 (Apache-2.0); its reference outputs are repeated token by token.
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
    from studio.engines.dia2.engine import Dia2Engine

_CUES = "laughs, clears throat, sighs, gasps, coughs, singing, sings, mumbles, beep, groans, sniffs, claps, screams, "
_CUES += "inhales, exhales, applause, burps, humming, sneezes, chuckle, whistles"
_OWN = "A voice the model makes up from the seed; it is kept through the script by going on from what was said"

PARAMETERS = (
    Parameter(
        "cfg", "Guidance", 2.0, 1.0, 8.0, 0.1, "How closely it follows the script; 1 is fastest, 6 sounds strained."
    ),
    Parameter("text_temperature", "Rhythm", 0.6, 0.0, 1.5, 0.05, "How freely words are spaced; 0 takes the likeliest."),
    Parameter("audio_temperature", "Expression", 0.8, 0.0, 1.5, 0.05, "How freely it speaks; 0 takes the likeliest."),
    Parameter("text_top_k", "Rhythm choices", 50, 0, 200, 1, "Among how many a word's beginning is drawn; 0 for all."),
    Parameter("audio_top_k", "Expression choices", 50, 0, 2048, 1, "Among how many each sound is drawn; 0 for all."),
    Parameter("cfg_top_k", "Guidance choices", 50, 0, 2048, 1, "How many sounds guidance leaves to draw; 0 for all."),
)
PATTERNS = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
CODEC = hub.ModelFiles(
    "kyutai/mimi", "89091b3e466eb6a9d11e537bf26b144f194978f7", ("config.json", "model.safetensors"), 384_650_945
)


class Variant:
    """One size of the model, as an engine's module is one: see `studio.engines.base.EngineModule`."""

    def __init__(self, spec: EngineSpec, model: hub.ModelFiles) -> None:
        self.SPEC = spec
        self.FILES = (model, CODEC)

    def obstacle(self, placement: Placement) -> Obstacle | None:
        """A package is missing, or the files are not on this disk."""
        if missing := missing_package(self.SPEC):
            return missing
        lacking = [files for files in self.FILES if hub.snapshot(files) is None]
        if lacking:
            size = sum(files.size for files in lacking) / 1e9
            return Obstacle(f"Its files are not on this disk ({size:.1f} GB).", self.remedy)
        return None

    @property
    def remedy(self) -> str:
        """How to fetch the files."""
        return f"Run: python -m studio models download {self.SPEC.id}"

    def voice(self, voice_id: str) -> Voice:
        """The preset with this id. Raises UnknownVoice."""
        return self.SPEC.voice(voice_id)

    def load(self, placement: Placement) -> Dia2Engine:
        """The model and its codec, ready. Raises EngineUnavailable."""
        in_the_way = self.obstacle(placement)
        model, codec = (hub.snapshot(files) for files in self.FILES)
        if in_the_way or model is None or codec is None:
            found = in_the_way or Obstacle("Its files are not on this disk.", self.remedy)
            raise EngineUnavailable(found.reason, found.remedy)
        from studio.engines.dia2.engine import Dia2Engine

        return Dia2Engine.open(self.SPEC, (model, codec), placement, f"Delete its files. {self.remedy}")

    def copy_bytes(self, placement: Placement) -> int:
        """How large the copy of `prepare` is. Raises EngineUnavailable."""
        from studio.engines.dia2.engine import Dia2Engine

        return Dia2Engine.copy_bytes(self._model(), placement, f"Delete its files. {self.remedy}")

    def prepare(self, placement: Placement, progress: Callable[[int, int], None]) -> Path:
        """Write a copy of the weights that loads in a second, as `studio.engines.prepared` says. progress: bytes
        written and in all. Raises EngineUnavailable and OutputError.
        """
        from studio.engines.dia2.engine import Dia2Engine

        return Dia2Engine.prepare(self._model(), placement, f"Delete its files. {self.remedy}", progress)

    def _model(self) -> Path:
        folder = hub.snapshot(self.FILES[0])
        if folder is None:
            raise EngineUnavailable("Its files are not on this disk.", self.remedy)
        return folder


GPU_RTF = {"1B": 0.054, "2B": 0.069}  # bench/results/card-dia2-*-h100.json


def _variant(size: str, revision: str, size_bytes: int, exact: Lighter, int8: Lighter, summary: str) -> Variant:
    engine_id, repository = f"dia2-{size.lower()}", f"nari-labs/Dia2-{size}"
    spec = EngineSpec(
        id=engine_id,
        title=f"Dia2 {size}",
        summary=summary,
        sample_rate=24000,
        frame_rate=12.5,
        licence="Apache-2.0; codec CC-BY-4.0 (Kyutai)",
        source=f"https://huggingface.co/{repository}",
        revision=revision,
        memory_gb=exact.memory_gb,  # on a card, with the caches of two minutes: bench/results/memory-dia2-*-h100.json
        memory_is_measured=True,
        # At its slowest, 7 steps a word, this much text and two references still fit the model's 1500 steps (120 s).
        limits=Limits(characters=900, seconds=60.0, turns=40),
        max_speakers=2,
        cues=tuple(f"({cue})" for cue in _CUES.split(", ")),
        context_passages=1,
        clones=True,
        hears_text=True,
        reference=ReferenceNeeds(least=1.0, best_from=5.0, best_to=10.0, most=20.0),
        hears_all_voices=True,
        clones_together=True,
        voices=tuple(Voice(f"random-{number}", f"Random {number}", engine_id, _OWN) for number in range(1, 9)),
        parameters=PARAMETERS,
        characters_per_second=15.0,
        codec=f"{CODEC.repo}@{CODEC.revision}",
        cpu_rtf=exact.cpu_rtf,
        gpu_rtf=GPU_RTF[size],
        int8=int8,
        packages=("torch", "transformers", "tokenizers"),
    )
    return Variant(spec, hub.ModelFiles(repository, revision, PATTERNS, size_bytes))


# Work for a second of sound on two Zen 4 cores, codec included: 1B as in bench/results/decode-dia2-1b-*.json, 2B by the
# weights that a frame reads, 1.52 times as many. Memory in 8 bits: bench/results/memory-dia2-*-int8-cpu.json.
VARIANTS = {
    variant.SPEC.id: variant
    for variant in (
        _variant(
            "1B",
            "00042629c61c3268a6473552c911966ec7a5a450",
            4_308_575_870,
            Lighter(memory_gb=3.4, cpu_rtf=4.9),
            Lighter(memory_gb=2.9, cpu_rtf=1.9),
            "Dialogue of two speakers, spoken while it is being written. For 6 GB cards. 4.7 GB to download.",
        ),
        _variant(
            "2B",
            "7abae125471a73b0fc6b9d413cb15f4ae1e771d8",
            7_681_825_000,
            Lighter(memory_gb=5.0, cpu_rtf=7.4),
            Lighter(memory_gb=3.8, cpu_rtf=2.8),
            "Dialogue of two speakers, spoken while it is being written. For 8 GB cards. 8.1 GB to download.",
        ),
    )
}
