"""Cues: which words in brackets are sounds, how they are spelt, and what a text is without them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from studio.cues import find, has_words, normalise_cues, variants, without
from tests.growth import assert_even

DIA = (
    "(laughs) (clears throat) (sighs) (gasps) (coughs) (singing) (sings) (mumbles) (beep) (groans) (sniffs) (claps) "
    "(screams) (inhales) (exhales) (applause) (burps) (humming) (sneezes) (chuckle) (whistles)"
)
DIA_CUES = tuple(f"{cue})" for cue in DIA.removesuffix(")").split(") "))


def test_all_of_dia_is_known_and_left_as_it_is() -> None:
    assert len(DIA_CUES) == 21
    assert [cue.text for cue in find(DIA)] == list(DIA_CUES)
    assert normalise_cues(DIA) == without(DIA, DIA_CUES) == DIA


def test_a_cue_says_where_it_is() -> None:
    text = "Well (Laughing), yes."
    (cue,) = find(text)
    assert (text[cue.start : cue.end], cue.text, cue.name, cue.canonical) == ("(Laughing)",) * 2 + (
        "laughs",
        "(laughs)",
    )


@pytest.mark.parametrize(
    "text",
    ["(it was Tuesday)", "()", "( )", "(42)", "a (b (c", "laughs", "(laughs", "[S1]", "<b>", "2 * 3 * 4", "*really*"],
)
def test_prose_is_no_cue(text: str) -> None:
    assert not find(text) and not variants(text)
    assert normalise_cues(text) == without(text, ()) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("*laughs*", "(laughs)"),
        ("**Laughs**", "(laughs)"),
        ("[laughs]", "(laughs)"),
        ("<laugh>", "(laughs)"),
        ("<sigh/>", "(sighs)"),
        ("*clears his throat*", "(clears throat)"),
        ("Yes. *chuckling* No.", "Yes. (chuckle) No."),
        ("oh *clears throat* well", "oh (clears throat) well"),
        ("[pause]", "(pause)"),
        ("[ Laughs. ]", "(laughs)"),
        ("(sighs heavily)", "(sighs)"),
        ("(nervously laughing)", "(laughs)"),
    ],
)
def test_other_spellings_are_offered_the_usual_one(text: str, canonical: str) -> None:
    assert [cue for cue in find(text) + variants(text) if cue.text != cue.canonical]
    assert normalise_cues(text) == canonical


@pytest.mark.parametrize(
    "text", ["He *sings* all day.", "Don't *shout* at me.", "Nobody *cries*, ever.", "It was *laughter*."]
)
def test_a_stressed_word_is_no_cue(text: str) -> None:
    assert not variants(text)
    assert without(text, ()) == text


def test_a_cue_between_asterisks_may_stand_in_a_sentence() -> None:
    assert without("Well *sighs* yes, *laughs* why not", ()) == "Well yes, why not"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well, (laughs) you came.", "Well, you came."),
        ("Well (laughs), you came.", "Well, you came."),
        ("Well, (laughs), you came.", "Well, you came."),
        ("Oh no (sighs).", "Oh no."),
        ("(coughs) Hello.", "Hello."),
        ("(coughs), hello.", "hello."),
        ("Hello. (laughs)", "Hello."),
        ("Really? (laughs). No.", "Really? No."),
        ("ha(laughs)ha", "ha ha"),
        ("a (laughs) (sighs) [coughs] b", "a b"),
        ("“(laughs) Yes”", "“Yes”"),
        ("Wait... (laughs) what ?", "Wait... what ?"),
        ("(laughs)", ""),
        ("*sighs* Fine (it was Tuesday) <laugh>", "Fine (it was Tuesday)"),
    ],
)
def test_without_cues_a_text_reads_well(text: str, expected: str) -> None:
    assert without(text, ()) == expected


def test_allowed_cues_are_spelt_as_the_engine_knows_them() -> None:
    assert (
        without("*laughing* a (Sigh) b (sighs) c (barks) d", ("(laughs)", "(sigh)"))
        == "(laughs) a (sigh) b (sigh) c (barks) d"
    )
    assert without("(barks) a (sigh)", ("(barks)",)) == "(barks) a"
    assert [cue.name for cue in find("(barks)", ("(barks)",))] == ["barks"]
    assert without("(chuckle) a (chuckles)", ("(chuckles)",)) == "(chuckles) a (chuckles)"


@pytest.mark.parametrize("text", ["a", "7", "(laughs) ok", "你", "(it was)", "é"])
def test_words_are_letters_and_digits(text: str) -> None:
    assert has_words(text)


@pytest.mark.parametrize("text", ["", "(laughs)", "*sighs* …", "?!", "🎉 (laughs)", "((laughs))"])
def test_cues_marks_and_pictures_are_no_words(text: str) -> None:
    assert not has_words(text)


PIECES = st.sampled_from(
    ["(laughs)", "(barks)", "*sighs*", "[cough]", "word", "(", ")", "*", ", ", ". ", " ", "<laugh>", "(so it was)"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
@example("(*sighs**sighs**sighs*)")
@example("(" * 20 + "(sighs)" + "sighs)" * 20)
def test_taking_cues_away_keeps_the_words(text: str) -> None:
    for allowed in ((), ("(laughs)", "(barks)")):
        rest = without(text, allowed)
        assert rest.count("word") == text.count("word")
        assert all(cue.text in allowed for cue in find(rest, allowed))
    assert normalise_cues(normalise_cues(text)) == normalise_cues(text)


@pytest.mark.parametrize(
    "text", ["(laughs) a " * 18_000, "(" * 200_000, "*" * 200_000, "*a " * 66_000, "[laughs" * 28_000]
)
def test_200_000_characters_take_no_longer_than_they_must(text: str) -> None:
    def work(text: str) -> None:
        without(text, ("(sighs)",))
        normalise_cues(text)

    assert_even(work, text[:20_000], text)
