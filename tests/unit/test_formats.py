"""Files and pastes: what each format becomes, what is left out and told, and what is refused and how."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio import cues
from studio.errors import ScriptError
from studio.formats import EXTENSIONS, parse_any, read, read_script, read_text, to_json
from studio.formats.own import from_json
from studio.formats.reading import MAX_BYTES
from studio.script import Script, Turn
from tests.growth import assert_even


def lines(text: str, name: str, **options: bool) -> list[str]:
    return str(read_script(text.encode(), name, **options)).splitlines()


SAMPLES = Path(__file__).parents[2] / "assets" / "samples"

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello there,</i>

2
00:00:02,600 --> 00:00:04,000 X1:10
{\\an8}my friend.

3
00:00:05,000 --> 00:00:06,000
- Who is it?
- It's me!

4
00:00:07,000 --> 00:00:08,000
ANNA: Come in. [door creaks]
[LAUGHS]

5
00:00:08,500 --> 00:01:09,000
(wind howls)
42 &amp; more ♪
"""

VTT = """WEBVTT - a title

NOTE a comment
of two lines

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.000 align:left
<v Anna Smith>Hi <c.red>you</c> &amp; me.</v>

00:03.000 --> 00:04.000
<v.loud Ben>Yes,<00:00:03.500> really. <v Anna Smith>No.
"""

SCREENPLAY = """THE STORM
by Somebody

INT. HOUSE - NIGHT

Anna walks in.

ANNA
(softly)
Hello?
(laughs)
Anybody there?

DR. O'NEIL (V.O.)
Come in. Note: mind
the step.

CUT TO:

ANNA (CONT'D)
(looking around,
slowly)
NO!
"""


def test_subrip() -> None:
    reading = read(SRT.encode(), "film.srt")
    assert str(reading.script).splitlines() == [
        "Cast: ANNA",
        "[S1] Hello there, my friend.",
        "[S1] Who is it?",
        "[S2] It's me!",
        "ANNA: Come in.",
        "ANNA: (laughs) 42 & more",
    ]
    assert reading.left_out == ("[door creaks]", "(wind howls)")
    assert read_text(SRT).script == reading.script


def test_gaps_between_subtitles_are_pauses_only_when_asked() -> None:
    text = "00:01.0 --> 00:02.5\nOne,\n\n00:02.75 --> 00:04.0\ntwo.\n\n1:01:00.0 --> 1:01:01.0\nThree."
    assert lines(text, "a.srt") == ["[S1] One, two.", "[S1] Three."]
    kept = read(text.encode(), "a.srt", keep_gaps=True)
    assert str(kept.script).splitlines() == [
        "[pause 1s]",
        "[S1] One, [pause 0.25s]",
        "[S1] two. [pause 60s]",
        "[S1] Three.",
    ]
    assert kept.left_out == ("3596.0 s of silence",)


def test_webvtt() -> None:
    expected = ["Cast: Anna Smith, Ben", "Anna Smith: Hi you & me.", "Ben: Yes, really.", "Anna Smith: No."]
    assert lines(VTT, "a.vtt") == expected
    assert str(parse_any("\ufeff" + VTT.replace("\n", "\r\n"))).splitlines() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("00:03.0 --> 00:04.0\nB.\n\n00:01.0 --> 00:02.0\nA.", ["[S1] A.", "[S1] B."], id="by time"),
        pytest.param("00:03.0 --> 00:04.0\n2001\n2\n00:05.0 --> 00:06.0\nA.", ["[S1] 2001 A."], id="no blank lines"),
        pytest.param("00:03.0 --> 00:04.0\nNote: x\nAnna: y", ["[S1] Note: x Anna: y"], id="names there once"),
        pytest.param(
            "00:03.0 --> 00:04.0\n- Anna: x.\n- anna: y.",
            ["Cast: Anna", "Anna: x.", "Anna: y."],
            id="names there twice",
        ),
        pytest.param(
            "00:03.0 --> 00:04.0\nNOTE: x.\n-5 degrees.", ["[S1] NOTE: x.", "[S1] -5 degrees."], id="no names"
        ),
        pytest.param("00:03.0 --> 00:04.0\n[S2] x. [pause 99s]", ["[S2] x."], id="tags stay, other brackets go"),
    ],
)
def test_subtitles_of_other_people(text: str, expected: list[str]) -> None:
    assert lines(text, "a.srt") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "no subtitle"),
        ("00:01.0 --> 00:02.0\n\n", "no subtitle"),
        ("00:01.0 --> 00:02.0\n[music plays]", "Nothing is said"),
        ("hello\n\n00:01 --> 00:02\nx", "Line 3: this time"),
    ],
)
def test_subtitles_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        read_script(text.encode(), "a.vtt")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("**Anna:** a\n__Ben__: b\n\n- Anna: c\n2. *Ben*: d", "Anna: a|Ben: b|Anna: c|Ben: d", id="names"),
        pytest.param("> [S1] a *b* _c_ `d` **e**", "[S1] a b c d e", id="stress"),
        pytest.param("[S1] Well. *laughs* **sighs** b", "[S1] Well. *laughs* sighs b", id="cues"),
        pytest.param("a [b](http://c.d) ![e](f.png) snake_case_name", "[S1] a b snake_case_name", id="links"),
        pytest.param("\\[S1\\] a \\*b\\* 2 * 3 * 4", "[S1] a *b* 2 * 3 * 4", id="escapes"),
        pytest.param(
            "---\ntitle: x\n---\na\n\n---\n\n```text\nb\n```\n[1]: http://x", "[S1] a b", id="what is not said"
        ),
        pytest.param("a <!-- b\nc --> d<br>e <!-- open", "[S1] a d e <!-- open", id="comments"),
        pytest.param("# One #\na\n## Two?\nb", "[S1] One. a Two? b", id="headings of an essay"),
        pytest.param("# Only a title", "[S1] Only a title.", id="a title alone"),
        pytest.param("**ANNA**\nHello.\n\n**BEN**\nHi.", "ANNA: Hello.|BEN: Hi.", id="screenplay"),
    ],
)
def test_markdown(text: str, expected: str) -> None:
    assert [line for line in lines(text, "a.md") if not line.startswith("Cast:")] == expected.split("|")


