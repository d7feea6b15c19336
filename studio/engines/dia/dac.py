"""DAC, the codec of Dia: sound to codes, and codes to sound as they come. In fp32, by transformers' DacModel.

Knows the published layout of descript/dac_44khz (MIT, https://huggingface.co/descript/dac_44khz): 44.1 kHz, 512 samples
a frame, 9 codebooks. Memory stays flat: a whole take at once would cost 0.12 GB for each of its seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from studio.audio import Audio, Samples
from studio.engines.checkpoint import Checkpoint
from studio.engines.weights import build, fill
from studio.errors import EngineUnavailable

CONTEXT = 12  # frames on both sides that reach into a frame's sound or codes: with 8 it is off by 6e-6, with 12 by 1e-8
CHUNK = 86  # frames encoded at a time, a second


class Dac:
    """The codec in memory, on one device."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.sample_rate: int = model.config.sampling_rate
        self.hop: int = model.config.hop_length  # samples a frame
        self.books: int = model.config.n_codebooks

    @staticmethod
    def load(folder: Path, device: str, remedy: str) -> Dac:
        """The codec from a folder in the published layout. Raises EngineUnavailable."""
        from transformers import DacConfig, DacModel

        try:
            config = DacConfig.from_dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise EngineUnavailable(f"config.json of DAC cannot be read: {error}.", remedy) from error
        model = fill(build(lambda: DacModel(config)), Checkpoint.open(folder, remedy), device, torch.float32)
        return Dac(model)

    def encode(self, audio: Audio) -> Tensor:
        """The codes of a sound of any rate: (frames, books) int64 on the CPU, the last frame filled up with silence."""
        samples = torch.from_numpy(audio.resampled(self.sample_rate).samples.copy())
        frames = -(-len(samples) // self.hop)
        samples = torch.nn.functional.pad(samples, (0, frames * self.hop - len(samples)))
        pieces = [torch.zeros(0, self.books, dtype=torch.int64)]
        for start in range(0, frames, CHUNK):
            first, stop = max(0, start - CONTEXT), start + CHUNK
            piece = samples[first * self.hop : (stop + CONTEXT) * self.hop]
            with torch.inference_mode():
                codes = self.model.encode(piece[None, None].to(self.model.device)).audio_codes[0]  # (books, frames)
            pieces.append(codes[:, start - first : stop - first].T.cpu())
        return torch.cat(pieces)

    def decode(self, codes: Tensor) -> Samples:
        """codes: (frames, books) -> (frames * hop,) float32 in [-1, 1]. Ids that are no codes count as 0."""
        with torch.inference_mode():
            codes = codes.to(self.model.device)
            codes = torch.where((codes >= 0) & (codes < self.model.config.codebook_size), codes, 0)
            sound = self.model.decode(audio_codes=codes.T[None]).audio_values[0]
        return np.asarray(sound.cpu().numpy(), np.float32)


class DacStream:
    """Codes to sound piece by piece; the pieces together are what the codec makes of the whole."""

    def __init__(self, dac: Dac) -> None:
        self._dac = dac
        self._codes = torch.zeros(0, dac.books, dtype=torch.int64)
        self._sounded = 0  # of these codes, how many only lead to the next

    def __call__(self, codes: Tensor, is_last: bool = False) -> Samples:
        """codes: (frames, books), the next ones -> the sound of all but the last CONTEXT frames that have come."""
        held = torch.cat([self._codes.to(codes.device), codes])
        until = len(held) - (0 if is_last else CONTEXT)
        if until <= self._sounded:
            self._codes = held
            return np.zeros(0, np.float32)
        sound = self._dac.decode(held)[self._sounded * self._dac.hop : until * self._dac.hop]
        first = max(0, until - CONTEXT)
        self._codes, self._sounded = held[first:], until - first
        return sound
