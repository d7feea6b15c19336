"""AAC in an MP4 file, which libsndfile does not write: the one boundary to FFmpeg (package av)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from studio.audio import Audio, Samples, concatenate
from studio.errors import AudioError, OutputError, StudioError

BITS_PER_SECOND = 128_000
FRAME = 1024  # samples of an AAC frame
REMEDY = "Run: pip install -r requirements.lock; or choose mp3."


class Writer:
    """An open file; leaving its block ends it. The sample's count is in the file: a player that reads it plays exactly
    as much as was written, without the encoder's lead-in and its padding at the end.
    """

    def __init__(self, path: Path, sample_rate: int, tags: Mapping[str, str]) -> None:
        """tags: names of FFmpeg's metadata -> text. Raises OutputError without the package."""
        av = _av(OutputError)
        self.samplerate = sample_rate
        # faststart: a browser can play before the whole has arrived
        self._file = av.open(str(path), "w", format="ipod", options={"movflags": "+faststart"})
        names = {"license": "copyright", "software": "composer"}
        self._file.metadata.update({names.get(name, name): text for name, text in tags.items() if text})
        self._stream = self._file.add_stream("aac", rate=sample_rate, layout="mono", bit_rate=BITS_PER_SECOND)
        self._at = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._send(None)
        finally:
            with _as_os_error():
                self._file.close()

    def write(self, samples: Samples) -> None:
        """Append samples at the file's rate."""
        if not len(samples):
            return
        frame = _av(OutputError).AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = self.samplerate, self._at
        self._at += len(samples)
        self._send(frame)

    def _send(self, frame: Any) -> None:
        with _as_os_error():
            for packet in self._stream.encode(frame):
                self._file.mux(packet)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """FFmpeg's errors while writing (the disk is full) as the operating system's, which the file's opener knows."""
    try:
        yield
    except _av(OutputError).FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def blocks_of(path: Path, seconds: float) -> Iterator[Audio]:
    """The sound of an MP4 file in blocks, mixed to mono. Raises AudioError."""
    with _opened(path) as file:
        resampler, held = _av(AudioError).AudioResampler(format="fltp", layout="mono"), list[Audio]()
        for frame in file.decode(audio=0):
            for mono in resampler.resample(frame):
                held.append(Audio(np.nan_to_num(mono.to_ndarray()[0]).astype(np.float32), mono.sample_rate))
            if sum(piece.seconds for piece in held) >= seconds:
                yield concatenate(held)
                held = []
        if held:
            yield concatenate(held)


def tags_of(path: Path) -> dict[str, str]:
    """The metadata of an MP4 file. Raises AudioError."""
    with _opened(path) as file:
        return {str(name).lower(): str(text) for name, text in file.metadata.items()}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, read through our own handle and as MP4 only: FFmpeg never chooses a protocol or another format."""
    av = _av(AudioError)
    try:
        with path.open("rb") as source, av.open(source, format="mov") as file:
            if not file.streams.audio:
                raise AudioError(f"{path.name} holds no sound.", "Choose another file.")
            yield file
    except (av.FFmpegError, OSError) as error:
        raise AudioError(f"{path.name} cannot be read as sound: {error}", "Is it whole?") from error


def _av(failing: type[StudioError]) -> Any:
    try:
        import av
    except ImportError as error:
        raise failing("M4A needs the package av.", REMEDY) from error
    return av
