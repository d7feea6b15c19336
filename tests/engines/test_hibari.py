"""The built-in engine as it ships: what it says is heard by another model, and its pitch is measured."""

from __future__ import annotations

import itertools
import time

import numpy as np
import psutil
import pytest

from studio.audio import concatenate
from studio.engines import hibari as engine_module
from studio.engines.base import Engine
from studio.errors import SynthesisError, UnknownVoice
from studio.request import SpeechRequest
from studio.script import Script, Turn
from tests.engines.conftest import Speak, request_of
from tests.speech import heard, median_pitch, word_errors

TEXT = "The morning train was late again, so she walked along the river. Nobody knew where the old boat had gone."


@pytest.mark.parametrize(("voice", "pitch_hz"), [("heart", 198), ("low", 109), ("otto", 93), ("pip", 269)])
def test_voices_are_understood_at_their_pitch(speak: Speak, voice: str, pitch_hz: float) -> None:
    sound = speak(TEXT, voice)
    assert word_errors(TEXT, heard(sound)) <= 0.05
    assert median_pitch(sound) == pytest.approx(pitch_hz, rel=0.06)


def test_presets_are_far_apart_in_pitch_or_formants() -> None:
    for one, other in itertools.combinations(engine_module.TIMBRES.values(), 2):
        semitones = 12 * abs(np.log2(one.pitch / other.pitch))
        assert semitones >= 2.3, (one, other)


def test_sample_scripts_are_understood(hibari: Engine, samples: dict[str, Script]) -> None:
    assert samples
    said, transcript = [], []
    for script in samples.values():
        voices = dict(zip(script.speakers, engine_module.SPEC.voices, strict=False))
        request = SpeechRequest(script, voices, engine_module.SPEC.sampling({}))
        said += [turn.text for turn in script.turns]
        transcript.append(heard(concatenate(hibari.synthesize(request))))
    assert word_errors(" ".join(said), " ".join(transcript)) <= 0.05


def test_numbers_dates_and_money_are_heard(speak: Speak) -> None:
    text = "On May 5th, 2026, at 3:30 p.m., Dr. Ramirez paid $4.50 for No. 5, i.e. 1/2 of the cake."
    transcript = heard(speak(text)).lower()
    for word in ("may 5", "2026", "3", "30", "ramirez", "$4.50", "number", "that is", "half"):
        assert word in transcript, transcript


def test_the_same_request_gives_the_same_samples_whatever_was_spoken_before(speak: Speak) -> None:
    first = speak(TEXT, "low", seed=3)
    speak("Something else in between.", "pip", seed=4)
    assert speak(TEXT, "low", seed=3).digest == first.digest
    assert speak(TEXT, "low", seed=4).digest != first.digest


def test_seed_moves_the_pace_as_far_as_variation_lets_it(speak: Speak) -> None:
    lengths = {
        variation: [speak(TEXT, seed=seed, variation=variation).seconds for seed in range(4)] for variation in (0, 1)
    }
    assert np.ptp(lengths[0]) < 0.05
    assert np.ptp(lengths[1]) > 0.1


def test_speed_changes_length_and_keeps_pitch(speak: Speak) -> None:
    slow, fast = speak(TEXT, speed=0.7, variation=0), speak(TEXT, speed=1.5, variation=0)
    assert slow.seconds / fast.seconds == pytest.approx(1.5 / 0.7, rel=0.02)
    assert word_errors(TEXT, heard(fast)) <= 0.05
    assert median_pitch(slow) == pytest.approx(median_pitch(fast), rel=0.06)


def test_melody_stretches_the_pitch_curve(speak: Speak) -> None:
    def spread(melody: float) -> float:
        pieces = [speak(word, melody=melody, variation=0) for word in ("Really?", "No!", "Oh, the old one.", "Why me?")]
        return float(np.ptp([median_pitch(piece) for piece in pieces]))

    assert spread(1.6) > 1.5 * spread(0.4)


