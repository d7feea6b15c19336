"""Dia2's step by the kernels for cards: the same as `Steps.listen` and `Steps.speak` do with torch's."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from studio.engines import fused
from studio.engines.cards import Launch
from studio.engines.dia2 import model
from studio.engines.dia2.config import Stack
from studio.engines.dia2.model import Cache, Net
from studio.engines.dia2.sampling import Draw, Noise, Sampling
from studio.engines.fused import Following, Heads, Layer, Pick, Place, matrix, norm, product


def pick_of(sampling: Sampling, draw: Draw, tokens: int) -> Pick:
    """`sampling.candidates` and `choose` as one kernel."""
    by_rank = 0 < draw.top_k < tokens
    best = draw.top_k if by_rank else tokens
    return Pick(max(0.0, draw.temperature), best, by_rank, sampling.guidance, max(0, sampling.filter_k))


class FusedSteps:
    """Both networks and the draws. `listen` leaves what `speak` begins with.

    given: (2 + books,) int64; from its second on the action and the codes are written there.
    """

    def __init__(
        self, launch: Launch, net: Net, sampling: Sampling, caches: tuple[Cache, Cache], noise: Noise, given: Tensor
    ) -> None:
        config, branches = net.config, sampling.branches
        self._launch, self._net, self._noise, self._given = launch, net, noise, given
        self._layers = _layers(net.layers, config.epsilon)
        self._sets = {name: _layers(layers, config.epsilon) for name, layers in net.sets.items()}
        main, depth = caches
        self._main = fused.Stack(
            launch, _heads(config.backbone, config.epsilon, net.rope), main.pairs, config.backbone.hidden
        )
        self._depth = fused.Stack(
            launch, _heads(config.depth, config.epsilon, net.depth_rope), depth.pairs, config.depth.hidden
        )
        self._norm, self._depth_norm = norm(net.norm, config.epsilon), norm(net.depth_norm, config.epsilon)
        heads = matrix(net.heads)
        self._heads = heads[: config.actions], heads[config.actions :]
        self._pick_action = pick_of(sampling, sampling.text, config.actions)
        self._pick_first = pick_of(sampling, sampling.audio, config.audio_tokens)
        self._pick_code = pick_of(sampling, sampling.audio, config.codes)
        like = net.norm.new_zeros
        self._action_logits, self._first_logits = like(branches, config.actions), like(branches, config.audio_tokens)
        self._code_logits = like(branches, config.codes)
        assert net.inputs is not None and net.depth_audio is not None
        self._make_inputs, self._logits, self._table = (
            matrix(net.inputs),
            [matrix(one) for one in net.logits],
            net.depth_audio,
        )
        self._inputs = net.depth_audio.new_zeros(branches, len(self._make_inputs))
        self._x = net.depth_audio.new_zeros(branches, config.depth.width)

    @staticmethod
    def fits(net: Net, sampling: Sampling) -> bool:
        """Whether the kernels can do all that this model asks for."""
        config = net.config
        return (
            config.books > 1
            and not config.depth_text
            and net.dtype.itemsize == 2
            and all(stack.activations == ("silu", "linear") for stack in (config.backbone, config.depth))
            and _heads(config.backbone, 0.0, None).fits()
            and _heads(config.depth, 0.0, None).fits()
            and pick_of(sampling, sampling.audio, config.audio_tokens).fits(config.audio_tokens)
        )

    def listen(self, text: Tensor, codes: Tensor, place: Place, no_code: Tensor) -> Tensor:
        """The backbone, the action and the first code. text: (branches, 2, 1), codes: (books, 1). Gives its last state,
        (branches, width), not normed."""
        x = self._net.heard(text, codes)[:, 0].contiguous()
        self._main(x, self._layers, place)
        for weight, logits in zip(self._heads, (self._action_logits, self._first_logits), strict=True):
            product(self._launch, weight, x, logits, "exact", self._norm)
        nothing = Following(self._table, 0, self._x, 0)
        self._pick_action(self._launch, self._action_logits, self._noise.action, self._given[1:2], None, nothing)
        product(self._launch, self._make_inputs, x, self._inputs, "plain", self._norm)
        self._pick_first(
            self._launch, self._first_logits, self._noise.first, self._given[2:3], no_code, self._following(0)
        )
        return x

    def speak(self) -> None:
        """The depth model: the other codes of the frame."""
        schedule, stages = self._net.config.schedule, self._net.stages
        for stage, (name, noise) in enumerate(zip(schedule, self._noise.others, strict=True)):
            at = stages[stage : stage + 1]
            self._depth(self._x, self._sets[name], Place(at, at))
            product(self._launch, self._logits[stage], self._x, self._code_logits, "exact", self._depth_norm)
            token = self._given[3 + stage : 4 + stage]
            self._pick_code(self._launch, self._code_logits, noise, token, None, self._following(stage + 1))

    def _following(self, stage: int) -> Following:
        """What a stage begins with: the code before it, and what the frame's state is to its set of weights."""
        config = self._net.config
        if stage == len(config.schedule):
            return Following(self._table, 0, self._x, 0)
        width, at = config.depth.width, config.sets.index(config.schedule[stage])
        base = self._inputs[:, at * width : (at + 1) * width]
        return Following(self._table, stage * config.audio_tokens, self._x, width, base)


def _heads(stack: Stack, epsilon: float, turn: tuple[Tensor, Tensor] | None) -> Heads:
    return Heads(stack.heads, stack.keys, stack.head, 1.0, epsilon, turn)


def _layers(layers: Sequence[model.Layer], epsilon: float) -> list[Layer]:
    return [
        Layer(
            norm(layer.pre_norm, epsilon),
            matrix(layer.qkv),
            matrix(layer.out),
            norm(layer.post_norm, epsilon),
            matrix(layer.wide),
            matrix(layer.narrow),
            layer.qk_norm.float().contiguous(),
        )
        for layer in layers
    ]
