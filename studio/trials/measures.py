"""What is measured on a rendering beside its length and loudness: words, sound, likeness. Missing says why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from studio import soundfiles
from studio.audio import Audio
from studio.errors import StudioError
from studio.hearing import Recogniser
from studio.metrics import Missing, distillmos, mos, speakers, words
from studio.script import Script
from studio.trials.renderings import Rendering, Shelf
from studio.voice import Voice

MOST_SECONDS = 600.0  # a longer sound keeps everybody waiting
NAMES = ("words", "mos", "distillmos", "likeness")


def is_done(rendering: Rendering) -> bool:
    """Whether it was measured already."""
    return NAMES[0] in rendering.measures


def measure(shelf: Shelf, script: Script, rendering: Rendering, hearer: Recogniser, voices: Mapping[str, Voice]) -> Any:
    """name -> what was measured, or {"missing": why}.

    words: {"wer", "model", "pairs": [[said, heard], ...]}. mos: DNSMOS overall, 1 to 5; distillmos: that of another
    network. likeness: speaker -> cosine to the recording that the voice follows.
    """
    if rendering.seconds > MOST_SECONDS:
        missing = {"missing": f"it is longer than {MOST_SECONDS:g} s"}
        return dict.fromkeys(NAMES, missing)
    audio = soundfiles.read(shelf.sounds / rendering.sound)
    rating, other = mos.dnsmos(audio), distillmos.distillmos(audio)
    return {
        "words": _words(audio, script, hearer),
        "mos": _missing(rating) if isinstance(rating, Missing) else {"value": round(rating.overall, 2)},
        "distillmos": _missing(other) if isinstance(other, Missing) else {"value": round(other, 2)},
        "likeness": _likeness(audio, script, rendering, voices),
    }


def _missing(found: Missing) -> dict[str, str]:
    return {"missing": f"{found.reason}. {found.remedy}".strip()}


def _words(audio: Audio, script: Script, hearer: Recogniser) -> dict[str, Any]:
    if hearer.obstacle:
        return {"missing": hearer.obstacle}
    try:
        heard = hearer.hear(audio)
    except StudioError as error:
        return {"missing": str(error)}
    said = " ".join(turn.text for turn in script.turns)
    pairs = words.aligned(words.normal(said), words.normal(heard.text))
    return {"wer": round(words.wer(said, heard.text), 4), "model": heard.model, "pairs": [list(pair) for pair in pairs]}


def _likeness(audio: Audio, script: Script, rendering: Rendering, voices: Mapping[str, Voice]) -> dict[str, Any]:
    followed = {speaker: voice.audio for speaker, voice in voices.items() if voice.audio is not None}
    if not followed:
        return {"missing": "no voice follows a recording"}
    told: dict[str, Any] = {}
    for speaker, recording in followed.items():
        found = speakers.similarity(_turns_of(audio, script, rendering, speaker), recording)
        told[speaker] = _missing(found) if isinstance(found, Missing) else {"value": round(found, 3)}
    return {"speakers": told}


def _turns_of(audio: Audio, script: Script, rendering: Rendering, speaker: str) -> Audio:
    """Only what this speaker says."""
    rate = audio.sample_rate
    pieces = [
        audio.samples[round(start * rate) : round(end * rate)]
        for turn, start, end in rendering.timings
        if script.turns[turn].speaker == speaker
    ]
    return Audio(np.concatenate([np.zeros(0, np.float32), *pieces]), rate)
