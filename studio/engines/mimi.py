"""Mimi, the codec of Dia2 and CSM: sound to codes, and codes to sound as they come. In fp32: bf16 costs 36 dB.

Knows the published layout of kyutai/mimi (CC-BY-4.0, https://huggingface.co/kyutai/mimi) and transformers' MimiModel.
24 kHz, 12.5 frames/s, 1920 samples a frame.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.audio import Audio, Samples
from studio.engines.checkpoint import REMEDY, Checkpoint
from studio.engines.weights import build, fill
from studio.errors import EngineUnavailable

if TYPE_CHECKING:
    import torch

SAMPLE_RATE = 24000
FRAME_SAMPLES = 1920
FRAMES_PER_SECOND = SAMPLE_RATE / FRAME_SAMPLES
SILENCE = np.zeros(0, np.float32)

# transformers keeps the codec in two halves; the files have it flat: what each half adds to a name
_HALVES = re.compile(r"(?:encoder|decoder)\.(?=(?:en|de)coder_|downsample|upsample)")
_STACKS = re.compile(r"^((?:en|de)coder)_seanet\.")


class Mimi:
    """The codec in memory, on one device."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.books: int = model.config.num_quantizers
        for module in model.modules():
            if hasattr(module, "_embed"):
                module._embed = None  # made on first use and not moved by .to(): must be made where the weights now are

    @staticmethod
    def load(folder: Path, device: str, remedy: str = REMEDY) -> Mimi:
        """The codec from a folder in the layout of kyutai/mimi. Raises EngineUnavailable."""
        try:
            config = dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise EngineUnavailable(f"config.json of Mimi cannot be read: {error}.", remedy) from error
        return Mimi.inside(Checkpoint.open(folder, remedy), config, device)

    @staticmethod
    def inside(
        checkpoint: Checkpoint, config: Mapping[str, Any], device: str, prefix: str = "", ignore: str = ""
    ) -> Mimi:
        """The codec from a checkpoint that holds it, perhaps among others: its names begin with `prefix`, those that
        match the regular expression `ignore` are not its own. config: as in its config.json. Raises EngineUnavailable.
        """
        import torch
        from transformers import MimiConfig, MimiModel

        model = build(lambda: MimiModel(MimiConfig.from_dict(dict(config))))
        return Mimi(fill(model, checkpoint, device, torch.float32, lambda name: prefix + _published(name), ignore))

    def encode(self, audio: Audio, books: int | None = None) -> torch.Tensor:
        """The codes of a sound of any rate: (books, frames) int64 on the CPU, the last frame filled up with silence."""
        import torch

        samples = torch.from_numpy(audio.resampled(SAMPLE_RATE).samples.copy())
        with torch.inference_mode():
            sound = samples[None, None].to(self.model.device)
            codes: torch.Tensor = self.model.encode(sound, num_quantizers=books or self.books).audio_codes[0]
        return codes.cpu().clone()

    def decode(self, codes: torch.Tensor) -> Samples:
        """The sound of codes (books, frames): (frames * 1920,) float32 in [-1, 1]. Flat in memory, however long."""
        stream = MimiStream(self)
        pieces = [stream(codes[:, start : start + 25]) for start in range(0, codes.shape[1], 25)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


class MimiStream:
    """Codes to sound piece by piece; the pieces together are what the codec makes of the whole, to 1e-4.

    The codec is causal: each convolution keeps the end of its input (or of its output, where it goes up), each
    attention layer its window of 250 positions. So memory does not grow.
    """

    def __init__(self, mimi: Mimi) -> None:
        from transformers import DynamicCache

        self._model = mimi.model
        self._half = mimi.model.decoder
        self._last = mimi.model.config.codebook_size - 1
        self._past: dict[int, torch.Tensor] = {}
        self._attention = DynamicCache(config=self._half.config)

    def __call__(self, codes: torch.Tensor) -> Samples:
        """codes: (books, frames), the next ones -> (frames * 1920,) float32 in [-1, 1]."""
        import torch

        if not codes.shape[1]:
            return np.zeros(0, np.float32)
        with torch.inference_mode():
            codes = codes.to(self._model.device, torch.int64).clamp(0, self._last)
            x = self._upwards(self._half.upsample, self._model.quantizer.decode(codes[None]))
            attended = self._half.decoder_transformer(
                x.transpose(1, 2), past_key_values=self._attention, use_cache=True
            )
            x = attended.last_hidden_state.transpose(1, 2)  # (1, hidden, positions)
            for layer in self._half.decoder_seanet.layers:
                x = self._layer(layer, x)
            return np.asarray(x[0, 0].clamp(-1.0, 1.0).float().cpu().numpy(), np.float32)

    def _layer(self, layer: Any, x: torch.Tensor) -> torch.Tensor:
        if hasattr(layer, "block"):  # a residual block
            y = x
            for inner in layer.block:
                y = self._layer(inner, y)
            straight: torch.Tensor = layer.shortcut(x)
            return straight + y
        if not hasattr(layer, "conv"):
            active: torch.Tensor = layer(x)
            return active
        return self._upwards(layer, x) if hasattr(layer, "trim_right_ratio") else self._along(layer, x)

    def _along(self, layer: Any, x: torch.Tensor) -> torch.Tensor:
        """A causal convolution, with the end of what came before in front; silence before the first."""
        import torch

        past = (layer.conv.kernel_size[0] - 1) * layer.conv.dilation[0]
        if past:
            before = self._past.get(id(layer))
            x = torch.cat([x.new_zeros(*x.shape[:2], past) if before is None else before, x], dim=-1)
            self._past[id(layer)] = x[..., -past:].clone()  # a view would hold the whole piece
        y: torch.Tensor = layer.conv(x)
        return y

    def _upwards(self, layer: Any, x: torch.Tensor) -> torch.Tensor:
        """A transposed convolution: each input sounds on into the next, so that the end is kept to be added there."""
        y: torch.Tensor = layer.conv(x)
        over = layer.conv.kernel_size[0] - layer.conv.stride[0]
        before = self._past.get(id(layer))
        if before is not None:
            y[..., :over] += before
        tail = y[..., -over:]
        if layer.conv.bias is not None:
            tail = tail - layer.conv.bias[:, None]  # the next piece adds it
        self._past[id(layer)] = tail.clone()
        return y[..., :-over]


class MimiPieces:
    """Frames to sound as they come: the first at once, then more and more together.

    A piece costs about the same whether it is short or long, on a card much more than the frames in it; but while a
    long one is waited for, what came before must last. So each is at most twice as long as the one before.
    """

    def __init__(self, mimi: Mimi, most: int) -> None:
        """most: frames in a piece."""
        self._stream, self._most = MimiStream(mimi), most
        self._held: list[torch.Tensor] = []
        self._wanted = 1

    def __call__(self, codes: torch.Tensor) -> Samples:
        """codes: (books, 0 or more frames), the next ones -> the sound that is due, perhaps none."""
        self._held.append(codes)
        return self.rest() if sum(part.shape[1] for part in self._held) >= self._wanted else SILENCE

    def rest(self) -> Samples:
        """The sound of all frames that have come and not sounded."""
        import torch

        if not self._held:
            return SILENCE
        codes, self._held = torch.cat(self._held, 1), []
        self._wanted = min(2 * self._wanted, self._most)
        return self._stream(codes)


def _published(name: str) -> str:
    """transformers' name of a tensor -> the name it has in the files."""
    return _STACKS.sub(r"\1.", _HALVES.sub("", name, count=1))