def test_headings_of_a_dialogue_are_left_out_and_told() -> None:
    reading = read(b"# Title\r\n\r\n[S2] Hello\r\n## Part two\r\nthere.", "a.MD")
    assert reading.script == Script((Turn("S2", "Hello there."),))
    assert reading.left_out == ("Title", "Part two")


def test_markdown_keeps_the_numbers_of_lines() -> None:
    with pytest.raises(ScriptError, match="Line 6:"):
        read_script(b"---\na: b\n---\n<!-- x\ny -->\n- a [pause 99s]", "a.md")


@pytest.mark.parametrize("name", ["a.txt", "a.fountain", "-", "a.md"])
def test_screenplay(name: str) -> None:
    reading = read(SCREENPLAY.encode(), name)
    assert str(reading.script).splitlines() == [
        "Cast: ANNA, DR. O'NEIL",
        "ANNA: Hello? (laughs) Anybody there?",
        "DR. O'NEIL: Come in. Note: mind the step.",
        "ANNA: NO!",
    ]
    assert reading.left_out == (
        *("THE STORM", "by Somebody", "INT. HOUSE - NIGHT", "Anna walks in.", "(softly)", "CUT TO:"),
        *("(looking around,", "slowly)"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("ANNA\nHello.\nBEN\nHi.", "ANNA: Hello.|BEN: Hi.", id="no blank lines"),
        pytest.param("@McCoy\nHello.\n\nBEN ^\nHi.", "McCoy: Hello.|BEN: Hi.", id="forced and dual"),
        pytest.param("   ANNA\n  Hello.\n\n  EXT. SEA\n\n Waves.", "ANNA: Hello.", id="indented"),
        pytest.param("CHAPTER ONE\nIt rained.\n\nCHAPTER TWO\nIt did.", None, id="chapters are prose"),
        pytest.param("THIS IS LOUD\nSO IS THIS\nAND THIS TOO", None, id="shouting is prose"),
        pytest.param("NASA\n\nIt flew.\n\nUSA\n\nIt stayed.", None, id="words above a blank line are no names"),
        pytest.param("[S1] OK\nANNA\nHello.\nBEN\nHi.", None, id="tags say how to read it"),
        pytest.param(
            "SONG\nAnna: a\nBen: b\nAnna: c\nBEN\nAnna: d", "Anna: a Ben: b|Anna: c BEN|Anna: d", id="names with words"
        ),
    ],
)
def test_what_is_a_screenplay(text: str, expected: str | None) -> None:
    printed = [line for line in str(parse_any(text)).splitlines() if not line.startswith("Cast:")]
    if expected is None:
        assert parse_any(text) == Script.parse(text)
    else:
        assert printed[-len(expected.split("|")) :] == expected.split("|")


def test_a_screenplay_in_which_nobody_speaks() -> None:
    with pytest.raises(ScriptError, match="Nobody speaks"):
        read_script(b"INT. HOUSE\n\nSilence.", "a.fountain")


def test_json() -> None:
    script = Script((Turn("S1", 'He said "hi" ☺'), Turn("Anna", "b", 1.5)), 2.0)
    assert json.loads(to_json(script)) == {
        "version": 1,
        "lead_in": 2.0,
        "turns": [
            {"speaker": "S1", "text": 'He said "hi" ☺', "pause_after": None},
            {"speaker": "Anna", "text": "b", "pause_after": 1.5},
        ],
    }
    assert read_script(to_json(script).encode(), "a.json") == parse_any(to_json(script)) == script
    assert parse_any('[{"text": "a"}]') == Script((Turn("S1", "a"),))


