"""Scripts: what the text form means, that reading and printing are inverse, and what bad input becomes."""

from __future__ import annotations

import math
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import ScriptError
from studio.script import MAX_PAUSE_SECONDS, Script, Turn, clean, speaker_id
from tests.growth import assert_even


def turns(text: str, cast: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in Script.parse(text, cast).turns]


def pauses(text: str) -> list[float | None]:
    return [turn.pause_after for turn in Script.parse(text).turns]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[S1] Hi.\n[S2] Hello.", [("S1", "Hi."), ("S2", "Hello.")], id="tags"),
        pytest.param("[S1] Hi. [S2] Hello.", [("S1", "Hi."), ("S2", "Hello.")], id="tags on one line"),
        pytest.param("[s1]Hi.[s02]Hello.", [("S1", "Hi."), ("S2", "Hello.")], id="lower case, no space, zeros"),
        pytest.param("[S1]: Hi.\nS2: Hello.", [("S1", "Hi."), ("S2", "Hello.")], id="tags with a colon"),
        pytest.param("[S1][S2] x", [("S2", "x")], id="an empty turn is no turn"),
        pytest.param("[S99] x", [("S99", "x")], id="any number"),
        pytest.param("[S1] a\n[S1] b", [("S1", "a"), ("S1", "b")], id="a new tag is a new turn"),
        pytest.param("[S1] a\n\n  b \r\nc", [("S1", "a b c")], id="lines continue a turn"),
        pytest.param("Just words.", [("S1", "Just words.")], id="no speaker"),
        pytest.param("Before.\n[S2] After.", [("S1", "Before."), ("S2", "After.")], id="words before a speaker"),
        pytest.param("[S1] [S2 [laugh] (it was [old]) ]x[", [("S1", "[S2 [laugh] (it was [old]) ]x[")], id="brackets"),
        pytest.param("[S1] a\u2028b\x0bc\x85d\te", [("S1", "a b c d e")], id="odd line ends and tabs"),
    ],
)
def test_tags_and_lines(text: str, expected: list[tuple[str, str]]) -> None:
    assert turns(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "Anna: a\nBen: b\nAnna: c\nBen: d", ["Anna", "Ben", "Anna", "Ben"], id="names that open two turns"
        ),
        pytest.param("Cast: Anna, Ben\nAnna: a\nBen: b", ["Anna", "Ben"], id="declared"),
        pytest.param("cast： Anna（x）; Ben (a tall man)\nBen: b", None, id="a cast that cannot be read"),
        pytest.param("The Storm\nCast: Anna\nAnna: a", ["S1", "Anna"], id="a cast line after a title"),
        pytest.param("Anna: a\nCast: Anna, Ben\nBen: b", ["Anna", "Ben"], id="a cast line below"),
        pytest.param("Cast:\nhello", ["S1"], id="an empty cast"),
        pytest.param("Once.\nCast: a net into the sea, and wait.", ["S1"], id="cast, the verb"),
        pytest.param("[S1] a\nNote: b", ["S1"], id="a note is not a speaker"),
        pytest.param("http://a.b\nhttp://c.d", ["S1"], id="an address"),
        pytest.param("10:30 x\n10:30 y", ["S1"], id="a time of day"),
        pytest.param("At 10:30 x\nAt 10:45 y", ["S1"], id="a time in a sentence"),
        pytest.param("C:\\a\nC:\\b", ["S1"], id="a path"),
        pytest.param("Yes :) a\nYes :) b", ["S1"], id="a smiley"),
        pytest.param("Anna : a\nanna: b\nANNA: c", ["Anna"] * 3, id="space and case"),
        pytest.param("Cast: Anna, ANNA\nAnna: a\nANNA: b", ["Anna", "ANNA"], id="both spellings declared"),
        pytest.param("Dr. Smith: a\nDr. Smith： b", ["Dr. Smith"] * 2, id="dots and a full-width colon"),
        pytest.param("Zoë-May O’Neil 2: a\nZoë-May O’Neil 2: b", ["Zoë-May O’Neil 2"] * 2, id="accents and marks"),
        pytest.param("דנה: שלום\nדנה: להתראות", ["דנה"] * 2, id="right to left"),
        pytest.param("अनीता: नमस्ते\nअनीता: फिर", ["अनीता"] * 2, id="combining letters"),
        pytest.param("小明：你好\n小明：再见", ["小明"] * 2, id="Chinese"),
        pytest.param(f"{'A' * 41}: a\n{'A' * 41}: b", ["S1"], id="longer than a name"),
        pytest.param("[pause 1s] Anna: a\n[pause 1s] Anna: b", ["Anna"] * 2, id="behind a pause"),
        pytest.param("[S1] a Anna: b\n[S2] c Anna: d", ["S1", "S2"], id="not in the middle of a line"),
    ],
)
def test_names(text: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(ScriptError, match="Line 1: .* cannot be the name"):
            Script.parse(text)
    else:
        assert [turn.speaker for turn in Script.parse(text).turns] == expected


def test_names_are_speakers_when_they_have_a_voice() -> None:
    assert turns("Note: hi", cast=("Note",)) == [("Note", "hi")]
    assert turns("NOTE: hi\nnote: ho", cast=("Note",)) == [("Note", "hi"), ("Note", "ho")]


def test_names_are_never_in_the_words() -> None:
    script = Script.parse("Cast: Anna, Ben\n\nAnna: Hello.\nBen: Hi, Anna: how are you? [pause 1s]")
    assert [turn.text for turn in script.turns] == ["Hello.", "Hi, Anna: how are you?"]
    assert str(script) == "Cast: Anna, Ben\nAnna: Hello.\nBen: Hi, Anna: how are you? [pause 1s]"


@pytest.mark.parametrize(
    ("markup", "seconds"),
    [
        ("[pause 1.5s]", 1.5),
        ("[pause 800ms]", 0.8),
        ("[pause:1.5]", 1.5),
        ("[Pause = 1,5 sec]", 1.5),
        ("[pause .25s]", 0.25),
        ("[pause 2 seconds]", 2.0),
        ("[pause\n2s]", 2.0),
        ("[pause 0s]", 0.0),
        ("[pause 60s]", 60.0),
        ("[pause 0.1s] [pause 0.2s]", 0.3),
        ('<break time="1.5s"/>', 1.5),
        ("<break time='800ms' />", 0.8),
        ('<BREAK time = "2s">', 2.0),
    ],
)
def test_pauses(markup: str, seconds: float) -> None:
    assert pauses(f"[S1] a {markup} b") == [seconds, None]
    assert pauses(f"[S1] a{markup}\n[S2] b") == [seconds, None]
    assert pauses(f"[S1] a\n[S2] {markup} b {markup}") == [seconds, seconds]
    assert Script.parse(f"{markup}\n[S1] a").lead_in == seconds
    assert Script.parse(f"[S1] {markup} a").lead_in == seconds


def test_a_pause_splits_a_turn_of_one_speaker() -> None:
    assert turns("[S2] a [pause 1s] b") == [("S2", "a"), ("S2", "b")]


def test_a_pause_that_is_not_closed_ends_with_the_turn() -> None:
    assert pauses("[S1] a [pause 1s [S2] b [pause 2s") == [1.0, 2.0]


def test_a_pause_that_names_no_time_is_a_cue() -> None:
    assert turns("[S1] a (pause) b [pause] c") == [("S1", "a (pause) b [pause] c")]


@pytest.mark.parametrize(
    "markup",
    [
        "[pause 61s]",
        "[pause -1s]",
        "[pause nan]",
        "[pause inf]",
        "[pause for effect]",
        "[pause ]",
        "[pause, she said]",
        "[pause 1s",
        "<break",
        "[pause 1e9s]",
        "[pause 999999999s]",
        "[pause 31s][pause 31s]",
        "<break/>",
        '<break strength="weak"/>',
        '<break time="61s"/>',
    ],
)
def test_a_pause_that_cannot_be_is_refused_at_its_line(markup: str) -> None:
    with pytest.raises(ScriptError, match=r"^Line 3: .*\[pause 1.5s\]"):
        Script.parse(f"[S1] a\n\nb {markup} c")


@pytest.mark.parametrize("text", ["", " \n\t", "[S1]", "[S1]\n[S2] [pause 1s]", "\ufeff\u200b", "Cast: Anna", "\x00"])
def test_nothing_to_say(text: str) -> None:
    with pytest.raises(ScriptError, match=r"The script is empty\."):
        Script.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\ufeffhe\u200bl\u00adl\x00o\x07", "hello", id="marks that are not seen"),
        pytest.param("a\u202eb\u2066c\u200fd", "abcd", id="direction marks"),
        pytest.param("cafe\u0301 \u212a", "café K", id="NFC"),
        pytest.param("e\u200d\u0301", "é", id="NFC across a dropped joiner"),
        pytest.param(" a\u3000\u00a0 b ", "a b", id="wide spaces"),
        pytest.param("he\u200dllo \u200c", "hello", id="joiners between Latin letters"),
        pytest.param(
            "\U0001f469\u200d\U0001f52c می\u200cروم", "\U0001f469\u200d\U0001f52c می\u200cروم", id="joiners kept"
        ),
        pytest.param("a\udc80b\U000e0041", "ab", id="lone surrogate and tag characters"),
        pytest.param("مرحبا 👋🏽", "مرحبا 👋🏽", id="right to left and emoji"),
        pytest.param("a" + "\u0301" * 99, unicodedata.normalize("NFC", "a" + "\u0301" * 30), id="accents without end"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected
    assert turns(text) == [("S1", expected)]


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "a [S2] b", "[s1]x", "a [pause 1s]", "[pause x]", "a [pause", "<break/> a"]
)
def test_a_turn_refuses_no_words_and_markup(text: str) -> None:
    with pytest.raises(ScriptError):
        Turn("S1", text)


