"""One passage from text to codes, step by step. Knows the delays of the codebooks and where a speech ends; no sound.

In a grid, codebook c of frame f stands in row f + 1 + delays[c]; before it is BOS. A step reads one row and writes the
next. Where the first codebook says EOS, codebook c has its EOS delays[c] rows later, and PAD behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from studio.engines.dia.fused import FusedDecoder
from studio.engines.dia.fused_row import FusedRow
from studio.engines.dia.model import Dia, Memory
from studio.engines.dia.row import FREE, Row
from studio.engines.dia.sampling import Sampling
from studio.engines.graphs import Graphs

# Elsewhere than on a CPU a step looks back over whole multiples of so many rows, so that its shapes seldom change. To
# capture another shape costs a card the time of some steps, and looking further next to nothing.
SPAN = 1024

Noise = Callable[[Tensor], object]  # fills a tensor in place: exponentially distributed, or ones for a greedy decode


class Decoding:
    """A passage being decoded; its state is of fixed size and stays on the device.

    text: (bytes,) int64. prompt: (frames, books) int64, the codes from which the speech goes on; may have no frames.
    frames: how many new ones there may be. `ended` says afterwards whether the speech came to its end within them.
    """

    def __init__(self, dia: Dia, text: Tensor, prompt: Tensor, frames: int, sampling: Sampling) -> None:
        config, device = dia.config, dia.device
        self._dia, self._text, self._sampling = dia, text.to(device), sampling
        self._graphs = Graphs.on(device)
        self._before = len(prompt)
        self._last = max(config.delays)
        self._delays = torch.tensor(config.delays, device=device)
        self._grid = _grid(prompt, config.delays, config.bos, len(prompt) + frames + 2 + self._last).to(device)
        self._limit = len(prompt) + frames + 1
        self._ends = torch.tensor([self._limit], device=device)  # the row of the first codebook's EOS
        self._position = torch.tensor([len(prompt)], device=device)  # the last row that is written
        self._noise = torch.ones(config.books, config.decoder.vocabulary, device=device)
        self._memories: list[Memory] = []
        self._fused: FusedDecoder | None = None
        self._row = Row(self._grid, self._position, self._ends, self._delays, config.eos, config.pad)
        self._fused_row: FusedRow | None = None
        self.ended = False

    def run(self, noise: Noise) -> Iterator[int]:
        """Decode, telling after each step how many new frames are whole; `codes` gives them."""
        row, end = self._before + 1, self._limit
        poll = max(1, self._last // 2)  # rows between asking the device for the end: seen before its last row is due
        noise(self._noise)
        self._begin()
        while True:
            yield max(0, min(row - self._last, end - 1) - self._before)
            if row >= end + self._last - 1:
                break
            noise(self._noise)
            span = 0 if self._fused else (row // SPAN + 1) * SPAN if self._graphs.few_shapes else row + 1
            self._graphs.run(span, partial(self._step, span))
            row += 1
            if row % poll == 0:
                end = int(self._ends)
        self.ended = end < self._limit

    def codes(self, start: int, stop: int) -> Tensor:
        """The codes of new frames that are whole: (frames, books) int64."""
        rows = torch.arange(start, stop, device=self._grid.device)[:, None] + self._before + 1 + self._delays
        return self._grid.gather(0, rows)

    def _begin(self) -> None:
        """Read the text and the prompt, each at once, and write the first new row."""
        with torch.inference_mode():
            text = torch.stack([self._text, torch.zeros_like(self._text)])[: self._sampling.branches]
            slots = -(-len(self._grid) // SPAN) * SPAN if self._graphs.few_shapes else len(self._grid)
            self._memories = self._dia.decoder.memories(self._dia.encoder(text), slots)
            if self._dia.launch and FusedDecoder.fits(self._dia.decoder):
                self._fused = FusedDecoder(self._dia.launch, self._dia.decoder, self._memories)
                if self._dia.draws and FusedRow.fits(self._dia.config.decoder.vocabulary):
                    self._fused_row = FusedRow(self._dia.launch, self._row, self._noise, self._sampling)
            rows = torch.arange(self._before + 1, device=self._grid.device)
            self._write(self._dia.decoder(self._grid[: len(rows)], self._memories, rows, len(rows)))

    def _step(self, span: int) -> None:
        """Read the row that was written last and write the next; all shapes but the span are always the same."""
        with torch.inference_mode():
            codes = self._grid.index_select(0, self._position)
            if self._fused:
                self._write(self._fused(codes, self._position))
            else:
                masked = self._graphs.few_shapes
                self._write(self._dia.decoder(codes, self._memories, self._position, span, masked))

    def _write(self, logits: Tensor) -> None:
        """Draw the next row, but for what is known of it."""
        if self._fused_row:
            self._fused_row(logits)
        else:
            self._row.write(logits, self._noise, self._sampling)


def _grid(prompt: Tensor, delays: tuple[int, ...], bos: int, rows: int) -> Tensor:
    """(rows, books) with BOS and the prompt in their places, FREE elsewhere."""
    grid = torch.full((rows, len(delays)), FREE)
    for book, delay in enumerate(delays):
        grid[: delay + 1, book] = bos
        grid[delay + 1 : delay + 1 + len(prompt), book] = prompt[:, book]
    return grid
