"""Kokoro-82M by hexgrad: 54 voices, spoken in English, on any CPU; its official ONNX files come from the hub.

The revision is the commit of onnx-community/Kokoro-82M-v1.0-ONNX that public projects pin. Text becomes phonemes by
hibari's G2P (Apache-2.0), which reads English only: the voices trained on other languages speak English with an accent.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from studio import hub
from studio.audio import Audio, Samples
from studio.engines.base import EngineSpec, Limits, Obstacle, Placement, missing_package
from studio.engines.english import English
from studio.engines.onnx import open_session, run
from studio.engines.reading import SPEED, Reading, read
from studio.errors import EngineUnavailable, UnknownVoice, suggest
from studio.request import SpeechRequest
from studio.voice import Voice

MODEL = hub.ModelFiles(
    "onnx-community/Kokoro-82M-v1.0-ONNX",
    "1939ad2a8e416c0acfeecc08a694d14ef25f2231",
    ("voices/*.bin", "tokenizer.json", "onnx/model_quantized.onnx"),
    120_600_000,  # 92.4 MB the model, 54 voices of 522,240 bytes
)
FILES = (MODEL,)
REMEDY = "Run: python -m studio models download kokoro"
PIECE_CHARACTERS = 180  # a piece takes about half as long to make as to hear, and a stop waits for its end
GAIN = 0.7  # the loudest voices peak at 1.2
STYLES = 510  # rows of a voice, one for each number of phonemes
STYLE_SIZE = 256

# Far and good ones first: speakers without a voice are cast in this order.
_AMERICAN = (
    "af_heart am_michael af_bella am_fenrir af_nicole am_puck af_aoede am_onyx af_kore am_echo af_sarah am_eric "
)
_AMERICAN += "af_nova am_liam af_sky am_adam af_alloy am_santa af_jessica af_river"
_BRITISH = "bf_emma bm_george bf_isabella bm_fable bf_alice bm_lewis bf_lily bm_daniel"
_OTHER = "jf_alpha jm_kumo jf_gongitsune jf_nezumi jf_tebukuro zf_xiaobei zm_yunjian zf_xiaoni zm_yunxi zf_xiaoxiao "
_OTHER += "zm_yunxia zf_xiaoyi zm_yunyang ef_dora em_alex em_santa ff_siwis hf_alpha hm_omega hf_beta hm_psi if_sara "
_OTHER += "im_nicola pf_dora pm_alex pm_santa"
_ORIGINS = {
    "a": "American",
    "b": "British",
    "j": "Japanese",
    "z": "Mandarin",
    "e": "Spanish",
    "f": "French",
    "h": "Hindi",
    "i": "Italian",
    "p": "Brazilian Portuguese",
}


def _preset(voice_id: str) -> Voice:
    origin, sex = _ORIGINS[voice_id[0]], "woman's" if voice_id[1] == "f" else "man's"
    accent = "" if voice_id[0] in "ab" else "; speaks English with that accent"
    return Voice(voice_id, voice_id[3:].capitalize(), "kokoro", f"{origin} {sex} voice{accent}")


SPEC = EngineSpec(
    id="kokoro",
    title="Kokoro 82M",
    summary="54 voices that can be mixed, natural English on a CPU; 121 MB to download once.",
    sample_rate=24000,
    licence="Apache-2.0",
    source=f"https://huggingface.co/{MODEL.repo}",
    revision=MODEL.revision,
    memory_gb=0.7,
    memory_is_measured=True,
    limits=Limits(characters=1200, seconds=120.0),
    stochastic=False,
    voices=tuple(_preset(voice_id) for voice_id in (_AMERICAN + " " + _BRITISH + " " + _OTHER).split()),
    parameters=(SPEED,),
    characters_per_second=15.0,
    loudness_lufs=-23.4,
    packages=("hibari", "huggingface_hub", "onnxruntime"),
)
PRESETS = {preset.id: preset for preset in SPEC.voices}


class KokoroEngine:
    """The model in memory; voices are read from their files as they are used."""

    spec = SPEC

    def __init__(self, session: Any, folder: Path) -> None:
        self._session = session
        self._folder = folder
        tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        self._vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
        self._readers: dict[bool, English] = {}
        self._styles: dict[str, Samples] = {}
        names = [node.name for node in session.get_inputs()]
        self._tokens_name = "input_ids" if "input_ids" in names else "tokens"  # two exports, two names

    def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
        return read(request, SPEC.sample_rate, PIECE_CHARACTERS, self._say)

    def _say(self, reading: Reading) -> Samples:
        style, english = self._style(reading.voice.id), self._reader(reading.voice.id)
        parts = [self._sound(spoken, style, reading.speed) for spoken in english.phonemes(reading.text)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _sound(self, phonemes: str, style: Samples, speed: float) -> Samples:
        tokens = [self._vocabulary[sound] for sound in phonemes if sound in self._vocabulary][: STYLES - 1]
        inputs = {
            self._tokens_name: np.asarray([[0, *tokens, 0]], np.int64),  # (1, tokens + 2)
            "style": style[len(tokens)][None],  # (1, 256): the row for this number of phonemes
            "speed": np.asarray([speed], np.float32),
        }
        return np.asarray(run(self._session, inputs)[0], np.float32).ravel() * np.float32(GAIN)

    def _style(self, voice_id: str) -> Samples:
        """(510, 256) float32: a preset's, or the weighted mean of several."""
        parts = mixture(voice_id)
        return np.asarray(sum(weight * self._file(name) for name, weight in parts.items()), np.float32)

    def _file(self, name: str) -> Samples:
        if name not in self._styles:
            path = self._folder / "voices" / f"{name}.bin"
            if not path.is_file():
                raise EngineUnavailable(f"The file of Kokoro's voice {name} is not on this disk.", REMEDY)
            numbers = np.fromfile(path, "<f4")
            if len(numbers) != STYLES * STYLE_SIZE:
                raise EngineUnavailable(f"{path} is damaged.", f"Delete it. {REMEDY}")
            self._styles[name] = numbers.reshape(STYLES, STYLE_SIZE)
        return self._styles[name]

    def _reader(self, voice_id: str) -> English:
        """British voices were trained on British phonemes. A mixture reads as its strongest part does."""
        parts = mixture(voice_id)
        is_british = max(parts, key=lambda name: parts[name]).startswith("b")
        if is_british not in self._readers:
            self._readers[is_british] = English(british=is_british)
        return self._readers[is_british]

    def close(self) -> None:
        """Let go of the model."""
        self._session = None


