"""What Dia is given to read and to hear before it speaks: tagged text, and the sound that its beginning stands for.

Dia knows two speakers, [S1] and [S2]. A text begins with [S1] and the tags alternate; what leads up to the passage (the
passage before, or reference voices with their words) comes first, and whoever opens it is [S1]. A text of two speakers
closes with the tag of who spoke last but one, which keeps the end clean. All by https://github.com/nari-labs/dia
(README, "Generation Guidelines"). Knows no tensor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from studio.audio import Audio
from studio.engines.text import prepared
from studio.errors import UnknownCast, Unspeakable
from studio.request import SpeechRequest

TAGS = ("[S1]", "[S2]")

_TAG = re.compile(r"\[S\d+\]", re.IGNORECASE)
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "…": "..."})  # each is three bytes to Dia

_Line = tuple[str, str]  # (speaker, words)


@dataclass(frozen=True)
class Lead:
    """Something said before, with its sound: a reference voice, or an earlier passage."""

    lines: tuple[_Line, ...]
    audio: Audio

    @property
    def speakers(self) -> set[str]:
        return {speaker for speaker, _ in self.lines}


@dataclass(frozen=True)
class Prompt:
    """text: all that Dia reads. sounds: what it hears, in order, which is the beginning of the text; may be none."""

    text: str
    sounds: tuple[Audio, ...]

    @property
    def seconds(self) -> float:
        return sum(sound.seconds for sound in self.sounds)

    @property
    def ids(self) -> bytes:
        """The text as the encoder takes it: bytes of UTF-8, a tag is one."""
        text = self.text.encode()
        for number, tag in enumerate(TAGS, start=1):
            text = text.replace(tag.encode(), bytes([number]))
        return text


def prompt_of(request: SpeechRequest, longest: float) -> Prompt:
    """The prompt for a passage. longest: seconds of earlier passages to go on from, so that enough is left for this.

    Raises UnknownCast when the passage has more than two speakers or cannot go on in their voices.
    """
    leads = _leads(request, longest)
    passage = [(turn.speaker, words) for turn in request.script.turns if (words := _words(turn.text))]
    if not passage:
        raise Unspeakable(f"There is nothing Dia could say in {str(request.script)!r}.", "Write some words.")
    lines = [line for lead in leads for line in lead.lines]
    return Prompt(tagged([*lines, *passage]), tuple(lead.audio for lead in leads))


def tagged(lines: Iterable[_Line]) -> str:
    """The lines with tags that alternate from [S1] on; a speaker's neighbouring lines become one."""
    tags: dict[str, str] = {}
    words: list[str] = []
    last = ""
    for speaker, text in lines:
        if speaker not in tags and len(tags) == len(TAGS):
            raise UnknownCast(
                f"Dia speaks with two voices in one passage, not with {', '.join([*tags, speaker])}.",
                "Let each passage have two speakers at most.",
            )
        tag = tags.setdefault(speaker, TAGS[len(tags) % len(TAGS)])
        words += [text] if speaker == last else [tag, text]
        last = speaker
    if len(tags) == len(TAGS):
        words.append(next(tag for speaker, tag in tags.items() if speaker != last))
    return " ".join(words)


def _leads(request: SpeechRequest, longest: float) -> tuple[Lead, ...]:
    """What the passage goes on from, so that its voices stay.

    The references, if all its speakers have one. Else what each of them said first, which is the reference of a voice
    without one, and references of those who have said nothing: what is always the same never drifts. Nothing where
    nobody was heard before.
    """
    cast = request.script.speakers
    references = _references(request)
    if len(references) == len(cast):
        return tuple(references.values())
    earlier = [
        Lead(tuple((turn.speaker, _words(turn.text)) for turn in spoken.script.turns), spoken.audio)
        for spoken in request.context
    ]
    heard = {speaker for lead in earlier for speaker in lead.speakers if speaker in cast}
    usable = [lead for lead in earlier if len(lead.speakers.union(cast)) <= len(TAGS)]
    chosen = _covering(heard, usable, longest)
    missing = [speaker for speaker in cast if not any(speaker in lead.speakers for lead in chosen)]
    lost = [speaker for speaker in missing if speaker in heard and speaker not in references]
    if lost:
        raise UnknownCast(
            f"Dia cannot go on in the voice of {lost[0]}, who was heard beside others or for too long.",
            f"Give {lost[0]} a reference voice; only two speakers can do without.",
        )
    return (*(references[speaker] for speaker in missing if speaker in references), *chosen)


def _references(request: SpeechRequest) -> dict[str, Lead]:
    """The speakers of the passage whose voice is a reference, in order of appearance."""
    found = {}
    for speaker in request.script.speakers:
        voice = request.voices[speaker]
        if voice.audio is not None:
            found[speaker] = Lead(((speaker, _words(voice.transcript)),), voice.audio)
    return found


def _covering(wanted: set[str], leads: Sequence[Lead], longest: float) -> list[Lead]:
    """Of the leads, oldest first, the first of each speaker that is wanted; where these are too long together, the
    first with all of them.
    """
    chosen: list[Lead] = []
    missing, room = wanted, longest
    for lead in leads:
        if missing & lead.speakers and lead.audio.seconds <= room:
            chosen.append(lead)
            missing = missing - lead.speakers
            room -= lead.audio.seconds
    together = [lead for lead in leads if wanted <= lead.speakers and lead.audio.seconds <= longest]
    return together[:1] if missing and together else chosen


def _words(text: str) -> str:
    """The text in plain letters, on one line, without tags of its own."""
    return " ".join(prepared(_TAG.sub(" ", text)).translate(_PLAIN).split())
