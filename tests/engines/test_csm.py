"""CSM on a tiny checkpoint in the published layout: the same codes and sound as transformers', streamed, stopped."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.audio import concatenate
from studio.engines import csm as csm_module
from studio.voice import Voice

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny_csm  # noqa: E402
from csm_speech import (  # noqa: E402
    BOOKS,
    GREEDY,
    PLACED,
    VOCABULARY,
    heard,
    like,
    reference,
    request,
    said,
    sound,
    spoken,
)

from studio.engines.csm import model  # noqa: E402
from studio.engines.csm.config import Config, open_checkpoint  # noqa: E402
from studio.engines.csm.engine import CsmEngine  # noqa: E402
from studio.engines.csm.model import Csm, Sampling  # noqa: E402
from studio.engines.csm.prompt import frame_cap  # noqa: E402

FRAMES = 30
LONG = "One of them has lost a key. The other found it in the garden."


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_csm.csm(tmp_path_factory.mktemp("csm") / "tiny")


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    """transformers' own model on the same files."""
    return transformers.CsmForConditionalGeneration.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def processor(folder: Path) -> Any:
    return transformers.AutoProcessor.from_pretrained(folder)


@pytest.fixture(scope="module")
def exact(folder: Path) -> CsmEngine:
    """Ours in fp32. Its model never ends."""
    return CsmEngine.open(folder, PLACED, torch.float32)


def codes(csm: Csm, ids: tuple[int, ...], draw: model.Draw, noise: Any = None, frames: int = FRAMES) -> Any:
    """What the model says to one prompt of words: (frames, books)."""
    csm.begin(csm.embed(ids), 0)
    ones = torch.ones(BOOKS, VOCABULARY)
    return torch.stack([csm.frame(draw, noise() if noise else ones, csm.reach(300)) for _ in range(frames)])


def generated(theirs: Any, inputs: Any, temperature: float, frames: int = FRAMES, **more: Any) -> Any:
    """transformers' frames. Every setting of the depth decoder is given, since it keeps those of the call before."""
    how = {"do_sample": bool(temperature), "temperature": temperature or 1.0, "top_k": 50}
    depth = {f"depth_decoder_{name}": value for name, value in how.items()}
    return theirs.generate(**inputs, **how, **depth, max_new_tokens=frames, **more)


# --------------------------------------------------------------------------- the same as transformers


@pytest.mark.parametrize("ahead", [False, True], ids=["projecting each code", "codes projected ahead"])
def test_greedy_codes_are_those_of_transformers(folder: Path, theirs: Any, processor: Any, ahead: bool) -> None:
    config = Config.read(folder, "")
    checkpoint = open_checkpoint(folder, config, "")
    whole = model.plan(config, torch.float32, checkpoint.tensors)
    weights = dict(model.stream(checkpoint, whole, "cpu"))
    csm = Csm(config, weights, weights["words"], projects_ahead=ahead)
    inputs = processor(f"[0]{LONG}", add_special_tokens=True)
    expected = generated(theirs, inputs, temperature=0.0)[0]
    assert torch.equal(codes(csm, tuple(inputs["input_ids"][0].tolist()), Sampling(0.0, 1)), expected)
    assert len(torch.unique(expected)) > 20  # it does not only repeat one code


def test_sampled_codes_are_those_of_transformers_from_the_same_random_stream(
    exact: CsmEngine, theirs: Any, processor: Any
) -> None:
    inputs = processor(f"[1]{LONG}", add_special_tokens=True)
    torch.manual_seed(3)
    expected = generated(theirs, inputs, temperature=0.9)[0]
    torch.manual_seed(3)

    def noise() -> Any:  # torch.multinomial draws so many for each code
        return torch.stack([torch.empty(VOCABULARY).exponential_() for _ in range(BOOKS)])

    assert torch.equal(codes(exact._csm, exact._words.ids(1, LONG), Sampling(0.9, 50), noise), expected)


