"""Giving every speaker a voice: the ones asked for, then the engine's others in order. Never a silent stand-in.

What a word means: "v-…" is always a voice of the library; else it is the engine's own voice of that id; else the voice
of the library that has this name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from studio import engines
from studio.engines.base import EngineModule, EngineSpec
from studio.errors import EngineUnavailable, UnknownCast, UnknownVoice
from studio.request import SpeechRequest
from studio.script import Script
from studio.voice import Voice

RECORDED = "v-"  # how the id of every recorded voice begins, and of no preset


class Recorded(Protocol):
    """Where recorded voices come from."""

    def has(self, word: str) -> bool:
        """Whether a voice has this name, or several have it, or one that was deleted had it."""
        ...

    def voice(self, word: str, spec: EngineSpec) -> Voice:
        """The voice with this id or name, by the recording that suits the engine. Raises UnknownVoice, AudioError."""
        ...


def cast(script: Script, module: EngineModule, wanted: Mapping[str, str], recorded: Recorded) -> dict[str, Voice]:
    """A voice for each speaker of the script, in order of appearance.

    wanted: speaker -> voice. A speaker that is not in it gets the engine's next voice that nobody has. Raises
    UnknownVoice for one that is not there, was deleted, or is recorded when the engine cannot follow recordings;
    UnknownCast when voices run out or a named speaker is not there.
    """
    strangers = [speaker for speaker in wanted if speaker not in script.speakers]
    if strangers:
        there = ", ".join(script.speakers)
        raise UnknownCast(f"{', '.join(strangers)} does not speak in this script.", f"Its speakers are: {there}.")
    given = {speaker: _voice(module, word, recorded) for speaker, word in wanted.items()}
    taken = {voice.id for voice in given.values()}
    others = (voice for voice in _voices(module) if voice.id not in taken)
    voices = {}
    for speaker in script.speakers:
        voice = given.get(speaker) or next(others, None)
        if voice is None:
            raise UnknownCast(
                f"{module.SPEC.title} has too few voices for {len(script.speakers)} speakers.",
                f"Give {speaker} a voice yourself; two speakers may share one.",
            )
        voices[speaker] = voice
    return voices


def suited(spec: EngineSpec, voices: Iterable[Voice], chosen: Iterable[str]) -> dict[str, Voice]:
    """Parameter -> the voice with which the value to be taken is kept, but for the parameters that somebody has chosen.
    Of two voices the first counts; a value that the engine does not take is left out, and `remarks` says so.
    """
    found: dict[str, Voice] = {}
    for voice in voices:
        for name, value in voice.settings.items():
            if name not in chosen and spec.allows(name, value):
                found.setdefault(name, voice)
    return found


def remarks(spec: EngineSpec, request: SpeechRequest) -> tuple[str, ...]:
    """What a listener should know of a cast: that an engine follows the recording of one speaker alone only weakly, and
    which settings were taken because they suit a voice.
    """
    voices = {voice.id: voice for voice in request.voices.values()}
    kept = [remark for voice in voices.values() for remark in _about_settings(spec, request, voice)]
    return (*_alone(spec, request.voices), *kept)


def _about_settings(spec: EngineSpec, request: SpeechRequest, voice: Voice) -> Iterator[str]:
    titles = {parameter.name: parameter.title for parameter in spec.parameters}

    def told(names: Iterable[str]) -> str:
        return ", ".join(f"{titles.get(name, name)} {voice.settings[name]:g}" for name in names)

    used = [name for name in voice.settings if request.suited.get(name) == voice.id]
    other = [
        name
        for name, value in voice.settings.items()
        if name in request.suited and name not in used and value != request.sampling[name]
    ]
    strange = [name for name, value in voice.settings.items() if not spec.allows(name, value)]
    if used:
        yield f"{told(used)}: kept with {voice.name} as what suits it in {spec.title}."
    if other:
        yield f"{told(other)}, kept with {voice.name}, was not taken: another speaker’s voice comes first."
    if strange:
        yield f"{told(strange)}, kept with {voice.name}, was not taken: {spec.title} has no such setting."


def _alone(spec: EngineSpec, voices: Mapping[str, Voice]) -> tuple[str, ...]:
    recorded = [speaker for speaker, voice in voices.items() if voice.audio]
    others = [speaker for speaker, voice in voices.items() if not voice.audio]
    if not spec.clones_together or not recorded or (len(recorded) > 1 and not others):
        return ()
    remedy = f"give {' and '.join(others)} one too" if others else "a second speaker with one helps"
    return (f"{spec.title} follows a recorded voice that is alone only weakly: {remedy}.",)


def _voice(module: EngineModule, word: str, recorded: Recorded) -> Voice:
    """The voice that a word means for an engine."""
    if not word.startswith(RECORDED):
        try:
            return module.voice(word)
        except UnknownVoice:
            if not recorded.has(word):
                raise
    voice = recorded.voice(word, module.SPEC)
    if not module.SPEC.clones:
        raise UnknownVoice(
            f"{module.SPEC.title} cannot follow a recorded voice such as {voice.name!r}.",
            f"These can: {', '.join(spec.title for spec in cloning())}.",
        )
    return voice


def cloning() -> list[EngineSpec]:
    """The engines that can follow a recorded voice, in menu order; a broken one cannot."""
    specs = []
    for engine_id in engines.MODULES:
        try:
            specs.append(engines.module(engine_id).SPEC)
        except EngineUnavailable:
            continue
    return [spec for spec in specs if spec.clones]


def _voices(module: EngineModule) -> Iterator[Voice]:
    """The engine's presets, then what it can derive from them."""
    yield from module.SPEC.voices
    derive = getattr(module, "derived_voices", None)
    if derive is not None:
        yield from derive()