@pytest.mark.parametrize("text", ["你好，世界", "مرحبا بالعالم", "Hello 世界 again", "Привет"])
def test_what_it_cannot_read_is_an_error_that_names_the_words(speak: Speak, text: str) -> None:
    with pytest.raises(SynthesisError, match="世界|مرحبا|Привет"):
        speak(text)


@pytest.mark.parametrize("text", ["…", "😀", "— !"])
def test_nothing_to_say_is_an_error(speak: Speak, text: str) -> None:
    with pytest.raises(SynthesisError, match="no word"):
        speak(text)


@pytest.mark.parametrize("text", ["9" * 300, "x" * 400, "a\u0301" * 50, "Hm.", "OK", "!?Yes", "http://", "100%" * 40])
def test_odd_text_makes_sound(speak: Speak, text: str) -> None:
    assert 0.05 < speak(text).peak < 1.0


def test_a_turn_of_5000_characters_streams_early_and_in_little_memory(hibari: Engine) -> None:
    text = ("and then we went on and on without an end in sight " * 100)[:5000]
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    pieces = hibari.synthesize(request_of("hibari", text, "low"))
    seconds = next(pieces).seconds
    first = time.perf_counter() - started
    seconds += sum(piece.seconds for piece in pieces)
    assert seconds > 200
    assert first < 3.0
    assert psutil.Process().memory_info().rss - before < engine_module.SPEC.memory_gb * 1e9


def test_it_works_a_hundred_times_faster_than_it_sounds(hibari: Engine) -> None:
    request = request_of("hibari", TEXT * 4, "low")
    started = time.process_time()
    sound = concatenate(hibari.synthesize(request))
    assert (time.process_time() - started) / sound.seconds < 0.03


def test_closing_the_iterator_ends_the_work(hibari: Engine) -> None:
    pieces = hibari.synthesize(request_of("hibari", TEXT * 20, "heart"))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert next(pieces, None) is None


def test_joins_do_not_click(speak: Speak) -> None:
    samples = speak("One. Two. Three. Four. Five.", variation=0).samples
    silent = np.flatnonzero((samples[1:] == 0) != (samples[:-1] == 0))
    assert np.abs(samples[silent]).max() < 0.002
    assert np.abs(samples[silent + 1]).max() < 0.002
    assert abs(samples[0]) < 0.002 > abs(samples[-1])


def test_turns_of_one_passage_keep_their_exact_pause(speak: Speak) -> None:
    alone = [speak("One moment, please.", "heart"), speak("One moment, please.", "low")]
    both = speak(Script((Turn("heart", "One moment, please.", 1.25), Turn("low", "One moment, please."))), variation=0)
    quiet = np.flatnonzero(np.abs(both.samples) > 1e-3)
    assert np.diff(quiet).max() / both.sample_rate == pytest.approx(1.25, abs=0.08)
    assert both.seconds == pytest.approx(sum(sound.seconds for sound in alone) + 1.25, abs=0.3)


def test_derived_voices_change_the_pitch(speak: Speak) -> None:
    assert median_pitch(speak(TEXT, "heart@1.2")) == pytest.approx(1.2 * 198, rel=0.06)


@pytest.mark.parametrize(
    ("voice", "remedy"),
    [
        ("hart", "heart"),
        ("heart@9", "Pitch may be"),
        ("heart@", "heart"),
        ("low@0.5", "Pitch may be"),
        ("heart@1x2", "formants"),
        ("", "There is"),
        ("heart@nan", "heart"),
    ],
)
def test_an_unknown_voice_is_named_with_a_way_out(voice: str, remedy: str) -> None:
    with pytest.raises(UnknownVoice) as caught:
        engine_module.voice(voice)
    assert remedy in caught.value.remedy


def test_sixty_speakers_get_different_voices() -> None:
    voices = [*engine_module.SPEC.voices, *engine_module.derived_voices()]
    assert len(voices) >= 60
    assert len({engine_module.timbre_of(voice.id) for voice in voices}) == len(voices)
    assert all(
        engine_module.voice(voice.id) == voice or engine_module.voice(voice.id).id == voice.id for voice in voices
    )
