"""What is measured on a sound, held against sounds whose measures are known."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from studio import metrics, soundfiles
from studio.audio import Audio, concatenate, silence
from studio.metrics import (
    Missing,
    activity,
    company,
    distillmos,
    level,
    mel,
    mos,
    music,
    noise,
    overlap,
    pitch,
    rate,
    speakers,
)
from tests.engines import recordings
from tests.engines.recordings import RATE, Speak, clip, in_turns


def number(value: float | Missing) -> float:
    assert not isinstance(value, Missing), value
    return value


def test_speech_is_found_where_it_is(speak: Speak) -> None:
    parts = [speak(sentence, "heart") for sentence in recordings.SENTENCES[:3]]
    gap = silence(0.6, RATE)
    found = activity.activity(concatenate([gap, parts[0], gap, parts[1], gap, parts[2], gap]))
    at = 0.6
    for part in parts:
        inside = [span for span in found.spans if at - 0.3 < span.start and span.end < at + part.seconds + 0.3]
        voiced = np.flatnonzero(np.abs(part.samples) > 0.01) / RATE
        assert inside[0].start == pytest.approx(at + voiced[0], abs=0.15)
        assert inside[-1].end == pytest.approx(at + voiced[-1], abs=0.2)
        at += part.seconds + 0.6
    assert len([gap for gap in found.silences if gap.seconds > 0.4]) == 4
    assert 0.6 < found.share < 0.85


@pytest.mark.parametrize("gain", [1.0, 0.03])
def test_silence_and_noise_are_no_speech_however_loud(gain: float) -> None:
    for sound in (silence(3, RATE), recordings.noise(5).scaled(gain), Audio(np.zeros(10, np.float32), RATE)):
        assert activity.activity(sound).spans == ()
    rumble = np.cumsum(np.random.default_rng(1).standard_normal(5 * RATE))
    rumble = (rumble - np.convolve(rumble, np.ones(1200) / 1200, "same")) / np.abs(rumble).max()
    assert activity.activity(Audio((gain * rumble).astype(np.float32), RATE)).share < 0.1


@pytest.mark.parametrize(("voice", "hertz"), [("heart", 198), ("low", 109)])
def test_pitch_is_that_of_the_voice(speak: Speak, voice: str, hertz: float) -> None:
    assert number(pitch.median_hz(clip(speak, 2, voice))) == pytest.approx(hertz, rel=0.08)
    sung = np.sin(2 * np.pi * 150 * np.arange(RATE) / RATE)
    assert number(pitch.median_hz(Audio(sung.astype(np.float32), RATE))) == pytest.approx(150, rel=0.01)
    assert isinstance(pitch.median_hz(recordings.noise(3)), Missing)


@pytest.mark.parametrize("voice", ["heart", "low"])
@pytest.mark.parametrize(("snr_db", "tolerance"), [(30, 2.0), (20, 2.0), (10, 2.0), (0, 2.5)])
def test_noise_under_speech_is_estimated(speak: Speak, voice: str, snr_db: float, tolerance: float) -> None:
    clean = clip(speak, 2, voice)
    power = activity.levels(clean)
    spoken = float(power[activity.activity(clean).frames(len(power))].mean())
    # the noise is white up to 12 kHz, and what is measured ends at 8
    noisy = recordings.with_noise(clean, spoken * 12 / 8, snr_db)
    found = number(noise.snr_db(noisy, activity.activity(clean)))
    assert found == pytest.approx(snr_db, abs=tolerance)
    assert number(noise.noise_dbfs(noisy)) == pytest.approx(10 * np.log10(spoken) - snr_db, abs=1.5)
    own = number(noise.snr_db(noisy, activity.activity(noisy))) if activity.activity(noisy).spans else 0.0
    assert own == pytest.approx(snr_db, abs=tolerance + 1.5)


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
def test_speed_is_counted_in_syllables(speak: Speak, speed: float) -> None:
    """The five sentences have 71 syllables."""
    sounds = [speak(sentence, "low", speed=speed) for sentence in recordings.SENTENCES]
    spoken = [activity.activity(sound) for sound in sounds]
    seconds = sum(found.speech_seconds for found in spoken)
    rates = [number(rate.syllables_per_second(*pair)) for pair in zip(sounds, spoken, strict=True)]
    counted = sum(one * found.speech_seconds for one, found in zip(rates, spoken, strict=True))
    assert counted / seconds == pytest.approx(71 / seconds, rel=0.3)
    assert isinstance(rate.syllables_per_second(silence(3, RATE), activity.activity(silence(3, RATE))), Missing)


def test_clean_speech_has_hardly_any_noise(speak: Speak) -> None:
    sound = clip(speak, 2)
    assert number(noise.snr_db(sound, activity.activity(sound))) > 40
    assert isinstance(noise.snr_db(silence(2, RATE), activity.activity(silence(2, RATE))), Missing)


def test_flat_tops_are_counted_also_when_they_were_turned_down(speak: Speak) -> None:
    clean = clip(speak, 2)
    assert level.clipped_share(clean) < 1e-4
    clipped = Audio(np.clip(clean.scaled(3 / clean.peak).samples, -1, 1), RATE)
    assert level.clipped_share(clipped) > 5e-3
    assert level.clipped_share(clipped.scaled(0.2)) == pytest.approx(level.clipped_share(clipped), rel=0.01)
    assert level.clipped_share(silence(1, RATE)) == 0
    assert level.rms_dbfs(Audio(np.tile(np.float32([0.5, -0.5]), 100), RATE)) == pytest.approx(-6.02, abs=0.01)


def test_a_single_vowel_is_not_too_loud(speak: Speak) -> None:
    """All its peaks are of one height, as those of a long sound are that was clipped."""
    vowel = speak("Aaah")
    steady = vowel.samples[np.abs(vowel.samples).argmax() :][:1200]
    assert level.crowded_share(Audio(np.tile(steady, 6), RATE)) == 0
    assert level.crowded_share(Audio(np.tile(steady, 60), RATE)) > 0.5


@pytest.mark.parametrize("rate", [16000, 24000, 44100])
@pytest.mark.parametrize("hertz", [40, 60, 110, 220, 441, 1000])
def test_the_round_top_of_a_tone_is_not_flat(hertz: int, rate: int) -> None:
    tone = np.sin(2 * np.pi * hertz * np.arange(2 * rate) / rate).astype(np.float32)
    assert level.clipped_share(Audio(tone, rate)) == 0
    for gain in (1.2, 2.0, 10.0):
        share = float((np.abs(gain * tone) >= 1).mean())
        assert level.clipped_share(Audio(np.clip(gain * tone, -1, 1), rate)) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("gain", [1.5, 3.0, 10.0])
def test_the_clipped_share_of_speech_is_right(speak: Speak, gain: float) -> None:
    loud = clip(speak, 2).scaled(gain / clip(speak, 2).peak).samples
    share = float((np.abs(loud) >= 1).mean())
    assert level.clipped_share(Audio(np.clip(loud, -1, 1), RATE)) == pytest.approx(share, rel=0.05)


def test_a_telephone_has_no_top(speak: Speak) -> None:
    sound = clip(speak, 2)
    phone = sound.resampled(7000).resampled(RATE)
    assert number(noise.bandwidth_hz(sound, activity.activity(sound))) > 7000
    assert number(noise.bandwidth_hz(phone, activity.activity(phone))) == pytest.approx(3500, abs=300)


@pytest.mark.parametrize("voice", ["heart", "low", "june", "otto"])
def test_music_stands_still_and_speech_does_not(speak: Speak, voice: str) -> None:
    assert number(music.sustained(clip(speak, 3, voice))) < music.MUSIC - 0.05
    assert number(music.sustained(recordings.tune(6))) > music.MUSIC + 0.05
    assert number(music.sustained(recordings.noise(6))) < 0.1
    assert isinstance(music.sustained(silence(3, RATE)), Missing)


def test_mel_bands_are_librosas() -> None:
    """Values that librosa 0.11 gives for a rising tone: feature.melspectrogram(sr=16000, n_fft=400, hop_length=160)."""
    at = np.arange(16000) / 16000
    sweep = np.sin(2 * np.pi * (100 * at + 1500 * at**2)).astype(np.float32)
    bands = mel.power(sweep, 400, 160, 40)
    assert bands.shape == (101, 40)
    assert [int(band) for band in bands[[10, 50, 90]].argmax(axis=1)] == [4, 19, 26]
    assert bands[[10, 50, 90]].max(axis=1) == pytest.approx([106.1359, 89.3382, 59.2794], rel=1e-4)


with_encoder = pytest.mark.skipif(speakers.obstacle() is not None, reason=str(speakers.obstacle()))


@with_encoder
def test_the_encoder_computes_what_pytorch_computes() -> None:
    torch = pytest.importorskip("torch")
    found = importlib.util.find_spec("resemblyzer")
    assert found and found.origin
    state = torch.load(Path(found.origin).with_name("pretrained.pt"), map_location="cpu", weights_only=True)
    state = state["model_state"]
    lstm = torch.nn.LSTM(40, 256, 3, batch_first=True)
    lstm.load_state_dict({name[5:]: value for name, value in state.items() if name.startswith("lstm.")})
    heard = np.random.default_rng(0).random((3, 160, 40)).astype(np.float32)
    with torch.no_grad():
        _, (hidden, _) = lstm(torch.from_numpy(heard))
        raw = torch.relu(hidden[-1] @ state["linear.weight"].T + state["linear.bias"])
        expected = (raw / raw.norm(dim=1, keepdim=True)).numpy()
    encoder = speakers._encoder()
    assert not isinstance(encoder, Missing)
    assert np.abs(encoder(heard) - expected).max() < 1e-5


@with_encoder
def test_a_voice_is_alike_to_itself_and_not_to_another(speak: Speak) -> None:
    """On the scale of SAME_PERSON, which was measured on people; the built-in voices keep to it."""
    text, other = recordings.SENTENCES[0], recordings.SENTENCES[1]
    sounds = {voice: (speak(text, voice), speak(other, voice)) for voice in ("heart", "otto")}
    for one, two in sounds.values():
        assert number(speakers.similarity(one, two)) > speakers.SAME_PERSON
    apart = number(speakers.similarity(sounds["heart"][0], sounds["otto"][1]))
    assert apart < speakers.SURELY_DIFFERENT
    assert speakers.judged(apart) == "a different person" and speakers.judged(0.9) == "the same person"
    one, two = sounds["heart"]
    assert number(speakers.similarity(one.scaled(0.1), two.resampled(16000))) > speakers.SAME_PERSON


@with_encoder
def test_too_little_speech_has_no_voice(speak: Speak) -> None:
    long = clip(speak, 2)
    for short in (silence(5, RATE), recordings.noise(5), speak("Hello."), Audio(np.zeros(0, np.float32), RATE)):
        found = speakers.similarity(long, short)
        assert isinstance(found, Missing) and "1.6 s are needed" in str(found)


@with_encoder
@pytest.mark.parametrize("seconds", [1.5, 2.0, 5.0])
def test_two_people_are_noticed_however_short_their_turns(speak: Speak, seconds: float) -> None:
    for voice in ("heart", "low", "otto"):
        assert number(company.parts_alike(in_turns(speak, seconds, voice))) > company.ALIKE
    assert number(company.parts_alike(in_turns(speak, seconds, "heart", "otto"))) < company.ALIKE


@pytest.mark.parametrize("seconds", [1.5, 2.0, 5.0])
def test_a_high_and_a_low_voice_are_two_people_without_an_encoder(speak: Speak, seconds: float) -> None:
    for voice in ("heart", "low", "otto"):
        assert number(company.semitones_apart(in_turns(speak, seconds, voice))) < company.SEMITONES_APART
    assert number(company.semitones_apart(in_turns(speak, seconds, "heart", "otto"))) > company.SEMITONES_APART
    for nobody in (silence(5, RATE), recordings.noise(5), speak("Hello."), Audio(np.zeros(0, np.float32), RATE)):
        assert isinstance(company.semitones_apart(nobody), Missing)


def test_two_voices_at_once_are_told_from_one(speak: Speak) -> None:
    for voice in ("heart", "low", "otto", "pip"):
        alone = clip(speak, 3, voice)
        assert number(overlap.percent(alone)) < overlap.AT_ONCE
        assert number(overlap.percent(alone.resampled(8000))) < overlap.AT_ONCE
    for pair in (("otto", "heart"), ("low", "pip")):
        assert number(overlap.percent(recordings.at_once(speak, *pair))) > overlap.AT_ONCE
    for nobody in (silence(5, RATE), recordings.noise(5), Audio(np.zeros(0, np.float32), RATE)):
        assert isinstance(overlap.percent(nobody), Missing)


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for cached in (speakers._encoder, mos._sessions, distillmos._net):
        cached.cache_clear()
    yield
    for cached in (speakers._encoder, mos._sessions, distillmos._net):
        cached.cache_clear()


@pytest.mark.usefixtures("nothing_installed")
def test_without_its_package_a_measure_is_missing_and_never_a_number(speak: Speak) -> None:
    sound = clip(speak, 2)
    for found in (
        speakers.similarity(sound, sound),
        company.parts_alike(sound),
        mos.dnsmos(sound),
        distillmos.distillmos(sound),
    ):
        assert isinstance(found, metrics.Missing)
        assert "is not installed" in str(found) and "METRICS=1" in found.remedy


with_mos = pytest.mark.skipif(mos.obstacle() is not None, reason=str(mos.obstacle()))


@with_mos
def test_mos_falls_with_noise_and_not_with_level(speak: Speak) -> None:
    clean = clip(speak, 2)
    power = float(np.square(clean.samples).mean())
    ratings = [mos.dnsmos(sound) for sound in (clean, *(recordings.with_noise(clean, power, db) for db in (20, 10, 0)))]
    overall = [number(rating if isinstance(rating, Missing) else rating.overall) for rating in ratings]
    assert overall == sorted(overall, reverse=True) and overall[0] - overall[-1] > 1
    assert 3.2 < overall[0] < 3.7  # measured with the package's own code: 3.47 for this voice
    quiet = mos.dnsmos(clean.scaled(0.01))
    assert not isinstance(quiet, Missing) and quiet.overall == pytest.approx(overall[0], abs=0.02)


@with_mos
def test_mos_of_nothing_is_missing() -> None:
    for sound in (Audio(np.zeros(0, np.float32), RATE), silence(3, RATE), recordings.noise(0.3)):
        assert isinstance(mos.dnsmos(sound), Missing)


with_distillmos = pytest.mark.skipif(distillmos.obstacle() is not None, reason=str(distillmos.obstacle()))
# What distillmos 0.9.1 itself says of our samples, run with PyTorch 2.13 on the same 16 kHz.
RATED = {"v-sample-finch": 3.8320, "v-sample-heron": 3.1322, "v-sample-martin": 3.3885, "v-sample-wren": 4.5708}


@with_distillmos
@pytest.mark.parametrize("name", RATED)
def test_distillmos_is_what_the_original_says(name: str) -> None:
    sound = soundfiles.read(Path(__file__).parents[2] / "assets" / "voices" / f"{name}.flac")
    assert number(distillmos.distillmos(sound)) == pytest.approx(RATED[name], abs=2e-3)


@with_distillmos
def test_distillmos_hears_clipping_and_a_missing_top_and_no_level(speak: Speak) -> None:
    clean = speak(recordings.SENTENCES[0], "heart")
    rated = number(distillmos.distillmos(clean))
    clipped = Audio(np.clip(clean.samples, -0.1 * clean.peak, 0.1 * clean.peak), clean.sample_rate)
    dull = clean.resampled(2000).resampled(clean.sample_rate)
    noisy = recordings.with_noise(clean, float(np.square(clean.samples).mean()), 10)
    for worse in (clipped, dull, noisy):
        assert number(distillmos.distillmos(worse)) < rated - 0.5
    assert number(distillmos.distillmos(clean.scaled(0.01))) == pytest.approx(rated, abs=0.01)
    assert isinstance(distillmos.distillmos(silence(1, RATE)), Missing)
