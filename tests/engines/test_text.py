"""Text before it is spoken: cleaning, cutting at sentences, and what an English voice cannot read."""

from __future__ import annotations

import pytest

from studio.engines.text import CLAUSE_PAUSE, SENTENCE_PAUSE, WORD_PAUSE, cut, prepared, sentences, unreadable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("We left. Why?", ["We left.", "Why?"], id="two"),
        pytest.param("Dr. Lee met Mrs. Ng.", ["Dr. Lee met Mrs. Ng."], id="titles"),
        pytest.param("J. K. Lee of the U.S. Army came.", ["J. K. Lee of the U.S. Army came."], id="initials"),
        pytest.param("No. 5 is on. No. It is off.", ["No. 5 is on.", "No.", "It is off."], id="number or no"),
        pytest.param('"Really?" she said. "Yes."', ['"Really?" she said.', '"Yes."'], id="quotes"),
        pytest.param("At 5 p.m. We ate, e.g. soup.", ["At 5 p.m.", "We ate, e.g. soup."], id="clock"),
        pytest.param("It is 3.5 or v2.0 now… Then?!", ["It is 3.5 or v2.0 now…", "Then?!"], id="dots inside"),
        pytest.param("One line\nand two", ["One line", "and two"], id="lines"),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert list(sentences(text)) == expected


def test_a_long_sentence_is_cut_at_commas_then_spaces_then_anywhere() -> None:
    words = "word " * 30
    pieces = cut(f"{words.strip()}, {words}{'x' * 250}.", 100)
    assert all(len(piece.text) <= 100 for piece in pieces)
    assert "".join(piece.text for piece in pieces).replace(" ", "") == f"{words},{words}{'x' * 250}.".replace(" ", "")
    assert {piece.pause for piece in pieces} == {CLAUSE_PAUSE, WORD_PAUSE, SENTENCE_PAUSE}


def test_pieces_without_a_word_are_left_out() -> None:
    assert [piece.text for piece in cut("Well. … ! 5.", 300)] == ["Well.", "5."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("cafe\u0301", "café", id="NFC"),
        pytest.param("a\u200bb\ufeffc\x00d\u202ee", "abcde", id="invisible"),
        pytest.param("ＡＢ 𝐇𝐢 ﬁne Ⅷ", "AB Hi fine VIII", id="letters in disguise"),
        pytest.param("٣ and ４", "3 and 4", id="digits of other scripts"),
        pytest.param("so 😀 good 👩‍🚀!", "so good !", id="emoji"),
        pytest.param("20°C  ®\u00a0x\n\n y", "20°C ® x\ny", id="kept"),
    ],
)
def test_preparing(text: str, expected: str) -> None:
    assert prepared(text) == expected


def test_unreadable_words_are_named() -> None:
    assert unreadable("Say 你好 and Привет, naïve Zoë: x², 2π, 5 µm, ½, مرحبا") == ["你好", "Привет", "مرحبا"]
