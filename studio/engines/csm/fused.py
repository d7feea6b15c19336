"""CSM's frame by the kernels for cards: the same as `Csm.frame` does with torch's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.engines import fused
from studio.engines.cards import Launch
from studio.engines.csm.layers import Stack
from studio.engines.fused import Following, Heads, Layer, Pick, Place, matrix, norm, product


@dataclass(frozen=True, eq=False)
class Ends:
    """What stands around the two networks.

    first_head, heads: products to logits. projector: from the backbone's width to the depth decoder's. codes: (books *
    vocabulary, depth), as the depth decoder sees them. ban, depth_ban: added to logits, or None.
    """

    first_head: Tensor
    heads: Sequence[Tensor]
    projector: Tensor
    codes: Tensor
    ban: Tensor | None
    depth_ban: Tensor | None


class FusedFrame:
    """Both networks and the draws."""

    def __init__(self, launch: Launch, backbone: Stack, depth: Stack, ends: Ends) -> None:
        self._launch, self._ends = launch, ends
        self._backbone, self._depth = _Taken(launch, backbone), _Taken(launch, depth)
        like = ends.codes
        self._logits = torch.zeros(1, len(ends.first_head), dtype=torch.float32, device=like.device)
        self._x, self._projected = like.new_zeros(1, depth.sizes.hidden), like.new_zeros(1, depth.sizes.hidden)
        self._stages = torch.arange(len(ends.heads) + 1, device=like.device)

    @staticmethod
    def fits(backbone: Stack, depth: Stack, vocabulary: int) -> bool:
        """Whether the kernels know models of these sizes and this type."""
        stacks = (backbone, depth)
        return (
            all(stack.norm.dtype == torch.bfloat16 and _heads(stack).fits() for stack in stacks)
            and vocabulary <= fused.MOST_TOKENS
        )

    def read_on(self, x: Tensor, position: Tensor) -> None:
        """The backbone. x: (1, hidden), in place, not normed. position: (1,) int64."""
        self._backbone(x, position)

    def draw(self, hidden: Tensor, noise: Tensor, drawn: Tensor, pick: Pick) -> None:
        """All codes of a frame. hidden: (1, hidden), normed. noise: (books, vocabulary). drawn: (books,) int64."""
        ends, vocabulary = self._ends, self._logits.shape[1]
        product(self._launch, ends.first_head, hidden, self._logits, "exact")
        product(self._launch, ends.projector, hidden, self._projected, "plain")
        self._depth(self._projected, self._stages[:1])
        pick(self._launch, self._logits, noise[0], drawn[:1], ends.ban, self._following(0))
        for book, head in enumerate(ends.heads, start=1):
            self._depth(self._x, self._stages[book : book + 1])
            product(self._launch, head, self._x, self._logits, "exact", self._depth.norm)
            following = self._following(book * vocabulary if book < len(ends.heads) else None)
            pick(self._launch, self._logits, noise[book], drawn[book : book + 1], ends.depth_ban, following)

    def _following(self, offset: int | None) -> Following:
        codes = self._ends.codes
        return Following(codes, offset or 0, self._x, 0 if offset is None else codes.shape[1])


class _Taken:
    """A stack whose layers and caches the kernels share."""

    def __init__(self, launch: Launch, stack: Stack) -> None:
        epsilon = stack.sizes.epsilon
        caches = [layer.seen(len(stack.cosine)) for layer in stack.layers]
        self._run = fused.Stack(launch, _heads(stack), caches, stack.sizes.inner)
        self.norm = norm(stack.norm, epsilon)
        self._layers = [
            Layer(
                norm(layer.before, epsilon),
                matrix(layer.joined),
                matrix(layer.out),
                norm(layer.between, epsilon),
                matrix(layer.gated),
                matrix(layer.down),
            )
            for layer in stack.layers
        ]

    def __call__(self, x: Tensor, position: Tensor) -> None:
        self._run(x, self._layers, Place(position, position))


def _heads(stack: Stack) -> Heads:
    sizes = stack.sizes
    turn = stack.cosine[:, 0].float().contiguous(), stack.sine[:, 0].float().contiguous()
    return Heads(sizes.heads, sizes.key_heads, sizes.head, sizes.head**-0.5, sizes.epsilon, turn)
