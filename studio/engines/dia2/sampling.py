"""Choosing a token: guidance, temperature, the best k, noise drawn before. Nothing here waits for the device.

The noise of a whole step is drawn on the host from a generator seeded by the request and handed in, so that the same
seed gives the same speech and a captured graph can hold the choice. `argmax(p / noise)` with exponential noise draws
from p; it is what torch.multinomial does inside, so that the reference's own draws are repeated, seed by seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.engines.dia2.config import Config


@dataclass(frozen=True)
class Draw:
    """How a token is drawn. temperature 0: the best one. top_k 0: from all."""

    temperature: float
    top_k: int

    def width(self, tokens: int) -> int:
        """How many numbers of noise a draw among so many tokens takes."""
        if self.temperature <= 0:
            return 0
        return self.top_k if 0 < self.top_k < tokens else tokens


@dataclass(frozen=True)
class Sampling:
    """guidance: how far the script is followed beyond what the model would say without it; 1 is not at all.

    filter_k: guidance chooses so many candidates, from which the unguided scores draw; 0 for all.
    """

    text: Draw = Draw(0.6, 50)
    audio: Draw = Draw(0.8, 50)
    guidance: float = 2.0
    filter_k: int = 50

    @property
    def branches(self) -> int:
        """How often the model runs side by side: with the script, and without it for guidance."""
        return 1 if self.guidance == 1.0 else 2

    def candidates(self, logits: Tensor) -> Tensor:
        """logits: (branches, tokens) -> (1, tokens), -inf where guidance rules a token out."""
        said = logits[:1]
        if self.guidance == 1.0:
            return said
        guided = torch.lerp(logits[1:2], said, self.guidance)
        if self.filter_k <= 0:
            return said
        best = guided.topk(min(self.filter_k, guided.shape[-1]), -1, sorted=False).values
        return torch.where(guided >= best.amin(-1, keepdim=True), said, float("-inf"))


def choose(logits: Tensor, draw: Draw, noise: Tensor) -> Tensor:
    """logits: (1, tokens), noise: (1, draw.width(tokens)) -> the token, (1,) int64."""
    if draw.temperature <= 0:
        return logits.argmax(-1)
    shares = torch.softmax(logits / max(draw.temperature, 1e-6), -1)
    shares = shares / shares.sum(-1, keepdim=True).clamp_min(1e-12)
    if noise.shape[-1] == shares.shape[-1]:
        return (shares / noise).argmax(-1)
    best, tokens = shares.topk(noise.shape[-1], -1)
    best = best / best.sum(-1, keepdim=True).clamp_min(1e-12)
    return tokens.gather(-1, (best / noise).argmax(-1, keepdim=True))[:, 0]


class Noise:
    """The noise of one step after the other, always in the same memory: action, first codebook, the others."""

    def __init__(self, config: Config, sampling: Sampling, device: torch.device) -> None:
        self._generator = torch.Generator()
        others = [sampling.audio.width(config.codes)] * (config.books - 1)
        widths = [sampling.text.width(config.actions), sampling.audio.width(config.audio_tokens), *others]
        self._host = torch.ones(sum(widths), pin_memory=device.type == "cuda")
        self._rows = [row for row in torch.split(self._host, widths) if len(row)]
        self._device = self._host if device.type == "cpu" else self._host.to(device)
        self.action, self.first, *self.others = (row[None] for row in torch.split(self._device, widths))

    def begin(self, seed: int) -> None:
        """From the start of the seed's noise."""
        self._generator.manual_seed(seed)

    def refresh(self) -> None:
        """Draw the noise of the next step, row by row: the order in which the reference draws."""
        for row in self._rows:
            row.exponential_(generator=self._generator)
        if self._device is not self._host:
            self._device.copy_(self._host)
