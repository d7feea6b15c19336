"""transformers' own Dia, noise for both, and how a tiny checkpoint comes to end its speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from dia_speech import HOP, RATE
from safetensors.torch import load_file, save_file

from studio.audio import Audio

Samples = np.ndarray[Any, Any]


class Stock:
    """transformers' own Dia."""

    def __init__(self, folder: Path, codec: Path) -> None:
        self.model = transformers.DiaForConditionalGeneration.from_pretrained(folder).eval()
        features = transformers.DiaFeatureExtractor(sampling_rate=RATE, hop_length=HOP)
        codec_model = transformers.DacModel.from_pretrained(codec)
        self.tokenizer = transformers.DiaTokenizer()
        self.processor = transformers.DiaProcessor(features, self.tokenizer, codec_model)

    def inputs(self, text: str, prompt: Audio | None) -> Any:
        padding = {"text_kwargs": {"padding": False}, "audio_kwargs": {"padding": True, "sampling_rate": RATE}}
        return self.processor(text=[text], audio=prompt and [prompt.samples], return_tensors="pt", **padding)

    def rows(self, text: str, prompt: Audio | None, frames: int, seed: int | None, guidance: float) -> Any:
        """(1, rows, books) of a delayed grid, and the row at which what is new begins."""
        inputs = self.inputs(text, prompt)
        torch.manual_seed(seed or 0)
        grid = self.model.generate(
            **inputs,
            max_new_tokens=frames + 16,
            do_sample=seed is not None,
            guidance_scale=guidance if guidance != 1 else None,
            temperature=1.2,
            top_p=0.95,
            top_k=45,
        )
        return grid, self.processor.get_audio_prompt_len(inputs["decoder_attention_mask"])

    def sound(self, text: str, prompt: Audio | None, frames: int, seed: int, guidance: float = 3.0) -> Samples:
        grid, start = self.rows(text, prompt, frames, seed, guidance)
        return np.asarray(self.processor.batch_decode(grid, audio_prompt_len=start)[0].numpy())


def noise_of(seed: int | None) -> Callable[[Any], object]:
    if seed is None:
        return lambda noise: noise.fill_(1.0)
    generator = torch.Generator().manual_seed(seed)
    return lambda noise: noise.exponential_(generator=generator)


def ending(folder: Path, factor: float) -> Path:
    """Make the end of speech likelier, or with a negative factor sure at once."""
    for shard in folder.glob("*.safetensors"):
        tensors = load_file(shard)
        if "logits_dense.weight" in tensors:
            tensors["logits_dense.weight"][1024] *= factor
            save_file(tensors, shard, metadata={"format": "pt"})
    return folder
