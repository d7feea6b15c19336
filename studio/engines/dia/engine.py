"""The Dia engine: from a passage to sound that streams, by the model and its codec."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch

from studio.audio import Audio, Samples, concatenate
from studio.engines import prepared
from studio.engines.base import Placement
from studio.engines.checkpoint import Checkpoint
from studio.engines.dia import SPEC
from studio.engines.dia.config import REMEDY, Config, open_checkpoint, plan
from studio.engines.dia.dac import Dac, DacStream
from studio.engines.dia.decoding import Decoding, Noise
from studio.engines.dia.model import Dia
from studio.engines.dia.prompt import Prompt, prompt_of
from studio.engines.dia.sampling import Sampling
from studio.engines.remembered import CodesOnDisk, Remembered
from studio.engines.weights import weights_dtype
from studio.errors import EngineUnavailable, RequestError, SynthesisError
from studio.request import SpeechRequest
from studio.script import Script

FIRST, LONGEST = 36, 86  # frames that are turned to sound at a time: early at first, then with less done twice
# How much longer than expected from its text a passage may be; beyond, Dia babbles. What leads up to it must leave so
# much room that it may be somewhat longer.
PATIENCE, PATIENCE_SECONDS = 2.0, 4.0
SLACK = 1.25
DIGIT_CHARACTERS = 5  # read aloud, a digit takes as long as so many letters
SHORTER = "Use reference voices of 5 to 10 seconds, and shorter turns."
STEP = Audio(np.zeros(0, np.float32), SPEC.sample_rate)  # marks a place to stop


class DiaEngine:
    """Model and codec in memory."""

    spec = SPEC

    def __init__(self, dia: Dia, dac: Dac, kept: CodesOnDisk | None = None) -> None:
        self._dia = dia
        self._dac = dac
        self._codes = kept.remembered(dac.encode) if kept else Remembered(dac.encode)

    @staticmethod
    def load(model: Path, codec: Path, placement: Placement) -> DiaEngine:
        """From the folders of the two published checkpoints. Raises EngineUnavailable."""
        torch.set_num_threads(placement.large_threads or placement.threads)
        copies = placement.models / prepared.FOLDER
        dia = Dia.load(model, placement.device, weights_dtype(placement.device), placement.precision, copies)
        dac = Dac.load(codec, placement.device, REMEDY)
        if (dac.books, dac.sample_rate) != (dia.config.books, SPEC.sample_rate):
            raise EngineUnavailable(f"{codec} is not the codec of Dia.", REMEDY)
        return DiaEngine(dia, dac, CodesOnDisk.of(SPEC, placement, Checkpoint.open(codec)))

    @staticmethod
    def copy_bytes(model: Path, placement: Placement) -> int:
        """How large the copy of `prepare` is. Raises EngineUnavailable."""
        return prepared.copy_bytes(plan(Config.load(model), weights_dtype(placement.device)))

    @staticmethod
    def prepare(model: Path, placement: Placement, progress: prepared.Progress) -> Path:
        """Write the copy of the weights that `load` then takes. Raises EngineUnavailable and OutputError."""
        layout = plan(Config.load(model), weights_dtype(placement.device))
        return prepared.write(open_checkpoint(model), layout, placement.models / prepared.FOLDER, progress=progress)

    def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
        """Speak one passage; see `Engine`. Raises RequestError, before any work, when it is too long for Dia."""
        config = self._dia.config
        expected = _expected_seconds(request.script)
        held = (config.decoder.positions - 2 - max(config.delays)) * self._frame_seconds
        prompt = prompt_of(request, held - SLACK * expected)
        if len(prompt.ids) > config.encoder.positions:
            size, most = len(prompt.ids), config.encoder.positions
            raise RequestError(f"The passage and what leads up to it are {size} bytes; Dia reads {most}.", SHORTER)
        if prompt.seconds > held - SLACK * expected:
            lead, whole = f"{prompt.seconds:.0f} s lead up to", f"Dia holds {held:.0f} s of sound"
            raise RequestError(f"{whole}; {lead} a passage of about {expected:.0f} s.", SHORTER)
        yield STEP
        patience = min(held - prompt.seconds, PATIENCE * expected + PATIENCE_SECONDS)
        frames = int(patience / self._frame_seconds) - 1  # the prompt's last frame is filled up
        decoding = Decoding(self._dia, torch.tensor(list(prompt.ids)), self._heard(prompt), frames, _sampling(request))
        yield from self._sounded(decoding, _noise(request, self._dia.device))
        if not decoding.ended:
            raise SynthesisError(f"Dia did not come to an end in {patience:.0f} s.", "Try another seed or wording.")

    def _sounded(self, decoding: Decoding, noise: Noise) -> Generator[Audio, None, None]:
        """The sound of a passage while it is decoded, an empty piece for each step that gives none."""
        stream, sent, whole = DacStream(self._dac), 0, 0
        for whole in decoding.run(noise):
            if whole - sent >= min(LONGEST, max(FIRST, sent)):
                yield _audio(stream(decoding.codes(sent, whole)))
                sent = whole
            else:
                yield STEP
        if not whole:
            raise SynthesisError("Dia ended before it said anything.", "Try another seed or wording.")
        yield _audio(stream(decoding.codes(sent, whole), is_last=True))

    def _heard(self, prompt: Prompt) -> torch.Tensor:
        """The codes of what Dia goes on from: (frames, books) int64."""
        if not prompt.sounds:
            return torch.zeros(0, self._dac.books, dtype=torch.int64)
        if len(prompt.sounds) == 1:
            return self._codes.of(prompt.sounds[0])
        return self._codes.of(concatenate(sound.resampled(SPEC.sample_rate) for sound in prompt.sounds))

    @property
    def _frame_seconds(self) -> float:
        return self._dac.hop / self._dac.sample_rate

    def close(self) -> None:
        """Give the memory back."""
        is_cuda = self._dia.device.type == "cuda"
        del self._dia, self._dac, self._codes
        if is_cuda:
            torch.cuda.empty_cache()


def _expected_seconds(script: Script) -> float:
    """How long the words take, numbers read aloud."""
    texts = [turn.text for turn in script.turns]
    digits = sum(char.isdigit() for text in texts for char in text)
    return (sum(map(len, texts)) + (DIGIT_CHARACTERS - 1) * digits) / SPEC.characters_per_second


def _sampling(request: SpeechRequest) -> Sampling:
    values = request.sampling
    return Sampling(values["cfg"], values["temperature"], values["top_p"], int(values["top_k"]))


def _noise(request: SpeechRequest, device: torch.device) -> Noise:
    """What makes a draw random, by the seed; nothing at temperature 0."""
    if not request.sampling["temperature"]:
        return lambda noise: noise.fill_(1.0)
    random = torch.Generator(device).manual_seed(request.seed)
    return lambda noise: noise.exponential_(generator=random)


def _audio(samples: Samples) -> Audio:
    return Audio(samples, SPEC.sample_rate)
