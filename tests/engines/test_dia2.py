"""Dia2's networks, text machine and sampling against outputs of the reference implementation, token by token."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny  # noqa: E402
import tiny_dia2  # noqa: E402

from studio import engines  # noqa: E402
from studio.audio import Audio  # noqa: E402
from studio.engines.base import Placement  # noqa: E402
from studio.engines.checkpoint import Checkpoint  # noqa: E402
from studio.engines.dia2 import VARIANTS  # noqa: E402
from studio.engines.dia2.config import Config  # noqa: E402
from studio.engines.dia2.engine import Dia2Engine  # noqa: E402
from studio.engines.dia2.layout import plan  # noqa: E402
from studio.engines.dia2.machine import REFERENCE, Entry, Feed, Machine  # noqa: E402
from studio.engines.dia2.model import Net, Place  # noqa: E402
from studio.engines.dia2.prefix import Timed, aligned, estimated  # noqa: E402
from studio.engines.dia2.sampling import Draw, Noise, Sampling, choose  # noqa: E402
from studio.engines.dia2.speech import Prefix, Speech  # noqa: E402
from studio.engines.dia2.steps import Steps  # noqa: E402
from studio.engines.dia2.words import Text, Vocabulary  # noqa: E402
from studio.engines.mimi import FRAMES_PER_SECOND, Mimi  # noqa: E402
from studio.engines.weights import read  # noqa: E402
from studio.errors import EngineUnavailable  # noqa: E402

GOLDENS = Path(__file__).parent / "goldens"
CASES = {case["name"]: case for case in json.loads((GOLDENS / "index.json").read_text("utf-8"))["cases"]}
GREEDY = Sampling(Draw(0, 50), Draw(0, 50))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def open_net(folder: Path, dtype: Any = torch.float32) -> tuple[Net, Vocabulary]:
    config = Config.read(folder, "")
    net = Net(config, read(Checkpoint.open(folder), plan(config, dtype), "cpu"))
    return net, Vocabulary.read(folder, config.new_word, "")


@pytest.fixture(scope="module")
def golden() -> tuple[Net, Vocabulary]:
    return open_net(GOLDENS / "dia2")


def speech_of(golden: tuple[Net, Vocabulary], case: dict[str, Any], pieces: list[str] | None = None) -> Speech:
    net, vocabulary = golden
    text, audio = case.get("temps", (0, 0))
    text_k, audio_k = case.get("topk", (50, 50))
    sampling = Sampling(Draw(text, text_k), Draw(audio, audio_k), case["cfg"], case.get("filter_k", 50))
    prefix = None
    if "prefix" in case:
        kept = np.load(GOLDENS / f"{case['name']}.npz")
        entries = tuple(Entry(tuple(ids), text, padding, REFERENCE) for ids, text, padding in case["prefix_entries"])
        codes = torch.from_numpy(kept["prefix_tokens"].astype(np.int64))
        prefix = Prefix(codes, entries, tuple(kept["prefix_new_word_steps"].tolist()))
    source = vocabulary.entries([Text(piece) for piece in pieces or [case["script"]]], FRAMES_PER_SECOND)
    return Speech(Steps(net, sampling), vocabulary.begin, case.get("seed", 0), source, prefix)


@pytest.mark.parametrize("name", CASES)
def test_tokens_and_word_times_are_those_of_the_reference(name: str, golden: tuple[Net, Vocabulary]) -> None:
    case, kept = CASES[name], np.load(GOLDENS / f"{name}.npz")
    speech = speech_of(golden, case)
    frames = list(speech.frames())

    np.testing.assert_array_equal(torch.cat(frames, 1).numpy(), kept["aligned"])
    assert [[entry.text, step] for entry, step in speech.machine.said] == case["transcript"]
    assert speech.machine.end == case["end_step"]
    assert speech.is_whole and not speech.unspoken
    said = [(entry.text, step - speech.first_frame) for entry, step in speech.machine.said if entry.turn >= 0]
    assert [(word, round(frame / 12.5, 4)) for word, frame in said] == [tuple(one) for one in case["timestamps"]]
    lag = speech.config.lag
    assert [part.shape[1] for part in frames] == [0] * (lag - 1) + [1] * (len(frames) - lag + 1)


def test_sound_is_that_of_the_reference(golden: tuple[Net, Vocabulary]) -> None:
    speech = speech_of(golden, CASES["b_break_cfg1"])
    sound = Mimi.load(GOLDENS / "mimi", "cpu").decode(torch.cat(list(speech.frames()), 1))
    np.testing.assert_allclose(sound, np.load(GOLDENS / "b_break_cfg1.npz")["waveform"], atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_entries_are_those_of_the_reference_however_the_text_is_cut(name: str, golden: tuple[Net, Vocabulary]) -> None:
    script, random = CASES[name]["script"], np.random.default_rng(5)
    for size in (1, 2, 3, len(script)):
        cuts = sorted({0, len(script), *random.integers(0, len(script), len(script) // size).tolist()})
        pieces = [Text(script[start:end]) for start, end in zip(cuts, cuts[1:], strict=False)]
        entries = list(golden[1].entries(pieces, FRAMES_PER_SECOND))
        assert [[list(entry.tokens), entry.text, entry.padding] for entry in entries if entry] == CASES[name]["entries"]


@pytest.mark.parametrize("branch", [0, 1])
def test_logits_of_fixed_tokens(branch: int, golden: tuple[Net, Vocabulary]) -> None:
    """All steps at once, as a prefix is heard, and one after the other, as speech is made."""
    net, kept = golden[0], np.load(GOLDENS / "forced.npz")
    tokens = torch.from_numpy(kept["tokens"][branch].astype(np.int64))  # (2 + books, steps)
    text, codes, steps = tokens[None, :2], tokens[2:], torch.arange(tokens.shape[1])
    with torch.inference_mode():
        place = Place(steps, steps, len(steps), steps[None] <= steps[:, None])
        whole = net.backbone(text, codes, net.new_cache(1), place)
        cache, single = net.new_cache(1), []
        for at in steps:
            place = Place(at[None], at[None], 64, torch.arange(64)[None] <= at)
            single.append(net.backbone(text[:, :, at : at + 1], codes[:, at : at + 1], cache, place))
        action, first = net.first_heads(whole[:, -1])
        depth_cache, inputs = net.new_depth_cache(1), net.depth_inputs(whole[:, -1])
        depth = [
            net.depth(stage, codes[stage, -1:], inputs, text[:, :, -1:], depth_cache)
            for stage in range(net.config.books - 1)
        ]
    for name, logits in {"hidden": whole[0], "cb0": first[0], "action": action[0], "dep": torch.cat(depth)}.items():
        wanted = kept[name][branch] if name == "hidden" else kept[name][branch, -1]
        np.testing.assert_allclose(logits.numpy(), wanted, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(torch.cat(single, 1)[0].numpy(), kept["hidden"][branch], atol=1e-4)


def test_the_words_of_a_reference_are_placed_as_the_reference_does(golden: tuple[Net, Vocabulary]) -> None:
    case, kept = CASES["c_prefix2_cfg2"], np.load(GOLDENS / "c_prefix2_cfg2.npz")
    first, second = (
        aligned([Timed(*word) for word in sound["words"]], golden[1], tag)
        for sound, tag in zip(case["prefix_words"].values(), ("[S1]", "[S2]"), strict=True)
    )
    starts = [start + 3 for start in first[1]] + [start + 25 for start in second[1]]
    assert starts == kept["prefix_new_word_steps"].tolist()
    entries = [[list(entry.tokens), entry.text, entry.padding] for entry in (*first[0], *second[0])]
    assert entries == case["prefix_entries"]


# The codes of "[S1] Hello there. [S2] Wow." by a second, plain implementation of the published description, as the
# start of a SHA-256 of (books, frames) int16. A book without delay has no code for frame 0, which is left out.
@pytest.mark.parametrize(
    ("change", "codes"),
    [
        pytest.param({}, "1fdd6a60ac42", id="as published"),
        pytest.param({"model.decoder.low_rank_dim": 12}, "c000a354fb45", id="low-rank text"),
        pytest.param({"model.depformer.text_embedding": True}, "bcf78db22adc", id="depth model hears the text"),
        pytest.param({"model.depformer.apply_rope": False}, "cac25f391a71", id="no rotation in the depth model"),
        pytest.param({"data.second_stream_ahead": 0}, "f10698f893b2", id="one text stream"),
        pytest.param({"data.second_stream_ahead": 1}, "9b4fe2500cbd", id="the next word ahead"),
        pytest.param({"runtime.weights_schedule": None}, "0565436ec9fb", id="a weight set for each stage"),
        pytest.param({"runtime.weights_schedule": [0] * 7}, "58a29f2853a2", id="one weight set"),
        pytest.param({"runtime.weights_schedule": [5, 1, 1, 9, 9, 9, 0]}, "a2b311ab9ccc", id="sets by any number"),
        pytest.param({"data.delay_pattern": [0, 2, 0, 1, 3, 1, 0, 2]}, "9b0cf46d6e3d", id="no delay"),
        pytest.param({"model.linear.mlp_activations": ["gelu", "relu"]}, "6701f19193d2", id="other activations"),
    ],
)
def test_every_branch_of_the_config_speaks_as_described(change: dict[str, Any], codes: str, tmp_path: Path) -> None:
    config = tiny_dia2.dia2_config()
    for path, value in change.items():
        part, *names, last = path.split(".")
        place = config[part]
        for name in names:
            place = place[name]
        place[last] = value
    net, vocabulary = open_net(tiny_dia2.dia2(tmp_path, "a", config))
    speech = speech_of((net, vocabulary), {"script": "[S1] Hello there. [S2] Wow.", "cfg": 2.0})
    frames = torch.cat(list(speech.frames()), 1)
    assert frames.shape[1] > 10 and frames.min() >= 0 and frames.max() < net.config.codes
    assert [entry.text for entry, _ in speech.machine.said] == ["Hello", "there.", "Wow."]
    assert hashlib.sha256(frames.numpy().astype("<i2").tobytes()).hexdigest().startswith(codes)


def test_bf16_speaks_the_same_words(golden: tuple[Net, Vocabulary]) -> None:
    speech = speech_of(open_net(GOLDENS / "dia2", torch.bfloat16), CASES["a_plain_cfg2"])
    assert torch.cat(list(speech.frames()), 1).shape[1] > 60
    assert [entry.text for entry, _ in speech.machine.said] == [word for word, _ in CASES["a_plain_cfg2"]["transcript"]]


def test_a_step_has_fixed_shapes_and_never_waits_for_the_device(golden: tuple[Net, Vocabulary]) -> None:
    """So that a captured graph can hold it: the same operations every step, none that reads a number back."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Recorded(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            seen.append((str(func), tuple(result.shape) if isinstance(result, torch.Tensor) else ()))
            return result

    steps = Steps(golden[0], Sampling())
    runs = []
    with torch.inference_mode():
        for _ in range(2):
            seen: list[Any] = []
            with Recorded():
                steps.listen(128)
                steps.speak()
            runs.append(seen)
    assert runs[0] == runs[1]
    names = {name for name, _ in runs[0]}
    assert not names & {"aten._local_scalar_dense.default", "aten.nonzero.default", "aten.multinomial.default"}


