"""Dia2 as an engine, on a tiny checkpoint in the hub's cache: load, speak, clone, stream, stop, and every refusal."""

from __future__ import annotations

import importlib.util
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny  # noqa: E402
import tiny_dia2  # noqa: E402

from studio import live  # noqa: E402
from studio.audio import Audio, concatenate  # noqa: E402
from studio.engines.base import Placement, WordTime  # noqa: E402
from studio.engines.dia2 import VARIANTS  # noqa: E402
from studio.engines.dia2.engine import Dia2Engine  # noqa: E402
from studio.engines.dia2.prefix import heard  # noqa: E402
from studio.engines.mimi import FRAME_SAMPLES, MimiStream  # noqa: E402
from studio.errors import EngineUnavailable, RequestError, ScriptError, SynthesisError, UnknownCast  # noqa: E402
from studio.events import Sound, Spoke  # noqa: E402
from studio.request import SpeechRequest, Spoken  # noqa: E402
from studio.script import Script, Turn  # noqa: E402
from studio.settings import Settings  # noqa: E402
from studio.studio import Studio  # noqa: E402
from studio.voice import Consent, Voice  # noqa: E402

SCRIPT = Script.parse("[S1] Hello there, how are you today? [S2] I am good: thanks. (laughs)")
LAG = 18
OPENING = "Hello there, how are you feeling on this fine morning?"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub cache with a tiny Dia2 1B and Mimi; delays and their lag are the published ones."""
    folder = tmp_path_factory.mktemp("hub")
    config = tiny_dia2.dia2_config()
    config["data"] |= {"channels": 6, "delay_pattern": [16] + [LAG] * 3}
    config["runtime"] = {"weights_schedule": [0, 1, 1], "max_context_steps": 400}
    model, codec = variant().FILES
    tiny.in_cache(tiny_dia2.dia2(folder / "dia2", "a", config), folder, model.repo, model.revision)
    tiny.in_cache(tiny.mimi(folder / "mimi"), folder, codec.repo, codec.revision)
    return folder


@pytest.fixture
def here(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Placement:
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    return Placement("cpu", 1, tmp_path / "models")


@pytest.fixture(scope="module")
def engine(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dia2Engine]:
    """The engine in fp32, in which the same words give the same sound whatever the machine."""
    names = ("models--nari-labs--Dia2-1B", "models--kyutai--mimi")
    model, codec = (next((cache / name / "snapshots").iterdir()) for name in names)
    placement = Placement("cpu", 1, tmp_path_factory.mktemp("models"))
    engine = Dia2Engine.open(variant().SPEC, (model, codec), placement, "", torch.float32)
    yield engine
    engine.close()


def variant(engine_id: str = "dia2-1b") -> Any:
    return VARIANTS[engine_id]


def request(
    script: Script = SCRIPT, voices: dict[str, Voice] | None = None, seed: int = 3, **sampling: float
) -> SpeechRequest:
    spec = variant().SPEC
    cast = {speaker: spec.voices[index % 8] for index, speaker in enumerate(script.speakers)} | (voices or {})
    return SpeechRequest(script, cast, spec.sampling(sampling), seed)


def finished(pieces: Generator[Audio, None, tuple[WordTime, ...]]) -> tuple[list[Audio], tuple[WordTime, ...]]:
    """All pieces, and what the generator returns."""
    made = []
    while True:
        try:
            made.append(next(pieces))
        except StopIteration as end:
            return made, end.value


def clip(seconds: float, pitch: float = 0.02) -> Audio:
    beats = np.sin(np.arange(round(24000 * seconds)) * 0.0008) ** 2
    return Audio((0.3 * beats * np.sin(np.arange(len(beats)) * pitch)).astype(np.float32), 24000)


def cloned(seconds: float = 3.0, transcript: str = "Two people are talking here.", pitch: float = 0.02) -> Voice:
    return Voice("mine", "Mine", audio=clip(seconds, pitch), transcript=transcript, consent=Consent("own"))


def test_the_module_loads_and_speaks(here: Placement) -> None:
    """The way of every engine: obstacle, load, synthesize, close."""
    assert variant().obstacle(here) is None
    engine = variant().load(here)
    sound = concatenate(engine.synthesize(request()))
    assert sound.sample_rate == 24000 and sound.seconds > 3 and sound.peak > 0.01
    engine.close()
    with pytest.raises(SynthesisError, match="unloaded"):
        next(engine.synthesize(request()))


def test_sound_begins_after_18_steps_and_comes_in_pieces(engine: Dia2Engine) -> None:
    pieces, words = finished(engine.synthesize(request()))
    sizes = [len(piece.samples) // FRAME_SAMPLES for piece in pieces]
    assert sizes[:LAG] == [0] * (LAG - 1) + [1]
    assert max(sizes) <= 4
    texts = ("Hello there, how are you today?", "I am good thanks. (laughs)")
    assert [(word.word, word.turn) for word in words] == [
        (word, turn) for turn, text in enumerate(texts) for word in text.split()
    ]
    starts = [word.start for word in words]
    assert starts == sorted(set(starts)) and starts[0] == pytest.approx(0.16)
    assert starts[-1] < concatenate(pieces).seconds


def test_pieces_join_to_what_the_codec_makes_of_the_whole(engine: Dia2Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[Any] = []
    original = MimiStream.__call__

    def recorded(stream: MimiStream, part: Any) -> Any:
        codes.append(part)
        return original(stream, part)

    monkeypatch.setattr(MimiStream, "__call__", recorded)
    sound = concatenate(engine.synthesize(request()))
    assert engine._held is not None
    with torch.inference_mode():
        whole = engine._held.codec.model.decode(torch.cat(codes, 1)[None]).audio_values[0, 0].clamp(-1, 1)
    np.testing.assert_allclose(sound.samples, whole.numpy(), atol=1e-4)


def test_the_seed_decides(engine: Dia2Engine) -> None:
    once, again, other = (concatenate(engine.synthesize(request(seed=seed))) for seed in (5, 5, 6))
    assert once.digest == again.digest != other.digest


@pytest.mark.parametrize(
    "sampling", [{"cfg": 1.0}, {"text_temperature": 0.0, "audio_temperature": 0.0}, {"audio_top_k": 0}]
)
def test_every_setting_speaks(sampling: dict[str, float], engine: Dia2Engine) -> None:
    usual, other = (concatenate(engine.synthesize(request(**values))) for values in ({}, sampling))
    assert usual.digest != other.digest


def test_text_may_come_while_it_speaks(engine: Dia2Engine) -> None:
    """Word by word, with pauses for thought: the sound is that of the whole text, and begins long before its end."""
    turns: list[Turn | None] = []
    for turn in SCRIPT.turns:
        for word in turn.text.split():
            turns += [None, Turn(turn.speaker, word), None]
    given: list[Turn | None] = []

    def arriving() -> Iterator[Turn | None]:
        for turn in turns:
            given.append(turn)
            yield turn

    wanted = request()
    whole, words = finished(engine.synthesize(wanted))
    pieces = engine.stream(arriving(), wanted)
    before = [next(pieces)]
    while not len(before[-1].samples):
        before.append(next(pieces))
    assert len(given) < len(turns) * 0.7
    rest, timed = finished(pieces)
    assert concatenate(before + rest).digest == concatenate(whole).digest
    assert [(word.word, word.start) for word in timed] == [(word.word, word.start) for word in words]


def test_a_stream_waits_without_a_step_when_nothing_has_been_written(engine: Dia2Engine) -> None:
    wanted = request()
    pieces = engine.stream(iter([None] * 5 + [Turn("S1", "Hello.")]), wanted)
    assert engine._held is not None
    steps = counted(engine)
    list(islice(pieces, 5))
    assert len(steps) < 5
    pieces.close()


def counted(engine: Dia2Engine) -> list[int]:
    """Grows with every step of the networks."""
    assert engine._held is not None
    net, steps = engine._held.net, []
    original = type(net).backbone

    def backbone(*arguments: Any) -> Any:
        steps.append(1)
        return original(net, *arguments)

    net.backbone = backbone  # type: ignore[method-assign]
    return steps


def test_closing_stops_at_once(engine: Dia2Engine) -> None:
    steps = counted(engine)
    pieces = engine.synthesize(request())
    for _ in range(7):
        next(pieces)
    pieces.close()
    assert len(steps) == 7


def test_a_clone_gives_only_new_sound(engine: Dia2Engine) -> None:
    own = concatenate(engine.synthesize(request()))
    one = concatenate(engine.synthesize(request(voices={"S1": cloned()})))
    both = concatenate(engine.synthesize(request(voices={"S1": cloned(), "S2": cloned(pitch=0.05)})))
    assert len({own.digest, one.digest, both.digest}) == 3
    for sound in (one, both):
        assert abs(sound.seconds - own.seconds) < 3.0 + 1.0
    pieces, words = finished(engine.synthesize(request(voices={"S1": cloned()})))
    assert [word.word for word in words][:2] == ["Hello", "there,"] and words[0].start < 1.0
    assert [len(piece.samples) for piece in pieces].index(FRAME_SAMPLES) == LAG - 1


def test_a_speaker_with_a_clip_comes_first(engine: Dia2Engine) -> None:
    """The model cannot hear the second speaker alone: the one with a clip takes the first place."""
    slots, clips = engine._cast({"Anna": variant().SPEC.voices[0], "Ben": cloned()}, ())
    assert slots == {"Ben": "[S1]", "Anna": "[S2]"} and len(clips) == 1


def test_the_next_passage_goes_on_in_the_voices_of_the_last(engine: Dia2Engine) -> None:
    text = "[S1] I was in the garden. It was late, and very quiet there. [S2] Really? What did you find in it?"
    sound = np.concatenate([clip(4.5).samples, np.zeros(9600, np.float32), clip(3.5, 0.05).samples])
    before = Spoken(Script.parse(text), Audio(sound, 24000))
    second = heard(before, "S2")
    assert second is not None and second.transcript == "Really? What did you find in it?"
    assert second.audio.seconds == pytest.approx(3.7, abs=0.6)
    assert heard(before, "S3") is None
    wanted = request()
    going_on = SpeechRequest(wanted.script, wanted.voices, wanted.sampling, wanted.seed, (before,))
    assert concatenate(engine.synthesize(going_on)).digest != concatenate(engine.synthesize(wanted)).digest


@pytest.mark.parametrize(
    ("voice", "complaint"),
    [
        pytest.param(cloned(0.5), "cannot last 0.5 s", id="too short"),
        pytest.param(cloned(30.0), "cannot last 30.0 s", id="too long"),
        pytest.param(cloned(1.5, "word " * 40), "cannot hold its 40 words", id="more words than sound"),
        pytest.param(cloned(3.0, "[S1]"), "has no word", id="no words"),
    ],
)
def test_a_reference_that_cannot_be_used_is_refused(voice: Voice, complaint: str, engine: Dia2Engine) -> None:
    with pytest.raises(RequestError, match=complaint):
        list(engine.synthesize(request(voices={"S1": voice})))


def test_too_long_a_passage_is_refused_before_it_is_spoken(engine: Dia2Engine) -> None:
    with pytest.raises(RequestError, match=r"takes \d+ s at least, and Dia2 has room for \d+ s"):
        list(engine.synthesize(request(Script.parse("[S1] " + "Hello there. " * 100))))


def test_words_left_over_are_an_error_never_silence(engine: Dia2Engine) -> None:
    """A stream whose end nobody knew: sound comes until the limit, then an error that names the next word."""
    wanted, made = request(), []
    words = (Turn("S1", f"number{count}") for count in range(10_000))
    with pytest.raises(SynthesisError, match=r"over before all was said; it goes on at 'number\d+'"):
        for piece in engine.stream(words, wanted):
            made.append(piece)
    assert concatenate(made).seconds == pytest.approx((400 - LAG + 1) * 0.08, abs=0.4)


def test_three_speakers_and_no_words_are_refused(engine: Dia2Engine) -> None:
    with pytest.raises(UnknownCast, match="two speakers"):
        list(engine.synthesize(request(Script.parse("[S1] One. [S2] Two. [S3] Three."))))
    with pytest.raises(UnknownCast, match="S9 has no voice"):
        wanted = request()
        list(engine.stream([Turn("S9", "Hello.")], wanted))
    with pytest.raises(ScriptError, match="nothing to say"):
        list(engine.stream([None], wanted))


def test_missing_packages_and_files_are_told(here: Placement, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    larger = variant("dia2-2b").obstacle(here)
    assert larger is not None and "models download dia2-2b" in larger.remedy and "7.7 GB" in larger.reason
    with pytest.raises(EngineUnavailable, match="models download dia2-2b"):
        variant("dia2-2b").load(here)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else real(name))
    without = variant().obstacle(here)
    assert without is not None and "torch" in without.reason and "README" in without.remedy


def test_a_prepared_copy_speaks_the_same(here: Placement) -> None:
    before = concatenate(variant().load(here).synthesize(request()))
    told: list[tuple[int, int]] = []
    path = variant().prepare(here, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] == pytest.approx(path.stat().st_size, abs=30_000)
    assert concatenate(variant().load(here).synthesize(request())).digest == before.digest


def test_the_studio_speaks_a_dictation(here: Placement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound before the sentence is over, word times, and a second passage that goes on in the same voices."""
    monkeypatch.setattr(live, "BREATHS", 3)
    studio = Studio(Settings(data=tmp_path / "data", device="cpu"))
    talk = studio.dictation(["S1", "S2"])
    request = studio.request(talk.everybody, "dia2-1b", {}, {}, seed=3)
    with closing(studio.speak_live("dia2-1b", talk, request)) as events:
        talk.write("[S1] Hello there, how are you feeling on this fine mor")
        first = next(event for event in events if isinstance(event, Sound) and len(event.audio.samples))
        assert first.audio.seconds == pytest.approx(0.08)
        talk.write("ning? [S2] I am good. ")
        said = next(event for event in events if isinstance(event, Spoke))
        assert [turn["text"] for turn in said.take.recipe["script"]] == [OPENING, "I am good."]
        assert said.take.words[0].word == "Hello" and said.take.words[-1].turn == 1
        talk.write("[S1] And so am I.")
        talk.end()
        run = list(events)[-1].run
    studio.close()
    assert str(run.script) == f"[S1] {OPENING}\n[S2] I am good.\n[S1] And so am I."
    assert (run.passages, [timing.turn for timing in run.timings]) == (2, [0, 1, 2])
    assert run.timings[1].start == pytest.approx(said.take.words[-3].start, abs=0.2)
