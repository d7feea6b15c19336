"""What an engine is and what is known of it before it is loaded. Imports no model code."""

from __future__ import annotations

import importlib.util
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from studio.audio import Audio
from studio.errors import RequestError, UnknownVoice, suggest
from studio.request import Parameter, SpeechRequest
from studio.script import Turn
from studio.voice import Voice

PRECISIONS = ("exact", "int8")
REMEDY = "Run: pip install -r requirements.txt"
TORCH_REMEDY = "Run: make run TORCH=cpu, or with TORCH=cu128 for an NVIDIA card. See README: Install torch."


@dataclass(frozen=True)
class Limits:
    """What one call of the engine can hold; the director cuts a script into passages that fit.

    characters: of text in one passage. seconds: of sound, at `EngineSpec.characters_per_second`.
    turns: whole turns in one passage (1: each turn is a passage of its own).
    alternate: consecutive turns of a passage must change speaker, so the director merges a speaker's neighbours.
    """

    characters: int
    seconds: float
    turns: int = 1
    alternate: bool = False


@dataclass(frozen=True)
class ReferenceNeeds:
    """How long a reference an engine follows, in seconds: at least, at most, and from where to where it does best."""

    least: float = 1.0
    best_from: float = 5.0
    best_to: float = 10.0
    most: float = 30.0


@dataclass(frozen=True)
class Lighter:
    """What an engine takes with its weights in 8 bits on a CPU. memory_gb, cpu_rtf: as in `EngineSpec`."""

    memory_gb: float
    cpu_rtf: float


