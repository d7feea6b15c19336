"""What CSM is shown before it speaks: what of the past fits, who has which number, how long a turn may take."""

from __future__ import annotations

import pytest

from studio.engines import csm
from studio.passages import plan
from studio.script import Script, Turn

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from csm_speech import reference  # noqa: E402

from studio.engines.csm.prompt import Segment, fitted, frame_cap, numbers  # noqa: E402


def segment(speaker: int, length: int) -> Segment:
    return Segment(speaker, (0,) * 10, torch.zeros(1, length - 11, dtype=torch.int64))


def test_the_oldest_is_dropped_and_what_is_kept_stays_in_order() -> None:
    prompts, past = [segment(0, 100), segment(1, 100)], [segment(at % 2, 100) for at in range(6)]
    assert fitted(0, prompts, past, 1000) == [*prompts, *past]
    assert fitted(0, prompts, past, 799) == [*prompts, *past[1:]]
    assert fitted(1, prompts, past, 400) == [*prompts, *past[4:]]


def test_nothing_is_skipped_to_reach_something_older() -> None:
    past = [segment(1, 50), segment(1, 500), segment(1, 100)]
    assert fitted(0, [], past, 200) == past[2:]


def test_the_speakers_own_prompt_is_never_dropped_and_others_come_before_the_past() -> None:
    prompts, past = [segment(0, 300), segment(1, 300)], [segment(1, 100), segment(0, 100)]
    assert fitted(1, prompts, past, 300) == [prompts[1]]
    assert fitted(1, prompts, past, 600) == prompts
    assert fitted(1, prompts, past, 700) == [*prompts, past[1]]


def test_without_a_prompt_the_first_that_a_speaker_said_holds_the_voice() -> None:
    past = [segment(0, 100), segment(1, 100), segment(0, 100), segment(1, 100)]
    assert fitted(0, [], past, 200) == [past[0], past[3]]
    assert fitted(1, [], past, 300) == [past[1], past[2], past[3]]
    assert fitted(2, [], past, 200) == past[2:]


def test_every_speaker_has_a_number_that_stays_and_who_shares_a_voice_shares_it() -> None:
    voices = {
        "Anna": csm.voice("random-2"),
        "Ben": reference("ben"),
        "Cleo": reference("cleo"),
        "Dan": reference("ben"),
    }
    assert numbers(voices) == {"Anna": 1, "Ben": 0, "Cleo": 2, "Dan": 0}
    assert numbers({"Ben": csm.voice("random-5")}) == {"Ben": 4}


def test_the_cap_follows_the_words_and_numbers_take_longer() -> None:
    assert frame_cap("Hi.") * 0.08 == pytest.approx(3.4, abs=0.1)
    assert frame_cap("x" * 500) * 0.08 > 60
    assert frame_cap("12,345,678") > frame_cap("a big one!")


def test_a_turn_of_over_a_hundred_words_is_cut_at_its_sentences() -> None:
    script = Script(
        (Turn("S1", "Nobody expected another parcel before Thursday evening. " * 15), Turn("S2", "Really?"))
    )
    passages = plan(script, csm.SPEC)
    texts = [passage.script.turns[0].text for passage in passages]
    assert [passage.turns for passage in passages] == [(0,), (0,), (1,)]
    assert all(text.endswith((".", "?")) and len(text.split()) <= 100 for text in texts)
