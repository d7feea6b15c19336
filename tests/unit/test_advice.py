"""Advice: each note at its place, in words that say what will happen; and quick enough for every key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studio.advice import Advice, Note, advise
from studio.cues import without
from studio.engines.base import EngineSpec, Limits
from studio.engines.tone import SPEC as TONE
from studio.passages import plan
from studio.script import Script, Turn
from tests.growth import assert_even

# An engine of the other kind: two speakers in turn, cues performed, unknown ones read aloud.
PAIR = replace(
    TONE,
    id="pair",
    title="Pair (two voices)",
    limits=Limits(characters=200, seconds=20.0, turns=4, alternate=True),
    max_speakers=2,
    cues=("(laughs)", "(chuckle)"),
    unknown_cue="spoken",
    characters_per_second=10.0,
)


def notes(text: str, spec: EngineSpec, *kinds: str) -> list[Note]:
    return [note for note in advise(Script.parse(text), spec).notes if not kinds or note.kind in kinds]


@pytest.mark.parametrize("spec", [TONE, PAIR], ids=["tone", "pair"])
@pytest.mark.parametrize(
    "text", ["[S1] Hello.", "[S1] Hello (laughs).\n[S2] Café at 10:30 – “fine” (it was Tuesday)… 🎉"]
)
def test_nothing_to_say_about_a_plain_script(text: str, spec: EngineSpec) -> None:
    assert not notes(text, spec)


@pytest.mark.parametrize(
    ("spec", "text", "kind", "place", "message", "fix"),
    [
        (TONE, "Oh (sighs) no", "cue", "(sighs)", "Tone does not perform (sighs): it is left out.", None),
        (TONE, "*sighs* Oh", "cue", "*sighs*", "Tone does not perform *sighs*: it is left out.", "(sighs)"),
        (TONE, "Oh [laugh] no", "spelling", "[laugh]", "[laugh] is performed as (laughs).", "(laughs)"),
        (TONE, "Oh (Laughing) no", "spelling", "(Laughing)", "(Laughing) is performed as (laughs).", "(laughs)"),
        (PAIR, "Oh (sighs) no", "cue", "(sighs)", "Pair does not perform (sighs): it is read aloud.", None),
        (
            PAIR,
            "Oh (chuckles)",
            "cue",
            "(chuckles)",
            "Pair reads (chuckles) aloud; it performs (chuckle).",
            "(chuckle)",
        ),
        (PAIR, "Oh <laugh> no", "cue", "<laugh>", "Pair reads <laugh> aloud; it performs (laughs).", "(laughs)"),
        (TONE, "Say “привет”, ok", "language", "привет", "Tone speaks English: it cannot speak “привет”.", None),
        (TONE, "שלום there", "language", "שלום", "Tone speaks English: it cannot speak “שלום”.", None),
        (TONE, "So 你好吗 ok", "language", "你好吗", "Tone speaks English: it cannot speak “你好吗”.", None),
    ],
)
def test_a_note_stands_at_its_place(
    spec: EngineSpec, text: str, kind: str, place: str, message: str, fix: str | None
) -> None:
    script = Script.parse(f"[S1] Yes.\n[S2] {text}")
    (note,) = advise(script, spec).notes
    assert (note.turn, note.kind, note.message, note.fix) == (1, kind, message, fix)
    assert script.turns[1].text[note.start : note.end] == place
    assert str(note) == f"turn 2: {message}"


def test_what_advice_says_of_cues_is_what_the_director_does() -> None:
    script = Script.parse("[S1] Oh (sighs) no [laugh] yes *sobs*.")
    (passage,) = plan(script, TONE)
    assert passage.script.turns[0].text == without(script.turns[0].text, TONE.cues) == "Oh no (laughs) yes."
    assert [note.kind for note in advise(script, TONE).notes] == ["cue", "spelling", "cue"]
    (passage,) = plan(script, PAIR)
    assert passage.script.turns[0].text == script.turns[0].text


def test_a_turn_without_words_is_left_out() -> None:
    found = notes("[S1] Hello.\n[S2] (sighs) …\n[S1] 🎉\n[S2] (laughs)", TONE, "silent")
    assert [(note.turn, note.level) for note in found] == [(1, "warning"), (2, "warning")]


def test_a_script_without_words_is_told_not_raised() -> None:
    advice = advise(Script.parse("[S1] (sighs)"), TONE)
    assert (advice.seconds, advice.passages) == (0.0, 0)
    assert [note.kind for note in advice.notes] == ["cue", "nothing"]
    assert advice.notes[-1].turn is None and "nothing to say" in str(advice.notes[-1])


def test_a_long_turn_says_how_often_it_is_cut() -> None:
    advice = advise(Script.parse("[S1] Hi.\n[S2] " + "A sentence of six short words. " * 20), PAIR)
    (note,) = advice.notes
    assert (note.turn, note.kind, note.level) == (1, "long", "info")
    assert note.message == "Too long for one passage of Pair: cut at sentence ends into 4."
    assert advice.passages in (4, 5)


def test_neighbours_of_one_speaker_are_merged_where_speakers_must_alternate() -> None:
    (note,) = notes("[S1] One.\n[S1] Two.\n[S2] Three.", PAIR)
    assert (note.turn, note.kind) == (1, "merged")
    assert note.message == "S1 goes on: Pair speaks this and the turn before as one."
    assert not notes("[S1] One. [pause 1s] Two.\n[S2] Three.", PAIR), "a pause parts them"
    assert not notes("[S1] One.\n[S1] Two.", TONE)


def test_more_speakers_than_a_passage_holds() -> None:
    (note,) = notes("[S1] a\n[S2] b\n[S3] c", PAIR)
    assert (note.turn, note.kind, note.level) == (None, "speakers", "info")
    assert str(note).startswith("3 speakers, and Pair holds 2 at a time")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Anna: Hi!\nBen: ho\nDr. Smith: Yes.", ["Anna", "Ben", "Dr. Smith"]),
        ("Anna: Hi.\nBen: Ho.\nAnna: Bye.", ["Ben"]),
        ("[S1] Note: bring milk.", []),
        ("[S1] Remember this: be kind. The time is 10:30 now.", []),
    ],
)
def test_names_that_nobody_declared_are_told(text: str, names: list[str]) -> None:
    script = Script.parse(text)
    found = [note for note in advise(script, TONE).notes if note.kind == "name"]
    assert [script.turns[note.turn or 0].text[note.start : note.end] for note in found] == names
    assert all("Cast: " in note.message for note in found)


@pytest.mark.parametrize(
    ("languages", "text", "is_told"),
    [
        (("en",), "naïve Ærøskøbing Žižek", False),
        (("ja", "en"), "こんにちは and カタカナ and 漢字", False),
        (("zh-CN",), "你好 and hello", False),
        (("ru",), "привет, 你好", True),
        (("en",), "ｆｕｌｌ ½ µ ª 100 °C €5 → ok", False),
        (("en",), "नमस्ते", True),
    ],
)
def test_letters_of_other_languages(languages: tuple[str, ...], text: str, is_told: bool) -> None:
    assert bool(notes(text, replace(TONE, languages=languages), "language")) == is_told


def test_the_estimate_counts_words_and_pauses() -> None:
    text = "[pause 2s]\n[S1] " + "a" * 100 + " [pause 3s]\n[S2] " + "b" * 50 + " [pause 9s]"
    assert advise(Script.parse(text), PAIR) == Advice((), 2 + 10 + 3 + 5, 2)


@pytest.mark.parametrize("spec", [TONE, PAIR], ids=["tone", "pair"])
def test_a_long_script_is_looked_at_as_quickly_as_a_short_one(spec: EngineSpec) -> None:
    line = "Hello there (sighs) *laughs*, how are you? We went to the sea: it was cold, привет."

    def script(turns: int) -> Script:
        return Script.parse("\n".join(f"[S{number % 3 + 1}] {line}" for number in range(turns)))

    whole = script(1000)
    assert len(advise(whole, spec).notes) >= 3000
    assert_even(lambda some: advise(some, spec), script(100), whole)


def test_a_slow_processor_is_told_before_anything_is_spoken() -> None:
    slow = replace(TONE, cpu_rtf=15.0)
    script = Script((Turn("S1", "word " * 300),))
    note = advise(script, slow, "cpu").notes[0]
    assert note.kind == "slow" and "15 times slower" in note.message and "about 15 minutes" in note.message
    assert not [note for note in advise(script, slow, "cuda").notes if note.kind == "slow"]
    assert not [note for note in advise(script, TONE, "cpu").notes if note.kind == "slow"]
