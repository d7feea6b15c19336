"""Makes the sample voices in assets/voices: references by the built-in engine, so they are no one's voice.

    python -m bench.sample_voices [folder]

The same versions of hibari and libsndfile give the same bytes. Each is one FLAC (24 kHz, mono, 16 bits) of 6 to 9 s at
-20 LUFS, and all are described in voices.json in the form in which the library exports voices.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from studio import soundfiles
from studio.audio import Audio, concatenate
from studio.engines import module
from studio.engines.base import Placement
from studio.library.entries import LibraryVoice, Reference
from studio.loudness import gain_to, loudness
from studio.request import SpeechRequest
from studio.script import Script, Turn
from studio.voice import Consent

ENGINE, SEED, LUFS = "hibari", 4, -20.0
MADE = "2026-11-25T00:00:00+00:00"
FOLDER = Path(__file__).parents[1] / "assets" / "voices"

# preset -> name, tags, what it says
VOICES = {
    "heart": (
        "Wren",
        ("woman", "warm"),
        "The kettle was just starting to sing when the letter came. I read it twice, put it down, and laughed out "
        "loud in the empty kitchen.",
    ),
    "low": (
        "Heron",
        ("man", "calm"),
        "We walked down to the harbour before sunrise. Nobody said much, but the water was quiet, and that was enough "
        "for all of us.",
    ),
    "june": (
        "Finch",
        ("young woman", "bright"),
        "Wait until you see what they built behind the old station. There is a garden on the roof, and you can hear "
        "the trains go by.",
    ),
    "theo": (
        "Martin",
        ("young man", "light"),
        "My brother fixed the radio with a spoon and a piece of string. It only plays one channel now, but it plays it "
        "very well.",
    ),
}


def main(folder: str = str(FOLDER)) -> None:
    target = Path(folder)
    records = []
    for preset, (name, tags, words) in VOICES.items():
        voice_id = f"v-sample-{name.lower()}"
        path = target / f"{voice_id}.flac"
        soundfiles.write(path, [said(preset, words)], 24000, "flac")
        audio = soundfiles.read(path)
        reference = Reference(hashlib.sha256(path.read_bytes()).hexdigest(), audio.seconds, audio.sample_rate, words)
        records.append(
            LibraryVoice(
                voice_id,
                name,
                Consent("synthetic"),
                (reference,),
                tags=tags,
                notes=f"A sample that comes with the studio, made by its built-in engine (voice {preset}).",
                source=f"{module(ENGINE).SPEC.title} {module(ENGINE).SPEC.revision}, voice {preset}, seed {SEED}",
                created=MADE,
                changed=MADE,
            ).record
        )
        print(f"{path.name}  {audio.seconds:.2f} s  {path.stat().st_size / 1e3:.0f} kB")
    text = json.dumps(records, ensure_ascii=False, indent=1) + "\n"
    (target / "voices.json").write_text(text, encoding="utf-8")


def said(preset: str, words: str) -> Audio:
    """What a preset of the built-in engine says, at the loudness of the samples."""
    engine_module = module(ENGINE)
    engine = engine_module.load(Placement("cpu", 1, FOLDER))
    request = SpeechRequest(
        Script((Turn("S1", words),)), {"S1": engine_module.voice(preset)}, engine_module.SPEC.sampling({}), SEED
    )
    audio = concatenate(engine.synthesize(request))
    engine.close()
    return audio.scaled(gain_to(LUFS, loudness(audio)))


if __name__ == "__main__":
    main(*sys.argv[1:])