@pytest.mark.parametrize(
    "name", ["", " ", "Cast", "12", "a:b", "[S1]", "A" * 41, "-a", "a\U0001f600", "S1\nS2:", "a/b", "(a)"]
)
def test_a_turn_refuses_what_is_no_name(name: str) -> None:
    with pytest.raises(ScriptError, match="cannot be the name"):
        Turn(name, "x")


@pytest.mark.parametrize("seconds", [-0.001, 60.01, math.nan, math.inf, -math.inf])
def test_pauses_out_of_range_are_refused(seconds: float) -> None:
    with pytest.raises(ScriptError, match="A pause cannot last"):
        Turn("S1", "x", seconds)
    with pytest.raises(ScriptError, match="A pause cannot last"):
        Script((Turn("S1", "x"),), seconds)


def test_a_turn_is_cleaned() -> None:
    assert Turn(" s01 ", " a\n b ", 1.00049) == Turn("S1", "a b", 1.0)
    assert speaker_id("Anna \u200b May") == "Anna May"


def test_speakers_and_characters() -> None:
    script = Script.parse("[S2] abc\n[S1] de\n[S2] f")
    assert (script.speakers, script.characters) == (("S2", "S1"), 6)


# Pieces that could be taken for markup are as likely as plain characters.
TRAPS = [
    *(
        "[S1]",
        "[S",
        "S2]",
        "[pause",
        "[pause 1s]",
        " 1s]",
        "<break",
        "<break/>",
        'time="1s"',
        "/>",
        "]",
        "[",
        ":",
        "：",
        "\n",
    ),
    *(
        "Anna:",
        "Cast: Anna",
        "Note: x",
        "http://",
        "10:30",
        "S1:",
        "(laughs)",
        "*",
        " ",
        "\u200d",
        "\u200b",
        "\u0301",
        "é",
    ),
    *("\u3000", "\u0338", ">", "א", "\U0001f469", "1", ".", "'", "\r\n", "\u2028", "\x00", "\u202e", "K", "[pause -1]"),
]
TEXTS = st.lists(st.one_of(st.sampled_from(TRAPS), st.text(max_size=4)), max_size=10).map("".join)
NAMES = st.one_of(
    st.sampled_from(["S1", "S2", "s03", "S0", "Anna", "ANNA", "Ben 2", "Dr. Smith", "cast a", "Note", "http", "S1000"]),
    st.text(st.sampled_from("aB1 .'’-_éאक्षİß小"), min_size=1, max_size=40),
)
SECONDS = st.one_of(st.none(), st.floats(0, MAX_PAUSE_SECONDS))


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Any valid script: what a Turn refuses is left out."""
    kept = []
    for speaker, text, pause in draw(st.lists(st.tuples(NAMES, TEXTS, SECONDS), min_size=1, max_size=6)):
        try:
            kept.append(Turn(speaker, text, pause))
        except ScriptError:
            continue
    return Script(tuple(kept) or (Turn("S1", "x"),), draw(st.floats(0, MAX_PAUSE_SECONDS)))


@given(scripts())
@settings(max_examples=150, deadline=None)
def test_reading_and_printing_are_inverse(script: Script) -> None:
    assert Script.parse(str(script)) == script
    assert str(Script.parse(str(script))) == str(script)


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_script_or_a_script_error(text: str) -> None:
    try:
        script = Script.parse(text)
    except ScriptError as error:
        assert error.remedy
    else:
        assert Script.parse(str(script)) == script
        assert all(turn.text == clean(turn.text) for turn in script.turns)


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_clean_text_is_clean(text: str) -> None:
    once = clean(text)
    assert clean(once) == once == unicodedata.normalize("NFC", once)
    assert "\n" not in once and "\x00" not in once and "\u202e" not in once


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("word " * 40_000, id="words"),
        pytest.param("Anna: hello there\n" * 11_000, id="names"),
        pytest.param("[S1] a " * 28_000, id="tags"),
        pytest.param("x" + "[pause 1ms]" * 18_000, id="pauses"),
        pytest.param("x" + "[pause " * 28_000, id="open pauses"),
        pytest.param("x[pause" + ":" * 200_000, id="colons"),
        pytest.param("x" + "<break " * 28_000, id="open breaks"),
        pytest.param("x" + "[" * 200_000, id="brackets"),
        pytest.param("x\n" + "Cast: A\n" * 25_000 + "A: b", id="cast lines"),
        pytest.param("a" + "\u0301\u0316" * 100_000, id="accents"),
        pytest.param("é" + "\u200d" * 200_000 + "é", id="joiners"),
        pytest.param("\n" * 200_000 + "x", id="blank lines"),
        pytest.param("שלום " * 40_000, id="right to left"),
    ],
)
def test_200_000_characters_take_no_longer_than_they_must(text: str) -> None:
    def work(text: str) -> None:
        with suppress(ScriptError):
            assert Script.parse(text).turns

    assert_even(work, text[: len(text) // 10], text)


def test_sixty_speakers() -> None:
    text = "\n".join(f"[S{number}] Hello from {number}." for number in range(1, 61))
    assert len(Script.parse(text).speakers) == 60
    assert str(Script.parse(text)) == text
