"""`POST /v1/audio/speech`, driven by the stock client: every format, the pace, the voices, and when the sound comes."""

from __future__ import annotations

import base64
import io
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.api.sound import decoded
from tests.browser.serving import Served
from tests.speech import heard, median_pitch, word_errors

if TYPE_CHECKING:
    from openai import OpenAI

TEXT = "The quick brown fox jumps over the lazy dog."
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


def spoken(http: httpx.Client, **body: Any) -> httpx.Response:
    return http.post("v1/audio/speech", json={"model": "tone", "voice": "high", "response_format": "pcm", **body})


def seconds(answer: httpx.Response) -> float:
    assert answer.status_code == 200, answer.text
    return len(answer.content) / 48000


@pytest.mark.parametrize("form", FORMATS)
def test_the_stock_client_gets_speech_in_every_format(openai: OpenAI, form: Any) -> None:
    answer = openai.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=form)
    sound = decoded(answer.content, form)
    assert 2.0 < sound.seconds < 4.0
    assert word_errors(TEXT, heard(sound)) == 0
    mime = {"mp3": "mpeg", "opus": "ogg"}.get(form, form)
    assert answer.response.headers["content-type"] == f"audio/{mime}"


def test_every_field_of_the_stock_client_is_taken(openai: OpenAI) -> None:
    answer = openai.audio.speech.create(
        model="gpt-4o-mini-tts",
        voice={"id": "low"},
        input=TEXT,
        instructions="Whisper.",
        response_format="wav",
        speed=1.1,
        stream_format="audio",
        extra_body={"seed": 3, "sampling": {"variation": 0.0}, "lang_code": "a"},
    )
    headers = answer.response.headers
    assert headers["x-studio-model"] == "hibari" and headers["x-studio-voices"] == "low"
    assert headers["x-studio-seed"] == "3" and headers["x-studio-ignored"] == "lang_code"
    assert headers["x-studio-instructions"].startswith("ignored")
    assert median_pitch(decoded(answer.content, "wav")) < 140


def test_the_same_request_gives_the_same_bytes_and_names_are_aliases(http: httpx.Client) -> None:
    one, again, alias, other = (
        spoken(http, model=model, voice=voice, input="Hello.", seed=seed).content
        for model, voice, seed in (
            ("hibari", "heart", 1),
            ("hibari", "heart", 1),
            ("tts-1-hd", "alloy", 1),
            ("hibari", "heart", 2),
        )
    )
    assert one == again == alias != other


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_a_short_sound_says_how_long_it_is(http: httpx.Client, form: str) -> None:
    answer = spoken(http, input="One two three.", response_format=form, sampling={"word_seconds": 0.25})
    assert soundfile.info(io.BytesIO(answer.content)).duration == pytest.approx(0.75)


def test_the_first_bytes_leave_when_the_first_sound_exists(http: httpx.Client) -> None:
    body = {"model": "tone", "voice": "high", "input": "one " * 10, "sampling": {"work_seconds": 0.15}}
    for form in ("mp3", "opus", "flac"):
        started = time.monotonic()
        with http.stream("POST", "v1/audio/speech", json={**body, "response_format": form}) as answer:
            pieces = answer.iter_raw()
            first = next(pieces)
            came = time.monotonic() - started
            whole = first + b"".join(pieces)
        assert came < 0.9 < 1.4 < time.monotonic() - started, form
        assert decoded(whole, form).seconds == pytest.approx(2.0, abs=0.1)


def test_events_carry_the_same_sound_and_its_usage(openai: OpenAI, http: httpx.Client) -> None:
    with openai.audio.speech.with_streaming_response.create(
        model="tone", voice="high", input="one two three four", response_format="pcm", stream_format="sse"
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line[6:]) for line in answer.iter_lines() if line]
    *deltas, done = events
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    sound = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    assert sound == spoken(http, input="one two three four").content
    assert done["type"] == "speech.audio.done"
    assert done["usage"] == {"input_tokens": 5, "output_tokens": 16, "total_tokens": 21}


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.5, 2.0, 4.0])
@pytest.mark.parametrize(("model", "voice"), [("tone", "high"), ("hibari", "heart")])
def test_speed_changes_the_length_and_not_the_pitch(http: httpx.Client, model: str, voice: str, speed: float) -> None:
    text = "one " * 20 if model == "tone" else "This is a sentence that is long enough to be measured, I hope."
    sampling = {} if model == "tone" else {"variation": 0}
    usual, changed = (
        spoken(http, model=model, voice=voice, input=text, speed=one, sampling=sampling) for one in (1.0, speed)
    )
    assert seconds(usual) / seconds(changed) == pytest.approx(speed, rel=0.06)
    pitches = [median_pitch(decoded(answer.content, "pcm")) for answer in (usual, changed)]
    assert pitches[0] == pytest.approx(pitches[1], rel=0.08)


def test_a_tagged_script_is_a_dialogue(http: httpx.Client) -> None:
    answer = spoken(
        http,
        model="hibari",
        voice=None,
        input="[S1] Good morning, Mister Parker. [pause 2s] [S2] Good morning, Anna.",
        voices={"S1": "nova", "S2": "onyx"},
    )
    assert answer.headers["x-studio-voices"] == "june,otto"
    sound = decoded(answer.content, "pcm")
    quiet = np.flatnonzero(np.abs(sound.samples) > 0.003)
    gap = int(np.argmax(np.diff(quiet)))
    assert np.diff(quiet)[gap] / 24000 == pytest.approx(2.0, abs=0.15)
    halves = [sound.samples[: quiet[gap]], sound.samples[quiet[gap + 1] :]]
    high, deep = (median_pitch(type(sound)(half, 24000)) for half in halves)
    assert high > 1.8 * deep


def test_turns_are_a_dialogue(http: httpx.Client) -> None:
    turns = [
        {"voice": "high", "text": "one", "pause_after": 1.0},
        {"voice": "deep", "text": "two"},
        {"voice": "high", "text": "three"},
    ]
    answer = spoken(http, voice=None, turns=turns)
    assert seconds(answer) == pytest.approx(0.6 + 1.0 + 0.35, abs=0.01)
    assert answer.headers["x-studio-voices"] == "high,deep"
    named = [{"speaker": "Anna", "text": "one"}, {"speaker": "Ben", "voice": "high", "text": "two"}]
    assert spoken(http, voice=None, turns=named).headers["x-studio-voices"] == "deep,high"


def test_prose_with_colons_is_read_as_it_stands(http: httpx.Client) -> None:
    assert seconds(spoken(http, input="Note: one two.\nNote: three.")) == pytest.approx(5 * 0.2)


def test_nothing_is_kept(http: httpx.Client, served: Served) -> None:
    data = served.studio.settings.data
    before = {path for path in data.rglob("*") if path.is_file()}
    assert spoken(http, input="Nobody else may hear this.").status_code == 200
    assert {path for path in data.rglob("*") if path.is_file()} == before


def test_a_client_that_leaves_stops_the_engine_within_a_step(http: httpx.Client, served: Served) -> None:
    body = {"model": "tone", "voice": "high", "input": "one " * 200, "sampling": {"work_seconds": 0.1}}
    for form in ("audio", "sse"):
        with http.stream("POST", "v1/audio/speech", json={**body, "stream_format": form}) as answer:
            next(answer.iter_raw())
            assert served.studio.runner.busy() == 1
        left = time.monotonic()
        while served.studio.runner.busy():
            assert time.monotonic() - left < 0.6
            time.sleep(0.01)
