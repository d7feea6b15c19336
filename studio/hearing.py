"""What is said in a recording, written down with the time of every word; on the CPU, never in an engine's memory.

Two recognisers: Whisper base through faster-whisper, when that package and its files are here, and Moonshine tiny,
which comes with the studio on Linux and Windows. Both are asked for English. Whisper's files are fetched from the hub
when a person asks for that, and only then.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from studio import download, hub
from studio.audio import Audio
from studio.errors import EngineUnavailable, SynthesisError
from studio.hub import ModelFiles, Progress
from studio.metrics import words
from studio.metrics.activity import RATE, Activity, Span, activity
from studio.voice import TimedWord

WHISPER = ModelFiles(
    "Systran/faster-whisper-base",
    "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
    ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin"),
    148_000_000,
)
METRICS_REMEDY = (
    "Run: make run METRICS=1, then: python -m studio voices examine FILE --fetch. Or type the words yourself."
)
PIECE_SECONDS = 30.0  # Moonshine is given this much at once, cut where it is silent
BEFORE_SECONDS, AFTER_SECONDS = 0.1, 0.3  # of silence left around it
BEAM = 5


@dataclass(frozen=True)
class Heard:
    """What was heard. words: with start and end in seconds, and confidence 0 to 1 where the model gives one.

    estimated: the times are shared out by letters within phrases, not measured. model: who heard it.
    """

    text: str
    words: tuple[TimedWord, ...]
    model: str
    estimated: bool = False


def fetch_whisper(progress: Progress, stopped: Callable[[], bool] = lambda: False) -> None:
    """Fetch what is missing of Whisper's files, 148 MB; the next who asks to hear is heard by it.

    Raises EngineUnavailable when its package is not installed or the hub cannot be reached, Stopped.
    """
    if importlib.util.find_spec("faster_whisper") is None:
        raise EngineUnavailable("The package faster-whisper is not installed.", "Run: make run METRICS=1")
    download.download_all((WHISPER,), progress, stopped)


class _Model(Protocol):
    name: str

    def hear(self, audio: Audio) -> Heard: ...


class Recogniser:
    """One for the process. The model is loaded when it is first needed, and lives in a thread of its own; whoever asks
    waits for those who asked before.

    threads: of the CPU it may use. whisper: a folder with Whisper's files, when it is not the hub's.
    """

    def __init__(self, threads: int = 1, whisper: Path | None = None) -> None:
        self._threads = threads
        self._folder = whisper
        self._worker = ThreadPoolExecutor(1, "hearing")
        self._model: _Model | None = None

    @property
    def obstacle(self) -> str:
        """Why nothing can be heard here and what to do; empty when something can."""
        return "" if self.model else f"{_nobody()} {METRICS_REMEDY}"

    @property
    def model(self) -> str:
        """Who would hear: "whisper-base", "moonshine-tiny" or "" """
        if self._whisper():
            return _Whisper.name
        return _Moonshine.name if importlib.util.find_spec("moonshine_voice") else ""

    def hear(self, audio: Audio) -> Heard:
        """Write down what is said. Silence and noise give no words.

        Raises EngineUnavailable when there is no recogniser or it cannot be loaded, SynthesisError when it fails.
        """
        return self._worker.submit(self._hear, audio).result()

    def close(self) -> None:
        """Wait for who is being heard, and give the memory back."""
        self._worker.shutdown()
        self._model = None

    def _whisper(self) -> Path | None:
        if importlib.util.find_spec("faster_whisper") is None:
            return None
        return self._folder or hub.snapshot(WHISPER)

    def _hear(self, audio: Audio) -> Heard:
        if self._model is None or self._model.name != self.model:  # Whisper may have come meanwhile
            self._model = self._loaded()
        return self._model.hear(audio.resampled(RATE))

    def _loaded(self) -> _Model:
        if not self.model:
            raise EngineUnavailable(_nobody(), METRICS_REMEDY)
        folder = self._whisper()
        return _Whisper(folder, self._threads) if folder else _Moonshine()


def _nobody() -> str:
    why = " (Moonshine, which comes with the studio elsewhere, has no build for this macOS)"
    return f"No recogniser of speech is here{why if sys.platform == 'darwin' else ''}."


class _Whisper:
    """Whisper base in 8 bits. It invents text over silence, so that only what the detector calls speech is given."""

    name = "whisper-base"

    def __init__(self, folder: Path, threads: int) -> None:
        from faster_whisper import WhisperModel

        try:
            self._net: Any = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineUnavailable(f"{folder} cannot be read: {error}", "Fetch Whisper's files again.") from error

    def hear(self, audio: Audio) -> Heard:
        try:
            segments, _ = self._net.transcribe(
                audio.samples,
                language="en",
                beam_size=BEAM,
                vad_filter=True,
                word_timestamps=True,
                condition_on_previous_text=False,
            )
            found = [word for segment in segments for word in segment.words or ()]
        except RuntimeError as error:
            raise SynthesisError(f"Whisper failed: {error}", "Type the words yourself.") from error
        timed = tuple(
            TimedWord(word.word.strip(), float(word.start), max(float(word.start), float(word.end)), word.probability)
            for word in found
        )
        return Heard(" ".join(word.text for word in timed), timed, self.name)


class _Moonshine:
    """Moonshine tiny, in English only. It gives phrases; the times of their words are estimated."""

    name = "moonshine-tiny"

    def __init__(self) -> None:
        import moonshine_voice
        from moonshine_voice.errors import MoonshineError

        folder = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
        self._failure: type[Exception] = MoonshineError
        try:
            self._net: Any = moonshine_voice.Transcriber(str(folder), moonshine_voice.ModelArch.TINY)
        except (MoonshineError, OSError) as error:
            raise EngineUnavailable(f"Moonshine cannot be loaded: {error}", METRICS_REMEDY) from error

    def hear(self, audio: Audio) -> Heard:
        speech = activity(audio)
        timed: list[TimedWord] = []
        try:
            for piece in _pieces(speech):
                samples = audio.samples[round(piece.start * RATE) : round(piece.end * RATE)]
                for line in self._net.transcribe_without_streaming(samples.tolist(), RATE).lines:
                    start = piece.start + line.start_time
                    spans = _within(speech, Span(start, min(piece.end, start + line.duration)))
                    timed += words.spread(line.text.split(), spans)
        except self._failure as error:
            raise SynthesisError(f"Moonshine failed: {error}", "Type the words yourself.") from error
        return Heard(" ".join(word.text for word in timed), tuple(timed), self.name, estimated=True)


def _pieces(speech: Activity) -> Iterator[Span]:
    """The speech in pieces of about PIECE_SECONDS, cut in the middle of silences; one span without any stays whole.

    Little of the silence around it is left: Moonshine hears an "uh" or "you" in that.
    """
    if not speech.spans:
        return
    start = max(0.0, speech.spans[0].start - BEFORE_SECONDS)
    end = min(speech.seconds, speech.spans[-1].end + AFTER_SECONDS)
    for silence in speech.silences:
        middle = (silence.start + silence.end) / 2
        if start + PIECE_SECONDS < middle < end:
            yield Span(start, middle)
            start = middle
    if end - start > 0.1:
        yield Span(start, end)


def _within(speech: Activity, line: Span) -> list[Span]:
    """Where in a phrase it is spoken; all of it when that is not known."""
    clipped = [Span(max(span.start, line.start), min(span.end, line.end)) for span in speech.spans]
    return [span for span in clipped if span.seconds > 0] or [line]
