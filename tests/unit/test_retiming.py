"""Words of a corrected transcript keep the times of those that were heard."""

from __future__ import annotations

import pytest

from studio.metrics.activity import Span
from studio.metrics.retiming import retimed
from studio.voice import TimedWord

HEARD = tuple(
    TimedWord(word, float(at), at + 0.8, 0.9) for at, word in enumerate(("The", "cattle", "began", "to", "sing"))
)


def times(text: str) -> dict[str, tuple[float, float, float | None]]:
    return {word.text: (word.start, word.end, word.confidence) for word in retimed(text, HEARD, [Span(0.0, 5.0)])}


def test_what_was_heard_keeps_its_time_whatever_its_case_and_marks() -> None:
    assert times("the, cattle: BEGAN to sing!") == {
        "the,": (0.0, 0.8, 0.9),
        "cattle:": (1.0, 1.8, 0.9),
        "BEGAN": (2.0, 2.8, 0.9),
        "to": (3.0, 3.8, 0.9),
        "sing!": (4.0, 4.8, 0.9),
    }


def test_what_was_misheard_takes_the_time_of_what_stood_there() -> None:
    told = times("The kettle began to sing")
    assert told["kettle"] == (1.0, pytest.approx(1.8), None) and told["began"] == (2.0, 2.8, 0.9)
    two = times("The old kettle began to sing")
    assert 1.0 == two["old"][0] < two["old"][1] <= two["kettle"][0] < two["kettle"][1] == pytest.approx(1.8)


def test_what_was_not_heard_lies_between_its_neighbours() -> None:
    told = times("Well, The cattle soon began to sing loud")
    assert told["Well,"][:2] == (0.0, 0.0) and told["soon"][0] == 1.8 and told["soon"][1] <= 2.0
    assert told["loud"][:2] == (4.8, 4.8)


def test_without_anything_heard_the_words_share_the_speech() -> None:
    one, two = retimed("one two", (), [Span(1.0, 2.0)])
    assert one.start == 1.0 and two.end == pytest.approx(2.0)
    assert retimed("", HEARD, []) == ()
