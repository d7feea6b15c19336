"""The mark on real speech of the built-in voices: false finds, finds after changes, cost, loudness, seams, DNSMOS.

    python -m bench.watermark [--save watermark] [--clips 200]

200 unmarked clips of one sentence each (8 voices, different words), the same marked and changed, an hour of sound for
seams and memory, and the sample scripts spoken through the studio with the mark and without. DNSMOS needs speechmos; it
moves by up to 0.1 from clip to clip with any small change, so the mean over the samples is what counts. The last line
printed is one JSON document.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from bench.decode import RESULTS, machine
from studio import loudness, soundfiles, watermark
from studio.audio import Audio, concatenate
from studio.events import Assembling, Finished
from studio.metrics import Missing
from studio.metrics.mos import dnsmos
from studio.request import SpeechRequest
from studio.script import Script
from studio.settings import Settings
from studio.studio import Studio

ROOT = Path(__file__).parents[1]
WHO = ("The baker", "A sparrow", "My neighbour", "The old captain", "Nobody", "Her sister", "The third judge")
DID = ("counted the lamps", "asked for a ladder", "forgot the answer", "painted a door", "sold two umbrellas")
WHEN = ("before the rain", "on a Tuesday", "without a word", "in the harbour", "twice", "and laughed about it")


def clips(studio: Studio, count: int) -> Iterator[Audio]:
    """Different sentences by turns of all voices."""
    voices = [voice.id for voice in studio.spec("hibari").voices]
    with studio.manager.lend("hibari") as engine:
        for at in range(count):
            text = f"{WHO[at % 7]} {DID[at % 5]} {WHEN[at // 3 % 6]}."
            request = request_for(studio, Script.parse(f"[S1] {text}"), {"S1": voices[at % len(voices)]})
            yield concatenate(engine.synthesize(request))


def request_for(studio: Studio, script: Script, voices: dict[str, str]) -> SpeechRequest:
    return studio.request(script, "hibari", voices, {}, 0)


def through(form: str, subtype: str | None = None, **more: Any) -> Callable[[Audio], Audio]:
    def change(audio: Audio) -> Audio:
        held = io.BytesIO()
        soundfile.write(held, audio.samples, audio.sample_rate, format=form, subtype=subtype, **more)
        samples, rate = soundfile.read(io.BytesIO(held.getvalue()), dtype="float32")
        return Audio(samples, rate)

    return change


def cut(audio: Audio) -> Audio:
    start = max(0, len(audio.samples) // 2 - audio.sample_rate)
    return Audio(audio.samples[start : start + 2 * audio.sample_rate], audio.sample_rate)


CHANGES: dict[str, Callable[[Audio], Audio]] = {
    "none": lambda audio: audio,
    "16 bits": through("WAV", "PCM_16"),
    "16 kHz": lambda audio: audio.resampled(16000),
    "MP3 128 kbit/s": through("MP3", bitrate_mode="CONSTANT", compression_level=0.2),
    "Opus": through("OGG", "OPUS"),
    "2 s cut": cut,
    "2 s cut of 16 kHz MP3": lambda audio: cut(through("MP3")(audio.resampled(16000))),
}


def finds(sounds: list[Audio]) -> dict[str, float]:
    found = [watermark.detect([sound]).probability or 0.0 for sound in sounds]
    return {
        "clips": len(found),
        "found": sum(one >= watermark.THRESHOLD for one in found),
        "least": round(min(found), 4),
        "median": round(float(np.median(found)), 4),
        "most": round(max(found), 4),
    }


def long_sound(spoken: list[Audio], seconds: float) -> dict[str, float]:
    """An hour in pieces: work, memory, and how far pieces of 10 s differ from pieces of 25 s at their borders."""
    sound = concatenate(spoken * (1 + int(seconds / sum(one.seconds for one in spoken))))
    sound = Audio(sound.samples[: round(seconds * sound.sample_rate)], sound.sample_rate)
    process = psutil.Process()
    before, began = process.memory_info().rss, time.process_time()
    marked = watermark.mark(sound)
    worked, grown = time.process_time() - began, process.memory_info().rss - before
    first = Audio(sound.samples[: 100 * sound.sample_rate], sound.sample_rate)
    watermark.PIECE_SECONDS = 25
    other = watermark.mark(first).samples
    watermark.PIECE_SECONDS = 10
    inside = slice(0, 90 * sound.sample_rate)
    borders = range(10, int(seconds) - 10, 10)
    rate = sound.sample_rate
    at_borders = [
        watermark.detect([Audio(marked.samples[(at - 1) * rate : (at + 1) * rate], rate)]) for at in borders[:60]
    ]
    return {
        "seconds": seconds,
        "cpu_seconds_per_second": round(worked / seconds, 4),
        "memory_gb_beyond_the_result": round((grown - marked.samples.nbytes) / 1e9, 3),
        "largest_difference_of_piece_lengths": float(np.abs(other[inside] - marked.samples[inside]).max()),
        "least_probability_across_borders": round(min(one.probability or 0.0 for one in at_borders), 4),
    }


def samples(folder: Path) -> list[dict[str, Any]]:
    """The sample scripts, spoken with the mark and without."""
    told: list[dict[str, Any]] = []
    for path in sorted((ROOT / "assets" / "samples").glob("*.txt")):
        both = [spoken(folder / str(is_marked), path, is_marked) for is_marked in (False, True)]
        (plain, plain_starts), (marked, marked_starts) = both
        told.append(
            {
                "script": path.stem,
                "unmarked": plain,
                "marked": marked,
                "dnsmos_change": round(marked["dnsmos"] - plain["dnsmos"], 4),
                "turns_at_the_same_times": plain_starts == marked_starts,
            }
        )
    return told


def spoken(folder: Path, path: Path, is_marked: bool) -> tuple[dict[str, float], list[float]]:
    studio = Studio(Settings(data=folder, device="cpu", watermark=is_marked))
    try:
        began = joined = ended = 0.0
        for event in studio.speak("hibari", request_for(studio, Script.parse(path.read_text("utf-8")), {})):
            if isinstance(event, Assembling) and not joined:
                joined = time.perf_counter()
                began = time.process_time()
            if isinstance(event, Finished):
                run, ended = event.run, time.perf_counter()
        cpu = time.process_time() - began
        assert run.output is not None
        sound = soundfiles.read(run.output)
        rated = dnsmos(sound)
        if isinstance(rated, Missing):
            raise SystemExit(f"DNSMOS is not here: {rated}")
        values = {
            "seconds": round(run.seconds, 2),
            "last_sound_to_finished_seconds": round(ended - joined, 3),
            "cpu_seconds": round(cpu, 3),
            "loudness_lufs": round(loudness.loudness(sound) or 0.0, 2),
            "true_peak_dbtp": round(loudness.true_peak_dbtp(sound), 2),
            "dnsmos": round(rated.overall, 4),
        }
        return values, [timing.start for timing in run.timings]
    finally:
        studio.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--marked", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=3600.0, help="of the long sound")
    parser.add_argument("--save", metavar="NAME")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(Settings(data=Path(folder) / "clips", device="cpu"))
        unmarked = list(clips(studio, options.clips))
        studio.close()
        marked = [watermark.mark(clip) for clip in unmarked[: options.marked]]
        value = {
            "machine": machine(),
            "strengths": watermark.STRENGTHS,
            "threshold": watermark.THRESHOLD,
            "unmarked": finds(unmarked),
            "unmarked_after_mp3": finds([CHANGES["MP3 128 kbit/s"](clip) for clip in unmarked[: options.marked]]),
            "marked": {name: finds([change(clip) for clip in marked]) for name, change in CHANGES.items()},
        }
        print(json.dumps(value), flush=True)
        value["long"] = long_sound(unmarked, options.seconds)
        print(json.dumps(value["long"]), flush=True)
        value["samples"] = samples(Path(folder))
        value["dnsmos_change_mean"] = round(float(np.mean([one["dnsmos_change"] for one in value["samples"]])), 4)
    if options.save:
        (RESULTS / f"{options.save}.json").write_text(json.dumps(value, indent=1) + "\n")
    print(json.dumps(value))


if __name__ == "__main__":
    main()