def mixture(voice_id: str) -> dict[str, float]:
    """The presets in a voice and their weights, which add up to 1.

    "af_heart" is one; "af_heart+am_michael" has equal parts; "af_heart*0.6+am_michael*0.4" names them. Raises
    UnknownVoice for a part that is no preset and for weights that are no positive numbers.
    """
    parts: dict[str, float] = {}
    for part in voice_id.split("+"):
        match = re.fullmatch(r"\s*(\w+)\s*(?:\*\s*(\d{1,3}(?:\.\d{1,6})?|\.\d{1,6})\s*)?", part)
        name = match[1] if match else part.strip()
        if name not in PRESETS:
            raise UnknownVoice(f"{SPEC.title} has no voice {name!r}.", suggest(name.partition("*")[0], PRESETS))
        parts[name] = parts.get(name, 0.0) + float(match[2] or 1 if match else 0)
    total = sum(parts.values())
    if min(parts.values()) <= 0:
        raise UnknownVoice(f"A part of {voice_id!r} has no weight.", "Write for example af_heart*0.6+am_michael*0.4.")
    return {name: weight / total for name, weight in parts.items()}


def voice(voice_id: str) -> Voice:
    """The preset with this id, or a mixture ("af_heart*0.6+am_michael*0.4"). Raises UnknownVoice."""
    parts = mixture(voice_id)
    if voice_id in PRESETS:
        return PRESETS[voice_id]
    name = " + ".join(f"{PRESETS[part].name} {weight:.0%}" for part, weight in parts.items())
    return Voice(voice_id, name, "kokoro", "A mixture of voices")


def derived_voices() -> Iterator[Voice]:
    """Further voices for large casts: even mixtures of two presets."""
    for one, other in itertools.combinations(list(PRESETS)[:28], 2):
        yield voice(f"{one}+{other}")


def obstacle(placement: Placement) -> Obstacle | None:
    """A package or the files are missing, or nothing is in the way."""
    if missing := missing_package(SPEC):
        return missing
    if hub.snapshot(MODEL) is None:
        return Obstacle(f"Kokoro is not downloaded yet ({MODEL.megabytes} MB).", REMEDY)
    return None


def load(placement: Placement) -> KokoroEngine:
    """The model, ready, in about two seconds. Raises EngineUnavailable."""
    in_the_way, folder = obstacle(placement), hub.snapshot(MODEL)
    if in_the_way or folder is None:
        raise EngineUnavailable(in_the_way.reason if in_the_way else "Kokoro's files have gone.", REMEDY)
    session = open_session(folder / "onnx" / "model_quantized.onnx", placement.threads, f"Delete {folder}. {REMEDY}")
    try:
        return KokoroEngine(session, folder)
    except (ValueError, KeyError) as error:
        raise EngineUnavailable(
            f"Kokoro's tokenizer.json cannot be read: {error}", f"Delete {folder}. {REMEDY}"
        ) from error
