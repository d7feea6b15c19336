"""CSM speaking: a turn and what was spoken before become a prompt, frames of codes become sound as they come."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from studio.audio import Audio
from studio.engines import prepared as copies
from studio.engines.base import Placement
from studio.engines.csm import REMEDY, SPEC, model, prompt
from studio.engines.csm.config import Config, open_checkpoint
from studio.engines.csm.model import Csm, Noise, Sampling
from studio.engines.csm.prompt import Segment, Words, fitted, frame_cap
from studio.engines.mimi import FRAMES_PER_SECOND, SAMPLE_RATE, Mimi, MimiPieces
from studio.engines.remembered import CodesOnDisk, Remembered
from studio.engines.text import has_words, prepared
from studio.engines.weights import weights_dtype
from studio.errors import EngineUnavailable, RequestError, SynthesisError, Unspeakable
from studio.request import SpeechRequest
from studio.script import Turn

CARD_FRAMES = 16  # turned to sound at once on a card, which takes about as long for 16 as for 1
STEP = Audio(np.zeros(0, np.float32), SAMPLE_RATE)  # a place to stop

Steps = Generator[Audio, None, None]


@dataclass(frozen=True)
class Speech:
    """What stays the same, or grows, from turn to turn of one request.

    numbers: speaker -> the model's number. prompts: of the voices. past: what was spoken, oldest first.
    """

    numbers: Mapping[str, int]
    prompts: Sequence[Segment]
    past: list[Segment]
    sampling: Sampling
    noise: Noise


class CsmEngine:
    """The model, its codec and its tokenizer in memory.

    note: what a listener should know of the last passage: that some of the past did not fit; "" when there is nothing.
    """

    spec = SPEC

    def __init__(self, csm: Csm, mimi: Mimi, words: Words, kept: CodesOnDisk | None = None) -> None:
        self.note = ""
        self._csm, self._mimi, self._words = csm, mimi, words

        def encode(audio: Audio) -> torch.Tensor:
            return mimi.encode(audio, csm.config.books)

        self._heard = kept.remembered(encode) if kept else Remembered(encode)
        self._read: list[object] = []  # keys of the segments with which the model's cache begins

    @staticmethod
    def open(folder: Path, placement: Placement, dtype: torch.dtype | None = None) -> CsmEngine:
        """The engine from a folder in the layout of sesame/csm-1b. dtype: of the model's weights, the device's better
        one if not given; the codec's stay fp32. Raises EngineUnavailable."""
        torch.set_num_threads(placement.large_threads or placement.threads)
        config = Config.read(folder, REMEDY)
        checkpoint = open_checkpoint(folder, config, REMEDY)
        words = Words.load(folder, REMEDY)
        if words.count > config.text_vocabulary:
            raise EngineUnavailable(f"tokenizer.json has {words.count} words, CSM {config.text_vocabulary}.", REMEDY)
        csm = model.load(checkpoint, config, placement, dtype or weights_dtype(placement.device))
        mimi = Mimi.inside(checkpoint, config.codec, placement.device, model.CODEC, f"(?!{model.CODEC})")
        if mimi.books < config.books:
            raise EngineUnavailable(f"The codec has {mimi.books} codebooks and CSM speaks {config.books}.", REMEDY)
        return CsmEngine(csm, mimi, words, CodesOnDisk.of(SPEC, placement, checkpoint))

    @staticmethod
    def copy_bytes(folder: Path, placement: Placement) -> int:
        """How large the copy of `prepare` is. Raises EngineUnavailable."""
        config = Config.read(folder, REMEDY)
        checkpoint = open_checkpoint(folder, config, REMEDY)
        return copies.copy_bytes(model.plan(config, weights_dtype(placement.device), checkpoint.tensors))

    @staticmethod
    def prepare(folder: Path, placement: Placement, progress: copies.Progress) -> Path:
        """Write the copy of the model's weights that `open` then takes. Raises EngineUnavailable and OutputError."""
        config = Config.read(folder, REMEDY)
        checkpoint = open_checkpoint(folder, config, REMEDY)
        layout = model.plan(config, weights_dtype(placement.device), checkpoint.tensors)
        return copies.write(checkpoint, layout, placement.models / copies.FOLDER, model.OTHERS, progress)

    def synthesize(self, request: SpeechRequest) -> Steps:
        """Speak the turns, each with what was spoken before as its context, 80 ms of sound at a time.

        Raises RequestError for a prompt that cannot fit, SynthesisError when no sound comes or it does not end.
        """
        self.note = ""
        numbers = prompt.numbers(request.voices)
        prompts = yield from self._prompts(request, numbers)
        past = yield from self._past(request, numbers)
        sampling = Sampling(request.sampling["temperature"], round(request.sampling["top_k"]))
        noise = Noise(request.seed, self._csm.config.books, self._csm.config.vocabulary)
        speech = Speech(numbers, prompts, past, sampling, noise)
        for turn in request.script.turns:
            said = yield from self._say(turn, speech)
            past.append(said)

    def _prompts(self, request: SpeechRequest, numbers: Mapping[str, int]) -> Generator[Audio, None, list[Segment]]:
        """The references of all voices, each once."""
        prompts: dict[int, Segment] = {}
        for speaker, voice in request.voices.items():
            number = numbers[speaker]
            if voice.audio is not None and number not in prompts:
                codes = yield from self._hear(voice.audio)
                prompts[number] = Segment(number, self._words.ids(number, prepared(voice.transcript)), codes)
        return list(prompts.values())

    def _past(self, request: SpeechRequest, numbers: Mapping[str, int]) -> Generator[Audio, None, list[Segment]]:
        past = []
        for spoken in request.context:
            speakers = spoken.script.speakers
            if len(speakers) > 1 or speakers[0] not in numbers:
                raise RequestError(
                    f"{SPEC.title} cannot go on from a passage of {', '.join(speakers)}.",
                    "Each passage before must be spoken by one speaker, who has a voice.",
                )
            codes = yield from self._hear(spoken.audio)
            text = " ".join(turn.text for turn in spoken.script.turns)
            number = numbers[speakers[0]]
            past.append(Segment(number, self._words.ids(number, prepared(text)), codes))
        return past

    def _hear(self, audio: Audio) -> Generator[Audio, None, torch.Tensor]:
        """The codes of a sound, (books, frames) int64."""
        if not len(audio.samples):
            raise RequestError("A reference has no sound in it.", "Choose a recording of a few seconds.")
        yield STEP
        return self._heard.of(audio)

    def _say(self, turn: Turn, speech: Speech) -> Generator[Audio, None, Segment]:
        """One turn, frame by frame. Gives back what was said, to go on from."""
        text = prepared(turn.text)
        if not has_words(text):
            raise Unspeakable(f"There is no word in {turn.text!r}.", "Write something to say.")
        asked = Segment(speech.numbers[turn.speaker], self._words.ids(speech.numbers[turn.speaker], text))
        cap = frame_cap(text)
        shown = self._shown(turn, asked, speech, self._csm.slots - len(asked) - cap)
        start = yield from self._show(shown)
        self._csm.begin(self._csm.embed(asked.ids), start)
        yield STEP
        reach = self._csm.reach(start + len(asked) + cap)
        most = 1 if self._csm.device.type == "cpu" else CARD_FRAMES
        pieces, frames, noise = MimiPieces(self._mimi, most), [], speech.noise()
        for _ in range(cap):
            frame = self._csm.frame(speech.sampling, noise, reach)
            noise = speech.noise()  # for the next one, while the device works
            if self._csm.is_end(frame):
                break
            frames.append(frame)
            yield Audio(pieces(frame[:, None]), SAMPLE_RATE)
        else:
            raise SynthesisError(
                f"{SPEC.title} did not come to an end in {cap / FRAMES_PER_SECOND:.0f} s of {turn.text[:40]!r}.",
                "Try another seed, a lower temperature or a shorter turn.",
            )
        if not frames:
            raise SynthesisError(
                f"{SPEC.title} ended before it had said a word of {turn.text[:40]!r}.",
                "Try another seed or wording.",
            )
        if len(rest := pieces.rest()):
            yield Audio(rest, SAMPLE_RATE)
        return Segment(asked.speaker, asked.ids, torch.stack(frames, dim=1).cpu())

    def _shown(self, turn: Turn, asked: Segment, speech: Speech, room: int) -> list[Segment]:
        """The segments before a turn. room: positions left for them. Raises RequestError when the least is too much."""
        own = sum(len(segment) for segment in speech.prompts if segment.speaker == asked.speaker)
        if own > max(room, 0):
            raise RequestError(
                f"The reference of {turn.speaker}'s voice takes {own / FRAMES_PER_SECOND:.0f} s of what "
                f"{SPEC.title} can hold, and this turn leaves it {max(room, 0) / FRAMES_PER_SECOND:.0f} s.",
                "Choose a reference of about ten seconds, or make the turn shorter.",
            )
        if room < 0:
            raise RequestError(
                f"A turn of {len(turn.text)} characters is too long for {SPEC.title}.",
                f"At most {SPEC.limits.characters} characters fit into one.",
            )
        shown = fitted(asked.speaker, speech.prompts, speech.past, room)
        lost = len(speech.prompts) + len(speech.past) - len(shown)
        if lost:
            self.note = f"{SPEC.title} could hold all but {lost} of the passages and references before this one."
        return shown

    def _show(self, shown: Sequence[Segment]) -> Generator[Audio, None, int]:
        """Have the model read the segments, except those with which its cache begins already. Gives back their length.

        Each is read by itself, whether or not those before it were there: so what is kept changes no number.
        """
        same = 0
        while same < min(len(shown), len(self._read)) and shown[same].key == self._read[same]:
            same += 1
        del self._read[same:]
        start = sum(map(len, shown[:same]))
        for segment in shown[same:]:
            self._csm.read(self._csm.embed(segment.ids, segment.codes), start)
            self._read.append(segment.key)
            start += len(segment)
            yield STEP
        return start

    def close(self) -> None:
        """Give the memory back."""
        is_on_card = self._csm.device.type == "cuda"
        del self._csm, self._mimi, self._heard
        if is_on_card:
            torch.cuda.empty_cache()
