"""Dia2 as an engine: two speakers in one passage, each in a voice of a reference or in one that the model makes up.

Sound comes frame by frame (80 ms), 18 steps behind the text: it can begin while the text is still being written.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from studio.audio import Audio
from studio.engines import prepared
from studio.engines.base import EngineSpec, Placement, WordTime
from studio.engines.checkpoint import Checkpoint
from studio.engines.dia2.config import Config
from studio.engines.dia2.layout import plan
from studio.engines.dia2.machine import INITIAL_PADDING, MAX_PADDING, REFERENCE, Entry
from studio.engines.dia2.model import Net
from studio.engines.dia2.prefix import Clip, References, heard
from studio.engines.dia2.sampling import Draw, Sampling
from studio.engines.dia2.speech import Prefix, Speech
from studio.engines.dia2.steps import Steps
from studio.engines.dia2.words import TAGS, Text, Vocabulary
from studio.engines.linear import kernel, packed_together
from studio.engines.mimi import FRAMES_PER_SECOND, SAMPLE_RATE, Mimi, MimiPieces
from studio.engines.pages import settled
from studio.engines.remembered import CodesOnDisk
from studio.engines.weights import weights_dtype
from studio.errors import EngineUnavailable, RequestError, ScriptError, SynthesisError, UnknownCast
from studio.request import SpeechRequest, Spoken
from studio.script import Turn
from studio.voice import Voice

# Frames turned to sound at once: a CPU takes about as long for 4 as for 1, a card for 16.
MOST_FRAMES, CARD_FRAMES = 4, 16


@dataclass(frozen=True, eq=False)
class Loaded:
    """What is in memory."""

    net: Net
    vocabulary: Vocabulary
    codec: Mimi
    references: References


class Dia2Engine:
    """The model, its codec and its tokenizer in memory."""

    def __init__(self, spec: EngineSpec, loaded: Loaded, threads: int) -> None:
        self._spec = spec
        self._held: Loaded | None = loaded
        self._threads = threads
        self._steps: Steps | None = None

    @staticmethod
    def open(
        spec: EngineSpec,
        folders: tuple[Path, Path],
        placement: Placement,
        remedy: str,
        dtype: torch.dtype | None = None,
    ) -> Dia2Engine:
        """The engine from the folders of its model and of its codec.

        remedy: what to do when the files are damaged. dtype: of the weights; None for what suits the device. Raises
        EngineUnavailable.
        """
        model, codec = folders
        config, checkpoint = Config.read(model, remedy), Checkpoint.open(model, remedy)
        vocabulary = Vocabulary.read(model, config.new_word, remedy)
        if vocabulary.count > config.text_tokens:
            raise EngineUnavailable(f"tokenizer.json has {vocabulary.count} tokens, Dia2 {config.text_tokens}.", remedy)
        layout = plan(config, dtype or weights_dtype(placement.device))
        linear = kernel(placement.device, placement.precision)
        copies = placement.models / prepared.FOLDER
        with settled(placement.precision), packed_together():
            weights = prepared.load(checkpoint, layout, placement.device, copies, precision=placement.precision)
            net = Net(config, weights, linear)
        mimi = Mimi.load(codec, placement.device, remedy)
        if mimi.books < config.books:
            raise EngineUnavailable(f"The codec has {mimi.books} codebooks and Dia2 {config.books}.", remedy)
        kept = CodesOnDisk.of(spec, placement, Checkpoint.open(codec, remedy))
        loaded = Loaded(net, vocabulary, mimi, References(vocabulary, mimi, config.books, kept))
        return Dia2Engine(spec, loaded, placement.large_threads or placement.threads)

    @staticmethod
    def copy_bytes(model: Path, placement: Placement, remedy: str) -> int:
        """How large the copy of `prepare` is. Raises EngineUnavailable."""
        return prepared.copy_bytes(plan(Config.read(model, remedy), weights_dtype(placement.device)))

    @staticmethod
    def prepare(model: Path, placement: Placement, remedy: str, progress: prepared.Progress) -> Path:
        """Write the copy of the weights that `open` then takes, in the type that suits the device: of half the size of
        the published file, or the same. Raises EngineUnavailable and OutputError.
        """
        layout = plan(Config.read(model, remedy), weights_dtype(placement.device))
        checkpoint = Checkpoint.open(model, remedy)
        return prepared.write(checkpoint, layout, placement.models / prepared.FOLDER, progress=progress)

    @property
    def spec(self) -> EngineSpec:
        return self._spec

    def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, tuple[WordTime, ...]]:
        """Speak a passage and say when each word sounds. See `studio.engines.base.Engine`.

        Raises RequestError when the passage cannot fit, SynthesisError when it did not.
        """
        slots, clips = self._cast(_voices(request), request.context)
        prefix = self._loaded.references.prefix(clips)
        entries = list(self._entries(request.script.turns, slots))
        self._check_length([entry for entry in entries if entry], prefix)
        return (yield from self._speech(entries, request.sampling, request.seed, prefix))

    def stream(
        self, turns: Iterable[Turn | None], request: SpeechRequest
    ) -> Generator[Audio, None, tuple[WordTime, ...]]:
        """Speak while the text is being written; see `studio.engines.base.LiveEngine`.

        What is said does not depend on when words come. Two voices at most. Raises SynthesisError when the text does
        not end within the model's two minutes.
        """
        slots, clips = self._cast(request.voices, request.context)
        prefix = self._loaded.references.prefix(clips)
        entries = self._entries(turns, slots)
        return (yield from self._speech(entries, request.sampling, request.seed, prefix))

    def close(self) -> None:
        """Give the memory back."""
        self._held = self._steps = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _cast(self, voices: Mapping[str, Voice], context: Sequence[Spoken]) -> tuple[dict[str, str], list[Clip]]:
        """The model's tag for each speaker, and the clips of the tags in order.

        A speaker whose voice is no reference has one in what that speaker said first: always the same, so that it
        does not drift. One who has a clip comes first: the second cannot have one alone.
        """
        if len(voices) > len(TAGS):
            raise UnknownCast(f"Dia2 has two speakers in a passage, not {len(voices)}.", "Split the passage.")
        clips: dict[str, Clip | None] = {}
        for speaker, voice in voices.items():
            clips[speaker] = Clip(voice.audio, voice.transcript, voice.words) if voice.audio else None
            for spoken in context:
                clips[speaker] = clips[speaker] or heard(spoken, speaker)
        order = sorted(clips, key=lambda speaker: clips[speaker] is None)
        return dict(zip(order, TAGS, strict=False)), [clip for speaker in order if (clip := clips[speaker])]

    def _entries(self, turns: Iterable[Turn | None], slots: Mapping[str, str]) -> Iterator[Entry | None]:
        return self._loaded.vocabulary.entries(_texts(turns, slots), FRAMES_PER_SECOND)

    def _check_length(self, entries: Sequence[Entry], prefix: Prefix | None) -> None:
        """Raises ScriptError when there is nothing to say, RequestError when the fastest speech would be too long."""
        if not any(entry.tokens for entry in entries):
            raise ScriptError("There is nothing to say.", "Write some words.")
        config = self._loaded.net.config
        room = config.max_steps - (prefix.steps if prefix else 0) - INITIAL_PADDING - config.lag - MAX_PADDING
        least = sum(len(entry.tokens) + 1 for entry in entries)
        if least > room:
            raise RequestError(
                f"This passage takes {least / FRAMES_PER_SECOND:.0f} s at least, and Dia2 has room for "
                f"{max(0.0, room / FRAMES_PER_SECOND):.0f} s.",
                "Make the passage shorter, or the references.",
            )

    @property
    def _loaded(self) -> Loaded:
        if self._held is None:
            raise SynthesisError(f"{self.spec.title} has been unloaded.", "Load it again.")
        return self._held

    def _steps_by(self, sampling: Sampling) -> Steps:
        """Those of the last speech, unless they draw otherwise: their memory and their graphs are not made anew."""
        if self._steps is None or self._steps.sampling != sampling:
            self._steps = None  # its memory first
            self._steps = Steps(self._loaded.net, sampling)
        return self._steps

    def _speech(
        self, entries: Iterable[Entry | None], sampling: Mapping[str, float], seed: int, prefix: Prefix | None
    ) -> Generator[Audio, None, tuple[WordTime, ...]]:
        held = self._loaded
        torch.set_num_threads(self._threads)
        most = MOST_FRAMES if held.net.device.type == "cpu" else CARD_FRAMES
        speech = Speech(self._steps_by(_sampling(sampling)), held.vocabulary.begin, seed, entries, prefix)
        yield from _sound(speech.frames(), MimiPieces(held.codec, most))
        if speech.unspoken or not speech.is_whole:
            raise SynthesisError(
                f"Dia2's {held.net.config.max_steps / FRAMES_PER_SECOND:.0f} s were over before all was said"
                + (f"; it goes on at {speech.unspoken[0].text!r}." if speech.unspoken else "."),
                "Make the passage shorter, or the references, or try another seed.",
            )
        first = speech.first_frame or 0
        said = [(entry, step) for entry, step in speech.machine.said if entry.turn != REFERENCE]
        if not said:
            raise ScriptError("There was nothing to say.", "Write some words.")
        return tuple(WordTime(entry.turn, entry.text, max(0, step - first) / FRAMES_PER_SECOND) for entry, step in said)


def _voices(request: SpeechRequest) -> dict[str, Voice]:
    """The voices of the passage's speakers and, when there is one, of another who leads up to it: a reference alone is
    followed weakly.
    """
    speakers = request.script.speakers
    others = [speaker for speaker in request.voices if speaker not in speakers]
    silent = sorted(others, key=lambda speaker: request.voices[speaker].audio is None)
    return {speaker: request.voices[speaker] for speaker in (*speakers, *silent[: len(speakers) == 1])}


def _texts(turns: Iterable[Turn | None], slots: Mapping[str, str]) -> Iterator[Text | None]:
    """The turns as the model's text: the speaker's tag where the speaker changes."""
    last = ""
    for index, turn in enumerate(turns):
        if turn is None:
            yield None
            continue
        if turn.speaker not in slots:
            raise UnknownCast(f"{turn.speaker} has no voice.", "Give a voice to everybody who may speak.")
        tag = "" if turn.speaker == last else f"{slots[turn.speaker]} "
        last = turn.speaker
        yield Text(f"{tag}{turn.text}\n", index)


def _sampling(values: Mapping[str, float]) -> Sampling:
    return Sampling(
        Draw(values["text_temperature"], int(values["text_top_k"])),
        Draw(values["audio_temperature"], int(values["audio_top_k"])),
        values["cfg"],
        int(values["cfg_top_k"]),
    )


def _sound(steps: Iterable[torch.Tensor], pieces: MimiPieces) -> Iterator[Audio]:
    """The sound of frames: a piece a step, most of them empty."""
    for frames in steps:
        yield Audio(pieces(frames), SAMPLE_RATE)
    if len(rest := pieces.rest()):
        yield Audio(rest, SAMPLE_RATE)
