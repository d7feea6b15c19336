"""Loudness, limiter, assembly and files: measured on the sound itself."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest

from studio import disk, loudness, soundfiles
from studio.assembly import UNMARKED, Assembled, Part, assemble, faded, trimmed
from studio.audio import Audio, concatenate, silence
from studio.errors import AudioError, OutputError, RequestError
from studio.takes import Take
from studio.watermark import Marker

RATE = 24000


def speechlike(seconds: float, rate: int = RATE, level: float = 0.1, seed: int = 0) -> Audio:
    """Noise bursts with a speech-like crest factor, beginning and ending loud."""
    random = np.random.default_rng(seed)
    n = round(seconds * rate)
    envelope = 0.3 + np.abs(np.sin(np.arange(n) / rate * 7)) ** 3
    spikes = (random.random(n) < 0.0005) * 6.0
    return Audio((level * (envelope * random.standard_normal(n) * 0.3 + spikes)).clip(-1, 1).astype(np.float32), rate)


def take(folder: Path, audio: Audio, name: str) -> Take:
    path = folder / f"{name}.wav"
    with soundfiles.writing(path, audio.sample_rate, soundfiles.EXACT) as file:
        file.write(audio)
    return Take(name, path, {}, audio.seconds, audio.sample_rate, 0.0, 0.0, "")


def assembled(parts: list[Part], lead_in: float, path: Path, marker: Marker = UNMARKED) -> Assembled:
    """The parts in a file, to the end."""
    shares = assemble(parts, lead_in, path, marker)
    try:
        while True:
            next(shares)
    except StopIteration as end:
        return end.value


@pytest.mark.parametrize("rate", [24000, 44100])
def test_loudness_is_what_the_library_measures_over_the_whole(rate: int) -> None:
    sound = speechlike(5, rate)
    expected = pyloudnorm.Meter(rate).integrated_loudness(sound.samples.astype(np.float64))
    assert loudness.loudness(sound) == pytest.approx(expected, abs=1e-6)


def test_blocks_of_several_sounds_gate_as_one() -> None:
    loud, quiet = speechlike(4, level=0.3), speechlike(4, level=0.003, seed=1)
    together = loudness.integrated(loudness.block_loudness(loud) + loudness.block_loudness(quiet))
    assert together == pytest.approx(loudness.loudness(concatenate([loud, quiet])), abs=0.2)


def test_silence_has_no_loudness_and_a_very_short_sound_has_one() -> None:
    assert loudness.loudness(silence(1, RATE)) is None
    assert loudness.loudness(Audio(np.zeros(0, np.float32), RATE)) is None
    assert loudness.loudness(speechlike(0.05)) is not None


@pytest.mark.parametrize("rate", [24000, 44100])
def test_limiter_keeps_true_peaks_under_the_ceiling_and_leaves_the_rest_alone(rate: int) -> None:
    sound = speechlike(3, rate, level=0.9)
    assert loudness.true_peak_dbtp(sound) > -1
    done = loudness.limited(sound)
    assert loudness.true_peak_dbtp(done) < -1
    calm = speechlike(1, rate, level=0.01)
    assert np.array_equal(loudness.limited(calm).samples, calm.samples)


def test_true_peak_sees_what_lies_between_the_samples() -> None:
    # a quarter-rate sine sampled at 45 degrees: samples at 0.707, the wave at 1.0
    sound = Audio(np.tile(np.float32([1, 1, -1, -1]) * np.float32(0.5**0.5), 6000), 48000)
    middle = Audio(sound.samples[1000:-1000], 48000)
    assert loudness.true_peak_dbtp(middle) == pytest.approx(0.0, abs=0.3)


def test_assembly_is_exact_in_time_level_and_peak(tmp_path: Path) -> None:
    quiet = concatenate([silence(0.3, RATE), speechlike(2, level=0.02, seed=1), silence(0.7, RATE)])
    loud = speechlike(3, 44100, level=0.8, seed=2)
    parts = [
        Part(take(tmp_path, quiet, "a"), ("S1",), 1.5),
        Part(take(tmp_path, loud, "b"), ("S2",), 0.25),
        Part(take(tmp_path, quiet, "c"), ("S1",), 0.0),
    ]
    result = assembled(parts, 0.5, tmp_path / "out.wav")
    sound = soundfiles.read(tmp_path / "out.wav")
    assert sound.sample_rate == 44100
    assert sound.seconds == pytest.approx(result.seconds, abs=1e-4)
    assert pyloudnorm.Meter(44100).integrated_loudness(sound.samples.astype(np.float64)) == pytest.approx(-16, abs=0.3)
    assert loudness.true_peak_dbtp(sound) < -1
    (_, end), (start, until), (again, _) = result.spans
    assert start - end == pytest.approx(1.5, abs=0.005)
    assert again - until == pytest.approx(0.25, abs=0.005)
    loud_at = np.flatnonzero(np.abs(sound.samples) > 10 ** (-50 / 20)) / 44100
    gaps = np.diff(loud_at)
    assert gaps.max() == pytest.approx(1.5, abs=0.02)  # the fades' quiet ends included
    assert loud_at[0] == pytest.approx(0.5, abs=0.01)


def test_each_speaker_is_brought_to_the_same_level(tmp_path: Path) -> None:
    parts = [
        Part(take(tmp_path, speechlike(3, level=0.01, seed=1), "a"), ("S1",), 0.5),
        Part(take(tmp_path, speechlike(3, level=0.3, seed=2), "b"), ("S2",), 0.0),
    ]
    result = assembled(parts, 0.0, tmp_path / "out.wav")
    sound = soundfiles.read(tmp_path / "out.wav")
    levels = [loudness.loudness(Audio(sound.samples[round(a * RATE) : round(b * RATE)], RATE)) for a, b in result.spans]
    assert levels[0] == pytest.approx(levels[1], abs=1.5)


def test_joins_do_not_click() -> None:
    loud = Audio(np.ones(RATE, np.float32), RATE)
    steps = np.abs(np.diff(np.concatenate([[0], faded(loud).samples, [0]])))
    assert steps.max() < 0.02


def test_trimming_cuts_silence_and_no_sound() -> None:
    sound = concatenate([silence(0.2, RATE), speechlike(1), silence(0.2, RATE)])
    assert trimmed(sound).seconds == pytest.approx(1.005, abs=0.01)
    assert trimmed(silence(1, RATE)).seconds == 1


@pytest.mark.parametrize("form", list(soundfiles.FORMATS))
def test_every_format_holds_the_whole_sound(tmp_path: Path, form: str) -> None:
    source, target = tmp_path / "a.wav", tmp_path / f"b.{form}"
    soundfiles.write(source, [speechlike(2)], RATE)
    soundfiles.convert(source, target, form)
    assert soundfiles.read(target).seconds == pytest.approx(2, abs=0.1)


def test_takes_keep_every_sample(tmp_path: Path) -> None:
    sound = speechlike(1)
    assert np.array_equal(take(tmp_path, sound, "a").audio().samples, sound.samples)


def test_unknown_format_and_unreadable_sound_are_errors(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="mp3"):
        soundfiles.check_format("mp4")
    (tmp_path / "a.wav").write_bytes(b"not a sound")
    with pytest.raises(AudioError):
        soundfiles.read(tmp_path / "a.wav")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), soundfiles.writing(path, RATE, soundfiles.EXACT) as file:
        file.write(speechlike(0.1))
        raise ZeroDivisionError
    assert path.read_bytes() == b"before"
    assert [item.name for item in tmp_path.iterdir()] == ["a.wav"]


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from studio import soundfiles
from studio.audio import Audio
from studio.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    noise = np.random.default_rng(0)
    pieces = (Audio(noise.normal(0, 0.2, 24000).astype(np.float32), 24000) for _ in range(20))
    path = Path(sys.argv[1])
    soundfiles.write(path, pieces, 24000, path.suffix[1:])
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("form", ["wav", "m4a"])
def test_a_full_disk_is_an_error_and_nothing_is_half_written(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FULL_DISK, path], capture_output=True, text=True)
    assert "disk" in done.stdout and "full" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["wav", "m4a"])
def test_unwritable_place_is_an_error(tmp_path: Path, form: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        soundfiles.write(tmp_path / "file" / f"a.{form}", [speechlike(0.1)], RATE, form)
    part = Part(take(tmp_path, speechlike(0.5), "a"), ("S1",), 0.0)
    with pytest.raises(OutputError, match="cannot be written"):
        assembled([part], 0.0, tmp_path / "file" / "a.wav")


def test_what_a_living_process_writes_is_not_swept(tmp_path: Path) -> None:
    dead = tmp_path / f".a.wav.{2**22 + 1}-0123abcd.part"  # beyond the largest process id
    dead.write_bytes(b"")
    with soundfiles.writing(tmp_path / "b.wav", RATE, soundfiles.EXACT) as file:
        disk.sweep(tmp_path)
        file.write(speechlike(0.1))
    assert [path.name for path in tmp_path.iterdir()] == ["b.wav"]
