"""Giving every speaker a voice: the ones asked for, then the engine's others in order. Never a silent stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from studio.engines.base import EngineModule
from studio.errors import UnknownCast
from studio.script import Script
from studio.voice import Voice


def cast(script: Script, module: EngineModule, wanted: Mapping[str, str]) -> dict[str, Voice]:
    """A voice for each speaker of the script, in order of appearance.

    wanted: speaker -> voice id. A speaker that is not in it gets the engine's next voice that nobody has. Raises
    UnknownVoice for an id the engine does not have, UnknownCast when voices run out or a named speaker is not there.
    """
    strangers = [speaker for speaker in wanted if speaker not in script.speakers]
    if strangers:
        there = ", ".join(script.speakers)
        raise UnknownCast(f"{', '.join(strangers)} does not speak in this script.", f"Its speakers are: {there}.")
    given = {speaker: module.voice(voice_id) for speaker, voice_id in wanted.items()}
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


def _voices(module: EngineModule) -> Iterator[Voice]:
    """The engine's presets, then what it can derive from them."""
    yield from module.SPEC.voices
    derive = getattr(module, "derived_voices", None)
    if derive is not None:
        yield from derive()
