"""Files that people bring: every kind a phone makes is read, and everything else is refused with its reason."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from studio.audio import Samples
from studio.errors import AudioError
from studio.uploads import open_sound

RATE = 48000


def tone(seconds: float = 1.0, rate: int = RATE, hertz: float = 440.0, level: float = 0.3) -> Samples:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(samples: Samples, rate: int = RATE, subtype: str = "PCM_16", form: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype=subtype, format=form)
    return file.getvalue()


def encoded(form: str, codec: str, samples: Samples) -> bytes:
    """What a phone or a browser records: one stream of sound in a container."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        convert = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=RATE)
        for piece in convert.resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("form", "codec", "container"),
    [
        ("ipod", "aac", "mov"),  # .m4a
        ("mp4", "aac", "mov"),
        ("mp3", "libmp3lame", "mp3"),
        ("ogg", "libopus", "ogg"),
        ("webm", "libopus", "matroska"),
        ("adts", "aac", "aac"),
        ("flac", "flac", "flac"),
        ("aiff", "pcm_s16be", "aiff"),
        ("wav", "pcm_s24le", "wav"),
    ],
)
def test_what_phones_and_browsers_record_is_read(form: str, codec: str, container: str) -> None:
    upload = open_sound(encoded(form, codec, tone(2.0)), "clip")
    assert (upload.facts.container, upload.facts.sample_rate, upload.facts.channels) == (container, RATE, 1)
    assert upload.audio.seconds == pytest.approx(2.0, abs=0.06)
    assert upload.facts.complete
    middle = upload.audio.samples[RATE // 2 : RATE]
    assert np.sqrt(np.square(middle).mean()) == pytest.approx(0.3 / 2**0.5, rel=0.1)
    assert np.abs(np.fft.rfft(middle)).argmax() * RATE / len(middle) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_every_kind_of_wav_holds_the_same_sound(subtype: str) -> None:
    upload = open_sound(wav(tone(), subtype=subtype))
    assert np.abs(upload.audio.samples - tone()).max() < 0.01
    known = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
    assert upload.facts.bits == known.get(subtype, 0)


def test_a_vorbis_file_and_a_path_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a name, with comma; and ümlaut.weird"
    soundfile.write(path, tone(), RATE, format="OGG", subtype="VORBIS")
    upload = open_sound(path)
    assert (upload.facts.codec, upload.facts.bits) == ("vorbis", 0)
    assert upload.audio.seconds == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("rate", "form"), [(192000, "WAV"), (192000, "FLAC"), (8000, "WAV")])
def test_high_and_low_rates_stay_as_they_are(rate: int, form: str) -> None:
    upload = open_sound(wav(tone(rate=rate), rate, "PCM_24", form))
    assert (upload.audio.sample_rate, upload.facts.bits) == (rate, 24)
    assert upload.audio.seconds == 1.0


def test_float_over_full_scale_is_turned_down_and_said() -> None:
    upload = open_sound(wav(tone(level=3.0), subtype="FLOAT"))
    assert upload.facts.peak == pytest.approx(3.0, abs=0.01)
    assert upload.audio.peak == pytest.approx(1.0, abs=1e-6)
    assert np.abs(upload.audio.samples - tone(level=1.0)).max() < 0.01  # its waves are whole
    assert "over full scale" in upload.facts.notes[0]


def test_channels_become_one_and_it_is_said_how() -> None:
    left, right, nothing = tone(hertz=300), tone(hertz=500), np.zeros(RATE, np.float32)

    def brought(*channels: Samples) -> tuple[Samples, str, float | None]:
        upload = open_sound(wav(np.stack(channels, axis=1)))
        return upload.audio.samples, " ".join(upload.facts.notes), upload.facts.channel_correlation

    same, note, correlation = brought(left, left)
    assert np.abs(same - left).max() < 1e-3 and note == "" and correlation == pytest.approx(1)
    one, note, _ = brought(nothing, left)
    assert np.abs(one - left).max() < 1e-3 and "Only one channel" in note
    opposite, note, correlation = brought(left, -left)
    assert np.abs(opposite - left).max() < 1e-3 and "opposite phase" in note and correlation == pytest.approx(-1)
    # two people, one a side: a mixture of both would be neither
    louder, note, correlation = brought(left / 2, right)
    assert np.abs(louder - right).max() < 1e-3 and "different sounds" in note and "channel 2, was taken" in note
    assert correlation == pytest.approx(0, abs=0.01)
    both = wav(np.stack([left, right], axis=1))
    assert np.abs(open_sound(both, channel=1).audio.samples - right).max() < 1e-3
    with pytest.raises(AudioError, match="has no channel 3. It has 2"):
        open_sound(both, channel=2)
    with pytest.raises(AudioError, match="has no channel 0"):
        open_sound(both, channel=-1)


