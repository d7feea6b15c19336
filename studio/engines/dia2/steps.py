"""One step of Dia2 in fixed memory: hear the last frame, draw the action and the codes of the next.

What a step takes and gives stands in a few buffers; between filling them and reading them the host has no part, so that
on a card `listen` and `speak` are captured graphs. Where the depth model does not hear the text, as in the published
models, both follow each other at once and the host looks once a step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from studio.engines import fused
from studio.engines.cards import Launch
from studio.engines.dia2.fused import FusedSteps
from studio.engines.dia2.model import Net, Place
from studio.engines.dia2.sampling import Noise, Sampling, choose
from studio.engines.graphs import Graphs
from studio.errors import SynthesisError

# How far a step looks back grows in such bounds: few shapes, and little looked at in vain. To capture another shape
# costs a card the time of some frames, and looking further next to nothing.
SPAN, CARD_SPAN = 128, 512


class Steps:
    """One speech at a time on the device: its caches, its buffers, its noise and its graphs, used again by the next."""

    def __init__(self, net: Net, sampling: Sampling, launch: Launch | None = None) -> None:
        """launch: the kernels to use where they fit; those of a card that has them if not given."""
        launch = launch or (fused.card() if net.device.type == "cuda" else None)
        config, branches = net.config, sampling.branches
        self.net, self.sampling = net, sampling
        self.graphs = Graphs.on(net.device)
        self._span = SPAN if net.device.type == "cpu" else CARD_SPAN
        self._cache = net.new_cache(branches)
        self._depth_cache = net.new_depth_cache(branches)
        self._noise = Noise(config, sampling, net.device)
        self._reach = torch.arange(net.slots, device=net.device)
        self._delays = torch.tensor(config.delays, device=net.device)
        no_code = [config.audio_pad, config.audio_bos]
        self._no_code = torch.zeros(config.audio_tokens, device=net.device)
        self._no_code[no_code] = torch.finfo(torch.float32).min
        # what a step takes: two text tokens, position, slot; the guidance branch always hears "no text"
        self._taken = torch.tensor([config.text_pad, config.text_pad, 0, 0], device=net.device)
        self._text = torch.tensor([[config.text_zero], [config.text_pad]], device=net.device).repeat(branches, 1, 1)
        self._codes = torch.full((config.books,), config.audio_bos, device=net.device)
        # what it gives: whether all is finite, the action, the codes
        self._given = torch.zeros(2 + config.books, dtype=torch.int64, device=net.device)
        self._hidden = torch.zeros(branches, config.backbone.width, dtype=net.dtype, device=net.device)
        self._following = self._text.clone()  # the text tokens that follow, for a depth model that hears them
        self._fused = None
        if launch is not None and FusedSteps.fits(net, sampling):
            caches = self._cache, self._depth_cache
            self._fused = FusedSteps(launch, net, sampling, caches, self._noise, self._given)

    def begin(self, seed: int) -> None:
        """Forget the last speech. What its caches hold beyond where the new one stands is never looked at, unless its
        numbers overflowed, so they are emptied."""
        self._noise.begin(seed)
        self._codes.fill_(self.net.config.audio_bos)
        for held in (self._cache, self._depth_cache):
            held.keys.zero_()
            held.values.zero_()

    def prefill(self, text: list[tuple[int, int]], codes: Tensor) -> None:
        """Hear a whole prefix at once. text: the tokens fed at each of its steps; codes: (books, steps), delayed.

        The last step is heard again by the first `take`: so does the reference, and the model goes on from there.
        """
        net, length = self.net, len(text)
        with torch.inference_mode():
            codes = codes.to(net.device)
            fed = self._text.repeat(1, 1, length)
            fed[0] = torch.tensor(text, device=net.device).T
            steps = self._reach[:length]
            mask = self._reach[None, :length] <= steps[:, None]
            net.backbone(fed, codes, self._cache, Place(steps, steps, length, mask))
            self._codes.copy_(codes[:, -1])

    def step(
        self, text: tuple[int, int], position: int, slot: int, follow: Callable[[int], tuple[int, int]]
    ) -> tuple[tuple[int, int], tuple[int, ...]]:
        """Hear these text tokens and the last codes; give the text tokens that follow and the new codes.

        position: of the step. slot: its place in the cache. follow: the text tokens that follow an action. Raises
        SynthesisError when numbers overflow.
        """
        with torch.inference_mode():
            self._noise.refresh()
            self._taken.copy_(torch.tensor([*text, position, slot]))
            span = 0 if self._fused else min(self.net.slots, (slot // self._span + 1) * self._span)
            self.graphs.run(span, partial(self.listen, span))
            if self.net.config.depth_text:
                following = follow(int(self._given[1]))
                self._following.copy_(torch.tensor(following)[None, :, None])
                self.graphs.run("speak", self.speak)
                is_finite, _, *codes = self._given.tolist()
            else:
                self.graphs.run("speak", self.speak)
                is_finite, action, *codes = self._given.tolist()  # the only time that the host waits
                following = follow(action)
        if not is_finite:
            raise SynthesisError("Dia2's numbers overflowed.", "Choose another seed; if it happens again, use the CPU.")
        return following, tuple(codes)

    def listen(self, span: int) -> None:
        """The backbone: from what is taken to the action, the first code and the hidden state. No host in it."""
        net, sampling = self.net, self.sampling
        position, slot = self._taken[2:3], self._taken[3:4]
        self._text[0, :, 0] = self._taken[:2]
        codes = torch.where(self._delays > position, net.config.audio_bos, self._codes)
        if self._fused:
            state = self._fused.listen(self._text, codes[:, None], fused.Place(position, slot), self._no_code)
            self._given[0] = torch.isfinite(state).all()
            return
        mask = self._reach[None, :span] <= slot
        hidden = net.backbone(self._text, codes[:, None], self._cache, Place(position, slot, span, mask))[:, 0]
        action, first = net.first_heads(hidden)
        self._hidden.copy_(hidden)
        self._given[0] = torch.isfinite(hidden).all()
        self._given[1:2] = choose(sampling.candidates(action), sampling.text, self._noise.action)
        self._given[2:3] = choose(sampling.candidates(first) + self._no_code, sampling.audio, self._noise.first)

    def speak(self) -> None:
        """The depth model: the other codes of the frame, each after its neighbour. No host in it."""
        net, sampling = self.net, self.sampling
        if self._fused:
            self._fused.speak()
            self._codes.copy_(self._given[2:])
            return
        inputs, code = net.depth_inputs(self._hidden), self._given[2:3]
        for stage, noise in enumerate(self._noise.others):
            logits = net.depth(stage, code, inputs, self._following, self._depth_cache)
            code = choose(sampling.candidates(logits), sampling.audio, noise)
            self._given[3 + stage : 4 + stage] = code
        self._codes.copy_(self._given[2:])
