"""What the reader of English is given for text that it misreads by itself."""

from __future__ import annotations

import time

import pytest

from studio.engines.english import MAX_PHONEMES, English


@pytest.fixture(scope="module")
def english() -> English:
    return English()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fruit, e.g. apples", "fruit, for example, apples"),
        ("https://example.com/a?b=1", "example dot com slash a question mark b equals 1"),
        ("See www.example.co.uk.", "See example dot co dot uk."),
        ("write to a.b@example.org!", "write to a dot b at example dot org!"),
        ("(555) 010-4477", "5 5 5, 0 1 0, 4 4 7 7"),
        ("+44 20 7946 0958", "plus 4 4, 2 0, 7 9 4 6, 0 9 5 8"),
        ("Agent 007 at 07:05", "Agent 0 0 7 at 07:05"),
        ("call 911", "call 9 1 1"),
        ("10-15% or $5-$10", "10 to 15% or 5 to $10"),
        ("9am–5pm, 3-4pm", "9 a.m. to 5pm, 3 to 4pm"),
        ("v2.0 and 3.11.7", "version 2 point 0 and 3 point 11 point 7"),
        ("24/7, 4x4, 2:1, 3 1/2", "twenty-four seven, 4 by 4, 2 to 1, 3 and 1/2"),
        ("6'2\"", "6 foot 2"),
        ("-$5 and €1bn", "minus $5 and €1 billion"),
        ("1 000 000", "1000000"),
        ("SHUT UP AND LISTEN TO ME", "shut up and listen to me"),
        ("I KNOW THE FBI", "I know the FBI"),
        ("NASA sent it.", "NASA sent it."),
        ("Noooo, sooo goood, pleeease", "No, so good, please"),
        ("Müller ate a résumé", "Muller ate a résumé"),
        ("Zoë's mind", "[Zoë's](/zˈOiz/) mind"),
        ("Sean, torres", "[Sean](/ʃˈɔn/), torres"),
        ("Shhhh!", "[Shhhh](/ʃː/)!"),
        ("2π", "2 pi "),
        ("[a](/b/)", "(a)(/b/)"),
    ],
)
def test_readable(english: English, text: str, said: str) -> None:
    assert english.readable(text) == said


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("$4.50", "four dollars and fifty cents"),
        ("May 5th, 2026", "May fifth, twenty twenty-six"),
        ("the 1990s", "the nineteen nineties"),
        ("No. 5", "number five"),
        ("10-15 people", "ten to fifteen people"),
        ("1/2", "one half"),
        ("Henry VIII", "Henry the eighth"),
    ],
)
def test_numbers_sound_like_their_words(english: English, text: str, like: str) -> None:
    def flat(phonemes: list[str]) -> str:
        return "".join(phonemes).translate(dict.fromkeys(map(ord, "ˈˌ ")))

    assert flat(english.phonemes(text)) == flat(english.phonemes(like))


def test_text_that_swells_when_spoken_is_split(english: English) -> None:
    parts = english.phonemes(" ".join(["1,234,567"] * 30))
    assert len(parts) > 1
    assert all(len(part) <= MAX_PHONEMES for part in parts)


def test_a_number_of_any_length_is_read(english: English) -> None:
    assert len("".join(english.phonemes("9" * 300)).split("nˈIn")) == 301


@pytest.mark.parametrize("part", ["@a.", "a1", "Aa", "a-", "x", "(", "é'", "$1-", "a.b/c?"])
def test_no_text_takes_long(english: English, part: str) -> None:
    started = time.process_time()
    english.phonemes((part * 300)[:300])
    assert time.process_time() - started < 1.0