def test_noise_draws_what_multinomial_draws() -> None:
    config = Config.read(GOLDENS / "dia2", "")
    noise, logits = Noise(config, Sampling(), torch.device("cpu")), torch.randn(1, 66)
    draw = Draw(0.8, 50)
    noise.begin(9)
    torch.manual_seed(9)
    for _ in range(20):
        noise.refresh()
        torch.multinomial(torch.ones(1, config.actions), 1)
        best, tokens = torch.softmax(logits / 0.8, -1).topk(50)
        assert int(choose(logits, draw, noise.first)) == int(tokens[0, torch.multinomial(best, 1)[0, 0]])
        for _ in range(config.books - 1):
            torch.multinomial(best, 1)


def test_the_machine_waits_only_for_words_it_must_know() -> None:
    words = iter([Entry((5, 6), "a", 2), Entry((7,), "b", 1), None, Entry((8,), "c", 1), None, None])
    machine = Machine(Feed(words), new_word=2, pad=3, ahead=2)
    assert machine.is_ready()  # no word begins in the first two steps
    assert [machine.step(0, True), machine.step(1, True)] == [(3, 3), (3, 3)]
    assert not machine.is_ready()  # the second stream needs the third word
    assert machine.is_ready()
    assert machine.step(2, False) == (5, 2)
    assert machine.step(3, False) == (6, 8)


