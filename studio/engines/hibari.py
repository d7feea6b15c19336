"""The built-in engine: hibari, an 8 MB English model that comes inside its Python package, so nothing is downloaded.

The model knows one voice ("heart", distilled from Kokoro-82M). It gives a pitch curve and a spectrum apart from each
other, as a source and a filter, so other voices are made by moving both: pitch x 0.55 with formants x 0.86 is a man's.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from studio.audio import Audio, Samples
from studio.engines.base import EngineSpec, Limits, Obstacle, Placement, missing_package
from studio.engines.english import English
from studio.engines.frames import Frames, Timbre, moved, paced
from studio.engines.onnx import Array, run
from studio.engines.reading import SPEED, VARIATION, Reading, read
from studio.errors import EngineUnavailable, UnknownVoice, suggest
from studio.request import Parameter, SpeechRequest
from studio.voice import Voice

PIECE_CHARACTERS = 300  # longer ones cost memory: 3,000 characters in one call take 1.2 GB
HEART_HZ = 198.0  # median pitch of the model's own voice
SLOW = 0.9  # below, the model's own speed input is used
MOVED_GAIN = 1.18  # with formant**-0.6 it brings every voice within 1 LU of heart (measured over 19 voices)
PITCH_LIMITS = (0.43, 1.47)  # of heart's: beyond these, words are lost
FORMANT_LIMITS = (0.77, 1.20)


def _preset(voice_id: str, name: str, kind: str, timbre: Timbre) -> tuple[Voice, Timbre]:
    return Voice(voice_id, name, "hibari", f"{kind}, about {HEART_HZ * timbre.pitch:.0f} Hz"), timbre


# Far ones first: speakers without a voice are cast in this order.
_PRESETS = (
    _preset("heart", "Heart", "A warm woman's voice, the model's own", Timbre()),
    _preset("low", "Low", "A calm man's voice", Timbre(0.55, 0.86)),
    _preset("sam", "Sam", "A light voice between a man's and a woman's", Timbre(0.75, 0.92)),
    _preset("june", "June", "A bright young woman's voice, near to Heart's", Timbre(1.17, 1.06)),
    _preset("otto", "Otto", "A very deep man's voice", Timbre(0.47, 0.82)),
    _preset("ruth", "Ruth", "A dark woman's voice", Timbre(0.86, 0.96)),
    _preset("theo", "Theo", "A young man's voice", Timbre(0.645, 0.89)),
    _preset("pip", "Pip", "A child's voice", Timbre(1.36, 1.13)),
)
TIMBRES = {preset.id: timbre for preset, timbre in _PRESETS}

SPEC = EngineSpec(
    id="hibari",
    title="Hibari (built in)",
    summary="Clear English speech at once, on any computer: nothing to download, no GPU, no network.",
    sample_rate=24000,
    licence="Apache-2.0",
    source="https://github.com/MMWilliams/hibari",
    revision="0.2.1",
    memory_gb=0.35,
    memory_is_measured=True,
    limits=Limits(characters=2000, seconds=180.0),
    voices=tuple(preset for preset, _ in _PRESETS),
    parameters=(
        SPEED,
        VARIATION,
        Parameter("melody", "Melody", 1.0, 0.4, 1.6, 0.1, "How far the voice rises and falls; below 1 is flatter."),
    ),
    characters_per_second=15.0,
    loudness_lufs=-25.7,
    packages=("hibari", "onnxruntime"),
)


class HibariEngine:
    """The model in memory. Speaks sentence by sentence; a hundredth of a second of work a second of sound."""

    spec = SPEC

    def __init__(self, model: Any, english: English) -> None:
        self._model = model
        self._english = english

    def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
        melody = request.sampling["melody"]
        return read(request, SPEC.sample_rate, PIECE_CHARACTERS, lambda reading: self._say(reading, melody))

    def _say(self, reading: Reading, melody: float) -> Samples:
        timbre = timbre_of(reading.voice.id)
        parts = [self._sound(spoken, timbre, melody, reading) for spoken in self._english.phonemes(reading.text)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _sound(self, phonemes: str, timbre: Timbre, melody: float, reading: Reading) -> Samples:
        from hibari import dsp

        frames, gain = self._paced(phonemes, reading.speed), 1.0
        if timbre != Timbre() or melody != 1.0:
            frames, gain = moved(frames, timbre, melody), MOVED_GAIN * timbre.formant**-0.6
        parts = (frames.harmonic, frames.phase, frames.noise, frames.free, frames.free_phase, frames.pitch_hz)
        return np.asarray(dsp.synth(*parts, reading.random) * np.float32(gain), np.float32)

    def _paced(self, phonemes: str, speed: float) -> Frames:
        """The model's frames at an exact pace.

        Its own speed input is coarse: durations are rounded, so that 1.3 gives 1.16 and 1.4 gives 1.53, and words are
        lost at 1.5 (5 % of them, against 0 to 1 % here). Slow speech sounds better with it, so it is used there.
        """
        frames = self._frames(phonemes, 1.0)
        count = round(len(frames.pitch_hz) / speed)
        return paced(self._frames(phonemes, speed) if speed < SLOW else frames, count)

    def _frames(self, phonemes: str, speed: float) -> Frames:
        inputs: dict[str, Array] = {
            "ids": np.asarray([self._model.ids(phonemes)], np.int64),  # (1, phonemes + 2)
            "speed": np.asarray([speed], np.float32),
        }
        return Frames(*(output[0] for output in run(self._model.sess, inputs)))

    def close(self) -> None:
        """Let go of the model."""
        self._model = None


def timbre_of(voice_id: str) -> Timbre:
    """The timbre of a preset ("low") or of a derived voice: "heart@1.12" is heart with its pitch x 1.12,
    "heart@1.12x0.95" has its formants x 0.95 too. Raises UnknownVoice, also outside the limits.
    """
    match = re.fullmatch(r"(\w+)(?:@(\d(?:\.\d{1,3})?)(?:x(\d(?:\.\d{1,3})?))?)?", voice_id)
    if not match or match[1] not in TIMBRES:
        raise UnknownVoice(f"{SPEC.title} has no voice {voice_id!r}.", suggest(voice_id.partition("@")[0], TIMBRES))
    base = TIMBRES[match[1]]
    timbre = Timbre(base.pitch * float(match[2] or 1), base.formant * float(match[3] or 1))
    if not _is_within_limits(timbre):
        raise UnknownVoice(
            f"{voice_id!r} would be heart with its pitch x {timbre.pitch:.2f} and its formants x {timbre.formant:.2f}.",
            f"Pitch may be x {PITCH_LIMITS[0]:g} to {PITCH_LIMITS[1]:g}, "
            f"formants x {FORMANT_LIMITS[0]:g} to {FORMANT_LIMITS[1]:g}.",
        )
    return timbre


def _is_within_limits(timbre: Timbre) -> bool:
    return (
        PITCH_LIMITS[0] <= timbre.pitch <= PITCH_LIMITS[1] and FORMANT_LIMITS[0] <= timbre.formant <= FORMANT_LIMITS[1]
    )


def voice(voice_id: str) -> Voice:
    """The preset with this id, or a derived voice. Raises UnknownVoice."""
    timbre = timbre_of(voice_id)
    if voice_id in TIMBRES:
        return SPEC.voice(voice_id)
    base, _, factors = voice_id.partition("@")
    name = f"{SPEC.voice(base).name} × {factors.replace('x', ' / ')}"
    return Voice(voice_id, name, "hibari", f"Made from {base}, about {HEART_HZ * timbre.pitch:.0f} Hz")


def derived_voices() -> Iterator[Voice]:
    """Further voices between and beside the presets, each time the one that differs most from all before it."""
    chosen = list(TIMBRES.values())
    rest = {
        f"{name}@{pitch:g}x{formant:g}": timbre
        for name, base in TIMBRES.items()
        for pitch, formant in itertools.product((0.93, 1.0, 1.075), (0.94, 1.0, 1.06))
        if (pitch, formant) != (1.0, 1.0)
        and _is_within_limits(timbre := Timbre(base.pitch * pitch, base.formant * formant))
    }
    while rest:
        farthest = max(rest, key=lambda voice_id: min(_distance(rest[voice_id], other) for other in chosen))
        chosen.append(rest.pop(farthest))
        yield voice(farthest)


def _distance(one: Timbre, other: Timbre) -> float:
    """How different two timbres sound: 1 for about 2.5 semitones of pitch, or 6 % of formants."""
    return math.hypot(math.log(one.pitch / other.pitch) / 0.145, math.log(one.formant / other.formant) / 0.058)


def obstacle(placement: Placement) -> Obstacle | None:
    """The package is missing, or nothing is in the way."""
    return missing_package(SPEC)


def load(placement: Placement) -> HibariEngine:
    """The model, ready, in under a second. Raises EngineUnavailable."""
    in_the_way = obstacle(placement)
    if in_the_way:
        raise EngineUnavailable(in_the_way.reason, in_the_way.remedy)
    from hibari import Hibari

    try:
        return HibariEngine(Hibari(voice="heart", threads=placement.threads), English())
    except (OSError, RuntimeError, ValueError) as error:
        raise EngineUnavailable(
            f"Hibari could not be loaded: {error}", "Run: pip install -r requirements.txt"
        ) from error
