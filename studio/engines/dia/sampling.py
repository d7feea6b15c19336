"""From logits to the next codes: guidance, when the speech ends, top-k, top-p, and a draw with noise that is fed in.

The rules and their order are those of transformers for Dia: guidance is centred on the logits with text and only says
which codes stay; the draw is among the logits with text.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NEVER = float("-inf")
LAST = 1e4  # taken from the logits of codes that guidance leaves out: they come only where it leaves nothing to draw


@dataclass(frozen=True)
class Sampling:
    """guidance: how strongly the text leads, 1 is off. temperature: 0 counts as 1, for greedy draws.

    top_k: how many codes stay, by guidance and in the draw.
    """

    guidance: float
    temperature: float
    top_p: float
    top_k: int

    @property
    def branches(self) -> int:
        return 2 if self.guidance != 1.0 else 1


def draw(logits: Tensor, noise: Tensor, sampling: Sampling, eos: int) -> Tensor:
    """One code for each codebook, without asking the device anything.

    logits: (branches, books, vocabulary) float32, the branch with text first. noise: (books, vocabulary), each > 0 and
    exponentially distributed; ones make the draw greedy. Gives (books,) int64.
    """
    return _drawn(candidates(logits, sampling, eos), noise, sampling.top_p)


def candidates(logits: Tensor, sampling: Sampling, eos: int) -> Tensor:
    """The logits of the codes that may be drawn, by temperature; elsewhere so low that they are not: (books, codes)."""
    scores, top_k = logits[0], min(sampling.top_k, logits.shape[-1])
    if sampling.branches == 2:
        guided = scores + (scores - logits[1]) * sampling.guidance
        scores = torch.where(guided < guided.topk(top_k).values[:, -1:], scores - LAST, scores)
    scores = _ending(scores / (sampling.temperature or 1.0), eos)
    return scores.masked_fill(scores < scores.topk(top_k).values[:, -1:], NEVER)


def _ending(scores: Tensor, eos: int) -> Tensor:
    """Ids beyond the codes are never drawn, but for the end in the first codebook: it is certain where it is the most
    probable, else impossible."""
    ids = torch.arange(scores.shape[-1], device=scores.device)
    first = torch.arange(scores.shape[0], device=scores.device)[:, None] == 0
    scores = scores.masked_fill((ids > eos) | ((ids == eos) & ~first), NEVER)
    ends = scores.argmax(-1, keepdim=True) == eos
    return scores.masked_fill(ends ^ (ids == eos), NEVER)


def _drawn(scores: Tensor, noise: Tensor, top_p: float) -> Tensor:
    """A draw among the most probable codes that together have `top_p`: the largest of probability over noise."""
    if top_p < 1.0:
        ascending, order = scores.sort(stable=True, dim=-1)
        rare = ascending.softmax(-1).cumsum(-1) <= 1.0 - top_p
        rare[:, -1] = False
        scores = scores.masked_fill(torch.zeros_like(rare).scatter(-1, order, rare), NEVER)
    return (scores.softmax(-1) / noise).argmax(-1)
