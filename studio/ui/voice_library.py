"""`VoiceLibrary`: what the page asks about the library of voices, as functions from JSON to JSON.

On a shared machine a visitor sees the samples only, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

from studio.casting import RECORDED
from studio.errors import RequestError, UnknownVoice
from studio.library import LibraryVoice, Recording, Reference
from studio.library.entries import named, tagged
from studio.library.travel import Arrival
from studio.studio import Studio
from studio.ui import portrait
from studio.ui.forms import FieldError, Json, checked
from studio.ui.listening import Listening
from studio.ui.recordings import Recordings, Source, edits_of
from studio.voice import Consent

Answer = Callable[[Any], Json]
MOST_SHOWN = 500


class VoiceLibrary:
    """One for all visitors."""

    def __init__(self, studio: Studio, recordings: Recordings, listening: Listening) -> None:
        self.studio = studio
        self.library = studio.library
        self.is_shared = studio.settings.is_shared
        self.in_turn = recordings.in_turn
        self._recordings = recordings
        self._listening = listening

    def functions(self) -> list[Answer]:
        """What the page may call, each by its name."""
        changing = (
            self.in_turn(self.save_voice), self.rename_voice, self.duplicate_voice, self.favourite_voice,
            self.delete_voice, self.suit_voice, self.restore_voice, self.empty_bin,
            self.export_voices, self.import_voices,
        )  # fmt: skip
        return [self.voices, self.cast_voices, self.voice, *map(self._unless_shared, changing)]

    def voices(self, asked: Json) -> Json:
        """The library. asked: {text, tag, favourites}."""
        found = self.library.search(
            str(asked.get("text") or "")[:200], str(asked.get("tag") or ""), asked.get("favourites") is True
        )
        binned = [] if self.is_shared else self.library.bin()
        shown = self._seen(found)
        return {
            "voices": [self._row(voice) for voice in shown[:MOST_SHOWN]],
            "more": max(0, len(shown) - MOST_SHOWN),
            "tags": sorted(
                {tag for voice in self._seen(self.library.search()) for tag in voice.tags}, key=str.casefold
            ),
            "bin": [portrait.binned(voice) for voice in binned],
            "may_change": not self.is_shared,
        }

    def cast_voices(self, asked: Json) -> Json:
        """The voices that a speaker can be given, and what became of those that are not there. asked: {ids}."""
        there = self._seen(self.library.search())
        known = {voice.id for voice in there}
        ids = [str(one) for one in asked.get("ids") or ()][:100]
        return {
            "voices": [
                {"id": v.id, "name": v.name, "kind": "sample" if v.is_sample else "own", "about": portrait.length(v)}
                for v in there
            ],
            "missing": {one: self._missing(one) for one in ids if one.startswith(RECORDED) and one not in known},
        }

    def _missing(self, voice_id: str) -> Json:
        """Why a voice is not there. can_restore: whether it lies in the bin."""
        binned = {} if self.is_shared else {voice.id: voice for voice in self.library.bin()}
        if voice_id in binned:
            voice = binned[voice_id]
            return {
                "name": voice.name,
                "message": f"{voice.name} was deleted; it is in the bin.",
                "can_restore": True,
            }
        if self.is_shared:
            return {"name": voice_id, "message": f"There is no voice {voice_id} here.", "can_restore": False}
        try:
            self.library.find(voice_id)
        except UnknownVoice as error:
            return {"name": voice_id, "message": error.message, "can_restore": False}
        return {"name": voice_id, "message": "It has just come.", "can_restore": False}

    def voice(self, asked: Json) -> Json:
        """A voice to be looked at or changed. asked: {id}. Raises UnknownVoice."""
        return {"voice": self._full(self._get(asked["id"]))}

    def save_voice(self, asked: Json) -> Json:
        """Keep a new or a changed voice. asked: {id or "", revision, name, consent, tags, language, notes, recordings}.

        Raises FieldError, which names what is missing, StaleVoice when it was changed elsewhere in the meantime.
        """
        values: dict[str, Any] = {
            "name": checked("name", lambda: named(str(asked.get("name") or ""))),
            "consent": consent_of(asked.get("consent")),
            "tags": checked("tags", lambda: tagged(tuple(str(tag) for tag in asked.get("tags") or ()))),
            "language": str(asked.get("language") or "en").strip(),
            "notes": str(asked.get("notes") or ""),
        }
        recordings = list(asked.get("recordings") or ())
        if not recordings:
            raise FieldError("recordings", "A voice wants a recording.", "Bring one, or record one here.")
        voice_id = str(asked.get("id") or "")
        if not voice_id:
            brought = [self.recording(one, at) for at, one in enumerate(recordings)]
            return {"voice": self._full(self.library.add(recordings=brought, **values))}
        voice = replace(self.library.get(voice_id), revision=int(asked["revision"]))
        kept = [self._corrected(voice, one, at) for at, one in enumerate(recordings) if _is_kept(one)]
        brought = [self.recording(one, at) for at, one in enumerate(recordings) if not _is_kept(one)]
        return {"voice": self._full(self.library.revise(voice, kept, brought, **values))}

    def recording(self, asked: Json, at: int = 0) -> Recording:
        """A recording as the page has prepared it. asked: {source, steps, text}. Raises FieldError, AudioError."""
        if _is_kept(asked):
            voice = self._get(asked["source"]["voice"])
            reference = self._corrected(voice, asked, at)
            return Recording(self.library.sound(reference), reference.transcript, reference.words)
        text = _transcript(asked, at)
        source: Source = self._recordings.source(asked["source"])
        prepared = self._recordings.prepared(asked)
        return Recording(
            prepared.audio,
            text,
            self._recordings.timed(prepared.audio, text),
            self._recordings.examined(asked).values()["measures"],
            edits_of(source, prepared),
            source.path,
            source.name,
        )

    def _corrected(self, voice: LibraryVoice, asked: Json, at: int) -> Reference:
        """A recording that is kept, with the words that the page has for it."""
        sound = str(asked["source"]["sound"])
        reference = next((one for one in voice.references if one.sound == sound), None)
        if reference is None:
            raise FieldError("recordings", "One of the recordings is not this voice’s.", "Load the voice again.", at)
        text = _transcript(asked, at)
        if text == reference.transcript:
            return reference
        audio = self.library.sound(reference)
        return replace(reference, transcript=text, words=self._recordings.timed(audio, text, reference.words))

    def rename_voice(self, asked: Json) -> Json:
        """asked: {id, name}."""
        name = checked("name", lambda: named(str(asked.get("name") or "")))
        return {"voice": self._row(self.library.rename(str(asked["id"]), name))}

    def suit_voice(self, asked: Json) -> Json:
        """Keep the settings that suit a voice in an engine; none forgets them. asked: {id, engine, settings}."""
        try:
            settings = {str(name): float(value) for name, value in dict(asked.get("settings") or {}).items()}
        except (TypeError, ValueError) as error:
            raise RequestError("The page sent no settings.", "Reload the page.") from error
        return {"voice": self._row(self.studio.suit(str(asked["id"]), str(asked["engine"]), settings))}

    def duplicate_voice(self, asked: Json) -> Json:
        """A copy that can be changed, of a sample too. asked: {id}."""
        return {"voice": self._row(self.library.duplicate(str(asked["id"])))}

    def favourite_voice(self, asked: Json) -> Json:
        """asked: {id, favourite}."""
        return {"voice": self._row(self.library.favourite(str(asked["id"]), asked["favourite"] is True))}

    def delete_voice(self, asked: Json) -> Json:
        """Put a voice into the bin. asked: {id}."""
        return {"voice": self._row(self.library.delete(str(asked["id"])))}

    def restore_voice(self, asked: Json) -> Json:
        """asked: {id}."""
        return {"voice": self._row(self.library.restore(str(asked["id"])))}

    def empty_bin(self, asked: Json) -> Json:
        """Remove for good what lies in the bin; asked: {sure: true}."""
        if asked.get("sure") is not True:
            raise RequestError("Nobody has said to be sure.", "Confirm that the bin is to be emptied.")
        return {"removed": self.library.empty_bin()}

    def export_voices(self, asked: Json) -> Json:
        """Voices as one zip to be taken away. asked: {ids: of some, or null for all}."""
        ids = None if asked.get("ids") is None else [str(one) for one in asked["ids"]]
        name = "voices.zip"
        if ids and len(ids) == 1:
            words = "".join(letter if letter.isalnum() else " " for letter in self.library.get(ids[0]).name).split()
            name = f"{'-'.join(words)[:50] or 'voice'}.zip"
        return {"url": self._listening.parcel(name, lambda path: self.library.export(path, ids)), "name": name}

    def import_voices(self, asked: Json) -> Json:
        """Keep the voices of a zip that was brought. asked: {source: {path, name}}. Gives what became of each."""
        return _arrival(self.library.import_(self._recordings.upload(asked["source"])))

    def allow(self, words: Mapping[str, str], own: set[str]) -> None:
        """On a shared machine: refuse every recorded voice that is no sample. own: the engine's presets.

        Raises UnknownVoice, in words that give away no other voice.
        """
        for word in words.values() if self.is_shared else ():
            if word in own or not (word.startswith(RECORDED) or self.library.has(word)):
                continue
            folded = word.casefold()
            if not any(folded in (one.id, one.name.casefold()) for one in self._seen(self.library.search())):
                raise UnknownVoice(f"There is no voice {word!r} for visitors.", "Choose another voice.")

    def _tags(self) -> list[str]:
        """Every tag that a visitor may see."""
        tags = {tag for voice in self._seen(self.library.search()) for tag in voice.tags}
        return sorted(tags, key=str.casefold)

    def _get(self, voice_id: Any) -> LibraryVoice:
        voice = self.library.get(str(voice_id))
        if not self._seen([voice]):
            raise UnknownVoice(f"There is no voice {voice_id} for visitors.", "Choose another voice.")
        return voice

    def _seen(self, voices: list[LibraryVoice]) -> list[LibraryVoice]:
        """Those that a visitor may see."""
        return [voice for voice in voices if voice.is_sample] if self.is_shared else voices

    def _row(self, voice: LibraryVoice) -> Json:
        return portrait.row(voice, self.library.path(voice.references[0]))

    def _full(self, voice: LibraryVoice) -> Json:
        rows = [
            portrait.reference(one, self.library.path(one), self.library.original(one) is not None)
            for one in voice.references
        ]
        return {**self._row(voice), "notes": voice.notes, "recordings": rows}

    def _unless_shared(self, function: Answer) -> Answer:
        @wraps(function)
        def allowed(asked: Any) -> Json:
            if self.is_shared:
                raise RequestError(
                    "Only who runs this studio may change its library.", "There: python -m studio voices"
                )
            return function(asked)

        return allowed


def consent_of(told: Any) -> Consent:
    """By which right a voice is used, as the page says it. Raises FieldError, which names the field that is empty."""
    values = {str(name): str(value) for name, value in dict(told or {}).items() if value}
    kind = values.get("kind", "")
    needed = {"person": ("who", "when"), "licensed": ("source",)}.get(kind, ())
    field = next((name for name in needed if not values.get(name, "").strip()), "consent")
    return checked(field, lambda: Consent(**{"kind": "", **values}))


def _is_kept(asked: Json) -> bool:
    """Whether a recording is the library's, cut as it was."""
    return "voice" in asked["source"] and asked.get("changed") is not True


def _transcript(asked: Json, at: int) -> str:
    text = " ".join(str(asked.get("text") or "").split())
    if not text:
        raise FieldError("text", "A recording wants its words.", "Type what is said in it.", at)
    return text


def _arrival(arrival: Arrival) -> Json:
    def names(voices: Any) -> list[str]:
        return [voice.name for voice in voices]

    return {
        "added": names(arrival.added),
        "restored": names(arrival.restored),
        "same": names(arrival.same),
        "renumbered": names(arrival.renumbered.values()),
    }
