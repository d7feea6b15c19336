"""ABX: the exact test against a table, whole runs only, and what is said in words."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from studio.errors import RequestError
from studio.trials import abx, ranking, votes
from studio.trials.blind import Answer, BlindTest
from studio.trials.drawing import RUN
from studio.trials.files import Answers, read, to_json
from studio.trials.store import TrialStore
from tests.finished import TITLES, finished


@pytest.fixture
def blind(tmp_path: Path) -> BlindTest:
    store = TrialStore(tmp_path / "trials", Random(3))
    finished(store)
    return BlindTest(store)


def trials(blind: BlindTest, count: int, hears: bool, listener: str = "me") -> None:
    """Answer so many trials: rightly, or always the first."""
    entries = [entry.id for entry in blind.store.get("c0").entries[:2]]
    for _ in range(count):
        heard = blind.ask("c0", listener, "abx", entries)
        assert len(heard.sounds) == 3
        x = blind.store.posed(heard.id).question.x
        assert blind.answer(heard.id, Answer(x if hears else "first", (9.0, 9.0, 9.0))).counted


def test_p_is_that_of_the_binomial_table() -> None:
    """By counting, and the critical values of the usual 16 trials: 12 are enough, 11 are not."""
    from scipy.stats import binomtest

    for right, of in ((12, 16), (11, 16), (16, 16), (0, 16), (40, 64)):
        wanted = binomtest(right, of, 0.5, alternative="greater").pvalue
        assert abx.p_value(right, of) == pytest.approx(wanted, rel=1e-9)
    assert abx.p_value(12, 16) == pytest.approx(2517 / 65536) and abx.p_value(11, 16) > 0.05


def test_who_hears_it_is_found_and_who_guesses_is_not(blind: BlindTest) -> None:
    trials(blind, RUN, hears=True, listener="Ada")
    trials(blind, RUN, hears=False, listener="Bo")
    every, ada, bo = abx.audibility(blind.store.votes(), TITLES)
    assert (ada.listener, ada.right, ada.trials) == ("Ada", RUN, RUN)
    assert ada.p == pytest.approx(2**-16) and ada.verdict.startswith("A difference is heard: 16 of 16 right")
    assert bo.p is not None and bo.p > 0.05
    assert bo.verdict.startswith("Too few to tell") and "does not show that there is no difference" in bo.verdict
    assert (every.listener, every.trials, every.right) == ("", 2 * RUN, RUN + bo.right)
    assert set(ada.labels) == {"Hibari (built in)", "Kokoro 82M"}


def test_a_run_that_is_not_complete_is_not_counted(blind: BlindTest) -> None:
    trials(blind, RUN + 5, hears=True)
    (told,) = abx.audibility(blind.store.votes(), TITLES)
    assert (told.trials, told.open) == (RUN, 5)
    (few,) = abx.audibility(blind.store.votes()[:5], TITLES)
    assert few.p is None and few.verdict == "Too few to tell: a run has 16 trials, and none is complete."


def test_all_three_must_be_heard_and_nothing_can_be_given_up(blind: BlindTest) -> None:
    heard = blind.ask("c0", "me", "abx")
    for seconds in ((9.0, 9.0, 0.1), (9.0, 9.0)):
        with pytest.raises(RequestError, match="All three must be heard"):
            blind.answer(heard.id, Answer("first", seconds))
    with pytest.raises(RequestError, match="every trial counts"):
        blind.give_up(heard.id)
    with pytest.raises(RequestError, match="does not fit"):
        blind.answer(heard.id, Answer("tie", (9.0, 9.0, 9.0)))
    assert blind.store.votes() == [] and blind.ask("c0", "me", "abx").id == heard.id
    assert blind.ask("c0", "me").id != heard.id, "the other test has a question of its own"


def test_trials_are_no_preferences_and_travel(blind: BlindTest) -> None:
    trials(blind, 3, hears=True)
    cast = blind.store.votes()
    with pytest.raises(RequestError, match="no vote yet"):
        ranking.rank(cast, TITLES)
    for text in (votes.to_json(cast), votes.to_csv(cast), to_json(Answers(cast))):
        assert read(text).votes == cast
    assert all(one.is_right and one.x_heard_seconds == 9.0 for one in cast)
    older = votes.to_csv([])
    assert votes.read(older.replace(",x,x_heard_seconds", "")) == [], "a table of the first version can be read"
