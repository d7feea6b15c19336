"""Words are heard, with their times, by both recognisers; nothing is heard where nobody speaks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from studio import hearing, soundfiles
from studio.audio import Audio, concatenate, silence
from studio.errors import EngineUnavailable
from studio.hearing import Recogniser
from studio.metrics import performing
from studio.metrics.words import compare, wer
from tests import speech
from tests.engines import recordings
from tests.engines.recordings import RATE, SENTENCES, Speak, clip
from tests.hubserver import COMMIT, environment, serve


@pytest.fixture(scope="module")
def whisper() -> Iterator[Recogniser]:
    recogniser = Recogniser(1, speech.whisper_folder())
    yield recogniser
    recogniser.close()


@pytest.fixture(scope="module")
def moonshine() -> Iterator[Recogniser]:
    pytest.importorskip("moonshine_voice")
    recogniser = Recogniser()
    assert recogniser.model == "moonshine-tiny"  # the tests have no files of the hub
    yield recogniser
    recogniser.close()


@pytest.fixture(params=["whisper", "moonshine"])
def recogniser(request: pytest.FixtureRequest) -> Recogniser:
    found: Recogniser = request.getfixturevalue(request.param)
    return found


def test_words_are_heard_with_their_times(speak: Speak, recogniser: Recogniser) -> None:
    first, second = speak(SENTENCES[1]), speak(SENTENCES[3])
    sound = concatenate([silence(1, RATE), first, silence(2, RATE), second])
    heard = recogniser.hear(sound)
    assert wer(f"{SENTENCES[1]} {SENTENCES[3]}", heard.text) <= 0.1
    assert heard.text == " ".join(word.text for word in heard.words)
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    words = [word for word in heard.words if word.text.strip(".,").lower() in ("table", "morning")]
    assert len(words) == 2
    end = 1 + np.flatnonzero(np.abs(first.samples) > 0.01)[-1] / RATE
    assert words[0].end == pytest.approx(end, abs=0.25)
    # "In the morning" begins two seconds after the first sentence is over; nothing sounds in between
    start = 3 + first.seconds
    assert start + 0.1 < words[1].start < start + 0.8
    assert not [word for word in heard.words if end + 0.4 < word.start < start - 0.1]
    assert heard.estimated == (heard.model == "moonshine-tiny")
    given = [word.confidence for word in heard.words if word.confidence is not None]
    assert len(given) == (0 if heard.estimated else len(heard.words))
    assert all(0 < value <= 1 for value in given)


def test_nothing_is_heard_where_nobody_speaks(recogniser: Recogniser) -> None:
    for sound in (silence(3, RATE), recordings.noise(4), silence(0.1, RATE), Audio(np.zeros(0, np.float32), 48000)):
        assert recogniser.hear(sound).words == ()


@pytest.mark.parametrize("voice", ["otto", "low", "june"])
def test_no_word_is_heard_in_the_noise_around_the_speech(speak: Speak, moonshine: Recogniser, voice: str) -> None:
    clean = clip(speak, 2, voice, pause=1.0)
    noisy = recordings.with_noise(clean, float(np.square(clean.samples).mean()) / 0.7, 20)
    assert wer(" ".join(SENTENCES[:2]), moonshine.hear(noisy).text) == 0


def test_a_transcript_of_something_else_is_noticed(speak: Speak, recogniser: Recogniser) -> None:
    heard = recogniser.hear(clip(speak, 2)).text
    assert compare(f"[S1] {SENTENCES[0]} {SENTENCES[1]}", heard).matches
    assert not compare(SENTENCES[0], heard).matches  # a sentence is missing
    assert not compare(f"{SENTENCES[3]} {SENTENCES[4]}", heard).matches


def test_those_who_ask_at_once_wait_for_each_other(speak: Speak, moonshine: Recogniser) -> None:
    sounds = [speak(sentence) for sentence in SENTENCES[:3]]
    texts = [""] * 3

    def ask(at: int) -> None:
        texts[at] = moonshine.hear(sounds[at]).text

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(wer(SENTENCES[at], texts[at]) <= 0.2 for at in range(3))


def test_long_recordings_are_heard_piece_by_piece(
    speak: Speak, moonshine: Recogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "PIECE_SECONDS", 5.0)
    sound = clip(speak, 4)
    heard = moonshine.hear(sound)
    assert wer(" ".join(SENTENCES[:4]), heard.text) <= 0.1
    assert heard.words[-1].end == pytest.approx(sound.seconds - 0.5, abs=0.4)


def test_without_a_recogniser_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    recogniser = Recogniser()
    assert recogniser.model == ""
    assert "No recogniser of speech is here" in recogniser.obstacle
    with pytest.raises(EngineUnavailable, match="METRICS=1"):
        recogniser.hear(silence(1, RATE))
    recogniser.close()


FETCHING = """
import dataclasses, sys
from studio import cli, hearing
hearing.WHISPER = dataclasses.replace(hearing.WHISPER, revision=sys.argv.pop(1))
sys.exit(cli.main(sys.argv[1:]))
"""


def test_whisper_is_fetched_when_asked_for_and_then_hears(speak: Speak, tmp_path: Path) -> None:
    folder, clip_file = speech.whisper_folder(), tmp_path / "clip.wav"
    soundfiles.write(clip_file, [speak(SENTENCES[3])], RATE)
    content = {name: (folder / name).read_bytes() for name in hearing.WHISPER.patterns}
    with serve({hearing.WHISPER.repo: content}) as hub:
        answer = subprocess.run(
            [sys.executable, "-c", FETCHING, COMMIT, "voices", "examine", str(clip_file), "--fetch", "--json"],
            env=environment(hub, tmp_path / "hf") | {"STUDIO_DATA": str(tmp_path / "data")},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert answer.returncode == 0, answer.stderr
    heard = json.loads(answer.stdout)["heard"]
    assert heard["model"] == "whisper-base" and not heard["estimated"]
    assert wer(SENTENCES[3], heard["text"]) <= 0.1


def test_damaged_files_of_whisper_are_named(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    recogniser = Recogniser(1, tmp_path)
    with pytest.raises(EngineUnavailable, match="cannot be read"):
        recogniser.hear(silence(1, RATE))
    recogniser.close()


@pytest.mark.parametrize(
    ("sound", "count"), [("nothing", 0), ("silence", 0), ("a laugh", 1), ("a soft laugh", 1), ("the word", 0)]
)
def test_a_cue_is_performed_by_a_sound_and_not_by_silence_or_its_word(
    speak: Speak, whisper: Recogniser, sound: str, count: int
) -> None:
    t = np.arange(round(0.9 * RATE)) / RATE
    burst = (np.sign(np.sin(2 * np.pi * 180 * t)) + np.random.default_rng(0).standard_normal(len(t))) * np.abs(
        np.sin(2 * np.pi * 5 * t)
    )
    laugh = Audio((0.05 * burst / np.abs(burst).std()).astype(np.float32), RATE)  # hum and breath, five times a second
    between = {
        "nothing": silence(0.1, RATE),
        "silence": silence(1.2, RATE),
        "a laugh": laugh,
        "a soft laugh": laugh.scaled(0.2),
        "the word": speak("laughs"),
    }[sound]
    gap = silence(0.15, RATE)
    whole = concatenate([speak("You should have seen his face."), gap, between, gap, speak("He really believed it.")])
    text = "You should have seen his face. (laughs) He really believed it."
    heard = whisper.hear(whole)
    assert not heard.estimated and performing.performed(text, whole, heard.words) == count, heard
