"""How fast and how large the built-in engine is. The last line printed is one JSON document.

    python -m bench.builtin [engine id] [voice id]

cpu_rtf: CPU seconds of the whole process per second of sound, which other programs do not disturb; first_sound_s: from
the request to the first piece; memory_gb: growth of the process at its peak, model included; loudness_lufs: BS.1770.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import psutil

from studio.audio import concatenate
from studio.engines import module
from studio.engines.base import Placement
from studio.request import SpeechRequest
from studio.script import Script, Turn

SENTENCES = (
    "The morning train was late again, so she walked along the river and counted the boats.",
    "Wait, are you serious? You really sold the piano?",
    "On May 5th, 2026, at 3:30 p.m., Dr. Ramirez paid $4.50 for two cups of coffee.",
    "Nobody knew where the old key had gone, and nobody dared to ask.",
)


def main(engine_id: str = "hibari", voice_id: str = "") -> None:
    import pyloudnorm

    before = psutil.Process().memory_info().rss
    engine_module = module(engine_id)
    spec = engine_module.SPEC
    voice = engine_module.voice(voice_id or spec.voices[0].id)
    started = time.perf_counter()
    engine = engine_module.load(Placement("cpu", 1, Path()))
    load_s = time.perf_counter() - started
    text = " ".join(SENTENCES * 20)[: spec.limits.characters].rpartition(" ")[0]
    request = SpeechRequest(Script((Turn("S1", text),)), {"S1": voice}, spec.sampling({}))
    next(iter(engine.synthesize(request)))  # warm

    started, cpu = time.perf_counter(), time.process_time()
    pieces = engine.synthesize(request)
    first = next(pieces)
    first_sound_s = time.perf_counter() - started
    sound = concatenate([first, *pieces])
    cpu = time.process_time() - cpu
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "engine": engine_id,
                "voice": voice.id,
                "characters": len(text),
                "sound_s": round(sound.seconds, 2),
                "characters_per_second": round(len(text) / sound.seconds, 1),
                "load_s": round(load_s, 2),
                "first_sound_s": round(first_sound_s, 3),
                "cpu_rtf": round(cpu / sound.seconds, 4),
                "memory_gb": round((peak_kb * 1024 - before) / 1e9, 3),
                "loudness_lufs": round(pyloudnorm.Meter(spec.sample_rate).integrated_loudness(sound.samples), 1),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