def test_words_share_the_voiced_span_by_their_letters() -> None:
    rate = 24000
    samples = np.zeros(rate * 3, np.float32)
    samples[rate // 2 : rate * 2] = 0.3 * np.sin(np.arange(rate * 3 // 2) * 0.1)
    timed = estimated(Audio(samples, rate), ["One,", "two.", "three"])
    assert timed[0].start == pytest.approx(0.5, abs=0.02) and timed[-1].end == pytest.approx(2.0, abs=0.03)
    letter = (timed[-1].end - timed[0].start) / (3 + 3 + 5 + 3 + 6)
    assert timed[1].start == pytest.approx(timed[0].start + 6 * letter)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Oh (clears throat) well.", ["Oh", "(clears throat)", "well."]),
        ("At 10:30, it’s (laughs).", ["At", "10", "30,", "it's", "(laughs)."]),
    ],
)
def test_a_cue_of_two_words_is_one(text: str, expected: list[str], golden: tuple[Net, Vocabulary]) -> None:
    vocabulary = golden[1]
    pieces = [Text(letter) for letter in text]
    assert [entry.text for entry in vocabulary.entries(pieces, 12.5) if entry] == expected == vocabulary.words(text)


FEW_KEYS = tiny_dia2.dia2_config()
FEW_KEYS["model"]["depformer"]["kv_heads"] = 1  # its projections hold keys for every head


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("config.json", "{}", "no 'data'"),
        ("config.json", "[", "not one of Dia2"),
        ("tokenizer.json", '{"model": {}}', "tokenizer of Dia2 is damaged"),
        ("tokenizer_config.json", "null", "tokenizer of Dia2 is damaged"),
        ("tokenizer_config.json", '{"bos_token": 5}', "bos_token is 5"),
        ("config.json", '{"data": {"channels": "x"}, "model": {}, "runtime": {}}', "not one of Dia2"),
        ("model.safetensors", "half of it", "no whole header"),
        ("config.json", json.dumps(FEW_KEYS), "2 query heads over 1 in the depth model"),
    ],
)
def test_damaged_files_are_named(name: str, content: str, complaint: str, tmp_path: Path) -> None:
    folder = tiny_dia2.dia2(tmp_path)
    (folder / name).write_text(content)
    with pytest.raises(EngineUnavailable, match=complaint) as caught:
        open_net(folder)
    assert caught.value.message


