"""How well each built-in voice is understood, and at which pitch. The last line printed is one JSON document.

    python -m bench.voices [voice id ...]

wer: word error rate of whisper-base over ten sentences; pitch_hz: median; loudness_lufs: BS.1770. Needs what
requirements-dev.txt brings.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyloudnorm

from studio.audio import concatenate
from studio.engines import module
from studio.engines.base import Engine, Placement
from studio.request import SpeechRequest
from studio.script import Script, Turn
from tests.speech import heard, median_pitch, word_errors

SENTENCES = (
    "Wait, are you serious? You really sold the piano?",
    "I did. It was far too big for the flat.",
    "The morning train was late again, so she walked.",
    "She bought two coffees, one for herself and one for her brother.",
    "Then the rain began, and everybody laughed.",
    "How many people do you think will come to the party?",
    "Please close the window before you leave the house.",
    "A quiet voice can still carry a very long way.",
    "The children were playing in the garden behind the school.",
    "Nobody knew where the old boat had gone.",
)


def measure(engine: Engine, voice_id: str) -> dict[str, object]:
    """One row: the sentences spoken as one script, heard as a whole."""
    voice = module(engine.spec.id).voice(voice_id)
    script = Script(tuple(Turn("S1", sentence) for sentence in SENTENCES))
    sound = concatenate(engine.synthesize(SpeechRequest(script, {"S1": voice}, engine.spec.sampling({}))))
    return {
        "voice": voice_id,
        "wer": round(word_errors(" ".join(SENTENCES), heard(sound)), 3),
        "pitch_hz": round(median_pitch(sound)),
        "loudness_lufs": round(pyloudnorm.Meter(sound.sample_rate).integrated_loudness(sound.samples), 1),
        "peak": round(sound.peak, 2),
    }


def main(*voice_ids: str) -> None:
    engine = module("hibari").load(Placement("cpu", 1, Path()))
    rows = []
    for voice_id in voice_ids or [voice.id for voice in engine.spec.voices]:
        rows.append(measure(engine, voice_id))
        print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), file=sys.stderr)
    print(json.dumps(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
