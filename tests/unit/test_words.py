"""Words written and words heard: what counts as a difference, and when words sound if nobody measured it."""

from __future__ import annotations

import random

import jiwer
import pytest
from whisper_normalizer.english import EnglishTextNormalizer

from studio.metrics.activity import Span
from studio.metrics.words import compare, normal, spread, wer


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("[S1] Wait, are you serious? (laughs)", "wait are you serious"),
        ("It’s 1984, and I don't have $20.", "It's nineteen eighty four and I do not have twenty dollars"),
        ("We've 1,250 of 2000 (50%)", "we have one thousand two hundred fifty of two thousand"),
        ("Um, the café on 5th... Dr. Okay", "the cafe on fifth doctor ok"),
        ("On the 21st and the 30th, 3.5 of 0", "on the twenty first and the thirtieth three point five of zero"),
        ("It costs $1,000.50, or £20.", "it costs one thousand dollars and fifty cents or twenty pounds"),
        ("$5 million, $2.5 billion", "five million dollars two point five billion dollars"),
        (
            "In 2024 and 2005, not 1900",
            "in two thousand and twenty four and two thousand and five not nineteen hundred",
        ),
        ("Twenty twenty-four", "two thousand twenty four"),
        ("105 in the 1990s and the 60s", "one hundred and five in the nineteen nineties and the sixties"),
        ("Pi is 3.14, not -5.", "pi is three point one four not minus five"),
        ("At 10am or 3 p.m. in the U.S.A., e.g. U.K.", "at ten am or three pm in the u. s. a. for example uk"),
        ("Flight 482 at 9:45, call 555-0199", "flight four eighty two at 945 call five five five zero one nine nine"),
        ("Approx. 5 km by e-mail, i.e. NASA", "approximately five kilometers by email that is N. A. S. A."),
        ("He's here, it's late, I'd've gone. Let's!", "he is here it is late I would have gone let us"),
        ("20% of five and six", "twenty per cent of five and six"),
        ("Call 007.", "call zero zero seven"),
        ("I can't; you won't!", "I can not you will not"),
        ("", "(applause) [pause 1.5s] uh"),
        (
            "The neighbours organised a grey theatre near the harbour.",
            "the neighbors organized a gray theater near the harbor",
        ),
        ("He travelled 3 kilometres to analyse colour.", "he traveled three kilometers to analyze color"),
    ],
)
def test_the_same_words_match_however_they_are_written(written: str, heard: str) -> None:
    assert normal(written) == normal(heard)
    assert compare(written, heard).matches and wer(written, heard) == 0


def test_differences_are_named_in_order_and_neighbours_as_one() -> None:
    found = compare(
        "The quick brown fox jumps over the lazy dog today", "the quick red cat jumps over lazy dog today yes"
    )
    assert found.differences == (("brown fox", "red cat"), ("the", ""), ("", "yes"))
    assert found.wer == pytest.approx(0.4) and not found.matches


def test_nothing_against_something() -> None:
    assert compare("hello there", "").wer == 1 and not compare("hello there", "").matches
    assert compare("", "hello").wer == 1 and not compare("", "hello").matches
    assert compare("", "").matches


def test_the_rate_is_that_of_jiwer() -> None:
    generator = random.Random(7)
    for _ in range(200):
        said, heard = ([generator.choice("abcde") for _ in range(generator.randint(1, 12))] for _ in range(2))
        assert wer(" ".join(said), " ".join(heard)) == pytest.approx(jiwer.wer(" ".join(said), " ".join(heard)))


def test_the_words_are_nearly_those_of_whispers_own_normaliser() -> None:
    theirs = EnglishTextNormalizer()
    for one, two in [
        ("It's Mr. Brown's 3 dogs, isn't it?", "it's mister brown's three dogs is not it"),
        ("They'll pay 15 percent in 2024.", "they will pay 15% in 2024"),
    ]:
        assert theirs(one) == theirs(two) and normal(one) == normal(two)


def test_words_share_the_spoken_spans_by_their_letters() -> None:
    spans = [Span(1.0, 2.0), Span(3.0, 4.0)]
    timed = spread(["aaaaa", "bbbbb", "cccccccccc"], spans)
    assert [word.start for word in timed] == pytest.approx([1.0, 1.5, 3.0])
    assert [word.end for word in timed] == pytest.approx([1.5, 2.0, 4.0])
    assert spread([], spans) == ()
    paused = spread(["aaaa.", "bbbb"], [Span(0.0, 1.4)])
    assert paused[1].start - paused[0].end == pytest.approx(0.6)  # six letters of fourteen


@pytest.mark.parametrize("seed", range(20))
def test_spread_words_are_in_order_and_begin_where_it_is_spoken(seed: int) -> None:
    generator = random.Random(seed)
    edges = sorted(generator.uniform(0, 30) for _ in range(2 * generator.randint(1, 6)))
    spans = [Span(one, two) for one, two in zip(edges[::2], edges[1::2], strict=True)]
    words = ["x" * generator.randint(1, 9) + generator.choice(["", ",", "."]) for _ in range(generator.randint(1, 40))]
    timed = spread(words, spans)
    assert [word.text for word in timed] == words
    for word in timed:
        assert any(span.start - 1e-6 <= word.start <= span.end + 1e-6 for span in spans)
        assert word.end >= word.start
    assert all(one.end <= two.start + 1e-6 for one, two in zip(timed, timed[1:], strict=False))


def test_words_that_differ_are_not_brought_together() -> None:
    told = normal("four our hour flour floor raise raze size sighs filled filed for promise premise meter mother rise")
    assert len(set(told)) == len(told)
