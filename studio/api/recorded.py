"""Recorded voices over the API: brought in with the right to use them, listed, put into the bin."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.api.bodies import VoiceForm
from studio.api.problems import Problem
from studio.errors import UnknownVoice
from studio.library import LibraryVoice
from studio.studio import Studio
from studio.voice import Consent, Voice


def is_owner(studio: Studio) -> bool:
    """Whether whoever comes in runs the studio, and its voices are theirs: at its machine, or with its key."""
    return not studio.settings.is_shared or bool(studio.settings.api_key)


def check_use(studio: Studio, voices: Iterable[Voice]) -> None:
    """Strangers speak with presets and samples only; another's voice is to them none at all. Raises UnknownVoice."""
    for voice in voices:
        if voice.audio is not None and not (is_owner(studio) or studio.library.get(voice.id).is_sample):
            raise UnknownVoice("There is no such voice.", "GET /v1/audio/voices lists them.")


def check_owner(studio: Studio) -> None:
    """Raises Problem for strangers."""
    if not is_owner(studio):
        raise Problem(403, "Only who runs the studio may see and change its recorded voices.", "not_allowed")


def add(studio: Studio, voice: VoiceForm) -> dict[str, Any]:
    """Keep a recording as a voice. Raises Problem, RequestError, AudioError, OutputError."""
    check_owner(studio)
    consent = Consent(voice.consent, voice.consent_who, voice.consent_when, voice.consent_source)
    name = Path(voice.audio_sample.filename or "").name[:100]
    intake = studio.desk.take_in(voice.audio_sample.file.read(), voice.ref_text, name=name)
    kept = studio.library.add(voice.name, consent, [intake.recording], language=voice.language)
    return {**form(kept), "notes": list(intake.told)}


def delete(studio: Studio, voice_id: str) -> dict[str, Any]:
    """Put a voice into the bin, from where the page brings it back. Raises Problem, UnknownVoice."""
    check_owner(studio)
    voice = studio.library.find(voice_id)
    if voice.is_sample:
        raise Problem(403, f"{voice.name} comes with the studio and stays.", "not_allowed", "voice")
    studio.library.delete(voice.id)
    return {"id": voice.id, "object": "voice.deleted", "deleted": True}


def listed(studio: Studio) -> list[dict[str, Any]]:
    """All that a stranger may know of: those of the library, unless it is not theirs; the samples always."""
    return [form(voice) for voice in studio.library.search() if is_owner(studio) or voice.is_sample]


def form(voice: LibraryVoice) -> dict[str, Any]:
    """A recorded voice among others. It has no model of its own: every model that clones can speak with it."""
    first = voice.references[0]
    return {
        "id": voice.id,
        "object": "voice",
        "name": voice.name,
        "model": None,
        "description": f"Recorded, {first.seconds:.1f} s. {voice.consent}",
        "language": voice.language,
        "created": voice.created,
        "consent": voice.consent.values,
        "transcript": first.transcript,
    }
