"""The end of Dia's step by a kernel for cards: the same as `Row.write` does with torch's."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from studio.engines.cards import Launch
from studio.engines.dia.row import FREE, Row
from studio.engines.dia.sampling import Sampling
from studio.engines.fused import MOST_TOKENS

LOG = logging.getLogger(__name__)
THREADS = 1024  # of `draw_row`, for each codebook


class FusedRow:
    """The draw of a row and its writing as one kernel, `draw_row`, where torch has 75 small ones."""

    def __init__(self, launch: Launch, row: Row, noise: Tensor, sampling: Sampling) -> None:
        self._launch, self._row, self._noise, self._sampling = launch, row, noise, sampling
        device = row.grid.device
        self._drawn = torch.zeros(len(row.delays), dtype=torch.int32, device=device)
        self._count = torch.zeros(1, dtype=torch.int32, device=device)

    @staticmethod
    def fits(vocabulary: int) -> bool:
        """Whether the kernel can draw from so many codes."""
        return vocabulary <= MOST_TOKENS

    def __call__(self, logits: Tensor) -> None:
        """See `Row.write`. logits: (branches, books, vocabulary) fp32."""
        row, how = self._row, self._sampling
        books, tokens = logits.shape[1:]
        self._launch(
            f"draw_row<{-(-tokens // THREADS)}, {how.branches}>",
            (books, 1, 1),
            THREADS,
            4 * (3 * tokens + 32 + 32 + 1),
            (
                logits.contiguous(),
                self._noise,
                row.grid,
                row.position,
                row.ends,
                row.delays,
                self._drawn,
                self._count,
                tokens,
                float(how.guidance),
                float(how.temperature or 1.0),
                min(how.top_k, tokens),
                float(how.top_p),
                row.eos,
                row.pad,
            ),
        )

    @staticmethod
    def works(launch: Launch, device: torch.device) -> bool:
        """Whether the kernel draws on the device what torch draws. If not, the log says why."""
        random = torch.Generator().manual_seed(0)
        logits = torch.randn(2, 3, 40, generator=random).to(device)
        noise = torch.empty(3, 40).exponential_(generator=random).to(device)
        sampling, grids = Sampling(3.0, 1.2, 0.95, 20), []
        try:
            for is_fused in (False, True):
                place = torch.zeros(1, dtype=torch.int64, device=device)
                grid = torch.full((9, 3), FREE, device=device)
                row = Row(grid, place, place + 5, torch.tensor([0, 2, 3], device=device), 36, 37)
                fused = FusedRow(launch, row, noise, sampling)
                for _ in range(8):
                    fused(logits) if is_fused else row.write(logits, noise, sampling)
                grids.append(grid)
            is_right = bool(torch.equal(*grids))
            reason = "it draws other codes than torch"
        except (RuntimeError, OSError, ImportError) as error:
            is_right, reason = False, str(error)
        if not is_right:
            LOG.warning("The kernel that draws Dia's codes is not used, which makes speech slower: %s.", reason)
        return is_right
