"""Dia on tiny checkpoints in the published layout: the codes and sound of transformers, streamed, cloned, refused."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dia_speech import BOOKS, DIALOGUE, HOP, RATE, following, reference, request, sound, spoken

from studio import engines
from studio.audio import Audio, concatenate
from studio.engines import dia as dia_module
from studio.engines.base import Engine, Placement
from studio.engines.dia.prompt import Prompt, prompt_of
from studio.errors import EngineUnavailable, RequestError, SynthesisError
from studio.script import Script
from studio.settings import Settings
from studio.studio import Studio
from studio.voice import Voice

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny  # noqa: E402
from dia_stock import Stock, ending, noise_of  # noqa: E402

from studio.engines.dia.dac import Dac, DacStream  # noqa: E402
from studio.engines.dia.decoding import Decoding  # noqa: E402
from studio.engines.dia.engine import DiaEngine  # noqa: E402
from studio.engines.dia.model import Dia  # noqa: E402
from studio.engines.dia.sampling import Sampling  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dia")


@pytest.fixture(scope="module")
def codec_folder(root: Path) -> Path:
    return tiny.dac(root / "dac")


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    """A model whose speech ends: random weights make the end no more probable than any of the 1024 codes."""
    return ending(tiny.dia(root / "dia"), 2.0)


@pytest.fixture(scope="module")
def brief(folder: Path, root: Path) -> Path:
    """A model whose speech ends soon, in any precision."""
    return ending(Path(shutil.copytree(folder, root / "brief")), 3.0)


@pytest.fixture(scope="module")
def dia(folder: Path) -> Dia:
    return Dia.load(folder, "cpu", torch.float32)


@pytest.fixture(scope="module")
def dac(codec_folder: Path) -> Dac:
    return Dac.load(codec_folder, "cpu", "")


@pytest.fixture(scope="module")
def engine(dia: Dia, dac: Dac) -> DiaEngine:
    return DiaEngine(dia, dac)


@pytest.fixture(scope="module")
def stock(folder: Path, codec_folder: Path) -> Stock:
    return Stock(folder, codec_folder)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("seconds", [0.0, 0.4], ids=["alone", "prompted"])
@pytest.mark.parametrize("seed", [None, 3, 4], ids=["greedy", "sampled", "sampled-again"])
def test_codes_are_those_of_transformers(
    dia: Dia, dac: Dac, stock: Stock, guidance: float, seconds: float, seed: int | None
) -> None:
    """Drawn codes too, since both take the same noise; the prompt is encoded by both, and the end comes as it comes."""
    frames, prompt = 60, sound(seconds) if seconds else None
    grid, start = stock.rows(DIALOGUE, prompt, frames, seed, guidance)
    codes = dac.encode(prompt) if prompt else torch.zeros(0, BOOKS, dtype=torch.int64)
    text = torch.tensor(stock.tokenizer(DIALOGUE)["input_ids"])
    decoding = Decoding(dia, text, codes, frames, Sampling(guidance, 1.2, 0.95, 45))
    whole = list(decoding.run(noise_of(seed)))[-1]
    assert start == len(codes) + 1
    ends = int((grid[0, :, 0] == 1024).nonzero()[0, 0])
    assert whole == ends - start
    assert decoding.ended == (whole < frames)
    expected = torch.stack([grid[0, start + d : ends + d, book] for book, d in enumerate(dia.config.delays)], dim=1)
    assert torch.equal(decoding.codes(0, whole), expected)


@pytest.mark.parametrize("prompt", [None, sound(0.3, seed=7)], ids=["alone", "cloned"])
@pytest.mark.parametrize("cfg", [1.0, 3.0])
def test_sound_is_that_of_transformers(engine: DiaEngine, stock: Stock, prompt: Audio | None, cfg: float) -> None:
    voices = {} if prompt is None else {"S1": Voice("a", "A", audio=prompt, transcript="Like this.")}
    asked = request("[S1] Hello there, you.", voices, seed=2, cfg=cfg)
    text = prompt_of(asked, 20.0).text
    assert text == ("[S1] Hello there, you." if prompt is None else "[S1] Like this. Hello there, you.")
    ours = concatenate(engine.synthesize(asked)).samples
    theirs = stock.sound(text, prompt, frames=500, seed=2, guidance=cfg)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6
    assert np.abs(theirs).max() > 1e-3


def test_sound_in_pieces_is_the_sound_of_the_whole(dac: Dac) -> None:
    codes = torch.randint(0, 1024, (230, BOOKS), generator=torch.Generator().manual_seed(1))
    whole = dac.model.decode(audio_codes=codes.T[None]).audio_values[0].detach().numpy()
    for size in (7, 86, 230):
        stream = DacStream(dac)
        pieces = [stream(codes[at : at + size], at + size >= len(codes)) for at in range(0, len(codes), size)]
        joined = np.concatenate(pieces)
        assert joined.shape == whole.shape == (len(codes) * HOP,)
        assert np.abs(joined - whole).max() < 1e-6


def test_codes_of_a_long_sound_are_those_of_the_whole(dac: Dac, stock: Stock) -> None:
    long = sound(3.2, seed=3)
    rows = stock.inputs("[S1] a", long)["decoder_input_ids"][0].long()
    codes = dac.encode(long)
    for book, delay in enumerate((0, 8, 9, 10, 11, 12, 13, 14, 15)):
        assert torch.equal(codes[:, book], rows[1 + delay : 1 + delay + len(codes), book])


def test_other_rates_are_heard_at_the_codec_s_own(dac: Dac) -> None:
    assert len(dac.encode(sound(0.5, rate=16000))) == -(-RATE // 2 // HOP)


def test_ids_that_are_no_codes_sound_like_code_zero(dac: Dac) -> None:
    codes = torch.full((20, BOOKS), 5)
    expected = codes.clone()
    codes[7, 3], codes[8, 0], expected[7, 3], expected[8, 0] = 1024, 1026, 0, 0
    assert np.array_equal(dac.decode(codes), dac.decode(expected))


def test_it_streams_and_the_pieces_are_the_whole(engine: DiaEngine, dac: Dac, dia: Dia) -> None:
    asked = request(DIALOGUE, seed=7)
    pieces = [piece for piece in engine.synthesize(asked) if len(piece.samples)]
    assert len(pieces) > 1
    text = torch.tensor(list(prompt_of(asked, 20.0).ids))
    decoding = Decoding(dia, text, torch.zeros(0, BOOKS, dtype=torch.int64), 500, Sampling(3.0, 1.2, 0.95, 45))
    whole = list(decoding.run(noise_of(7)))[-1]
    assert np.abs(concatenate(pieces).samples - dac.decode(decoding.codes(0, whole))).max() < 1e-6


def test_the_first_sound_comes_after_a_second_of_steps(engine: DiaEngine) -> None:
    steps = 0
    for piece in engine.synthesize(request(DIALOGUE, seed=7)):
        if len(piece.samples):
            break
        steps += 1
    assert steps == 1 + 36 + 15 - 1  # the prompt; frames of the first piece; until their last codebook has come


def test_closing_it_ends_the_work_within_a_step(engine: DiaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    step = Decoding._step
    monkeypatch.setattr(Decoding, "_step", lambda *given: steps.append(1) or step(*given))
    pieces = engine.synthesize(request(DIALOGUE, seed=7))
    for _ in range(10):
        next(pieces)
    assert len(steps) == 8  # each piece is one step, but the prompt and what follows from it
    pieces.close()
    assert len(steps) == 8
    assert next(pieces, None) is None


def test_the_seed_decides(brief: Path, dac: Dac) -> None:
    engine = DiaEngine(Dia.load(brief, "cpu", torch.float32), dac)
    once, again, other = (concatenate(engine.synthesize(request(DIALOGUE, seed=seed))).samples for seed in (7, 7, 8))
    assert np.array_equal(once, again)
    assert len(once) != len(other) or not np.array_equal(once, other)


def test_at_temperature_0_nothing_is_left_to_chance(engine: DiaEngine) -> None:
    calm, other = (engine.synthesize(request(DIALOGUE, seed=seed, temperature=0.0)) for seed in (1, 2))
    sounds = [concatenate(itertools.islice(pieces, 100)).samples for pieces in (calm, other)]
    assert len(sounds[0])
    assert np.array_equal(*sounds)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_it_speaks_in_half_precision(brief: Path, dac: Dac, name: str) -> None:
    half = Dia.load(brief, "cpu", getattr(torch, name))
    assert 1e-3 < concatenate(DiaEngine(half, dac).synthesize(request(DIALOGUE))).peak <= 1.0
    decoding = Decoding(half, torch.tensor([1, 65, 2, 66]), dac.encode(sound(0.4)), 40, Sampling(3.0, 1.2, 0.95, 45))
    whole = list(decoding.run(noise_of(1)))[-1]
    assert ((decoding.codes(0, whole) >= 0) & (decoding.codes(0, whole) < 1024)).all()


def test_a_speech_that_does_not_end_is_an_error(root: Path, dac: Dac) -> None:
    endless = DiaEngine(Dia.load(ending(tiny.dia(root / "endless"), 0.0), "cpu", torch.float32), dac)
    with pytest.raises(SynthesisError, match="did not come to an end in 4 s"):
        list(endless.synthesize(request("[S1] Hi.")))


def test_a_speech_that_ends_at_once_is_an_error(root: Path, dac: Dac) -> None:
    mute = DiaEngine(Dia.load(ending(tiny.dia(root / "mute"), -1000.0), "cpu", torch.float32), dac)
    with pytest.raises(SynthesisError, match="before it said anything"):
        list(mute.synthesize(request("[S1] Hello there.", cfg=1.0)))


def test_it_is_loaded_from_the_hub_s_cache(
    brief: Path, codec_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    placement = Placement("cpu", 1, tmp_path)
    assert "6.8 GB" in str(dia_module.obstacle(placement))
    with pytest.raises(EngineUnavailable, match="models download dia"):
        dia_module.load(placement)
    tiny.in_cache(brief, tmp_path, dia_module.MODEL.repo, dia_module.MODEL.revision)
    assert "0.3 GB" in str(dia_module.obstacle(placement))
    tiny.in_cache(codec_folder, tmp_path, dia_module.CODEC.repo, dia_module.CODEC.revision)
    assert dia_module.obstacle(placement) is None
    loaded: Engine = dia_module.load(placement)
    assert concatenate(loaded.synthesize(request(DIALOGUE))).peak > 1e-3
    loaded.close()


def test_a_script_is_spoken_by_passages_that_go_on_from_each_other(
    brief: Path, codec_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Through the whole studio: takes, files and all."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(engines, "MODULES", ("dia",))
    tiny.in_cache(brief, tmp_path, dia_module.MODEL.repo, dia_module.MODEL.revision)
    tiny.in_cache(codec_folder, tmp_path, dia_module.CODEC.repo, dia_module.CODEC.revision)
    read = []
    monkeypatch.setattr(Prompt, "ids", property(lambda prompt: read.append(prompt.text) or b"\x01 a"))
    script = Script.parse("[S2] One, (laughs) two.\n[S1] Three.\n[S2] Four.\n[S1] Five.\n[S2] Six.\n[S1] Seven.")
    studio = Studio(settings)
    *_, last = studio.speak("dia", studio.request(script, "dia", {}, {}, 3))
    studio.close()
    assert last.run.state == "finished"
    assert [timing.turn for timing in last.run.timings] == list(range(6))
    first = "[S1] One, (laughs) two. [S2] Three. [S1] Four. [S2] Five."
    assert list(dict.fromkeys(read)) == [f"{first} [S1]", f"{first} [S1] Six. [S2] Seven. [S1]"]


def test_without_torch_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dia_module, "SPEC", replace(dia_module.SPEC, packages=("no_such_package", "torch")))
    found = dia_module.obstacle(Placement("cpu", 1, tmp_path))
    assert found and "no_such_package" in found.reason and "TORCH=" in found.remedy


def test_only_new_sound_comes_back_from_a_passage_that_goes_on(engine: DiaEngine, stock: Stock) -> None:
    asked = replace(following("[S2] And now this.", spoken("[S1] Old. [S2] Past.", 0.4)), seed=5)
    ours = concatenate(engine.synthesize(asked)).samples
    theirs = stock.sound("[S1] Old. [S2] Past. And now this. [S1]", sound(0.4, seed=5), frames=500, seed=5)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6


def test_a_text_of_too_many_bytes_is_refused_before_any_work(engine: DiaEngine) -> None:
    words = "é" * 510  # two bytes each; the tag is one
    next(engine.synthesize(request("[S1] a", {"S1": reference("a", words=words)})))
    with pytest.raises(RequestError, match="are 1025 bytes; Dia reads 1024"):
        next(engine.synthesize(request("[S1] ab", {"S1": reference("a", words=words)})))


def test_a_reference_that_leaves_no_room_is_refused_before_any_work(engine: DiaEngine) -> None:
    with pytest.raises(RequestError, match="holds 35 s of sound; 36 s lead up"):
        next(engine.synthesize(request("[S1] Hello.", {"S1": reference("a", 36.0)})))
    with pytest.raises(RequestError, match="30 s lead up to a passage of about 10 s"):
        next(engine.synthesize(request(f"[S1] {'word ' * 30}", {"S1": reference("a", 30.0)})))


def test_the_longest_passage_fits_the_positions(dia: Dia) -> None:
    frames = 3072 - 17
    decoding = Decoding(
        dia, torch.tensor([1, 65]), torch.zeros(0, BOOKS, dtype=torch.int64), frames, Sampling(1, 1, 1, 1)
    )
    assert decoding._grid.shape == (3072, BOOKS)
