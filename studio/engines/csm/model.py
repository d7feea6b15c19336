"""CSM in memory: from a prompt and noise to frames of codes. Knows no text, no voices and no sound.

A frame is one code for each codebook. The backbone reads the frames so far and draws the first code of the next; the
depth decoder draws the others, one after the other. `Csm.frame` does all of that, drawing included, with static shapes,
from static buffers and without waiting for the device: on a card two captured graphs, one for each of the networks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch.nn import functional

from studio.engines import fused, prepared
from studio.engines.base import Placement
from studio.engines.cards import Launch
from studio.engines.checkpoint import Checkpoint
from studio.engines.csm import layers
from studio.engines.csm.config import Config
from studio.engines.csm.fused import Ends, FusedFrame
from studio.engines.csm.layers import Place, Stack
from studio.engines.fused import Pick, matrix
from studio.engines.graphs import Graphs
from studio.engines.linear import Make, between, exact, kernel, packed_together
from studio.engines.pages import settled
from studio.engines.weights import Target, check, held, one, stream

BACKBONE, DEPTH = "backbone_model", "depth_decoder.model"
BACKBONE_CODES = f"{BACKBONE}.embed_tokens.embed_audio_tokens.weight"
DEPTH_CODES = f"{DEPTH}.embed_tokens.weight"
CODEC = "codec_model."
REACH_STEP = 256  # attention looks at a multiple of this many slots: few shapes, so few graphs

Draw = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(1, vocabulary) float32 logits, (vocabulary,) float32 noise -> (1,) int64 code."""


