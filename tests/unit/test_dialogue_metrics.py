"""Measures of whole dialogues on sound and words of which the truth is known."""

from __future__ import annotations

import random
import string

import jiwer
import numpy as np
import pytest

from studio.audio import Audio
from studio.metrics import Missing, dialogue, performing, speakers
from studio.metrics.activity import Activity, Span, activity
from studio.metrics.spread import interval, percentile, spread
from studio.metrics.turns import cer, cues_read_aloud, per_turn
from studio.voice import TimedWord

RATE = 16000


def test_character_errors_are_those_of_jiwer() -> None:
    draw = random.Random(3)
    for _ in range(30):
        said, heard = (
            " ".join("".join(draw.choices(string.ascii_lowercase[:6], k=draw.randint(1, 6))) for _ in range(8))
            for _ in range(2)
        )
        assert cer(said, heard) == pytest.approx(jiwer.cer(said, heard))
    assert cer("", "") == 0 and cer("", "hello") == 1 and cer("hello", "") == 1


def test_errors_belong_to_their_turns() -> None:
    turns = ["Where did you put the key?", "On the shelf behind the door.", "Thank you very much."]
    found = per_turn(turns, "where did you put the tea on the shelf the door thank you very much indeed")
    assert [round(turn.wer, 3) for turn in found] == [round(1 / 6, 3), round(1 / 6, 3), 0.25]
    assert not any(turn.is_cut for turn in found)
    cut = per_turn(turns, "where did you put the key on the shelf behind thank you very much")
    assert [turn.is_cut for turn in cut] == [False, True, False]
    assert [turn.wer for turn in per_turn(turns, "")] == [1.0, 1.0, 1.0]
    assert [turn.wer for turn in per_turn(["(laughs)", "..."], "hello")] == [0.0, 0.0]


def test_cues_that_are_read_out_are_counted() -> None:
    text = "You saw it. (laughs) I laughed too. (sighs) Well. (clears throat)"
    assert cues_read_aloud(text, "you saw it i laughed too well") == (3, 0)
    assert cues_read_aloud(text, "you saw it laughs i laughed too sigh well") == (3, 2)
    assert cues_read_aloud("She laughs.", "she laughs laughs") == (0, 0)


def test_gaps_are_right_where_the_truth_is_known() -> None:
    speech = Activity((Span(0.5, 2.0), Span(2.6, 4.0), Span(4.0, 5.0), Span(6.2, 7.0)), 8.0)
    assert dialogue.turn_gaps(speech, [2.3, 4.0, 5.6]) == pytest.approx((0.6, 0.0, 1.2))
    assert dialogue.turn_gaps(speech, [2.55, 5.1]) == pytest.approx((0.6, 1.2))
    assert dialogue.longest_silence(speech) == pytest.approx(1.2)
    assert dialogue.longest_silence(Activity((), 3.0)) == 0.0


def _hum(seconds: float) -> np.ndarray:
    """Something that a detector of speech takes for a voice: a pulse of 120 Hz through a mouth of some bands."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 25))
    return (0.15 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


def test_gaps_in_real_samples() -> None:
    truth = (0.4, 1.3)
    pieces = [_hum(1.5), np.zeros(int(truth[0] * RATE)), _hum(1.5), np.zeros(int(truth[1] * RATE)), _hum(1.5)]
    sound = Audio(np.concatenate(pieces).astype(np.float32), RATE)
    borders = [1.5 + truth[0] / 2, 3.0 + truth[0] + truth[1] / 2]
    assert dialogue.turn_gaps(activity(sound), borders) == pytest.approx(truth, abs=0.06)


def _vectors(*angles: float) -> list[np.ndarray]:
    return [np.array([np.cos(angle), np.sin(angle)], np.float32) for angle in angles]


def test_a_turn_in_the_other_voice_and_one_that_moves_away_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Voices as angles: Anna is at 0, Ben at 1; her last turn is in his, and his moves away by 0.4."""
    angles = {0: 0.0, 1: 1.0, 2: 0.1, 3: 1.1, 4: 0.95, 5: 1.5, 6: 0.05}
    monkeypatch.setattr(speakers, "obstacle", lambda: None)
    monkeypatch.setattr(dialogue, "_vector", lambda audio: _vectors(angles[int(audio.samples[0])])[0])
    samples = np.repeat(np.arange(7), 10).astype(np.float32)
    spans = [Span(at / 10, (at + 1) / 10) for at in range(7)]
    found = dialogue.voices_of_turns(Audio(samples, 100), spans, ["A", "B"] * 3 + ["A"], {})
    assert not isinstance(found, Missing)
    assert found.swapped == (False, False, False, False, True, False, False)
    assert found.drift == pytest.approx((np.cos(0.1) - np.cos(0.05) + np.cos(0.1) - np.cos(0.5)) / 2, abs=1e-5)
    assert isinstance(found.similarity, Missing)
    with_voice = dialogue.voices_of_turns(Audio(samples, 100), spans[:2], ["A", "B"], {"A": Audio(samples[:1], 100)})
    assert not isinstance(with_voice, Missing) and with_voice.similarity == (pytest.approx(1.0), None)