@given(
    st.lists(st.tuples(st.sampled_from(["S1", "Anna"]), st.text(min_size=1), st.floats(0, 60) | st.none()), min_size=1)
)
@settings(max_examples=50, deadline=None)
def test_json_is_the_inverse_of_printing_it(turns: list[tuple[str, str, float | None]]) -> None:
    script = Script(
        tuple(Turn(speaker, f"x{text.replace('[', '').replace('<', '')}", pause) for speaker, text, pause in turns)
    )
    assert from_json(to_json(script)) == script


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON: it breaks off in line 1, column 2"),
        ("[" * 100_000, "not JSON"),
        ("7", "The script must be an object, not 7"),
        ("{}", "'turns' must be a list"),
        ('{"turns": 5}', "'turns' must be a list"),
        ('{"version": 2, "turns": []}', "version must be 1, not 2"),
        ('{"turn": []}', "field 'turn'.*Did you mean 'turns'"),
        ('{"turns": [], "lead_in": "2"}', 'lead_in must be a number of seconds, not "2"'),
        ('{"turns": [{"text": "a"}], "lead_in": 99}', "A pause cannot last 99 s"),
        ("[]", "The script is empty"),
        ("[1]", r"turns\[0\] must be an object"),
        ('[{"text": "a"}, {"text": 5}]', r"turns\[1\]\.text must be text, not 5"),
        ('[{"speaker": "S1"}]', r"turns\[0\]\.text must be text, not null"),
        ('[{"text": "a", "speaker": null}]', r"turns\[0\]\.speaker must be text"),
        ('[{"text": "a", "speaker": "a:b"}]', r"turns\[0\]: 'a:b' cannot be the name"),
        ('[{"text": "a", "pause": 1}]', r"turns\[0\] has a field 'pause'.*Did you mean 'pause_after'"),
        ('[{"text": "a", "pause_after": true}]', r"turns\[0\]\.pause_after must be a number"),
        ('[{"text": "a", "pause_after": NaN}]', r"turns\[0\]: A pause cannot last nan"),
        ('[{"text": "a", "pause_after": -1}]', r"turns\[0\]: A pause cannot last -1"),
        ('[{"text": "a [S2] b"}]', r"turns\[0\]: The words of a turn cannot hold '\[S2\]'"),
    ],
)
def test_json_that_cannot_be_read_names_the_field(text: str, message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        read_script(text.encode(), "a.json")


@pytest.mark.parametrize(
    "data",
    [
        "[S1] é 你".encode(),
        "[S1] é 你".encode("utf-8-sig"),
        "[S1] é 你".encode("utf-16"),
        "\ufeff[S1] é 你".encode("utf-16-be"),
        "[S1] é 你".encode("utf-32"),
    ],
)
def test_encodings(data: bytes) -> None:
    assert read_script(data, "a.txt") == Script((Turn("S1", "é 你"),))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.4", "is a PDF"),
        (b"PK\x03\x04...", "Word"),
        (b"RIFF....WAVE", "sound"),
        (b"{\\rtf1 hi}", "RTF"),
        (b"\x00\x01\x02\x03", "a binary file"),
        ("plain words".encode("utf-16-le"), "UTF-16 text without"),
        ("plain words".encode("utf-16")[:-1], "not UTF-16-LE text"),
        ("a\ncafé".encode("latin-1"), "not UTF-8 text: line 2"),
        (b"x" * (MAX_BYTES + 1), "too much for a script"),
        (b"", "The script is empty"),
    ],
)
def test_what_is_not_text_is_named(data: bytes, message: str) -> None:
    with pytest.raises(ScriptError, match=message) as caught:
        read_script(data, "a.txt")
    assert caught.value.remedy


def test_an_unknown_extension_lists_what_is_read() -> None:
    with pytest.raises(ScriptError, match=r"'a\.docx'.*" + ", ".join(EXTENSIONS)):
        read_script(b"x", "a.docx")


def test_pasted_text_knows_the_cast() -> None:
    assert parse_any("Anna: hi", cast=("Anna",)) == Script((Turn("Anna", "hi"),))


HOSTILE = {
    "comments": "<!--" * 40_000,
    "hashes": "# " + "#" * 200_000 + "x",
    "ticks": "`" * 200_000,
    "pictures": "![" * 100_000,
    "links": "[a](" * 50_000,
    "stars": "*" * 200_000,
    "times": "00:01.0 --> 00:02.0\nx\n" * 8_000,
    "names": "ANNA\nHello.\n\n" * 14_000,
    "brackets": "[" * 200_000,
    "asides": "(" * 200_000,
    "spaces": " " * 200_000,
    "dashes": "- " * 100_000,
    "capitals": "A" * 200_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.md", "a.srt", "a.fountain", "-"])
def test_200_000_characters_of_anything_take_little_time(name: str) -> None:
    def work(text: str) -> None:
        with suppress(ScriptError):
            read(text.encode(), name)

    for text in HOSTILE.values():
        assert_even(work, text[: len(text) // 10], text)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.txt")), ids=lambda path: path.stem)
def test_samples_are_scripts_for_any_engine(path: Path) -> None:
    script = read_script(path.read_bytes(), path.name)
    assert 60 <= sum(len(turn.text.split()) for turn in script.turns) <= 160
    assert Script.parse(str(script)) == script == parse_any(path.read_text(encoding="utf-8"))
    assert not any(cues.find(turn.text) or cues.variants(turn.text) for turn in script.turns)
