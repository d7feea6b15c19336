"""`POST /v1/audio/dialogue`: the finished sound with the time of every turn and word."""

from __future__ import annotations

import base64
from email.parser import BytesParser

import httpx
import numpy as np
import pytest

from studio.audio import Audio
from studio.engines import tone
from studio.engines.base import Speech, WordTime
from studio.request import SpeechRequest
from tests.api.sound import decoded
from tests.browser.serving import Served

TURNS = [
    {"speaker": "Anna", "voice": "high", "text": "one two", "pause_after": 1.0},
    {"speaker": "Ben", "text": "three"},
]


def test_a_dialogue_comes_with_its_times(http: httpx.Client, served: Served) -> None:
    answer = http.post("v1/audio/dialogue", json={"model": "tone", "turns": TURNS, "seed": 4})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    sound = decoded(base64.b64decode(told["audio"]), "wav")
    assert sound.seconds == pytest.approx(told["seconds"], abs=0.001)
    first, second = told["turns"]
    assert (first["speaker"], first["voice"], second["voice"], second["text"]) == ("Anna", "high", "deep", "three")
    assert second["start"] - first["end"] == pytest.approx(1.0, abs=0.005)
    between = sound.samples[int((first["end"] + 0.01) * 24000) : int((second["start"] - 0.01) * 24000)]
    assert np.abs(between).max() < 1e-4
    assert told["seed"] == 4 and served.studio.run(told["run"]).seconds == pytest.approx(told["seconds"], abs=0.001)


def test_words_have_their_times(http: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(self: tone.ToneEngine, request: SpeechRequest) -> Speech:
        words = []
        for turn, said in enumerate(request.script.turns):
            for place, word in enumerate(said.text.split()):
                words.append(WordTime(turn, word, place * 0.2))
                beep = np.sin(np.arange(4800) * 0.1) * np.hanning(4800)
                yield Audio(beep.astype(np.float32), 24000)
        return tuple(words)

    monkeypatch.setattr(tone.ToneEngine, "synthesize", timed)
    told = http.post("v1/audio/dialogue", json={"model": "tone", "turns": TURNS, "seed": 99}).json()
    assert [(word["turn"], word["word"]) for word in told["words"]] == [(0, "one"), (0, "two"), (1, "three")]
    starts = [word["start"] for word in told["words"]]
    assert starts[1] - starts[0] == pytest.approx(0.2, abs=0.002)
    assert starts[2] == pytest.approx(told["turns"][1]["start"], abs=0.02)
    assert served.studio.run(told["run"]).words[2].word == "three"  # kept with the run


@pytest.mark.parametrize("form", ["flac", "mp3", "ogg"])
def test_the_sound_can_be_a_part_of_its_own(http: httpx.Client, form: str) -> None:
    body = {"model": "tone", "turns": TURNS, "response_format": form}
    answer = http.post("v1/audio/dialogue", json=body, headers={"Accept": "multipart/mixed"})
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    told, sound = BytesParser().parsebytes(head + answer.content).get_payload()
    assert b'"turns"' in told.get_payload(decode=True)  # type: ignore[union-attr]
    heard = decoded(sound.get_payload(decode=True), form)  # type: ignore[union-attr, arg-type]
    assert heard.seconds == pytest.approx(0.6 + 1.0, abs=0.1)


def test_its_pace_is_the_engines_or_refused(http: httpx.Client) -> None:
    body = {"model": "hibari", "voice": "heart", "input": "Hello there, my friend."}
    usual, fast = (
        http.post("v1/audio/dialogue", json={**body, "speed": speed}).json()["seconds"] for speed in (1.0, 2.0)
    )
    assert usual / fast == pytest.approx(2.0, rel=0.15)
    refused = http.post("v1/audio/dialogue", json={**body, "speed": 3.0})
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "speed"


def test_long_scripts_are_for_dialogue(http: httpx.Client, served: Served) -> None:
    text = "one " * 1100
    sampling = {"word_seconds": 0.05}
    body = {"model": "tone", "voice": "high", "input": text, "sampling": sampling}
    assert http.post("v1/audio/speech", json=body).json()["error"]["code"] == "string_above_max_length"
    told = http.post("v1/audio/dialogue", json={**body, "response_format": "mp3"}).json()
    assert told["seconds"] == pytest.approx(1100 * 0.05, rel=0.05)