def test_a_voice_that_moves_away_is_not_hidden_by_its_last_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    angles = {0: 0.0, 1: 0.3, 2: 0.5, 3: 0.7, 4: 0.9, 5: 0.3}
    monkeypatch.setattr(speakers, "obstacle", lambda: None)
    monkeypatch.setattr(dialogue, "_vector", lambda audio: _vectors(angles[int(audio.samples[0])])[0])
    samples = np.repeat(np.arange(6), 10).astype(np.float32)
    spans = [Span(at / 10, (at + 1) / 10) for at in range(6)]
    found = dialogue.voices_of_turns(Audio(samples, 100), spans, ["A"] * 6, {})
    assert not isinstance(found, Missing) and not isinstance(found.drift, Missing) and found.drift > 0.05


def test_voices_are_missing_without_their_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Missing("the speaker encoder is not installed", "Install it.")
    monkeypatch.setattr(speakers, "obstacle", lambda: gone)
    assert dialogue.voices_of_turns(Audio(_hum(2), RATE), [Span(0, 2)], ["A"], {}) is gone


def test_spreads_and_intervals() -> None:
    found = spread([3.0, 1.0, 2.0, float("nan")])
    assert found and (found.median, found.least, found.most, found.count) == (2.0, 1.0, 3.0, 3)
    assert spread([]) is None
    assert percentile([1, 2, 3, 4, 5], 90) == pytest.approx(4.6)
    assert interval([0.1, 0.2]) is None
    bounds = interval([0.09, 0.1, 0.11, 0.1, 0.1])
    assert bounds and 0.09 < bounds[0] < 0.1 < bounds[1] < 0.11 and bounds == interval([0.09, 0.1, 0.11, 0.1, 0.1])


CUES = "You saw it. (laughs) I laughed too. (sighs) (coughs) Well. (gasps)"


def _performance(*sounding: str) -> tuple[Audio, list[TimedWord]]:
    """CUES as sound: a word 0.3 s, a place of a cue 1 s, of which in those that sound 0.4 s are noise, 12 dB softer;
    and what a recogniser hears of it. A place named with its word ("laughs!") has that word said instead.
    """
    random = np.random.default_rng(1)
    pieces, heard, at = [], list[TimedWord](), 0.0

    def add(seconds: float, level: float, word: str = "") -> None:
        nonlocal at
        pieces.append((random.standard_normal(round(seconds * RATE)) * level).clip(-1, 1))
        if word:
            heard.append(TimedWord(word, at, at + seconds))
        at += seconds

    for part in CUES.replace(")", "").replace(".", "").replace("(", "#").split():
        if not part.startswith("#"):
            add(0.3, 0.2, part)
            continue
        add(0.3, 0.0005)
        add(0.4, *((0.2, part[1:]) if f"{part[1:]}!" in sounding else (0.05 if part[1:] in sounding else 0.0005,)))
        add(0.3, 0.0005)
    return Audio(np.concatenate(pieces).astype(np.float32), RATE), heard


@pytest.mark.parametrize(
    ("sounding", "count"),
    [
        ((), 0),
        (("laughs",), 1),
        (("laughs", "sighs", "coughs", "gasps"), 4),
        (("coughs",), 1),
        (("laughs!", "sighs"), 1),
        (("laughs!", "sighs!", "coughs!", "gasps!"), 0),
    ],
)
def test_cues_are_performed_where_there_is_sound_that_is_not_their_word(sounding: tuple[str, ...], count: int) -> None:
    audio, heard = _performance(*sounding)
    assert performing.performed(CUES, audio, heard) == count
    assert performing.performed(CUES, audio.scaled(0.1), heard) == count, "the level does not matter"


def test_cues_of_a_sound_in_which_nothing_was_heard_do_not_count_twice() -> None:
    silent = Audio(np.zeros(3 * RATE, np.float32), RATE)
    assert performing.performed(CUES, silent, []) == 0
    assert performing.performed("No cue here.", silent, []) == 0
