"""A script that is spoken while it is being written: words that come cut anywhere, and the run they become."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from studio import soundfiles
from studio.audio import Audio
from studio.dictation import Dictation, Minutes
from studio.engines import tone
from studio.engines.base import Limits, WordTime
from studio.errors import RequestError, ScriptError, SynthesisError, UnknownCast
from studio.events import Event, Finished, Listening, Loading, Planned, Sound, Speaking, Spoke
from studio.live import ends_sentence
from studio.request import SpeechRequest
from studio.script import Script, Turn
from studio.studio import Studio

TEXT = (
    "Hello there (clears throat), Ben!\n[S2] Hi. [pause 1.5s] How <break time='2s'/> so?\nOld Man: At 10:30.\n[S1] Bye."
)
CAST = ("S1", "S2", "Old Man")


def read_all(talk: Dictation) -> Script:
    minutes = Minutes()
    while not talk.is_over:
        for words in talk.read():
            minutes.add(words)
    return minutes.script


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_text_cut_anywhere_is_the_script_that_it_is_as_a_whole(size: int) -> None:
    talk, minutes = Dictation(CAST), Minutes()
    for start in range(0, len(TEXT), size):
        talk.write(TEXT[start : start + size])
        for words in talk.read():
            minutes.add(words)
    talk.end()
    for words in talk.read():
        minutes.add(words)
    assert minutes.script == Script.parse(TEXT, CAST)


def test_words_go_out_as_soon_as_nothing_can_change_them() -> None:
    talk = Dictation(CAST)

    def after(text: str) -> list[tuple[str, str]]:
        talk.write(text)
        return [(words.speaker, words.text) for words in talk.read()]

    assert after("[S1] Hel") == []
    assert after("lo you ") == [("S1", "Hello you")]
    assert after("two (clears thr") == [("S1", "two")]
    assert after("oat) [S") == [("S1", "(clears throat)")]
    assert after("2] ") == []
    assert after("so\nOld ") == [("S2", "so")]
    assert after("Man: it ") == [("Old Man", "it")]
    assert after("is\nold ships ") == [("Old Man", "is old ships")]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("[S3] Hi.", UnknownCast, "S3 is not in the cast"),
        ("[S1] Hi. [pause soon] So.", ScriptError, "^'.pause soon.' is not a pause"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, error: type[Exception], says: str) -> None:
    talk = Dictation(CAST)
    talk.write(text)
    talk.end()
    with pytest.raises(error, match=says):
        read_all(talk)


def test_a_dictation_has_an_end() -> None:
    now = [0.0]
    talk = Dictation(["S1"], most_characters=10, patience_seconds=5, clock=lambda: now[0])
    talk.write("Hello ")
    with pytest.raises(RequestError, match="10 characters"):
        talk.write("there you")
    now[0] = 6.0
    assert read_all(talk).turns[0].text == "Hello" and talk.is_cut_off
    with pytest.raises(RequestError, match="has ended"):
        talk.write("more")
    with pytest.raises(UnknownCast):
        Dictation([])


@pytest.mark.parametrize(("text", "is_one"), [("Hello.", True), ("Really?”", True), ("Dr.", False), ("Hello", False)])
def test_a_sentence_is_known_without_what_follows(text: str, is_one: bool) -> None:
    assert ends_sentence(text) is is_one


def begin(studio: Studio, talk: Dictation, **more: float) -> Generator[Event | None, None, None]:
    request = studio.request(talk.everybody, "tone", {"S1": "high"}, {"word_seconds": 0.1, **more}, seed=3)
    return studio.speak_live("tone", talk, request)


def until(events: Iterable[Event | None], kind: type) -> Event:
    for event in events:
        if isinstance(event, kind) and not (isinstance(event, Sound) and not len(event.audio.samples)):
            return event
    raise AssertionError(f"no {kind.__name__} came")


def test_sound_comes_while_the_text_is_open_and_the_run_is_like_every_other(studio: Studio) -> None:
    talk = studio.dictation(["S1", "S2"])
    with closing(begin(studio, talk)) as events:
        until(events, Listening)
        talk.write("[S1] One two. Thr")
        assert until(events, Sound).audio.seconds == pytest.approx(0.1)
        until(events, Spoke)
        until(events, Listening)
        talk.write("ee four. [pause 2s]\n[S2] Five, ")
        until(events, Spoke)
        talk.write("six")
        talk.end()
        run = until(events, Finished).run
    assert (run.state, run.passages, len(run.takes)) == ("finished", 3, 3)
    assert str(run.script) == "[S1] One two. Three four. [pause 2s]\n[S2] Five, six"
    assert run.voices == {"S1": "high", "S2": "deep"}
    first, second = run.timings
    assert second.start - first.end == pytest.approx(2.0, abs=0.01)
    assert first.end - first.start == pytest.approx(0.4 + 0.15, abs=0.02), "within a turn a short gap"
    assert soundfiles.read(run.output).seconds == pytest.approx(run.seconds, abs=0.001)
    assert studio.run(run.id) == run


def test_nobody_listening_ends_the_dictation_and_keeps_what_was_said(studio: Studio) -> None:
    talk = studio.dictation(["S1"])
    events = begin(studio, talk)
    until(events, Loading)
    talk.write("One two. Three ")
    until(events, Spoke)
    events.close()
    with pytest.raises(RequestError, match="has ended"):
        talk.write("four")
    deadline = time.monotonic() + 5
    while studio.recent(1)[0].state == "unfinished" and time.monotonic() < deadline:
        time.sleep(0.01)
    run = studio.recent(1)[0]
    assert (run.state, str(run.script), len(run.takes)) == ("stopped", "[S1] One two. Three", 1)


def test_a_dictation_that_is_not_kept_leaves_nothing(studio: Studio) -> None:
    talk = studio.dictation(["S1"])
    request = studio.request(talk.everybody, "tone", {}, {}, seed=3)
    talk.write("One two.")
    talk.end()
    events = list(studio.speak_live("tone", talk, request, keep=False))
    assert any(isinstance(event, Spoke) for event in events)
    assert not any(isinstance(event, Finished) for event in events)
    assert studio.recent() == [] and not list(studio.settings.data.rglob("*.wav"))


def test_nothing_to_say_and_a_stranger_are_errors(studio: Studio) -> None:
    for text, error in (("  \n", ScriptError), ("(coughs)", ScriptError), ("One. [S7] Two.", UnknownCast)):
        talk = studio.dictation(["S1"])
        talk.write(text)
        talk.end()
        with pytest.raises(error):
            list(begin(studio, talk))


class Hearing(tone.ToneEngine):
    """A beep for every word as soon as it is there; holds 60 characters."""

    spec = replace(tone.SPEC, hears_text=True, max_speakers=2, limits=Limits(60, 60.0, 9), context_passages=1)
    asked: list[SpeechRequest]

    def stream(
        self, turns: Iterable[Turn | None], request: SpeechRequest
    ) -> Generator[Audio, None, tuple[WordTime, ...]]:
        self.asked.append(request)
        at, times = 0.0, []
        for index, turn in enumerate(turns):
            for word in turn.text.split() if turn else ():
                if word == "fail":
                    raise ZeroDivisionError("a bug")
                times.append(WordTime(index, word, at))
                at += 0.1
                yield Audio(np.full(2400, 0.1, np.float32), 24000)
            if turn is None:
                yield Audio(np.zeros(0, np.float32), 24000)
        return tuple(times)


@pytest.fixture
def hearing(monkeypatch: pytest.MonkeyPatch) -> type[Hearing]:
    Hearing.asked = []
    monkeypatch.setattr(tone, "SPEC", Hearing.spec)
    monkeypatch.setattr(tone, "load", lambda placement: Hearing())
    return Hearing


def test_an_engine_that_hears_text_speaks_in_the_middle_of_a_sentence(studio: Studio, hearing: type[Hearing]) -> None:
    talk = studio.dictation(["S1", "S2"])
    with closing(begin(studio, talk)) as events:
        talk.write("[S1] One tw")
        until(events, Sound)
        talk.write("o, three [S2] four ")
        for _ in range(3):
            until(events, Sound)
        talk.write("five. [pause 1s] Six.")
        talk.end()
        rest = list(events)
    run = rest[-1].run
    assert str(run.script) == "[S1] One two, three\n[S2] four five. [pause 1s]\n[S2] Six."
    assert [timing.turn for timing in run.timings] == [0, 1, 2]
    assert run.timings[1].start == pytest.approx(0.3, abs=0.01), "the time of its first word"
    assert run.timings[2].start - run.timings[1].end == pytest.approx(1.0, abs=0.01)
    takes = studio.takes_of(run)
    assert [take.recipe["live"] for take in takes] == [["S1", "S2"]] * 2
    assert [turn["text"] for turn in takes[0].recipe["script"]] == ["One two, three", "four five."]
    assert not hearing.asked[0].context and len(hearing.asked[1].context) == 1


def test_long_dictation_goes_by_passages_that_end_with_a_sentence(studio: Studio, hearing: type[Hearing]) -> None:
    talk = studio.dictation(["S1"])
    talk.write("This is one sentence. Here is another one, a bit longer. " * 3 + "without an end " * 6)
    talk.end()
    events = list(begin(studio, talk))
    run = events[-1].run
    texts = [" ".join(turn["text"] for turn in take.recipe["script"]) for take in studio.takes_of(run)]
    assert " ".join(texts) == run.script.turns[0].text
    assert len(texts) >= 5 and all(len(text) <= 60 for text in texts) and texts[0].endswith(".")
    assert [event.passage for event in events if isinstance(event, Speaking)] == list(range(len(texts)))
    assert sum(isinstance(event, Planned) for event in events) == 1


def test_more_speakers_than_it_holds_and_bugs_are_errors(studio: Studio, hearing: type[Hearing]) -> None:
    three = studio.dictation(["S1", "S2", "S3"])
    request = studio.request(three.everybody, "tone", dict.fromkeys(three.cast, "high"), {}, 1)
    with pytest.raises(UnknownCast, match="2 speakers"):
        studio.speak_live("tone", three, request)
    talk = studio.dictation(["S1"])
    talk.write("One fail now.")
    talk.end()
    with pytest.raises(SynthesisError, match="a bug"):
        list(begin(studio, talk))
    assert studio.recent(1)[0].state == "failed"
    assert not list(studio.settings.data.rglob("*.wav"))


def test_text_may_come_from_any_thread(studio: Studio) -> None:
    talk = studio.dictation(["S1"])

    def write() -> None:
        for number in range(40):
            talk.write(f"Word{number}. ")
        talk.end()

    writer = threading.Thread(target=write)
    with closing(begin(studio, talk, word_seconds=0.05)) as events:
        writer.start()
        run = until(events, Finished).run
    writer.join()
    assert run.script.turns[0].text.split() == [f"Word{number}." for number in range(40)]