@dataclass(frozen=True)
class EngineSpec:
    """An engine as a menu, a planner and a manager see it; known without importing the model.

    memory_gb: peak while speaking the longest passage; `memory_is_measured` says whether a run or a sum gave it.
    max_speakers: in one passage; None means any number. cues: non-verbal sounds it performs, as written in a script.
    unknown_cue: what becomes of other cues. context_passages: how many earlier passages it is given to continue from,
    beside the first of each speaker, so that voices stay; context_with_references: also when every speaker of a passage
    has a reference sound. clones: it follows reference sounds; reference: how long ones; clones_together: only
    well when two speakers have one. hears_all_voices: it is given those of speakers too who are silent in a passage.
    voices: presets that need no reference. revision: of the model files.
    cpu_rtf: seconds of work for a second of sound on two CPU cores, roughly; 0 when it does not matter. gpu_rtf: the
    same on an H100, measured. frame_rate: frames of its codec in a second of sound, each one step of the model; 0 for
    an engine that has none.
    hears_text: it speaks while text is being written, see `LiveEngine`. int8: memory and time with weights in 8 bits,
    None where the engine has no such mode. packages: what it imports; their versions are part of a take.
    codec: "repository@commit" of a codec that comes from elsewhere than the model.
    loudness_lufs: its usual level, so that live sound can be brought to -16 LUFS before the whole is known.
    """

    id: str
    title: str
    summary: str
    sample_rate: int
    licence: str
    source: str
    revision: str
    memory_gb: float
    limits: Limits
    memory_is_measured: bool = False
    needs_gpu: bool = False
    max_speakers: int | None = None
    languages: tuple[str, ...] = ("en",)
    cues: tuple[str, ...] = ()
    unknown_cue: Literal["dropped", "spoken"] = "dropped"
    context_passages: int = 0
    context_with_references: bool = True
    clones: bool = False
    reference: ReferenceNeeds = ReferenceNeeds()
    clones_together: bool = False
    hears_all_voices: bool = False
    streams: bool = True
    hears_text: bool = False
    stochastic: bool = True
    voices: tuple[Voice, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    characters_per_second: float = 15.0
    cpu_rtf: float = 0.0
    gpu_rtf: float = 0.0
    frame_rate: float = 0.0
    int8: Lighter | None = None
    codec: str = ""
    loudness_lufs: float = -23.0
    packages: tuple[str, ...] = field(default=())

    @staticmethod
    def broken(engine_id: str) -> EngineSpec:
        """What is left to show of an engine whose module cannot be imported."""
        nothing = Limits(characters=1, seconds=1.0)
        return EngineSpec(engine_id, engine_id, "This engine is broken.", 24000, "", "", "", 0.0, nothing)

    def sampling(self, values: Mapping[str, float]) -> dict[str, float]:
        """All parameters, the given ones checked and the others at their default. Raises RequestError."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in values:
            if name not in known:
                raise RequestError(f"{self.title} has no setting {name!r}.", suggest(name, known))
        return {name: parameter.checked(values.get(name, parameter.default)) for name, parameter in known.items()}

    def allows(self, name: str, value: float) -> bool:
        """Whether it has this parameter, and the value lies within its range."""
        return any(one.name == name and one.minimum <= value <= one.maximum for one in self.parameters)

    def precisions(self, device: str) -> tuple[str, ...]:
        """The precisions of weights to choose from on a device, the usual one first."""
        return PRECISIONS if self.int8 and device == "cpu" else PRECISIONS[:1]

    @property
    def is_torch(self) -> bool:
        """Whether it runs where PyTorch does; the others need a CPU only."""
        return "torch" in self.packages

    def takes(self, precision: str) -> Lighter:
        """Memory and time in this precision."""
        return self.int8 if self.int8 and precision == "int8" else Lighter(self.memory_gb, self.cpu_rtf)

    def voice(self, voice_id: str) -> Voice:
        """The preset with this id. Raises UnknownVoice."""
        for voice in self.voices:
            if voice.id == voice_id:
                return voice
        raise UnknownVoice(
            f"{self.title} has no voice {voice_id!r}.", suggest(voice_id, [voice.id for voice in self.voices])
        )


@dataclass(frozen=True)
class Obstacle:
    """Why an engine cannot run here, and what would change that."""

    reason: str
    remedy: str


def missing_package(spec: EngineSpec) -> Obstacle | None:
    """The first package that the engine imports and that is not installed, or None. Imports nothing."""
    for name in spec.packages:
        if importlib.util.find_spec(name) is None:
            return Obstacle(f"The package {name} is not installed.", TORCH_REMEDY if spec.is_torch else REMEDY)
    return None


@dataclass(frozen=True)
class Placement:
    """Where and how an engine is loaded: decided once by settings, told to every engine in the same words.

    device: "cpu", "cuda" or "mps". threads: CPU threads an engine may use. models: our own folder for prepared files.
    large_threads: CPU threads of an engine whose model has a billion weights; 0 means as many as others.
    precision: "exact", or "int8" for weights in 8 bits where an engine knows how: half the memory, twice as fast on a
    CPU, not the same numbers.
    """

    device: str
    threads: int
    models: Path
    precision: str = "exact"
    large_threads: int = 0

    @property
    def name(self) -> str:
        """What a take keeps of this: all of it that decides a sound."""
        return self.device if self.precision == "exact" else f"{self.device}-{self.precision}"


@dataclass(frozen=True)
class WordTime:
    """When a word begins to sound, in seconds from the start of the passage. turn: of its script, 0-based."""

    turn: int
    word: str
    start: float


Speech = Generator[Audio, None, tuple[WordTime, ...] | None]


class Engine(Protocol):
    """A model in memory: it exists, therefore it is loaded and usable."""

    @property
    def spec(self) -> EngineSpec: ...

    def synthesize(self, request: SpeechRequest) -> Speech:
        """Speak one passage: sound in order, in pieces, as it is made.

        The request holds one passage within `spec.limits`, with `spec.sampling` complete. Pieces have
        `spec.sample_rate`. A piece may be empty: it only marks a step, so that the caller can stop there. Closing the
        generator stops the work. It returns when each word sounds, if the engine knows. The same request on the same
        device gives the same samples.
        Raises SynthesisError; never gives silence in place of words.
        """
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...


class LiveEngine(Engine, Protocol):
    """An engine that begins to speak before the passage has been written to its end."""

    def stream(self, turns: Iterable[Turn | None], request: SpeechRequest) -> Speech:
        """Speak turns as they come: each is some whole words of its speaker, None says that nothing has come yet.

        request: all but the script: voices for everybody who may speak. It gives a piece, perhaps an empty one, for
        every None. `WordTime.turn` counts what `turns` gave, None too. Raises as `synthesize`.
        """
        ...


class EngineModule(Protocol):
    """What a module in `studio/engines/` offers; nothing heavy is imported before `load`."""

    SPEC: EngineSpec

    def obstacle(self, placement: Placement) -> Obstacle | None:
        """Why the engine cannot be loaded now, or None. Quick: looks at packages and files, loads nothing."""
        ...

    def voice(self, voice_id: str) -> Voice:
        """The preset or derived voice with this id. Raises UnknownVoice."""
        ...

    def load(self, placement: Placement) -> Engine:
        """The model, ready. Raises EngineUnavailable."""
        ...
