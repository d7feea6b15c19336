"""What Dia is given to read: bytes with tags, and what leads up to a passage so that its voices stay."""

from __future__ import annotations

import pytest
from dia_speech import DIALOGUE, following, reference, request, spoken

from studio.engines import dia
from studio.engines.dia.prompt import Prompt, prompt_of, tagged
from studio.errors import UnknownCast, UnknownVoice
from studio.request import SpeechRequest


@pytest.mark.parametrize(
    "text", [DIALOGUE, "[S1] Café, naïve – “quoted” €5?", "[S1](laughs)[S2] [S3] [s1]", "[S2] Second first."]
)
def test_text_becomes_the_ids_of_transformers(text: str) -> None:
    transformers = pytest.importorskip("transformers")
    assert list(Prompt(text, ()).ids) == transformers.DiaTokenizer()(text)["input_ids"]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([("Anna", "Hi.")], "[S1] Hi."),
        ([("Ben", "Hi."), ("Anna", "Oh.")], "[S1] Hi. [S2] Oh. [S1]"),
        ([("A", "One."), ("B", "Two."), ("A", "Three.")], "[S1] One. [S2] Two. [S1] Three. [S2]"),
        ([("A", "One."), ("A", "Two."), ("B", "Three.")], "[S1] One. Two. [S2] Three. [S1]"),
    ],
    ids=["one speaker", "two", "closes with the last but one", "neighbours are one turn"],
)
def test_tags_begin_with_s1_and_alternate(lines: list[tuple[str, str]], text: str) -> None:
    assert tagged(lines) == text


def test_a_third_speaker_is_refused() -> None:
    with pytest.raises(UnknownCast, match="A, B, C"):
        prompt_of(request("A: One.\nB: Two.\nC: Three.\nCast: A, B, C"), 20.0)


@pytest.mark.parametrize(
    ("asked", "text", "seconds"),
    [
        (request("[S2] New."), "[S1] New.", 0),
        (request("[S2] New.", {"S2": reference("b")}), "[S1] I speak like this. New.", 0.5),
        (
            request("[S2] New. [S1] Yes.", {"S1": reference("a", 0.7, "Ay."), "S2": reference("b", 0.5, "Be.")}),
            "[S1] Be. [S2] Ay. [S1] New. [S2] Yes. [S1]",
            1.2,
        ),
        (
            request("[S1] New. [S2] Yes.", {"S2": reference("b", 0.5, "[S2] Be\n“told”.")}),
            '[S1] Be "told". [S2] New. [S1] Yes. [S2]',
            0.5,
        ),
        (
            following("[S1] New. [S2] Yes.", spoken("[S1] Old. [S2] Past.")),
            "[S1] Old. [S2] Past. [S1] New. [S2] Yes. [S1]",
            0.5,
        ),
        (following("[S2] New.", spoken("[S1] Old. [S2] Past.")), "[S1] Old. [S2] Past. New. [S1]", 0.5),
        (following("[S1] New.", spoken("[S1] Old."), spoken("[S2] Past.")), "[S1] Old. New.", 0.5),
        (
            following("[S1] New. [S2] Yes.", spoken("[S1] Old."), spoken("[S2] Past.")),
            "[S1] Old. [S2] Past. [S1] New. [S2] Yes. [S1]",
            1.0,
        ),
        (
            following("[S1] New. [S2] Yes.", spoken("[S1] Old."), voices={"S2": reference("b", 0.7, "Be.")}),
            "[S1] Be. [S2] Old. New. [S1] Yes. [S2]",
            1.2,
        ),
        (
            following("[S1] New.", spoken("[S1] Old."), voices={"S1": reference("a", 0.7, "Ay.")}),
            "[S1] Ay. New.",
            0.7,
        ),
        (following("[S3] New.", spoken("[S1] Old. [S2] Past.")), "[S1] New.", 0),
        (following("[S1] New.", spoken("[S1] Old."), spoken("[S1] Long.", 21)), "[S1] Old. New.", 0.5),
        (following("[S1] New.", spoken("[S1] Long.", 21), spoken("[S1] Old.")), "[S1] Old. New.", 0.5),
        (
            following("[S1] New. [S2] Yes.", spoken("[S1] Old.", 15), spoken("[S1] Both. [S2] Past.", 15)),
            "[S1] Both. [S2] Past. [S1] New. [S2] Yes. [S1]",
            15,
        ),
        (following("[S1] New.", spoken("[S1] Old."), spoken("[S1] Newer.")), "[S1] Old. New.", 0.5),
    ],
    ids=[
        "nothing",
        "a reference, whose speaker goes on",
        "two references, who speaks first is first",
        "one reference, of the second speaker",
        "the passage before",
        "in another order of speakers",
        "the passage of the speaker",
        "two passages, one of each speaker",
        "a passage and a reference",
        "a reference rather than the passage before",
        "a new speaker",
        "not a passage that is too long",
        "not a first passage that is too long",
        "one with both where two are too long",
        "always the first passage",
    ],
)
def test_a_passage_goes_on_from_what_keeps_its_voices(asked: SpeechRequest, text: str, seconds: float) -> None:
    prompt = prompt_of(asked, 20.0)
    assert prompt.text == text
    assert prompt.seconds == pytest.approx(seconds, abs=0.01)


def test_a_voice_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(UnknownCast, match="voice of S2") as caught:
        prompt_of(following("[S2] New. [S3] Yes.", spoken("[S1] Old. [S2] Past.")), 20.0)
    assert "reference" in caught.value.remedy


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(UnknownVoice, match="Did you mean 'random-1'"):
        dia.voice("randum-1")