@pytest.mark.parametrize("form", [("wav", "pcm_s16le"), ("flac", "flac"), ("mp3", "libmp3lame"), ("webm", "libopus")])
def test_a_file_that_was_cut_off_gives_what_is_there_and_says_so(form: tuple[str, str]) -> None:
    whole = encoded(*form, tone(4.0))
    upload = open_sound(whole[: len(whole) // 2])
    assert 0.5 < upload.audio.seconds < 3
    assert not upload.facts.complete
    assert "ends early" in upload.facts.notes[-1]


def test_a_cut_m4a_has_lost_its_index() -> None:
    whole = encoded("ipod", "aac", tone(4.0))
    with pytest.raises(AudioError, match="is damaged"):
        open_sound(whole[: len(whole) // 2])


def header(announced: int, rate: int = RATE) -> bytes:
    """A WAV header that announces so many bytes of 16-bit mono."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    return b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVEfmt " + form + b"data" + struct.pack("<I", announced)


def test_a_header_of_4_gigabytes_over_a_kilobyte_takes_no_memory() -> None:
    tracemalloc.start()
    with pytest.raises(AudioError, match=r"11 ms of sound, where 11:.* are announced: the file is damaged"):
        open_sound(header(0xFFFFFFF0) + bytes(1024), "huge.wav")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20e6


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.wav", bytes(20_000_000))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"MZ" + bytes(2000), "is a program"),
        (b"\x7fELF" + bytes(2000), "is a program"),
        (zipped(), "is a ZIP archive"),
        (b"#EXTM3U\n/etc/passwd\n", "is a playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a sound file of a known kind"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n" * 40, "not a sound file of a known kind"),
        (b"RIFF\0\0\0\0WAVE" + b"junk" * 300, "is damaged"),
        (b"\0\0\0\x20ftypM4A " + b"junk" * 300, "is damaged"),
        (b"OggS" + b"\1" * 3000, "is damaged"),
        (b"fLaC" + b"\1" * 3000, "is damaged"),
        (b"ID3" + b"\1" * 3000, "is damaged"),
        (b"\xff\xfb" + b"\x55" * 3000, "is damaged"),
        (b"\x1aE\xdf\xa3" + b"\1" * 3000, "is damaged"),
        (np.random.default_rng(0).bytes(5000), "not a sound file of a known kind"),
        (header(0), "holds 0 ms of sound"),
        (header(2000, rate=1) + bytes(2000), "1 samples a second"),
        (wav(np.float32([0.1, np.nan] * 4000), subtype="FLOAT"), "are no numbers"),
        (wav(np.zeros((RATE, 9), np.float32)), "9 channels"),
        (wav(tone(0.02)), "holds 20 ms of sound"),
    ],
    ids=range(20),
)
def test_what_is_no_sound_is_refused_with_its_reason(content: bytes, said: str) -> None:
    with pytest.raises(AudioError, match=said) as caught:
        open_sound(content, "tune.wav")
    assert caught.value.message.startswith("tune.wav ")
    assert caught.value.remedy


def test_twenty_minutes_are_refused_before_they_are_decoded() -> None:
    content = wav(np.zeros(8000 * 1201, np.float32), 8000, form="FLAC")
    began = time.perf_counter()
    with pytest.raises(AudioError, match=r"lasts 20:01; at most 10:00 are taken"):
        open_sound(content)
    assert time.perf_counter() - began < 0.3


@pytest.mark.parametrize("form", [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("ogg", "libopus"), ("ipod", "aac")])
def test_what_lasts_too_long_is_refused_in_every_format(form: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.uploads.MOST_SECONDS", 10.0)
    with pytest.raises(AudioError, match=r"lasts 20\.\d s; at most 10\.0 s are taken"):
        open_sound(encoded(*form, np.zeros(RATE * 20, np.float32)))


def test_a_bomb_without_a_length_stops_where_the_limit_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.uploads.MOST_SECONDS", 10.0)
    content = encoded("adts", "aac", np.zeros(RATE * 60, np.float32))  # a stream of frames: no header says how many
    assert len(content) < 60_000
    with pytest.raises(AudioError, match=r"at most 10.0 s are taken"):
        open_sound(content)


def test_files_too_large_for_us_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.truncate(10**12)  # sparse
    with pytest.raises(AudioError, match="1000000 MB; at most 200"):
        open_sound(path)
    for wrong in (tmp_path, tmp_path / "nothing.wav", Path("/dev/zero")):
        with pytest.raises(AudioError, match="is not a file"):
            open_sound(wrong)
