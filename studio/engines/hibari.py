"""The built-in engine: hibari, an 8 MB English model that comes inside its Python package, so nothing is downloaded.

The model knows one voice ("heart", distilled from Kokoro-82M). It gives a pitch curve and a spectrum apart from each
other, as a source and a filter, so other voices are made by moving both: pitch x 0.55 with formants x 0.86 is a man's.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from studio.audio import Audio, Samples
from studio.engines.base import EngineSpec, Limits, Obstacle, Placement
from studio.engines.english import English
from studio.engines.reading import SPEED, VARIATION, Reading, read
from studio.errors import EngineUnavailable, UnknownVoice, suggest
from studio.request import Parameter, SpeechRequest
from studio.voice import Voice

PIECE_CHARACTERS = 300  # longer ones cost memory: 3,000 characters in one call take 1.2 GB
BIN_HZ = 20.0  # spectra have 601 bins up to 12 kHz
VOICED_HZ = 40.0  # frames below have no pitch
HEART_HZ = 198.0  # median pitch of the model's own voice
PITCH_LIMITS = (0.43, 1.47)  # of heart's: beyond these, words are lost
FORMANT_LIMITS = (0.77, 1.20)


@dataclass(frozen=True)
class Timbre:
    """What makes a voice from the model's own: factors on its pitch and on its formants (length of the throat)."""

    pitch: float = 1.0
    formant: float = 1.0


def _preset(voice_id: str, name: str, kind: str, timbre: Timbre) -> tuple[Voice, Timbre]:
    return Voice(voice_id, name, "hibari", f"{kind}, about {HEART_HZ * timbre.pitch:.0f} Hz"), timbre


# Far ones first: speakers without a voice are cast in this order.
_PRESETS = (
    _preset("heart", "Heart", "A warm woman's voice, the model's own", Timbre()),
    _preset("low", "Low", "A calm man's voice", Timbre(0.55, 0.86)),
    _preset("sam", "Sam", "A light voice between a man's and a woman's", Timbre(0.75, 0.92)),
    _preset("june", "June", "A bright young woman's voice", Timbre(1.17, 1.06)),
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
    memory_gb=0.3,
    memory_is_measured=False,
    limits=Limits(characters=2000, seconds=180.0),
    voices=tuple(preset for preset, _ in _PRESETS),
    parameters=(
        SPEED,
        VARIATION,
        Parameter("melody", "Melody", 1.0, 0.4, 1.6, 0.1, "How far the voice rises and falls; below 1 is flatter."),
    ),
    packages=("hibari", "onnxruntime"),
)


class HibariEngine:
    """The model in memory. Speaks sentence by sentence; a hundredth of a second of work a second of sound."""

    spec = SPEC

    def __init__(self, model: Any, english: English) -> None:
        self._model = model
        self._english = english

    def synthesize(self, request: SpeechRequest) -> Iterator[Audio]:
        melody = request.sampling["melody"]
        return read(request, SPEC.sample_rate, PIECE_CHARACTERS, lambda reading: self._say(reading, melody))

    def _say(self, reading: Reading, melody: float) -> Samples:
        timbre = timbre_of(reading.voice.id)
        parts = [self._sound(spoken, timbre, melody, reading) for spoken in self._english.phonemes(reading.text)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _sound(self, phonemes: str, timbre: Timbre, melody: float, reading: Reading) -> Samples:
        from hibari import dsp

        inputs = {
            "ids": np.asarray([self._model.ids(phonemes)], np.int64),  # (1, phonemes + 2)
            "speed": np.asarray([reading.speed], np.float32),
        }
        frames = Frames(*(output[0] for output in self._model.sess.run(None, inputs)))
        moved = frames if timbre == Timbre() and melody == 1.0 else moved_to(frames, timbre, melody)
        parts = (moved.harmonic, moved.phase, moved.noise, moved.free, moved.free_phase, moved.pitch_hz)
        return np.asarray(dsp.synth(*parts, reading.random), np.float32)

    def close(self) -> None:
        """Let go of the model."""
        self._model = None


@dataclass(frozen=True, eq=False)
class Frames:
    """What the model gives for one piece, 80 frames a second: three log spectra with phases, and the pitch.

    All (601, frames) float32 except pitch_hz, (frames,), 0 where there is no voice.
    """

    harmonic: Samples
    phase: Samples
    noise: Samples
    free: Samples
    free_phase: Samples
    pitch_hz: Samples


def moved_to(frames: Frames, timbre: Timbre, melody: float) -> Frames:
    """The same words by another voice: the pitch curve scaled and stretched about its median, the spectra warped.

    The harmonic spectrum only means something at the harmonics of the old pitch; it is read there and drawn through
    before other harmonics are taken from it.
    """
    pitch = frames.pitch_hz
    voiced = np.flatnonzero(pitch > VOICED_HZ)
    if not len(voiced):
        return replace(frames, noise=_warped(frames.noise, timbre.formant), free=_warped(frames.free, timbre.formant))
    harmonic, bins = frames.harmonic.copy(), np.arange(len(frames.harmonic))
    for frame in voiced:
        at = np.arange(1, int(BIN_HZ * (len(bins) - 1) / pitch[frame]) + 1) * (pitch[frame] / BIN_HZ)
        harmonic[:, frame] = np.interp(bins, at, np.interp(at, bins, harmonic[:, frame]))
    harmonic += np.float32(0.5 * math.log(timbre.pitch))  # more harmonics in a lower voice: keep the loudness
    curve = np.where(pitch > VOICED_HZ, pitch, np.float32(1.0))
    moved = curve * timbre.pitch * (curve / np.median(pitch[voiced])) ** (melody - 1.0)
    return Frames(
        harmonic=_warped(harmonic, timbre.formant),
        phase=_warped(frames.phase, timbre.formant),
        noise=_warped(frames.noise, timbre.formant),
        free=_warped(frames.free, timbre.formant),
        free_phase=frames.free_phase,
        pitch_hz=np.where(pitch > VOICED_HZ, np.maximum(moved, VOICED_HZ + 5), 0.0).astype(np.float32),
    )


def _warped(spectrum: Samples, factor: float) -> Samples:
    """(bins, frames) stretched along frequency by the factor, read between bins."""
    last = len(spectrum) - 1
    source = np.minimum(np.arange(last + 1) / factor, last)
    below = source.astype(np.intp)
    share = (source - below)[:, None].astype(np.float32)
    return np.asarray(spectrum[below] * (1 - share) + spectrum[np.minimum(below + 1, last)] * share, np.float32)


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
    missing = [name for name in SPEC.packages if importlib.util.find_spec(name) is None]
    if missing:
        return Obstacle(f"The package {missing[0]} is not installed.", "Run: pip install -r requirements.txt")
    return None


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
