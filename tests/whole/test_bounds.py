"""The sound of one request is as long as the settings allow; what was not to be kept does not outlive a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from studio.errors import RequestError
from studio.events import Sound
from studio.script import Script
from studio.settings import Settings
from studio.studio import Studio

ROOT = Path(__file__).parents[2]


def limited(settings: Settings, seconds: float) -> Studio:
    return Studio(replace(settings, max_sound_seconds=seconds))


@pytest.mark.parametrize("text", ["one " * 400, "Hi. [pause 60s] Hi."], ids=["words", "pauses"])
def test_a_script_that_would_last_too_long_is_refused(settings: Settings, text: str) -> None:
    studio = limited(settings, 20)
    with pytest.raises(RequestError, match="20 s of sound are allowed"):
        studio.request(Script.parse(f"[S1] {text}"), "tone", {}, {}, 0)
    studio.close()


def test_what_lasts_longer_than_its_text_is_stopped(settings: Settings) -> None:
    studio = limited(settings, 4)
    request = studio.request(Script.parse("[S1] " + "a " * 20), "tone", {}, {"word_seconds": 0.5}, 0)
    heard = 0.0
    with pytest.raises(RequestError, match="It was stopped after"):
        for event in studio.speak("tone", request):
            heard += event.audio.seconds if isinstance(event, Sound) else 0.0
    assert heard <= 1.5 * 4
    studio.close()
    studio = limited(settings, 0)
    assert [event for event in studio.speak("tone", request) if isinstance(event, Sound)]
    studio.close()


UTTERS = """
import sys
from pathlib import Path
from studio.events import Spoke
from studio.script import Script
from studio.settings import Settings
from studio.studio import Studio

studio = Studio(Settings(data=Path(sys.argv[1]), device="cpu", show_tone=True))
script = Script.parse("[S1] one two [pause 1s] [S2] three [pause 1s] [S1] " + "four " * 40)
request = studio.request(script, "tone", {}, {"work_seconds": 0.2, "word_seconds": 0.05}, 0)
done = 0
for event in studio.utter("tone", request):
    done += isinstance(event, Spoke)
    if done == 2:
        print("two are spoken", flush=True)
        done = 3
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_nothing_of_what_was_not_to_be_kept_outlives_a_kill(settings: Settings) -> None:
    command = [sys.executable, "-c", UTTERS, str(settings.data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as speaking:
        assert speaking.stdout is not None and "two" in speaking.stdout.readline()
        beside = Studio(settings)  # another process, while the first still speaks
        assert len(list(settings.data.rglob("*.wav"))) >= 2
        os.kill(speaking.pid, signal.SIGKILL)
    kept = beside.request(Script.parse("[S1] This one stays."), "tone", {}, {"word_seconds": 0.05}, 0)
    list(beside.speak("tone", kept))
    beside.close()
    again = Studio(settings)
    (run,) = again.recent()
    assert run.script.turns[0].text == "This one stays." and len(again.takes_of(run)) == 1
    assert {path.stem for path in (settings.data / "takes").rglob("*.wav")} == set(run.takes)
    again.close()