def test_logits_are_those_of_transformers_when_both_are_led_along_the_same_codes(exact: CsmEngine, theirs: Any) -> None:
    led = torch.randint(0, 64, (6, BOOKS), generator=torch.Generator().manual_seed(4))
    ids = exact._words.ids(0, "Hello")
    seen: list[Any] = []

    def draw(logits: Any, noise: Any) -> Any:
        seen.append(logits[0].clone())
        return led[(len(seen) - 1) // BOOKS, (len(seen) - 1) % BOOKS][None]

    codes(exact._csm, ids, draw, frames=len(led))
    ours = torch.stack(seen).view(len(led), BOOKS, VOCABULARY)
    with torch.inference_mode():
        embedded = [theirs.embed_text_tokens(torch.tensor([ids])), theirs.backbone_model.embed_tokens(led[None])]
        hidden = theirs.backbone_model(inputs_embeds=torch.cat(embedded, 1)).last_hidden_state[0, len(ids) - 1 : -1]
        first = theirs.lm_head(hidden)
        shifted = torch.nn.functional.pad(led[:, :-1], (1, 0))
        others = theirs.depth_decoder(input_ids=shifted, backbone_last_hidden_state=hidden).logits
    allowed = slice(0, 64)  # the other three are forbidden by generation_config.json
    assert torch.allclose(ours[:, 0, allowed], first[:, allowed], atol=1e-4)
    assert torch.allclose(ours[:, 1:, allowed], others[..., allowed], atol=1e-4)
    assert torch.isinf(ours[..., 64:]).all()


def test_what_no_config_says_is_as_in_csm_1b(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    plan = model.plan(Config.read(tmp_path, ""), torch.bfloat16, {model.BACKBONE_CODES})
    sizes = dict(part for target in plan.values() for part in target.parts)
    table = 65_632 * 2048  # the published files hold it twice
    assert len(sizes) + 1 == 188
    assert sum(np.prod(shape) for shape in sizes.values()) + table == 1_687_205_888


@pytest.mark.parametrize("with_context", [False, True], ids=["alone", "after prompts and context"])
def test_a_request_sounds_as_transformers_makes_it(
    exact: CsmEngine, theirs: Any, processor: Any, with_context: bool
) -> None:
    text = "Really?"
    said = [("0", "I speak like this.", 1.3, 1), ("1", "And I like this!", 0.7, 2), ("0", "Where is it?", 1.0, 9)]
    if with_context:
        voices = {
            who: Voice(who, who, audio=sound(seconds, seed), transcript=words)
            for who, (_, words, seconds, seed) in zip(("S1", "S2"), said, strict=False)
        }
        asked = request(f"[S2] {text}", spoken("[S1] Where is it?"), **voices, **GREEDY)
    else:
        said, asked = [], request(f"[S2] {text}", S2=csm_module.voice("random-2"), **GREEDY)
    turns: list[Any] = [
        {"role": who, "content": [{"type": "text", "text": words}, {"type": "audio", "path": sound(*how).samples}]}
        for who, words, *how in said
    ]
    turns.append({"role": "1", "content": [{"type": "text", "text": text}]})
    inputs = processor.apply_chat_template(turns, tokenize=True, return_dict=True)
    expected = generated(theirs, inputs, 0.0, frame_cap(text), output_audio=True)[0].numpy()

    made = heard(exact, asked).samples
    assert made.shape == expected.shape
    assert np.abs(made - expected.clip(-1, 1)).max() < 1e-4
    assert 0.01 < np.abs(made).mean() < 0.9


@pytest.mark.parametrize(
    "text",
    ["Hello there.", "It's 12:30, isn't it?", "naïve café — “quoted”…", "a", "Don't tell anyone\u00a0before Thursday"],
)
def test_words_become_the_ids_of_the_processor(exact: CsmEngine, processor: Any, text: str) -> None:
    one = [{"role": "3", "content": [{"type": "text", "text": text}]}]
    expected = processor.apply_chat_template(one, tokenize=True, return_dict=True)["input_ids"][0]
    assert list(exact._words.ids(3, text)) == expected.tolist()


def test_markers_in_a_script_are_words_like_any_other(exact: CsmEngine) -> None:
    ids = exact._words.ids(0, "Say <|AUDIO|> and <|end_of_text|>.")
    assert max(ids[1:-1]) < min(ids[0], ids[-1])  # the four markers have the highest ids


# --------------------------------------------------------------------------- as an engine


def test_sound_streams_frame_by_frame_and_is_that_of_all_codes_together(exact: CsmEngine) -> None:
    engine, model_ = like(exact)
    pieces = list(engine.synthesize(request("[S1] Hello there.")))
    assert [len(piece.samples) for piece in pieces] == [0] + [1920] * 12
    with torch.inference_mode():
        whole = engine._mimi.model.decode(torch.stack(model_.said[:-1], dim=1)[None]).audio_values[0, 0]
    assert np.abs(concatenate(pieces).samples - whole.numpy().clip(-1, 1)).max() < 1e-4


def test_every_piece_is_at_most_one_step_so_closing_stops_there(exact: CsmEngine) -> None:
    engine, model_ = like(exact)
    context = spoken("[S1] Hi.", seed=8), spoken("[S2] Ho.", seed=9)
    speaking = engine.synthesize(request("[S1] Hello there.", *context, S2=reference("b")))
    reads = []
    for piece in speaking:
        reads.append(len(model_.reads))
        if len(piece.samples):
            break
    # a prompt and two passages are heard, then read; then the turn's own words; then comes the first frame
    assert reads == [0, 0, 0, 1, 2, 3, 3, 3]
    speaking.close()
    assert len(model_.said) == 1


def test_a_seed_gives_the_same_sound_again_and_another_seed_another(exact: CsmEngine) -> None:
    engine, _ = like(exact)
    asked, other = (request("[S1] Hello there. [S2] Hi.", spoken("[S2] Ho."), seed=seed) for seed in (5, 6))
    first = said(engine, asked).digest
    assert said(engine, other).digest != first
    assert said(engine, asked).digest == first


def test_what_was_read_before_is_not_read_again_and_changes_no_sample(exact: CsmEngine) -> None:
    past = [spoken("[S1] Hi.", seed=8), spoken("[S2] Ho.", seed=9), spoken("[S1] Well.", seed=10)]
    asked = [request("[S2] So?", *past[:2]), request("[S1] Yes.", *past), request("[S2] No.", *past[1:])]
    fresh = [said(like(exact)[0], one).digest for one in asked]
    engine, model_ = like(exact)
    reads = []
    for one, digest in zip(asked, fresh, strict=True):
        assert said(engine, one).digest == digest
        reads.append(len(model_.reads))
    assert reads == [2, 3, 5]  # both passages, then the one that is new, then all from where the past begins otherwise


def test_a_second_turn_goes_on_from_the_first(exact: CsmEngine) -> None:
    engine, _ = like(exact)
    both = said(engine, request("[S1] Hello there. [S2] Hi.")).samples
    alone = said(engine, request("[S2] Hi.", S2=csm_module.voice("random-2"))).samples
    assert len(both) == 2 * len(alone) == 24 * 1920
    assert not np.array_equal(both[len(alone) :], alone)


def test_it_runs_in_bf16_with_its_codec_in_fp32(folder: Path) -> None:
    engine = CsmEngine.open(folder, PLACED, torch.bfloat16)
    assert engine._csm._codes.dtype == torch.bfloat16
    assert next(engine._mimi.model.parameters()).dtype == torch.float32
    asked = request("[S1] Hello there.", spoken("[S1] Hi."), S1=reference("anna"))
    made = heard(engine, asked)
    assert made.seconds == pytest.approx(frame_cap("Hello there.") * 0.08)
    assert made.digest == heard(engine, asked).digest


def test_codes_that_no_codebook_has_do_not_break_the_codec(exact: CsmEngine) -> None:
    engine, model_ = like(exact, frames=3, raised=VOCABULARY - 64)
    assert said(engine, request("[S1] Hello.")).seconds == pytest.approx(0.24)
    assert max(int(frame.max()) for frame in model_.said) >= 64


def test_closed_it_gives_its_memory_back(folder: Path) -> None:
    engine = CsmEngine.open(folder, PLACED)
    heard(engine, request("[S1] Hi.", spoken("[S1] Ho.")))
    held = weakref.ref(engine._csm), weakref.ref(engine._mimi)
    engine.close()
    gc.collect()
    assert [reference() for reference in held] == [None, None]
