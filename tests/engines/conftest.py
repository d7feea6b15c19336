"""Real engines, loaded once a session, and one short way to make them speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.audio import Audio, concatenate
from studio.engines import module
from studio.engines.base import Engine, Placement
from studio.request import SpeechRequest
from studio.script import Script, Turn

Speak = Callable[..., Audio]


def request_of(engine_id: str, text: str | Script, voice: str, seed: int = 0, **sampling: float) -> SpeechRequest:
    """A request for one turn, or for a script whose speakers are the ids of their voices."""
    engine = module(engine_id)
    script = Script((Turn("S1", text),)) if isinstance(text, str) else text
    voices = {speaker: engine.voice(voice if isinstance(text, str) else speaker) for speaker in script.speakers}
    return SpeechRequest(script, voices, engine.SPEC.sampling(sampling), seed)


@pytest.fixture(scope="session")
def hibari(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = module("hibari").load(Placement("cpu", 1, tmp_path_factory.mktemp("models")))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def speak(hibari: Engine) -> Speak:
    """speak(text, voice="heart", seed=0, **sampling): the whole sound of the built-in engine."""

    def speaking(text: str | Script, voice: str = "heart", seed: int = 0, **sampling: float) -> Audio:
        return concatenate(hibari.synthesize(request_of("hibari", text, voice, seed, **sampling)))

    return speaking


@pytest.fixture(scope="session")
def samples() -> dict[str, Script]:
    """The sample scripts that ship with the studio, by file name."""
    folder = Path(__file__).parents[2] / "assets" / "samples"
    return {path.name: Script.parse(path.read_text("utf-8")) for path in sorted(folder.glob("*.txt"))}