@pytest.mark.parametrize(
    ("part", "values", "complaint"),
    [
        ("data", {"text_pad_token_id": -1}, "text_pad is -1"),
        ("data", {"text_zero_token_id": 640}, "text_zero is 640"),
        ("data", {"audio_bos_token_id": 66}, "audio_bos is 66"),
        ("data", {"audio_pad_token_id": 0}, "audio_pad is 0"),
        ("data", {"channels": None}, "channels is None"),
        ("runtime", {"max_context_steps": 1.5}, "max_context_steps is 1.5"),
        ("model", {"rope_min_timescale": 0}, "rope_min_timescale is 0"),
        ("model", {"decoder": {**tiny_dia2.dia2_config()["model"]["decoder"], "n_layer": 10**13}}, "n_layer is 10000"),
    ],
)
def test_numbers_that_no_model_has_are_named(part: str, values: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    config = tiny_dia2.dia2_config()
    config[part] |= values
    tiny.dump(tmp_path / "config.json", config)
    with pytest.raises(EngineUnavailable, match=complaint):
        Config.read(tmp_path, "")


def test_the_tokenizer_of_a_larger_model_is_refused(tmp_path: Path) -> None:
    config = tiny_dia2.dia2_config()
    config["data"]["text_vocab_size"] = 500
    folder, codec = tiny_dia2.dia2(tmp_path / "dia2", "a", config), tiny.mimi(tmp_path / "mimi")
    with pytest.raises(EngineUnavailable, match="tokenizer.json has .* tokens, Dia2 500"):
        Dia2Engine.open(VARIANTS["dia2-1b"].SPEC, (folder, codec), Placement("cpu", 1, tmp_path), "")


def test_a_codec_with_too_few_codebooks_is_refused(tmp_path: Path) -> None:
    codec, placement = tiny.mimi(tmp_path, books=4), Placement("cpu", 1, tmp_path)
    with pytest.raises(EngineUnavailable, match="4 codebooks and Dia2 8"):
        Dia2Engine.open(VARIANTS["dia2-1b"].SPEC, (GOLDENS / "dia2", codec), placement, "")


def test_an_id_with_a_dash_is_a_size_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "MODULES", ("dia2-1b", "dia2-2b"))
    assert [engines.module(name).SPEC.title for name in engines.MODULES] == ["Dia2 1B", "Dia2 2B"]
