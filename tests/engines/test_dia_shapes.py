"""Dia with other numbers in its config: books, delays, heads, rotary base; a newer config.json; draws at the edge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from dia_stock import noise_of  # noqa: E402

from studio.engines.dia.decoding import Decoding  # noqa: E402
from studio.engines.dia.model import Dia  # noqa: E402
from studio.engines.dia.sampling import Sampling, draw  # noqa: E402

DELAYS, EOS, PAD, BOS = (0, 2, 3, 4), 128, 129, 130
TEXT = [1, *b" Hello there. ", 2, *b" Hi."]


def make(folder: Path) -> Any:
    """transformers' model, saved in one file as version 5 does it, with norms that are not all ones."""
    ids = {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD}
    encoder = {
        "hidden_size": 40,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "intermediate_size": 56,
        "norm_eps": 1e-4,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0},
    }
    decoder = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "intermediate_size": 80,
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "head_dim": 8,
        "cross_num_attention_heads": 4,
        "cross_num_key_value_heads": 2,
        "cross_head_dim": 12,
        "cross_hidden_size": 40,
        "vocab_size": 132,
        "num_channels": len(DELAYS),
        "max_position_embeddings": 500,
        "rope_parameters": {"rope_type": "default", "rope_theta": 3000.0},
        **ids,
    }
    torch.manual_seed(99)
    config = transformers.DiaConfig(delay_pattern=list(DELAYS), encoder_config=encoder, decoder_config=decoder)
    model = transformers.DiaForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3) if parameter.ndim > 1 else parameter.uniform_(0.5, 1.5)
        model.logits_dense.weight[EOS] *= 1.5
    model.generation_config = transformers.GenerationConfig(decoder_start_token_id=BOS, **ids)
    model.save_pretrained(folder)
    return model


def delayed(prompt: Any) -> Any:
    """(1, rows, books): the prompt as transformers' processor hands it over."""
    grid = torch.full((1, len(prompt) + 1 + max(DELAYS), len(DELAYS)), PAD)
    for book, delay in enumerate(DELAYS):
        grid[0, : delay + 1, book] = BOS
        grid[0, delay + 1 : delay + 1 + len(prompt), book] = prompt[:, book]
    return grid


def test_codes_are_those_of_transformers(tmp_path: Path) -> None:
    transformers.logging.disable_progress_bar()
    stock = make(tmp_path)
    ours = Dia.load(tmp_path, "cpu", torch.float32)
    text, frames = torch.tensor(TEXT), 50
    for seed, (guidance, temperature, top_p, top_k) in enumerate(
        [(1.0, 1.2, 0.95, 45), (1.5, 1.0, 1.0, 100), (3.0, 2.0, 0.5, 20), (5.0, 1.2, 0.95, 45), (1.0, 1.0, 1.0, 1)]
    ):
        prompt = torch.randint(0, EOS, (seed * 4, len(DELAYS)), generator=torch.Generator().manual_seed(seed))
        torch.manual_seed(seed)
        grid = stock.generate(
            input_ids=text[None],
            decoder_input_ids=delayed(prompt),
            decoder_attention_mask=torch.ones(1, len(prompt) + 1 + max(DELAYS), dtype=torch.int64),
            max_new_tokens=frames + 1 + max(DELAYS),
            do_sample=True,
            guidance_scale=guidance if guidance != 1 else None,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
        )[0]
        decoding = Decoding(ours, text, prompt, frames, Sampling(guidance, temperature, top_p, top_k))
        whole = list(decoding.run(noise_of(seed)))[-1]
        start, end = len(prompt) + 1, int((grid[:, 0] == EOS).nonzero()[0, 0])
        assert whole == end - start > 0
        for book, delay in enumerate(DELAYS):
            assert torch.equal(decoding.codes(0, whole)[:, book], grid[start + delay : end + delay, book])


def test_a_code_is_drawn_even_where_guidance_leaves_none() -> None:
    """With one candidate it may leave an id that is no code; transformers fails there."""
    logits = torch.zeros(2, len(DELAYS), 132)
    logits[0, :, BOS] = 9.0
    logits[0, :, 7] = 5.0
    drawn = draw(logits, torch.ones(len(DELAYS), 132), Sampling(3.0, 1.2, 0.95, 1), EOS)
    assert drawn.tolist() == [7] * len(DELAYS)


def test_the_end_is_drawn_only_where_it_is_the_most_probable() -> None:
    logits = torch.zeros(1, len(DELAYS), 132)
    logits[0, :, EOS], logits[0, :, 7] = 5.0, 4.9
    noise = torch.ones(len(DELAYS), 132)
    noise[:, EOS] = 100.0  # a draw that would avoid it
    assert draw(logits, noise, Sampling(1.0, 1.2, 1.0, 45), EOS).tolist() == [EOS, 7, 7, 7]
    logits[0, :, 7], noise[:, EOS] = 5.1, 1e-6  # a draw that would take it
    assert EOS not in draw(logits, noise, Sampling(1.0, 1.2, 1.0, 45), EOS).tolist()
