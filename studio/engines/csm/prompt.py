"""What CSM is shown before it speaks: who is who, words as ids, and which of the past fits. Knows lengths, no weights.

A prompt is a row of segments "[0]words" with the sound that says them; the last has no sound, that is the model's to
make. All of it and what is spoken share 2048 positions: one for each id and for each frame of sound.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

import torch
from tokenizers import Tokenizer

from studio.engines.mimi import FRAMES_PER_SECOND
from studio.errors import EngineUnavailable
from studio.voice import Voice

BEGIN, END = "<|begin_of_text|>", "<|end_of_text|>"
PRESET = "random-"
CHARACTERS_PER_SECOND = 15.0
DIGIT_CHARACTERS = 5  # read aloud, a digit takes as long as so many letters
# slow speech takes half as long again, and some breath before and after; beyond that it no longer says these words
CAP_FACTOR, CAP_SECONDS = 2.0, 3.0


@dataclass(frozen=True, eq=False)
class Segment:
    """What one speaker says. ids: of the words. codes: (books, frames) int64 of the sound; None where it is to come."""

    speaker: int
    ids: tuple[int, ...]
    codes: torch.Tensor | None = None

    def __len__(self) -> int:
        """Positions: one for each id, for each frame, and for the frame that ends the sound."""
        return len(self.ids) + (0 if self.codes is None else self.codes.shape[1] + 1)

    @cached_property
    def key(self) -> tuple[tuple[int, ...], bytes]:
        """Equal for segments that are the same to the model."""
        return self.ids, b"" if self.codes is None else self.codes.numpy().tobytes()


class Words:
    """Words to ids, by the checkpoint's own tokenizer.json."""

    def __init__(self, tokenizer: Tokenizer, begin: int, end: int) -> None:
        self._tokenizer = tokenizer
        self._begin, self._end = begin, end
        tokenizer.encode_special_tokens = True  # "<|end_of_text|>" in a script is text like any other

    @staticmethod
    def load(folder: Path, remedy: str) -> Words:
        """Raises EngineUnavailable when the file is missing, damaged or another model's."""
        try:
            text = (folder / "tokenizer.json").read_text(encoding="utf-8")
            specials = {token["content"]: int(token["id"]) for token in json.loads(text)["added_tokens"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineUnavailable(f"tokenizer.json of CSM cannot be read: {error}.", remedy) from error
        if not {BEGIN, END} <= specials.keys():
            raise EngineUnavailable("tokenizer.json is not that of CSM.", remedy)
        return Words(Tokenizer.from_str(text), specials[BEGIN], specials[END])

    @property
    def count(self) -> int:
        """How many rows a table of words must have for all ids."""
        return 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values())

    def ids(self, speaker: int, text: str) -> tuple[int, ...]:
        """The ids of one segment's words."""
        spoken = self._tokenizer.encode(f"[{speaker}]{text}", add_special_tokens=False)
        return self._begin, *spoken.ids, self._end


def numbers(voices: Mapping[str, Voice]) -> dict[str, int]:
    """The number by which the model knows each speaker.

    A preset is such a number. References get those that are left, in order; who shares a voice shares its number.
    """
    known = {voice.id: preset_number(voice.id) for voice in voices.values() if voice.audio is None}
    free = (number for number in count() if number not in known.values())
    given: dict[str, int] = {}
    for voice in voices.values():
        if voice.audio is not None and voice.digest not in given:
            given[voice.digest] = next(free)
    return {
        speaker: known[voice.id] if voice.audio is None else given[voice.digest] for speaker, voice in voices.items()
    }


def preset_number(voice_id: str) -> int:
    """0 for "random-1"."""
    return int(voice_id.removeprefix(PRESET)) - 1


def frame_cap(text: str) -> int:
    """The most frames that these words can take; whoever speaks on has lost the thread."""
    characters = len(text) + (DIGIT_CHARACTERS - 1) * sum(map(str.isdigit, text))
    seconds = CAP_SECONDS + CAP_FACTOR * characters / CHARACTERS_PER_SECOND
    return math.ceil(seconds * FRAMES_PER_SECOND)


def fitted(speaker: int, prompts: Sequence[Segment], past: Sequence[Segment], room: int) -> list[Segment]:
    """Of the voices' prompts and of what was spoken, oldest first, what fits into so many positions, in that order.

    The speaker's own prompt comes before everything, or without one the first thing that this speaker has said, which
    holds the voice in its place; then the others' prompts; then what was spoken last. The speaker's prompt is taken
    even when there is no room: who calls must have seen to that.
    """
    own = [segment for segment in prompts if segment.speaker == speaker]
    held = own or [segment for segment in past if segment.speaker == speaker][:1]
    wanted = [*held, *(segment for segment in prompts if segment.speaker != speaker)]
    kept: list[Segment] = []
    for segment in wanted:
        if len(segment) <= room or segment in own:
            kept.append(segment)
            room -= len(segment)
    for segment in reversed([segment for segment in past if segment not in kept]):
        if len(segment) > room:
            break  # without what came between, what is older would not lead here
        kept.append(segment)
        room -= len(segment)
    return [segment for segment in (*prompts, *past) if segment in kept]
