"""The next row of a passage's grid: drawn, but for what is known of it. Knows the delays and how a speech ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.engines.dia.sampling import Sampling, draw

FREE = -1  # in the grid: still to be drawn


@dataclass(frozen=True, eq=False)
class Row:
    """Where a passage stands; all of it stays on the device, and `write` goes one row on.

    All int64. grid: (rows, books). position: (1,), the last row that is written. ends: (1,), the row of the first
    codebook's EOS. delays: (books,).
    """

    grid: Tensor
    position: Tensor
    ends: Tensor
    delays: Tensor
    eos: int
    pad: int

    def write(self, logits: Tensor, noise: Tensor, sampling: Sampling) -> None:
        """Draw the next row from logits (branches, books, vocabulary) by noise (books, vocabulary)."""
        row = self.position + 1
        known = self.grid.index_select(0, row)
        codes = torch.where(known == FREE, draw(logits, noise, sampling, self.eos), known)
        self.ends.copy_(torch.where(codes[:, 0] == self.eos, torch.minimum(row, self.ends), self.ends))
        due = self.ends + self.delays
        codes = torch.where(row == due, self.eos, torch.where(row > due, self.pad, codes))
        self.grid.index_copy_(0, row, codes)
        self.position.copy_(row)
