"""Ratings: what is on a sheet, who is left out, means and intervals; with a reference and without."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from random import Random

import numpy as np
import pytest

from studio.audio import Audio
from studio.errors import RequestError
from studio.trials import grading, playing, ratings
from studio.trials.blind import BlindTest
from studio.trials.comparison import Entry
from studio.trials.files import Answers, read, to_json
from studio.trials.mushra import RECORDING, RatingTest
from studio.trials.ratings import ENTRY, ROLES, Rating, Stimulus
from studio.trials.sheets import SheetStore
from studio.trials.store import TrialStore
from tests.finished import TITLES, finished, speechlike

HIBARI, KOKORO, TONE = (Entry(engine) for engine in TITLES)


@pytest.fixture
def test(tmp_path: Path) -> RatingTest:
    store = TrialStore(tmp_path / "trials", Random(3))
    finished(store)
    return RatingTest(BlindTest(store), SheetStore(store, Random(5)))


def rate(test: RatingTest, scores: dict[str, float], listener: str = "me", reference: str = "") -> Rating:
    """One sheet, by what is on it: role or engine -> score."""
    screen = test.ask("s1", listener, reference)
    assert screen
    sheet = test.sheets.sheet(screen.id)
    engines = {entry.id: entry.engine for entry in (HIBARI, KOKORO, TONE)}
    given = [scores[engines.get(entry, role)] for role, entry in sheet.stimuli]
    return test.answer(screen.id, given, [9.0] * len(given)).rating


GOOD = {"reference": 100, "middle": 60, "low": 20, "kokoro": 70, "tone": 40}


def test_a_sheet_has_the_hidden_reference_and_both_anchors(test: RatingTest) -> None:
    screen = test.ask("s1", "me", HIBARI.id)
    assert screen and screen.reference is not None and (screen.done, screen.of) == (0, 2)
    sheet = test.sheets.sheet(screen.id)
    assert sorted(sheet.stimuli) == sorted([(ENTRY, KOKORO.id), (ENTRY, TONE.id), *((role, "") for role in ROLES)])
    sounds = dict(zip((role for role, _ in sheet.stimuli), screen.sounds, strict=True))
    assert np.array_equal(sounds["reference"].samples, screen.reference.samples)
    every = {(len(one.samples), one.sample_rate) for one in (*screen.sounds, screen.reference)}
    assert len(every) == 1, "neither length nor rate tells"
    for role, hertz in (("low", 3500), ("middle", 7000)):
        assert share_above(sounds[role], 1.1 * hertz) < 1e-3 < share_above(sounds[role], 0.8 * hertz)
    assert share_above(sounds["reference"], 7700) > 0.1


def share_above(audio: Audio, hertz: float) -> float:
    power = np.abs(np.fft.rfft(audio.samples)) ** 2
    return float(power[np.fft.rfftfreq(len(audio.samples), 1 / audio.sample_rate) > hertz].sum() / power.sum())


def test_without_a_reference_it_does_not_pretend(test: RatingTest) -> None:
    screen = test.ask("s1", "me")
    assert screen and screen.reference is None and len(screen.sounds) == 3
    rating = rate(test, {"hibari": 80, "kokoro": 60, "tone": 10})
    assert (rating.method, rating.reference) == ("plain", "")
    with pytest.raises(RequestError, match="no rating of this kind"):
        grading.grade([rating], TITLES, "mushra")


def test_one_entry_alone_cannot_be_rated_without_a_reference(tmp_path: Path) -> None:
    store = TrialStore(tmp_path / "trials")
    finished(store, engines=["hibari"])
    alone = RatingTest(BlindTest(store), SheetStore(store))
    for reference in ("", HIBARI.id):
        with pytest.raises(RequestError, match="too little to rate"):
            alone.ask("s1", "me", reference)
    alone.sheets.keep_recording("c0", speechlike(1.0, 24_000, 9), "anna.wav")
    screen = alone.ask("s1", "me", RECORDING)
    assert screen and len(screen.sounds) == 4


def test_a_recording_can_be_the_reference(test: RatingTest) -> None:
    with pytest.raises(RequestError, match="too little to rate"):
        test.ask("s1", "me", RECORDING)
    with pytest.raises(RequestError, match="silent"):
        test.sheets.keep_recording("c0", Audio(np.zeros(48_000, np.float32), 24_000), "silence.wav")
    kept = test.sheets.keep_recording("c0", speechlike(2.0, 48_000, 99), "anna.wav")
    assert kept.name == "anna.wav" and "anna" not in kept.sound
    screen = test.ask("s1", "me", RECORDING)
    assert screen and len(screen.sounds) == 6 and screen.of == 1, "the script without a recording is left out"
    assert {one.sample_rate for one in screen.sounds} == {48_000}
    test.answer(screen.id, [50.0] * 6, [9.0] * 6)
    assert test.ask("s1", "me", RECORDING) is None, "all is rated"
    store = TrialStore(test.sheets._store.folder)
    count = len(list(store.sounds.iterdir()))
    assert test.sheets.keep_recording("c0", speechlike(1.0, 24_000, 98), "again.wav").sound != kept.sound
    assert len(list(store.sounds.iterdir())) == count, "the one before is gone"
    store.delete("c0")
    store.delete("c1")
    assert list(store.sounds.iterdir()) == [] and len(test.sheets.ratings()) == 1


def test_a_sheet_outlives_a_restart_and_is_rated_once(test: RatingTest) -> None:
    first = test.ask("s1", "me")
    again = RatingTest(BlindTest(TrialStore(test.sheets._store.folder)), SheetStore(test.sheets._store)).ask("s1", "me")
    assert first and again and first.id == again.id
    assert [one.digest for one in first.sounds] == [one.digest for one in again.sounds], "in the same order"
    for scores, heard, complaint in (
        ([50.0] * 2, [9.0] * 2, "wants a score"),
        ([50.0] * 3, [9.0, 9.0, 0.1], "heard first"),
        ([50.0, 101.0, 50.0], [9.0] * 3, "from 0 to 100"),
        ([50.0, float("nan"), 50.0], [9.0] * 3, "from 0 to 100"),
    ):
        with pytest.raises(RequestError, match=complaint):
            test.answer(first.id, scores, heard)
    assert test.answer(first.id, [1.0, 2.0, 3.0], [9.0] * 3).counted
    late = test.answer(first.id, [9.0, 9.0, 9.0], [9.0] * 3)
    assert not late.counted and [one.score for one in late.rating.stimuli] == [1.0, 2.0, 3.0]
    second = test.ask("s1", "me")
    assert second and second.id != first.id and (second.done, second.of) == (1, 2)


def test_two_at_the_same_moment_keep_one(test: RatingTest) -> None:
    screen = test.ask("s1", "me")
    assert screen
    barrier, counted = threading.Barrier(4), list[bool]()

    def send(score: float) -> None:
        barrier.wait()
        counted.append(test.answer(screen.id, [score] * 3, [9.0] * 3).counted)

    people = [threading.Thread(target=send, args=[float(number)]) for number in range(4)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert sorted(counted) == [False, False, False, True] and len(test.sheets.ratings()) == 1


def test_who_does_not_hear_the_reference_is_left_out(test: RatingTest) -> None:
    """BS.1534-3: below 90 on more than 15 % of the sheets, or the middle anchor above 90 on so many."""
    for _ in range(2):
        rate(test, GOOD, "Ada", HIBARI.id)
        rate(test, {**GOOD, "reference": 80, "tone": 100}, "Deaf", HIBARI.id)
        rate(test, {**GOOD, "middle": 95, "tone": 100}, "Fooled", HIBARI.id)
    rate(test, {**GOOD, "kokoro": 80}, "Cy", HIBARI.id)
    found = grading.grade(test.sheets.ratings("s1"), TITLES, "mushra")
    assert {one.listener: one.is_out for one in found.screened} == {
        "Ada": False, "Deaf": True, "Fooled": True, "Cy": False,
    }  # fmt: skip
    by_label = {one.label: one for one in found.grades}
    assert by_label["Tone"].mean == 40 and by_label["Kokoro 82M"].mean == 75 and found.listeners == 2
    assert [one.label for one in found.grades][0] == "the reference, hidden" and by_label["Tone"].word == "fair"
    sheets = [sheet(f"{number:032x}", 85 if number < 3 else 100) for number in range(20)]
    assert not grading.screen(sheets)[0].is_out, "3 of 20 are 15 %, not more"
    assert grading.screen([*sheets, sheet("f" * 32, 85)])[0].is_out
    with pytest.raises(RequestError, match="Every listener is left out"):
        grading.grade([sheet("1", 10)], TITLES, "mushra")


def sheet(key: str, reference: float, tone: float = 40.0, listener: str = "me", script: str = "5c") -> Rating:
    hidden = [
        Stimulus(role, score, HIBARI.id, HIBARI.values)
        for role, score in (("reference", reference), ("low", 10), ("middle", 50))
    ]
    return Rating(
        key, "c0", script, listener, (Stimulus(ENTRY, tone, TONE.id, TONE.values), *hidden), "mushra", HIBARI.id
    )


def test_means_and_intervals_are_students() -> None:
    """Of 40, 50, 60, 70: mean 55, s = 12.910, t(3) = 3.182, so 55 ± 20.54; over listeners, who count once each."""
    found = grading.grade(
        [sheet(str(number), 100, 40 + 10 * number, f"n{number}") for number in range(4)], TITLES, "mushra"
    )
    tone = next(one for one in found.grades if one.label == "Tone")
    assert (tone.mean, tone.median) == (55, 55) and tone.quartiles == (47.5, 62.5)
    assert tone.low == pytest.approx(55 - 20.543, abs=2e-3) and tone.high == pytest.approx(55 + 20.543, abs=2e-3)
    assert found.over == "4 listeners"
    twice = [sheet("a", 100, 40, "n0", "5c"), sheet("b", 100, 60, "n0", "5d"), sheet("c", 100, 90, "n1", "5c")]
    tone = next(one for one in grading.grade(twice, TITLES, "mushra").grades if one.label == "Tone")
    assert tone.mean == 70, "the mean of 50 and 90: who rated more does not count more"
    alone = grading.grade([sheet("a", 100)], TITLES, "mushra")
    assert alone.grades[0].low is None and alone.over == "one listener, scripts: 1"


def test_ratings_travel_and_merging_them_twice_adds_nothing(test: RatingTest, tmp_path: Path) -> None:
    for _ in range(2):
        rate(test, GOOD, "=Ada", HIBARI.id)
    kept = test.sheets.ratings()
    for text in (to_json(Answers((), kept)), ratings.to_csv(kept)):
        assert read(text).ratings == kept
        other = SheetStore(TrialStore(tmp_path / str(len(text))))
        one, two = other.merge(read(text).ratings), other.merge(read(text).ratings)
        assert (one.added, two.added, two.known) == (2, 0, 2)
    for broken, complaint in (
        (to_json(Answers((), kept)).replace('"score": 100', '"score": 1000', 1), "Rating 1 of the file is damaged"),
        (to_json(Answers((), kept)).replace('"role": "low"', '"role": "high"', 1), "is damaged"),
        (ratings.to_csv(kept).rsplit(",", 3)[0], "too many or too few cells"),
        (json.dumps({"format": "dialogue-studio-votes", "version": 1, "votes": [], "ratings": 7}), "does not hold"),
    ):
        with pytest.raises(RequestError, match=complaint):
            read(broken)


def test_ratings_cannot_be_changed_or_taken_away(test: RatingTest) -> None:
    rate(test, {"hibari": 80, "kokoro": 60, "tone": 10})
    db = sqlite3.connect(test.sheets._store.database.path)
    for statement in ("DELETE FROM ratings", "UPDATE ratings SET body = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="ratings are kept"):
            db.execute(statement)
    db.close()


def test_sounds_are_made_ready_together_and_never_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So neither the time of an answer nor its bytes tell entries apart: later questions cost the same."""
    store = TrialStore(tmp_path / "trials", Random(3))
    finished(store, seconds=1.0)
    blind, made = BlindTest(store), list[int]()
    real = playing.together
    monkeypatch.setattr(playing, "together", lambda sounds, rate: (made.append(len(sounds)), real(sounds, rate))[1])
    lengths: dict[str, set[int]] = {}
    for number in range(12):
        heard = blind.ask("s1", f"n{number}")
        lengths.setdefault(store.posed(heard.id).question.comparison, set()).update(
            len(one.samples) for one in heard.sounds
        )
    assert made == [6, 6], "all entries and all worse ones at once, once a script"
    assert [len(found) for found in lengths.values()] == [1, 1]
    chance = np.random.default_rng(1)
    one, two = playing.pcm(heard.first, chance), playing.pcm(heard.first, chance)
    assert one.tobytes() != two.tobytes() and np.abs(one.astype(int) - two.astype(int)).max() <= 2
