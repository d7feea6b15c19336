"""A file that somebody brings becomes a recording to keep: cut, made ready, with words that were heard or typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from studio import soundfiles
from studio.audio import Audio, concatenate, silence
from studio.engines import module
from studio.errors import AudioError, RequestError
from studio.hearing import Heard, Recogniser
from studio.intake import Desk
from studio.library import Library
from studio.metrics.activity import Span
from studio.studio import SAMPLES
from studio.voice import Consent, TimedWord
from tests.recorded import library

SPECS = [module("dia").SPEC, module("dia2-1b").SPEC]
WREN = SAMPLES / "v-sample-wren.flac"
WORDS = (
    "The kettle was just starting to sing when the letter came. I read it twice, put it down, and laughed out loud in "
    "the empty kitchen."
)


class Ear:
    """Hears what it was told to."""

    obstacle = ""

    def __init__(self, text: str) -> None:
        self.text = text
        self.heard: list[Audio] = []

    def hear(self, audio: Audio) -> Heard:
        self.heard.append(audio)
        words = tuple(TimedWord(word, at / 4, at / 4 + 0.2, 0.9) for at, word in enumerate(self.text.split()))
        return Heard(self.text, words, "an ear")


def desk(text: str = WORDS) -> Desk:
    return Desk(SPECS, Ear(text))  # type: ignore[arg-type]


def test_without_words_they_are_heard_and_the_suggested_stretch_is_taken(tmp_path: Path) -> None:
    """A recording of 13 s with a long silence around it, at 44.1 kHz, quiet, in stereo."""
    sample = soundfiles.read(WREN).resampled(44100).scaled(0.05)
    mono = concatenate([silence(3.0, 44100), sample, silence(3.0, 44100)]).samples
    brought = tmp_path / "Phone call.wav"
    soundfile.write(brought, np.stack([mono, mono], axis=1), 44100)
    ear = Ear(WORDS)
    intake = Desk(SPECS, ear).take_in(brought)  # type: ignore[arg-type]
    recording = intake.recording
    assert recording.transcript == WORDS and len(recording.words) == len(WORDS.split())
    assert 6.5 < recording.audio.seconds < 8.0 and recording.audio.peak > 5 * 0.05 * soundfiles.read(WREN).peak
    assert ear.heard[0].digest == recording.audio.digest
    assert 2.5 < recording.edits["start"] < 3.2 and recording.edits["end"] < 10.5
    assert recording.measurements["loudness"]["value"] == pytest.approx(-20, abs=1)
    told = " ".join(intake.told)
    assert "Cut to" in told and "Turned up by" in told and "Heard by an ear" in told
    shelf = library(tmp_path)
    kept = shelf.add("Wren", Consent("own"), [recording])
    original = shelf.original(kept.references[0])
    assert original is not None and original.read_bytes() == brought.read_bytes()


def test_of_two_people_one_a_side_the_one_that_is_chosen_is_taken_and_it_is_said_once(tmp_path: Path) -> None:
    one, two = (soundfiles.read(SAMPLES / f"v-sample-{name}.flac").samples[:120000] for name in ("wren", "heron"))
    soundfile.write(tmp_path / "talk.wav", np.stack([one, two / 2], axis=1), 24000)
    for channel, person in ((None, one), (0, one), (1, two)):
        intake = desk().take_in(tmp_path / "talk.wav", WORDS, Span(1.0, 4.0), channel=channel)
        assert np.corrcoef(intake.recording.audio.samples[:48000], person[24000:72000])[0, 1] > 0.99
        assert len(intake.told) == len(set(intake.told)), intake.told


def test_words_that_are_typed_stay_and_are_compared_with_what_is_heard() -> None:
    intake = desk().take_in(WREN, f" {WORDS} ")
    assert intake.recording.transcript == WORDS and not [one for one in intake.told if "words" in one]
    assert intake.recording.audio.seconds == pytest.approx(7, abs=0.1)
    told = desk().take_in(WREN, "Nothing of that kind was ever said by anybody here.").told
    assert any("The words are not those that are heard" in one for one in told)


def test_a_stretch_that_is_chosen_is_taken() -> None:
    intake = desk("The kettle was just.").take_in(WREN, cut=Span(0.0, 1.6))
    assert intake.recording.audio.seconds < 1.7 and intake.recording.transcript == "The kettle was just."
    with pytest.raises(RequestError, match="lasts 7.0 s"):
        desk().take_in(WREN, cut=Span(8.0, 9.0))


def test_bytes_are_taken_in_as_a_file_is(tmp_path: Path) -> None:
    data = WREN.read_bytes()
    intake = desk().take_in(data, WORDS, name="wren.flac")
    shelf: Library = library(tmp_path)
    reference = shelf.add("Wren", Consent("own"), [intake.recording]).references[0]
    original = shelf.original(reference)
    assert original is not None and original.read_bytes() == data and reference.original_name == "wren.flac"


def test_without_a_recogniser_the_words_are_wanted_and_their_times_are_not_known() -> None:
    ear: Any = Ear("")
    ear.obstacle = "Nobody can hear here."
    with pytest.raises(RequestError, match="Nobody can hear here"):
        Desk(SPECS, ear).take_in(WREN)
    intake = Desk(SPECS, ear).take_in(WREN, WORDS)
    assert intake.recording.words == () and any("not compared" in one for one in intake.told)


def test_where_nothing_is_heard_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="No words were heard"):
        desk("").take_in(WREN)
    (tmp_path / "song.wav").write_bytes(b"MZ" + bytes(500))
    with pytest.raises(AudioError):
        desk().take_in(tmp_path / "song.wav")


@pytest.mark.slow
def test_the_recogniser_hears_a_sample_word_for_word() -> None:
    recogniser = Recogniser()
    if recogniser.obstacle:
        pytest.skip(recogniser.obstacle)
    recording = Desk(SPECS, recogniser).take_in(WREN).recording
    recogniser.close()
    assert recording.transcript == WORDS
    assert [word.text for word in recording.words] == WORDS.split()
    assert 0 <= recording.words[0].start < 0.6 and 6 < recording.words[-1].end <= 7.1