@dataclass(frozen=True)
class Sampling:
    """Draws one of the `top_k` likeliest codes; the noise decides which. temperature 0 takes the likeliest."""

    temperature: float
    top_k: int

    def __call__(self, logits: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        if not self.temperature:
            return logits.argmax(dim=-1)
        logits = logits / self.temperature
        least = logits.topk(min(self.top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        chances = logits.masked_fill(logits < least, -torch.inf).softmax(dim=-1)
        # of exponential variables with these rates the first to come is as likely as its rate: torch.multinomial's way
        return (chances / noise).argmax(dim=-1)


class Noise:
    """Exponential noise from a seed, the same on every device: drawn on the CPU."""

    def __init__(self, seed: int, books: int, vocabulary: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._shape = books, vocabulary

    def __call__(self) -> torch.Tensor:
        """(books, vocabulary) float32, above 0, for the next frame."""
        drawn = torch.empty(self._shape).exponential_(generator=self._generator)
        return drawn.clamp_(min=torch.finfo(drawn.dtype).tiny)


def plan(config: Config, dtype: torch.dtype, names: Collection[str]) -> dict[str, Target]:
    """What `Csm` holds. names: of the tensors in the files, where a table that is shared may stand once or twice."""
    width, depth = config.backbone.hidden, config.depth.hidden
    codes = (config.books * config.vocabulary, width)
    stored_once = config.is_tied and BACKBONE_CODES not in names
    tables = {"codes": one(DEPTH_CODES if stored_once else BACKBONE_CODES, codes, dtype)}
    if not config.is_tied:
        tables["depth_codes"] = one(DEPTH_CODES, codes, dtype)
    return {
        **layers.plan(config.backbone, BACKBONE, dtype),
        **layers.plan(config.depth, DEPTH, dtype),
        **tables,
        "words": one("embed_text_tokens.weight", (config.text_vocabulary, width), dtype),
        "first_head": one("lm_head.weight", (config.vocabulary, width), dtype),
        "heads": one("depth_decoder.codebooks_head.weight", (config.books - 1, depth, config.vocabulary), dtype),
        "projector": one(f"{DEPTH}.inputs_embeds_projector.weight", (depth, width), dtype),
    }


# In the files, and not in every plan.
OTHERS = "|".join(map(re.escape, (CODEC, DEPTH_CODES, BACKBONE_CODES)))


def load(checkpoint: Checkpoint, config: Config, placement: Placement, dtype: torch.dtype) -> Csm:
    """The model on its device; its table of words stays on the host. Raises EngineUnavailable."""
    device, linear = placement.device, kernel(placement.device, placement.precision)
    whole = plan(config, dtype, checkpoint.tensors)
    check(checkpoint, whole, OTHERS)
    copy = prepared.find(checkpoint, whole, placement.models / prepared.FOLDER)
    if copy:
        checkpoint, whole = copy, prepared.as_copied(whole)
    with settled(placement.precision), packed_together():
        words = dict(stream(checkpoint, {"words": whole.pop("words")}, "cpu"))["words"]
        weights = held(checkpoint, whole, device, placement.precision, ".*")
        # On a CPU the table takes seconds to make and saves a hundredth of a frame; on a card neither is felt, and 30
        # of the small steps that make up a frame there fall away.
        return Csm(config, weights, words, linear, projects_ahead=device != "cpu")


class Csm:
    """The model. It speaks one thing at a time: its cache holds the prompt and what has been spoken since.

    words: its table of words. linear: how a matrix is multiplied.
    projects_ahead: keep all codes as the depth decoder sees them, instead of projecting each as it is drawn.
    """

    def __init__(
        self,
        config: Config,
        weights: Mapping[str, torch.Tensor],
        words: torch.Tensor,
        linear: Make = exact,
        projects_ahead: bool = False,
    ) -> None:
        self.config = config
        self.slots = config.backbone.positions
        self._words, self._codes = words, weights["codes"]
        self.device, self._dtype = self._codes.device, between(linear, self._codes.dtype)
        self._first_head = linear(weights["first_head"])
        # published the other way round; a CPU wants each output's weights together
        self._heads = [linear(head.T.contiguous()) for head in weights["heads"]]
        self._backbone = Stack(config.backbone, weights, BACKBONE, self.slots, linear)
        self._depth = Stack(config.depth, weights, DEPTH, config.books, linear)
        self._stages = [Place.after(0, 2, self.device)]
        self._stages += [Place.after(book, 1, self.device) for book in range(2, config.books)]
        self._stages = [replace(stage, turn=self._depth.turn(stage.positions)) for stage in self._stages]
        projector = weights["projector"]
        self._projector = linear(projector)
        self._depth_codes = weights.get("depth_codes", self._codes)
        self._projects_ahead = projects_ahead
        if projects_ahead:
            used = (config.books - 1) * config.vocabulary  # nothing follows the last book
            self._depth_codes = functional.linear(self._depth_codes[:used], projector)
        self._ban, self._depth_ban = self._banned(config.banned), self._banned(config.depth_banned)
        self._offsets = torch.arange(config.books, device=self.device) * config.vocabulary
        self._slots = torch.arange(self.slots, device=self.device)
        # what the next frame starts from
        self._input = torch.zeros(1, config.backbone.hidden, dtype=self._dtype, device=self.device)
        self._position = torch.zeros(1, dtype=torch.int64, device=self.device)
        self._noise = torch.ones(config.books, config.vocabulary, device=self.device)
        # what the backbone leaves for the depth decoder, and what that makes of it
        self._hidden = torch.zeros_like(self._input)
        self._drawn = torch.zeros(config.books, dtype=torch.int64, device=self.device)
        self.graphs = Graphs.on(self.device)
        self._fused: FusedFrame | None = None
        launch = fused.card() if self.device.type == "cuda" else None
        if launch and linear is exact:
            self.fuse(launch)

    def fuse(self, launch: Launch) -> None:
        """Use the kernels for cards from now on, if they know a model like this."""
        if not self._projects_ahead or not FusedFrame.fits(self._backbone, self._depth, self.config.vocabulary):
            return
        heads = [matrix(head) for head in self._heads]
        ends = Ends(
            matrix(self._first_head), heads, matrix(self._projector), self._depth_codes, self._ban, self._depth_ban
        )
        self._fused = FusedFrame(launch, self._backbone, self._depth, ends)

    def _banned(self, codes: Sequence[int]) -> torch.Tensor | None:
        """What to add to logits so that these codes are never drawn."""
        if not codes:
            return None
        ban = torch.zeros(self.config.vocabulary, device=self.device)
        ban[list(codes)] = -torch.inf
        return ban

    def embed(self, ids: Sequence[int], codes: torch.Tensor | None = None) -> torch.Tensor:
        """Words and the sound that says them, (books, frames), as the backbone's input.

        (ids, hidden), or (ids + frames + 1, hidden): behind a sound stands the frame that ends it.
        """
        with torch.inference_mode():
            words = self._words[torch.tensor(ids)].to(self.device, self._dtype)
            if codes is None:
                return words
            codes = functional.pad(codes.to(self.device), (0, 1), value=self.config.end)
            return torch.cat([words, self._codes[codes.T + self._offsets].to(self._dtype).sum(dim=1)])

    def read(self, x: torch.Tensor, start: int) -> None:
        """Take in a part of the prompt, (n, hidden), at the positions from `start` on; what is before must be there."""
        with torch.inference_mode():
            self._backbone(x, Place.after(start, len(x), self.device))

    def begin(self, x: torch.Tensor, start: int) -> None:
        """Take in the end of the prompt; the next frame answers it."""
        if len(x) > 1:
            self.read(x[:-1], start)
        self._input.copy_(x[-1:])
        self._position.fill_(start + len(x) - 1)

    def reach(self, positions: int) -> int:
        """How far attention must look in a speech of so many positions, prompt included."""
        return min(-(-positions // REACH_STEP) * REACH_STEP, self.slots)

    def frame(self, draw: Draw, noise: torch.Tensor, reach: int) -> torch.Tensor:
        """The next frame, (books,) int64 on the device. noise: (books, vocabulary) float32, from any device."""
        with torch.inference_mode():
            self._noise.copy_(noise)
            if self._fused:
                reach = 0
            elif not self.graphs.few_shapes:
                reach = int(self._position) + 1
            self.graphs.run(("backbone", reach), partial(self._read_on, reach))
            self.graphs.run(("depth", draw), partial(self._draw, draw))
            return self._drawn.clone()

    def _read_on(self, reach: int) -> None:
        """The backbone, over what has been said last."""
        if self._fused:
            self._fused.read_on(self._input, self._position)
            self._hidden.copy_(self._backbone.normed(self._input))
        else:
            mask = self._slots[None, :reach] <= self._position if self.graphs.few_shapes else None
            place = Place(self._position, reach, mask)
            self._hidden.copy_(self._backbone(self._input, place))
        self._position.add_(1)

    def _draw(self, draw: Draw) -> None:
        """The codes of a frame, from the first by the backbone to the last by the depth decoder."""
        if self._fused and isinstance(draw, Sampling):
            pick = Pick(draw.temperature, draw.top_k)
            self._fused.draw(self._hidden, self._noise, self._drawn, pick)
        else:
            self._draw_plainly(draw)
        self._input.copy_(self._codes[self._drawn + self._offsets].to(self._dtype).sum(dim=0, keepdim=True))

    def _draw_plainly(self, draw: Draw) -> None:
        hidden, noise = self._hidden, self._noise
        drawn = [draw(_barred(self._first_head(hidden), self._ban), noise[0])]
        x = torch.cat([self._projector(hidden), self._depth_input(0, drawn[0])])
        for book, (stage, head) in enumerate(zip(self._stages, self._heads, strict=True), start=1):
            y = self._depth(x, stage)[-1:]
            drawn.append(draw(_barred(head(y), self._depth_ban), noise[book]))
            if book < len(self._heads):
                x = self._depth_input(book, drawn[book])
        torch.cat(drawn, out=self._drawn)

    def _depth_input(self, book: int, code: torch.Tensor) -> torch.Tensor:
        """(1, depth): a code of one book as the depth decoder's next input."""
        found = self._depth_codes.index_select(0, code + book * self.config.vocabulary).to(self._dtype)
        return found if self._projects_ahead else self._projector(found)

    def is_end(self, frame: torch.Tensor) -> bool:
        """Whether the frame ends the speech: the code of the end in all books but the last. Waits for the device."""
        return bool((frame[:-1] == self.config.end).all())


def _barred(logits: torch.Tensor, ban: torch.Tensor | None) -> torch.Tensor:
    return logits.float() if ban is None else logits.float() + ban
