"""The mark: put in without a trace for the ear, found after what happens to files, and never where it is not."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from studio import watermark
from studio.audio import Audio, concatenate, silence
from studio.errors import EngineUnavailable
from studio.script import Script
from studio.settings import Settings
from studio.studio import Studio
from studio.watermark import Detection, detect, mark, marker

RATE = 24000
VOICES = ("heart", "low")

if importlib.util.find_spec("perth") is None:
    pytest.skip("needs the package resemble-perth", allow_module_level=True)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Audio]:
    """Real speech of two voices."""
    studio = Studio(Settings(data=tmp_path_factory.mktemp("data"), device="cpu", watermark=False))
    script = "[S1] Who tamed the wind, and can a bird be wrong? [S2] It can, but it will not say so before noon."
    try:
        voices = dict(zip(("S1", "S2"), VOICES, strict=True))
        request = studio.request(Script.parse(script), "hibari", voices, {}, 0)
        list(studio.speak("hibari", request))
        return [take.audio() for take in studio.takes_of(studio.recent()[0])]
    finally:
        studio.close()


def mp3(audio: Audio) -> Audio:
    """Through MP3 at a constant 128 kbit/s."""
    held = io.BytesIO()
    soundfile.write(
        held, audio.samples, audio.sample_rate, format="MP3", bitrate_mode="CONSTANT", compression_level=0.2
    )
    samples, rate = soundfile.read(io.BytesIO(held.getvalue()), dtype="float32")
    return Audio(samples, rate)


def sixteen_bits(audio: Audio) -> Audio:
    return Audio(audio.pcm16().astype(np.float32) / 32767, audio.sample_rate)


def cut(audio: Audio, seconds: float = 2.0) -> Audio:
    start = audio.sample_rate // 2
    return Audio(audio.samples[start : start + round(seconds * audio.sample_rate)], audio.sample_rate)


CHANGES = {
    "nothing": lambda audio: audio,
    "16 bits": sixteen_bits,
    "16 kHz": lambda audio: audio.resampled(16000),
    "44.1 kHz": lambda audio: audio.resampled(44100),
    "MP3": mp3,
    "2 s": cut,
    "2 s of 16 kHz MP3": lambda audio: cut(mp3(sixteen_bits(audio).resampled(16000))),
    "quieter": lambda audio: audio.scaled(0.2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_mark_is_found_after_what_happens_to_files(clips: list[Audio], change: str) -> None:
    for clip in clips:
        found = detect([CHANGES[change](mark(clip))])
        assert found.found and found.probability > 0.8 and found.share == 1


def test_no_mark_is_found_where_there_is_none(clips: list[Audio]) -> None:
    noise = Audio(np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32), RATE)
    tone = Audio(np.sin(np.arange(2 * RATE) * 2 * np.pi * 300 / RATE).astype(np.float32), RATE)
    for sound in [*clips, *map(mp3, clips), noise, tone]:
        found = detect([sound])
        assert found.probability < 0.3 and not found.found and found.share == 0


def test_marking_changes_little_and_nothing_in_length(clips: list[Audio]) -> None:
    for clip in clips:
        for rate in (8000, 22050, 24000, 44100):
            sound = Audio(clip.resampled(rate).samples[:-7], rate)
            marked = mark(sound)
            assert (len(marked.samples), marked.sample_rate) == (len(sound.samples), rate)
            change = marked.samples - sound.samples
            assert 10 < 10 * np.log10((sound.samples**2).sum() / (change**2).sum()) < 40
        assert np.array_equal(mark(clip).samples, mark(clip).samples)


def test_a_part_of_a_sound_that_is_marked_is_told_as_its_share(clips: list[Audio]) -> None:
    pieces = [clips[0], mark(clips[1]), mark(clips[0]), mark(clips[1])]
    found = detect(pieces)
    marked = sum(piece.seconds for piece in pieces[1:]) / sum(piece.seconds for piece in pieces)
    assert found.found and found.share == pytest.approx(marked, abs=0.1)


def test_pieces_of_a_long_sound_meet_without_a_seam(clips: list[Audio], monkeypatch: pytest.MonkeyPatch) -> None:
    long = concatenate(clips * 4)
    in_pieces = mark(long)
    monkeypatch.setattr(watermark, "PIECE_SECONDS", 60)
    whole = mark(long)
    difference = np.abs(in_pieces.samples - whole.samples)
    assert len(long.samples) > 15 * RATE and difference.max() < 1e-4
    border = 10 * RATE  # where two pieces meet
    assert detect([Audio(in_pieces.samples[border - RATE : border + RATE], RATE)]).found


@pytest.mark.parametrize("count", [1, 100, 2400])
def test_the_shortest_sounds_keep_their_length(count: int) -> None:
    sound = Audio(np.random.default_rng(1).normal(0, 0.1, count).astype(np.float32), RATE)
    assert len(mark(sound).samples) == count
    assert detect([mark(sound)]).probability is None and "less than" in detect([sound]).reason


def test_silence_stays_silence() -> None:
    for sound in (silence(2, RATE), silence(0, RATE)):
        assert np.array_equal(mark(sound).samples, sound.samples)
        assert detect([sound]) == Detection(None, reason="there is less than 0.5 s of sound in it")
    assert detect([]).probability is None


def test_the_mark_does_not_ring_into_silence(clips: list[Audio]) -> None:
    sound = concatenate([silence(1, RATE), clips[0], silence(1, RATE)])
    marked = mark(sound)
    assert np.abs(marked.samples[: RATE - RATE // 20]).max() < 1e-6


def test_off_and_missing_are_told_and_leave_the_sound_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = silence(1, RATE)
    assert marker(is_wanted=False).state == "none, switched off" and marker(is_wanted=False).apply(sound) is sound
    assert marker(is_wanted=True) == watermark.Marker(mark, watermark.NAME, "")
    monkeypatch.setattr(watermark, "_weights_file", lambda: None)
    watermark._net.cache_clear()
    watermark._checked.cache_clear()
    missing = marker(is_wanted=True)
    assert missing.state == "none, package missing" and missing.apply(sound) is sound
    assert "resemble-perth" in missing.note and "pip install" in missing.note
    assert watermark.obstacle() and "cannot be marked" in watermark.meaning(is_wanted=True)
    with pytest.raises(EngineUnavailable):
        detect([sound])


def test_weights_that_are_not_the_known_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything in them is looked at: a pickle in them would never be reached."""
    path = tmp_path / "weights"
    path.write_bytes(b"something else")
    monkeypatch.setattr(watermark, "_weights_file", lambda: path)
    watermark._net.cache_clear()
    watermark._checked.cache_clear()
    found = marker(is_wanted=True)
    assert found.state == "none, package damaged" and "damaged" in found.note


def test_neither_torch_nor_the_package_is_imported() -> None:
    code = """
import sys
import numpy as np
from studio.audio import Audio
from studio.watermark import detect, mark
sound = Audio(np.random.default_rng(0).normal(0, 0.1, 24000).astype(np.float32), 24000)
print(detect([mark(sound)]).found)
assert not {"torch", "perth", "torchaudio", "librosa", "pkg_resources"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == "True", done.stderr
