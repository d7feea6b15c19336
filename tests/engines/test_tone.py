"""The stand-in engine, and what every engine's spec must hold."""

from __future__ import annotations

import re

import pytest

from studio.audio import concatenate
from studio.engines import MODULES, module
from studio.engines.base import Placement
from studio.errors import SynthesisError, UnknownEngine, UnknownVoice
from studio.script import Script, Turn
from tests.engines.conftest import request_of


def test_a_beep_a_word_and_none_for_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = module("tone").load(Placement("cpu", 1, tmp_path_factory.getbasetemp()))
    pieces = list(engine.synthesize(request_of("tone", "Three (laughs) words", "high", word_seconds=0.1)))
    assert [piece.seconds for piece in pieces] == [0.1, 0.1, 0.1]
    again = engine.synthesize(request_of("tone", "Three (laughs) words", "high", word_seconds=0.1))
    assert concatenate(again).digest == concatenate(pieces).digest
    both = Script((Turn("high", "One."), Turn("deep", "One.")))
    high, deep = engine.synthesize(request_of("tone", both, ""))
    assert high.digest != deep.digest
    with pytest.raises(SynthesisError):
        list(engine.synthesize(request_of("tone", "!", "high")))


@pytest.mark.parametrize("engine_id", MODULES)
def test_a_spec_is_whole(engine_id: str) -> None:
    spec = module(engine_id).SPEC
    ids = [voice.id for voice in spec.voices]
    assert spec.id == engine_id
    assert len(set(ids)) == len(ids)
    assert all(voice.engine == engine_id and voice.name and voice.description for voice in spec.voices)
    assert spec.sampling({}) == {parameter.name: parameter.default for parameter in spec.parameters}
    assert all(re.fullmatch(r"\([a-z ]+\)", cue) for cue in spec.cues)
    assert spec.memory_gb > 0
    with pytest.raises(UnknownVoice):
        module(engine_id).voice("nobody at all")


def test_an_unknown_engine_is_named_with_a_way_out() -> None:
    with pytest.raises(UnknownEngine, match="Did you mean 'hibari'"):
        module("hibarri")
