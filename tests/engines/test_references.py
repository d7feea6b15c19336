"""Recordings are judged as a person would: what is wrong is said, what is good is cut out, each engine has its say."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import fftconvolve

from studio import cli, doubts, engines, loudness, soundfiles
from studio.audio import Audio, concatenate, silence
from studio.metrics import overlap
from studio.metrics.activity import Span, activity
from studio.references import Examination, Steps, examine, prepare
from studio.ui import measures
from studio.uploads import open_sound
from tests.engines import recordings
from tests.engines.recordings import RATE, SENTENCES, Speak, clip, in_turns

SPECS = [engines.module(engine).SPEC for engine in ("hibari", "dia", "dia2-1b", "csm")]


def judged(audio: Audio) -> Examination:
    return examine(audio, specs=SPECS)


def codes(found: Examination) -> set[str]:
    return {warning.code for warning in found.warnings}


def test_a_good_recording_is_good_for_every_engine_that_clones(speak: Speak) -> None:
    found = judged(clip(speak, 2))
    assert found.warnings == () and found.usable
    assert [verdict.engine for verdict in found.verdicts] == ["dia", "dia2-1b", "csm"]
    assert {verdict.grade for verdict in found.verdicts} <= {"good", "fine"}
    dia = found.verdicts[0]
    assert dia.text == f"good for Dia 1.6B ({dia.seconds:.1f} s)"
    assert 5 < dia.seconds < 10
    assert str(found["pitch"]).endswith(" Hz") and str(found["snr"]).endswith(" dB")


def test_length_is_judged_by_what_each_engine_wants(speak: Speak) -> None:
    def grades(sound: Audio) -> dict[str, str]:
        return {verdict.engine: verdict.text for verdict in judged(sound).verdicts}

    hello = grades(speak("Hello there, my friend."))
    assert "too short" in hello["dia"]
    short = grades(speak(SENTENCES[0]))
    assert short["dia2-1b"] == "Dia2 1B: fine; longer would help"
    long = grades(clip(speak, 8))
    assert "too long" in long["dia"] and "use the suggested trim" in long["dia"]


def spoilt(speak: Speak) -> dict[str, Audio]:
    clean = clip(speak, 2)
    power = float(np.square(clean.samples).mean()) / 0.7
    phone = clean.resampled(7000).resampled(RATE)
    return {
        "short": speak("Good morning, everyone."),
        "silent": silence(5, RATE),
        "no_speech": recordings.noise(5),
        "music": recordings.tune(8),
        "noise": recordings.with_noise(clean, power, 12),
        "clipped": Audio(np.clip(clean.scaled(4 / clean.peak).samples, -1, 1), RATE),
        "quiet": clean.scaled(0.01),
        "narrow": phone,
        "second_speaker": in_turns(speak, 2, "heart", "otto"),
        "pause": concatenate([clean, silence(2, RATE), clean]),
    }


def test_what_is_wrong_is_said_and_nothing_else(speak: Speak) -> None:
    for code, sound in spoilt(speak).items():
        found = judged(sound)
        assert code in codes(found), (code, found.warnings)
        # 0.01 times a clean sound is so near to the last bits that nothing else is wrong with it
        assert codes(found) <= {code}, (code, found.warnings)
        if code in ("silent", "no_speech", "music", "second_speaker"):
            assert not found.usable
            assert {verdict.grade for verdict in found.verdicts} <= {"no", "poor"}


def test_two_people_at_once_are_noticed(speak: Speak) -> None:
    found = judged(recordings.at_once(speak, "otto", "heart"))
    assert "overlap" in codes(found) and not found.usable, found["overlapped"]
    assert {verdict.grade for verdict in found.verdicts} == {"poor"}


@pytest.mark.parametrize("voice", ["heart", "otto", "low", "june"])
def test_one_person_is_never_two_at_once(speak: Speak, voice: str) -> None:
    """Not over a telephone, nor in an echo, where a vowel still sounds under the next."""
    clean = clip(speak, 2, voice)
    power = float(np.square(clean.samples).mean()) / 0.7
    noisy = recordings.with_noise(clean, power, 15)
    for sound in (clean, noisy, clean.resampled(7000).resampled(RATE), room(clean, 0.8), room(clean, 1.6)):
        share = overlap.percent(sound)
        assert isinstance(share, float) and share < overlap.AT_ONCE


def test_pitches_over_a_telephone_make_no_second_person_of_a_man() -> None:
    """One reader, whose pitch was found an octave too high where the line had taken its fundamental away."""
    known: dict[str, float | None] = {"sustained": 0.1, "decay": 0.15, "semitones_apart": 11.7, "parts_alike": 1.0}
    assert not doubts.are_two_pitches({**known, "bandwidth": 4000.0})
    assert doubts.are_two_pitches({**known, "bandwidth": 8000.0})
    assert doubts.are_two_pitches({**known, "bandwidth": 4000.0, "parts_alike": None}), "it is all that is known"


def test_the_rows_of_the_page_say_what_the_warnings_say(speak: Speak) -> None:
    """Each row that has a warning of its own is bad when the warning is there, and only then."""
    warned = {
        "clipped": "clipped",
        "decay": "echo",
        "sustained": "music",
        "parts_alike": "second_speaker",
        "semitones_apart": "second_speaker",
        "overlapped": "overlap",
    }
    one, two = clip(speak, 2), in_turns(speak, 2, "heart", "otto")
    sounds = [one, two, room(one, 0.8), room(one, 1.6), room(two, 1.2), recordings.at_once(speak, "otto", "heart")]
    sounds += [as_mp3(Audio(np.clip(one.scaled(8 / one.peak).samples, -1, 1), RATE))]
    for sound in sounds:
        facts = open_sound(as_wav(sound), "a.wav").facts
        found = judged(sound)
        rows = measures.told(found, facts)
        bad = {warned[row["name"]] for row in rows if row["grade"] == "bad" and row["name"] in warned}
        if "overlap" in bad:  # one warning of two people is enough
            bad.discard("second_speaker")
        assert codes(found) & set(warned.values()) == bad


def room(audio: Audio, seconds: float, direct: float = 1.0) -> Audio:
    """In a room whose echo fades by 60 dB in so many seconds. direct: of the sound that comes straight."""
    random, count = np.random.default_rng(1), round(seconds * RATE)
    echo = random.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    echo *= 0.35 * (seconds / 0.5) ** 0.5 / np.sqrt(np.square(echo).sum())
    echo[0] = direct
    heard = fftconvolve(audio.samples, echo)[: len(audio.samples)]
    return Audio((0.9 * heard / np.abs(heard).max()).astype(np.float32), RATE)


def as_wav(audio: Audio) -> bytes:
    held = io.BytesIO()
    soundfile.write(held, audio.samples, audio.sample_rate, format="WAV")
    return held.getvalue()


def as_mp3(audio: Audio) -> Audio:
    held = io.BytesIO()
    soundfile.write(held, audio.samples, audio.sample_rate, format="MP3")
    return open_sound(held.getvalue(), "a.mp3").audio


def test_a_verdict_is_what_a_person_would_say(speak: Speak) -> None:
    """Measured on readers and announcers; here on the built-in voices, spoilt likewise."""
    clean = clip(speak, 2)
    power = float(np.square(clean.samples).mean()) / 0.7
    loud, louder = (Audio(np.clip(clean.scaled(by / clean.peak).samples, -1, 1), RATE) for by in (4, 8))
    sounds = {
        "a telephone": (clean.resampled(8000), "narrow", "fine"),
        "noise 18 dB below": (recordings.with_noise(clean, power, 18), "noise", "fine"),
        "noise 10 dB below": (recordings.with_noise(clean, power, 10), "noise", "poor"),
        "clipped by 12 dB": (loud, "clipped", "poor"),
        "clipped by 18 dB, then MP3": (as_mp3(louder), "clipped", "poor"),
        "a church": (room(clean, 1.6), "echo", "poor"),
        "far away in a room": (room(clean, 1.2, 0.5), "echo", "poor"),
    }
    for name, (sound, code, grade) in sounds.items():
        found = judged(sound)
        assert code in codes(found), (name, found.warnings, found["decay"], found["crowded"])
        assert "second_speaker" not in codes(found), (name, found["parts_alike"], found["semitones_apart"])
        assert {verdict.grade for verdict in found.verdicts} == {grade}, (name, found.verdicts)
    small = judged(room(clean, 0.3))
    assert "echo" not in codes(small), small["decay"]


def test_the_suggested_trim_is_5_to_10_seconds_and_cuts_in_silence(speak: Speak) -> None:
    sound = clip(speak, 5, pause=0.4)
    trim = judged(sound).trim
    assert trim and 5 <= trim.seconds <= 10
    for edge in (trim.start, trim.end):
        around = sound.samples[round((edge - 0.02) * RATE) : round((edge + 0.02) * RATE)]
        assert np.abs(around).max() < 0.003
    cut = prepare(sound, Steps(cut=trim, loudness_lufs=None)).audio
    # it is whole sentences: as much speech as those have together
    lengths = [activity(speak(SENTENCES[at], seed=at)).speech_seconds for at in range(5)]
    sums = [sum(lengths[first:last]) for first in range(5) for last in range(first + 1, 6)]
    assert min(abs(activity(cut).speech_seconds - length) for length in sums) < 0.3


def test_the_suggested_trim_is_the_part_that_is_clean_and_of_one_person(speak: Speak) -> None:
    clean, pause = clip(speak, 3, pause=0.4), silence(0.5, RATE)
    power = float(np.square(clean.samples).mean()) / 0.7
    other = clip(speak, 4, "otto", pause=0.3)
    spoilt = {
        "noise": recordings.with_noise(clip(speak, 4, pause=0.2), power, 8),
        "music": concatenate([recordings.tune(9), silence(0.2, RATE)]),
        "clipped": Audio(np.clip(clip(speak, 4, pause=0.2).scaled(8).samples, -1, 1), RATE),
        "another": Audio(other.samples[: 9 * RATE], RATE),
    }
    for name, first in spoilt.items():
        trim = judged(concatenate([first, pause, clean])).trim
        assert trim is not None
        is_clean = trim.start >= first.seconds
        assert is_clean or (name == "another" and trim.end <= first.seconds + 0.5), (name, trim, first.seconds)


def test_without_a_pause_no_trim_is_suggested(speak: Speak) -> None:
    vowel = speak("Aaah")
    loud = vowel.samples[np.abs(vowel.samples).argmax() :][:1200]
    endless = Audio(np.tile(np.concatenate([loud, loud[::-1]]), 160), RATE)
    found = judged(endless)
    assert endless.seconds > 12 and found.trim is None
    assert found.trim_reason


def test_a_recording_is_made_ready_and_the_original_stays(speak: Speak) -> None:
    original = concatenate([silence(2, RATE), clip(speak, 1, pause=0.1), silence(3, RATE)]).scaled(0.1).resampled(96000)
    before = original.digest
    ready = prepare(original)
    assert original.digest == before
    assert ready.audio.sample_rate == 48000
    assert ready.audio.seconds == pytest.approx(original.seconds - 5, abs=0.35)
    assert loudness.loudness(ready.audio) == pytest.approx(-20, abs=0.3)
    assert loudness.true_peak_dbtp(ready.audio) <= -1
    assert [step.split()[0] for step in ready.done] == ["cut", "brought", "turned"]
    assert ready.cut.start == pytest.approx(2, abs=0.2)
    undone = prepare(original, Steps(trim_silence=False, most_hz=None, loudness_lufs=None))
    assert undone.audio.digest == before and undone.done == ()
    part = prepare(original, Steps(Span(2.5, 3.5), trim_silence=False, most_hz=None, loudness_lufs=None))
    assert part.audio.seconds == pytest.approx(1.0)


def test_what_cannot_be_made_louder_without_clipping_is_not() -> None:
    at = np.arange(2 * RATE)
    spiky = (0.003 * np.sin(at / 20) + 0.9 * (at % RATE == 5)).astype(np.float32)
    ready = prepare(Audio(spiky, RATE), Steps(trim_silence=False))
    assert loudness.true_peak_dbtp(ready.audio) <= -1.1


def test_extremes_are_examined_without_an_error(speak: Speak) -> None:
    random = np.random.default_rng(2)
    for sound in (
        Audio(np.zeros(0, np.float32), RATE),
        Audio(np.float32([0.5]), 8000),
        Audio(random.uniform(-1, 1, 300).astype(np.float32), 384000),
        silence(0.3, 4000),
        speak("Hi.").resampled(4000),
        Audio(np.ones(RATE, np.float32), RATE),
    ):
        found = judged(sound)
        json.dumps(found.values(), allow_nan=False)
        prepare(sound)


def test_the_command_tells_all_that_was_found(speak: Speak, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    path, out = tmp_path / "me.wav", tmp_path / "out.wav"
    left = clip(speak, 3)
    soundfiles.write(path, [left], RATE)
    words = " ".join(SENTENCES[:3])
    order = ["voices", "examine", str(path), "--transcript", words, "-o", str(out)]
    assert cli.main([*order, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["file"]["sample_rate"] == RATE and found["warnings"] == []
    assert found["comparison"]["matches"] and found["heard"]["words"][0]["start"] > 0.3
    assert open_sound(out).audio.seconds == pytest.approx(found["trim"][1] - found["trim"][0], abs=0.3)
    assert cli.main(order) == 0
    told = capsys.readouterr().out
    assert "Dia 1.6B" in told and "The transcript matches" in told and "Speech over noise" in told
    assert cli.main(["voices", "examine", str(path), "--transcript", "Something else is said here."]) == 0
    assert "does not match" in capsys.readouterr().out
    path.write_bytes(b"MZ" + bytes(100))
    assert cli.main(["voices", "examine", str(path)]) == 1
    assert "is a program" in capsys.readouterr().err
