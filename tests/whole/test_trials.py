"""Listening tests without a page: rendering in order, what fails, what a blind listener gets, votes that stay."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from studio import loudness, soundfiles
from studio.engines import hibari, tone
from studio.errors import OutputError, RequestError, SynthesisError
from studio.script import Script
from studio.trials import breakdown, drawing, ranking, votes
from studio.trials.blind import Answer, Heard
from studio.trials.comparison import MOST_ENTRIES, Comparison, Entry, labels, sweep
from studio.trials.trials import Trials
from studio.trials.votes import Side, Vote
from tests.ear import Ear, deaf

if TYPE_CHECKING:
    from studio.settings import Settings
    from studio.studio import Studio

SCRIPT = Script.parse("[S1] one two three four five. [S2] six seven eight nine. [S1] ten.")
TITLES = {"tone": "Tone", "hibari": "Hibari"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without the mark, which takes its time and is tested elsewhere."""
    return replace(settings, watermark=False)


@pytest.fixture
def trials(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Trials:
    """Measured by a recogniser that is quick, and by no judge of sound, who is not."""
    studio.recogniser.close()
    studio.recogniser = Ear()
    deaf(monkeypatch)
    return Trials(studio, Random(7))


def tones(*seeds: int, **sampling: float) -> list[Entry]:
    return sweep(Entry("tone", sampling=sampling), seeds)


def rendered(trials: Trials, *entries: Entry, script: Script = SCRIPT) -> Comparison:
    comparison = trials.begin(script, entries)
    list(trials.render(comparison))
    return comparison


def answer(trials: Trials, heard: Heard, choice: str = "first", **more: Any) -> Any:
    return trials.blind.answer(heard.id, Answer(choice, (9.0, 9.0), **more))


def vote(number: int, choice: str = "first", one: int = 1, two: int = 2, **more: Any) -> Vote:
    first, second = (Side(entry.id, entry.values, ("a1",), "Tone") for entry in tones(one, two))
    values: dict[str, Any] = {"id": f"{number:032x}", "comparison": "c1", "script": "5c", "listener": "me", **more}
    return Vote(first=first, second=second, choice=choice, **values)


# --- what is compared


def test_entries_are_swept_named_and_ordered_by_model() -> None:
    entries = [*tones(1, 2), Entry("hibari"), Entry("tone", 1, sampling={"word_seconds": 0.4})]
    assert labels(entries, TITLES) == [
        "Tone · word seconds as usual · seed 1",
        "Tone · word seconds as usual · seed 2",
        "Hibari",
        "Tone · word seconds 0.4 · seed 1",
    ]
    assert [entry.engine for entry in Comparison(SCRIPT, tuple(entries)).order()] == ["tone"] * 3 + ["hibari"]
    slow = sweep(Entry("tone"), name="word_seconds", values=(0.1, 0.3))
    assert [dict(entry.sampling) for entry in slow] == [{"word_seconds": 0.1}, {"word_seconds": 0.3}]


def test_a_comparison_is_valid_or_is_not() -> None:
    with pytest.raises(RequestError, match="nothing to compare"):
        Comparison(SCRIPT, ())
    with pytest.raises(RequestError, match="9 entries are too many"):
        Comparison(SCRIPT, tuple(tones(*range(MOST_ENTRIES + 1))))
    with pytest.raises(RequestError, match="Entry 3 is the same as entry 1"):
        Comparison(SCRIPT, tuple(tones(1, 2, 1)))
    read = Comparison.read(json.loads(json.dumps(Comparison(SCRIPT, tuple(tones(1))).values)))
    assert read.script == SCRIPT and read.entries == tuple(tones(1))
    with pytest.raises(RequestError, match="not a comparison"):
        Comparison.read({"id": "x"})


# --- rendering


def test_each_model_loads_once_and_results_come_one_by_one(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    for module in (tone, hibari):
        real = module.load
        monkeypatch.setattr(
            module, "load", lambda place, real=real, name=module.SPEC.id: (loads.append(name), real(place))[1]
        )
    comparison = trials.begin(SCRIPT, [Entry("tone"), Entry("hibari"), Entry("tone", 1)])
    told = [(one.entry, one.state) for one in trials.render(comparison)]
    assert loads == ["tone", "hibari"]
    done = [entry for entry, state in told if state == "finished"]
    order = [entry.id for entry in comparison.order()]
    assert done == order * 2, "spoken one by one, then measured one by one"
    assert told.index((order[0], "finished")) < told.index((order[1], "speaking"))
    for one in trials.store.renderings(comparison):
        sound = trials.store.sounds / one.sound
        assert soundfiles.read(sound).seconds == pytest.approx(one.seconds, abs=1e-3)
        assert len(one.timings) == 3 and one.takes and one.rtf is not None and one.loudness_lufs is not None
        assert one.measures["words"]["model"] == Ear().model and "wer" in one.measures["words"]
        assert one.measures["likeness"] == {"missing": "no voice follows a recording"}
        assert one.measures["memory"].get("process_gb", 1) > 0.01
    assert trials.studio.recent() == [], "the list of takes would tell a blind listener how long each is"


def test_a_set_of_scripts_loads_each_model_once_and_is_one_test(
    trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Voices are given to those who speak in a script; the same script twice is one; a stop keeps what is done."""
    other = Script.parse("[S1] eleven twelve. [S3] thirteen.")
    entries = [Entry("tone", voices={"S1": "deep", "S2": "high", "S3": "high"}), Entry("hibari")]
    series = trials.begin_series([SCRIPT, other, SCRIPT], entries)
    assert [one.script for one in series] == [SCRIPT, other] and series[0].series == series[1].series != ""
    order = list[tuple[str, str]]()
    for comparison, one in trials.render_series(series, lambda: len(order) >= 3):
        if one.state == "finished":
            order.append((comparison.id, comparison.entry(one.entry).engine))
    assert order[:3] == [(series[0].id, "tone"), (series[1].id, "tone"), (series[0].id, "hibari")]
    assert trials.store.renderings(series[1])[1].state == "stopped"
    list(trials.render_series(series))
    assert all(one.is_ready for comparison in series for one in trials.store.renderings(comparison))
    assert trials.store.members(series[0].series) == series and trials.store.members(series[1].id) == [series[1]]
    seen = set()
    for number in range(8):
        asked = trials.blind.ask(series[0].series, f"n{number}")
        seen.add(trials.store.posed(asked.id).question.comparison)
        assert answer(trials, asked).counted
    assert seen == {one.id for one in series} and len(trials.store.votes(series[0].series)) == 8
    whole = trials.rank(trials.store.votes(), "engine")
    by_script = breakdown.parts(trials.store.votes(), whole, "script", "engine")
    assert sorted(one.votes for one in by_script) == [4, 4] and {one.name for one in by_script} == {
        "one two three four five.",
        "eleven twelve.",
    }
    by_listener = breakdown.parts(trials.store.votes(), whole, "listener", "engine")
    assert [(one.name, one.votes) for one in by_listener] == [(f"n{number}", 1) for number in range(8)]
    with pytest.raises(RequestError, match="1 to 50 scripts"):
        trials.begin_series([], entries)


def test_an_engine_that_fails_says_why_and_the_others_go_on(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tone.ToneEngine.synthesize

    def sometimes(self: tone.ToneEngine, request: Any) -> Any:
        if request.seed == 2:
            raise SynthesisError("The tone generator is out of tune.", "Try another seed.")
        return real(self, request)

    monkeypatch.setattr(tone.ToneEngine, "synthesize", sometimes)
    comparison = rendered(trials, Entry("dia2-2b"), *tones(1, 2, 3))
    grey, one, broken, three = trials.store.renderings(comparison)
    assert grey.state == "failed" and "cannot run here" in grey.reason and grey.remedy
    assert (broken.state, broken.reason, broken.remedy) == (
        "failed",
        "The tone generator is out of tune.",
        "Try another seed.",
    )
    assert one.is_ready and three.is_ready
    monkeypatch.undo()
    list(trials.render(comparison))
    again = trials.store.renderings(comparison)
    assert again[2].is_ready and again[1] == one, "what was there is not spoken again"


def test_an_engine_that_nobody_knows_is_refused_at_once(trials: Trials) -> None:
    with pytest.raises(RequestError, match="diaa"):
        trials.begin(SCRIPT, [Entry("diaa"), Entry("tone")])
    assert trials.store.recent() == []


def test_an_aborted_render_keeps_what_is_done(trials: Trials) -> None:
    comparison = trials.begin(SCRIPT, tones(1, 2, 3, work_seconds=0.01))
    flag = threading.Event()
    for one in trials.render(comparison, flag.is_set):
        if one.entry == comparison.entries[1].id and one.state == "speaking":
            flag.set()
    states = [one.state for one in trials.store.renderings(comparison)]
    assert states == ["finished", "stopped", "stopped"]
    told = trials.render(comparison)
    for one in told:
        if one.entry == comparison.entries[1].id:
            told.close()  # type: ignore[attr-defined]  # who asked has gone
            break
    assert [one.state for one in trials.store.renderings(comparison)] == states
    list(trials.render(comparison))
    assert all(one.is_ready for one in trials.store.renderings(comparison))


def test_a_sound_that_was_lost_is_spoken_again(trials: Trials) -> None:
    comparison = rendered(trials, *tones(1))
    (trials.store.sounds / trials.store.renderings(comparison)[0].sound).unlink()
    assert trials.store.renderings(comparison)[0].state == "waiting"
    list(trials.render(comparison))
    assert trials.store.renderings(comparison)[0].is_ready


def test_a_deleted_comparison_takes_its_sounds_and_leaves_its_votes(trials: Trials) -> None:
    comparison = rendered(trials, *tones(1, 2))
    answer(trials, trials.blind.ask(comparison.id, "me"))
    trials.store.delete(comparison.id)
    assert trials.store.recent() == [] and list(trials.store.sounds.iterdir()) == []
    assert len(trials.store.votes()) == 1
    with pytest.raises(RequestError, match="no comparison"):
        trials.store.get(comparison.id)


# --- blind


def test_both_sides_are_as_long_as_loud_and_as_nameless(trials: Trials) -> None:
    """Entries of very different length, and one that is far too quiet."""
    comparison = rendered(trials, Entry("tone", 1, sampling={"word_seconds": 1.0}), Entry("hibari"))
    quiet = trials.store.sounds / trials.store.renderings(comparison)[1].sound
    audio = soundfiles.read(quiet)
    soundfiles.write(quiet, [audio.scaled(0.1)], audio.sample_rate)
    heard = trials.blind.ask(comparison.id, "me")
    assert len(heard.first.samples) == len(heard.second.samples)
    assert heard.first.sample_rate == heard.second.sample_rate
    for side in (heard.first, heard.second):
        spoken = np.flatnonzero(side.samples)
        trimmed = type(side)(side.samples[: spoken[-1] + 1], side.sample_rate)
        assert loudness.loudness(trimmed) == pytest.approx(-20.0, abs=0.1)
        assert side.peak <= 1
    assert heard.id.isalnum() and len(heard.id) == 32


def test_a_blind_test_wants_two_that_can_be_heard(trials: Trials) -> None:
    comparison = rendered(trials, Entry("tone"), Entry("dia2-2b"))
    with pytest.raises(RequestError, match="only one entry"):
        trials.blind.ask(comparison.id, "me")
    two = rendered(trials, *tones(1, 2))
    silent = trials.store.renderings(two)[0]
    trials.store.keep(two.id, type(silent)(**{**silent.values, "loudness_lufs": None}))
    with pytest.raises(RequestError, match="only one entry"):
        trials.blind.ask(two.id, "me")


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\nb"])
def test_a_listener_has_a_name(trials: Trials, name: str) -> None:
    comparison = rendered(trials, *tones(1, 2))
    with pytest.raises(RequestError, match="listener needs a name"):
        trials.blind.ask(comparison.id, name)


@pytest.mark.parametrize("heard", [(0.0, 9.0), (9.0, 1.9), (float("nan"), 9.0)])
def test_both_must_be_heard(trials: Trials, heard: tuple[float, float]) -> None:
    comparison = rendered(trials, *tones(1, 2))
    asked = trials.blind.ask(comparison.id, "me")
    with pytest.raises(RequestError):
        trials.blind.answer(asked.id, Answer("first", heard))
    assert trials.store.votes() == []
    assert trials.blind.ask(comparison.id, "me").id == asked.id, "and nothing was told"


def test_a_vote_counts_once_and_never_after_the_reveal(trials: Trials) -> None:
    comparison = rendered(trials, *tones(1, 2))
    asked = trials.blind.ask(comparison.id, "me")
    told = answer(trials, asked, "second", tags=("voice", "words"), by="keys")
    assert told.counted and told.vote.second.label.startswith("Tone · seed") and told.vote.studio
    again = answer(trials, asked, "first")
    assert not again.counted and "answered before" in again.why and again.vote == told.vote
    shown = trials.blind.ask(comparison.id, "me")
    assert trials.blind.give_up(shown.id).vote is None
    late = answer(trials, shown, "first")
    assert not late.counted and "told before" in late.why
    assert [one.choice for one in trials.store.votes()] == ["second"]
    with pytest.raises(RequestError, match="never asked"):
        trials.blind.answer("0" * 32, Answer("first", (9.0, 9.0)))


def test_a_restart_in_the_middle_goes_on_with_the_same_question(trials: Trials, studio: Studio) -> None:
    comparison = rendered(trials, *tones(1, 2, 3))
    answer(trials, trials.blind.ask(comparison.id, "me"))
    asked = trials.blind.ask(comparison.id, "me")
    after = Trials(studio)
    again = after.blind.ask(comparison.id, "me")
    assert again.id == asked.id and np.array_equal(again.first.samples, asked.first.samples)
    assert answer(after, again).counted and len(after.store.votes()) == 2


def test_two_listeners_at_the_same_moment_both_count(trials: Trials) -> None:
    comparison = rendered(trials, *tones(1, 2))
    barrier, told = threading.Barrier(6), list[Any]()

    def listen(name: str) -> None:
        heard = trials.blind.ask(comparison.id, name)
        barrier.wait()
        told.append(answer(trials, heard))

    people = [threading.Thread(target=listen, args=[f"n{number // 2}"]) for number in range(6)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert len(told) == 6 and sum(one.counted for one in told) == len(trials.store.votes()) >= 3
    assert {one.listener for one in trials.store.votes()} == {"n0", "n1", "n2"}


def test_a_clock_that_is_set_back_changes_nothing(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.trials import blind

    class Clock:
        years = iter(range(2040, 2000, -1))

        @classmethod
        def now(cls, zone: object) -> Any:
            from datetime import datetime

            return datetime(next(cls.years), 1, 1)

    monkeypatch.setattr(blind, "datetime", Clock)
    comparison = rendered(trials, *tones(1, 2))
    ids = []
    for _ in range(4):
        asked = trials.blind.ask(comparison.id, "me")
        ids.append(asked.id)
        assert answer(trials, asked).counted
    assert [one.id for one in trials.store.votes()] == ids
    assert [one.created[:4] for one in trials.store.votes()] == ["2040", "2039", "2038", "2037"]


def test_votes_cannot_be_changed_or_taken_away(trials: Trials) -> None:
    trials.store.merge([vote(1)])
    db = sqlite3.connect(trials.store.folder / "trials.sqlite3")
    for statement in ("DELETE FROM votes", "UPDATE votes SET body = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="votes are kept"):
            db.execute(statement)
    db.close()


# --- which question comes next


def asked(
    pools: dict[str, list[str]], count: int, listeners: tuple[str, ...] = ("me",), draw: Any = drawing.draw
) -> list[drawing.Asked]:
    chance, past = Random(1), list[drawing.Asked]()
    for number in range(count):
        listener = listeners[number % len(listeners)]
        past.append(drawing.Asked(str(number), listener, draw(pools, past, listener, chance)))
    return past


def test_pairs_are_balanced_both_ways_round() -> None:
    past = asked({"c": list("abcd")}, 140, ("me", "you"))
    plain = [one.question for one in past if one.question.kind == "pair"]
    counts = Counter((one.first, one.second) for one in plain)
    assert len(counts) == 12 and max(counts.values()) - min(counts.values()) <= 1
    firsts = Counter(one.question.degraded for one in past if one.question.kind == "gold")
    assert abs(firsts["first"] - firsts["second"]) <= 2
    assert {one.first == one.second for one in plain} == {False}


def test_repeats_turn_a_former_question_round_and_come_once() -> None:
    past = asked({"c": list("abc")}, 60)
    by_id = {one.id: one.question for one in past}
    repeats = [one.question for one in past if one.question.kind == "repeat"]
    assert len(repeats) == 10 == len({one.repeats for one in repeats})
    for one in repeats:
        assert (by_id[one.repeats].second, by_id[one.repeats].first) == (one.first, one.second)


def test_pairs_are_drawn_within_a_script_and_scripts_take_turns() -> None:
    past = asked({"c": list("abc"), "d": list("abc"), "e": list("a")}, 72)
    plain = [one.question for one in past if one.question.kind == "pair"]
    counts = Counter((one.comparison, one.first, one.second) for one in plain)
    assert len(counts) == 12 and max(counts.values()) - min(counts.values()) <= 1
    turns = [one.comparison != other.comparison for one, other in pairwise(plain)]
    assert sum(turns) > 0.7 * len(turns)
    assert {one.question.comparison for one in past if one.question.kind == "gold"} <= {"c", "d", "e"}


def test_an_abx_stays_with_a_pair_for_a_run_and_x_is_drawn_each_time() -> None:
    past = asked({"c": list("abc")}, 6 * drawing.RUN, draw=drawing.draw_abx)
    runs = [past[at : at + drawing.RUN] for at in range(0, len(past), drawing.RUN)]
    assert all(len({(one.question.first, one.question.second) for one in run}) == 1 for run in runs)
    assert len({frozenset((run[0].question.first, run[0].question.second)) for run in runs}) == 3
    drawn = Counter(one.question.x for one in past)
    assert 0.35 < drawn["first"] / len(past) < 0.65
    assert len({tuple(one.question.x for one in run) for run in runs}) == 6, "no run is like another"
    only = drawing.draw_abx({"c": list("abc")}, past, "you", Random(3), ("c", "a"))
    assert {only.first, only.second} == {"a", "c"}
    with pytest.raises(RequestError, match="cannot be heard"):
        drawing.draw_abx({"c": list("abc")}, past, "you", Random(3), ("c", "x"))


# --- what votes say


def test_the_ranking_counts_what_it_should() -> None:
    cast = [vote(number, "first", 1, 2) for number in range(8)] + [vote(20, "second", 1, 2), vote(21, "bad", 1, 2)]
    cast += [vote(30, "second", 1, 2, kind="repeat", repeats=f"{0:032x}")]
    found = ranking.rank(cast, TITLES, "entry")
    best, worst = found.places
    assert (best.label, worst.label) == ("Tone · seed 1", "Tone · seed 2")
    assert (best.wins, best.ties, best.losses) == (8, 1, 1) and found.votes == 10
    assert found.met[0][1] == (8, 1) and found.met[1][0] == (1, 1)
    assert found.better[0][1] > 0.97 and found.better[0][1] + found.better[1][0] == pytest.approx(1)
    assert best.low > 0 and best.scores[0] > 0.5
    with pytest.raises(RequestError, match="tells two apart"):
        ranking.rank(cast, TITLES, "engine")
    with pytest.raises(RequestError, match="cannot be ranked"):
        ranking.rank(cast, TITLES, "taste")


def test_too_few_votes_are_told_in_words() -> None:
    few = ranking.rank([vote(1), vote(2), vote(3, "second")], TITLES, "entry")
    assert few.verdict == "Too few votes to tell."
    assert few.power.startswith("About ") and "more votes between Tone · seed 1 and Tone · seed 2" in few.power
    many = ranking.rank([vote(number) for number in range(20)], TITLES, "entry")
    assert many.verdict == "Tone · seed 1 is better than the other." and many.power == ""
    equal = ranking.rank([vote(1), vote(2, "second")], TITLES, "entry")
    assert "as good as equal" in equal.power


def test_how_steady_a_listener_is() -> None:
    entry = tones(1)[0]
    clean, worse = (Side(entry.id, entry.values, degraded=degraded) for degraded in (False, True))
    gold = [
        Vote(f"{number:032x}", "c1", "5c", "me", clean, worse, choice, kind="gold")
        for number, choice in ((90, "first"), (91, "second"), (92, "first"))
    ]
    alike = vote(50, "second", 2, 1, kind="repeat", repeats=vote(1).id)
    other = vote(51, "first", 2, 1, kind="repeat", repeats=vote(2).id)
    (me,) = ranking.steadiness([vote(1), vote(2), alike, other, *gold])
    assert (me.votes, me.repeats, me.gold, me.first) == (7, (1, 2), (2, 3), (2, 2))
    told = ranking.tags([vote(1, tags=("voice",)), vote(2, "second", tags=("voice", "words"))], TITLES, "entry")
    assert told == {"voice": {"Tone · seed 1": 1, "Tone · seed 2": 1}, "words": {"Tone · seed 2": 1}}


def test_scores_by_reason_and_by_listener_are_of_their_votes_alone() -> None:
    cast = [vote(number, tags=("voice",)) for number in range(12)]
    cast += [vote(number, "second", tags=("words",), listener="you") for number in range(20, 32)]
    whole = ranking.rank(cast, TITLES, "entry")
    assert whole.verdict == "Too few votes to tell."
    first, second = (entry.id for entry in tones(1, 2))
    voice, words = breakdown.parts(cast, whole, "tag", "entry")
    assert voice.name == "voice" and voice.scores[first] > 0.8 > 0.2 > voice.scores[second]
    assert voice.verdict == "Tone · seed 1 is better than the other."
    assert words.verdict == "Tone · seed 2 is better than the other."
    assert [one.name for one in breakdown.parts(cast, whole, "listener", "entry")] == ["me", "you"]
    assert breakdown.Choice(listener="you").of(cast) == cast[12:] == breakdown.Choice(tag="words").of(cast)
    assert breakdown.Choice(script="5c").of(cast) == cast and breakdown.Choice(script="5d").of(cast) == []
    with pytest.raises(RequestError, match="no parts by"):
        breakdown.parts(cast, whole, "taste")


# --- votes as files


@pytest.mark.parametrize("form", [votes.to_json, votes.to_csv])
def test_votes_travel_and_merging_them_twice_adds_nothing(trials: Trials, tmp_path: Path, form: Any) -> None:
    comparison = rendered(trials, *tones(1, 2), Entry("hibari"))
    for choice in ("first", "tie", "bad", "second"):
        answer(trials, trials.blind.ask(comparison.id, "=me"), choice, tags=("voice", "words"))
    text = form(trials.store.votes())
    assert votes.read(text) == trials.store.votes()
    from studio.trials.store import TrialStore

    other = TrialStore(tmp_path / "other")
    other.merge([vote(1)])
    first, second = other.merge(votes.read(text)), other.merge(votes.read(text))
    assert (first.added, first.known, second.added, second.known) == (4, 0, 0, 4)
    back = trials.store.merge(votes.read(form(other.votes())))
    assert (back.added, back.known) == (1, 4)
    assert {one.id for one in trials.store.votes()} == {one.id for one in other.votes()}
    changed = other.merge([vote(1, "second")])
    assert (changed.added, changed.known, changed.differing) == (0, 0, 1)
    assert other.votes()[0].choice == "first", "what is here stays"


def broken() -> Iterator[tuple[str, str]]:
    whole = votes.to_json([vote(1), vote(2)])
    yield whole[:-40], "does not hold votes"
    yield "", "does not hold votes"
    yield "{}", "does not hold votes"
    yield whole.replace('"version": 1', '"version": 2'), "another version"
    yield whole.replace('"choice": "first"', '"choice": "best"', 1), "Vote 1 of the file is damaged"
    yield whole.replace('"seed": 2', '"seed": 3', 1), "Vote 1 of the file is damaged"
    yield whole.replace(f"{2:032x}", "../../etc"), "Vote 2 of the file is damaged"
    yield whole.replace('"tags": []', '"tags": ["rude"]', 1), "Vote 1 of the file is damaged"
    table = votes.to_csv([vote(1), vote(2)])
    yield table.replace("choice", "chose", 1), "its columns are others"
    yield table.rsplit(",", 3)[0], "too many or too few cells"
    yield "[" * 100_000, "does not hold votes"


@pytest.mark.parametrize(("text", "complaint"), list(broken()))
def test_a_damaged_file_of_votes_is_refused_whole(text: str, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        votes.read(text)


def test_a_damaged_database_is_told(settings: Settings, trials: Trials) -> None:
    trials.store.folder.mkdir(parents=True, exist_ok=True)
    (trials.store.folder / "trials.sqlite3").write_bytes(b"no database " * 500)
    with pytest.raises(OutputError, match="damaged"):
        trials.store.votes()
