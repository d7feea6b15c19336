"""Sound on disk: written piece by piece and whole or not at all, read in blocks. The one boundary to libsndfile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from studio.audio import Audio
from studio.disk import aside
from studio.errors import AudioError, OutputError, RequestError, suggest

# what a person may ask for: name -> (libsndfile format, subtype, MIME type)
FORMATS = {
    "wav": ("WAV", "PCM_16", "audio/wav"),
    "flac": ("FLAC", "PCM_16", "audio/flac"),
    "mp3": ("MP3", "MPEG_LAYER_III", "audio/mpeg"),
    "ogg": ("OGG", "VORBIS", "audio/ogg"),
}
EXACT = ("WAV", "FLOAT")  # how takes are kept: every sample as the engine made it
BLOCK_SECONDS = 10.0


def check_format(name: str) -> str:
    """The format's name in lower case. Raises RequestError when it is not one of FORMATS."""
    if name.lower() not in FORMATS:
        raise RequestError(f"{name!r} is not a format that can be written.", suggest(name, FORMATS))
    return name.lower()


class SoundWriter:
    """An open sound file; `write` takes pieces of the file's rate."""

    def __init__(self, file: soundfile.SoundFile, path: Path) -> None:
        self._file = file
        self._path = path
        self.frames = 0

    def write(self, piece: Audio) -> None:
        """Append a piece. Raises OutputError when the disk takes no more."""
        try:
            self._file.write(piece.samples)
        except (soundfile.SoundFileError, AssertionError) as error:  # a short write fails an assertion in soundfile
            raise OutputError(f"{self._path.name} could not be written whole.", "Is the disk full?") from error
        self.frames += len(piece.samples)

    @property
    def seconds(self) -> float:
        return self.frames / int(self._file.samplerate)


@contextmanager
def writing(path: Path, sample_rate: int, kind: tuple[str, str]) -> Iterator[SoundWriter]:
    """A sound file to append to; it appears at `path` when the block ends well. Raises OutputError."""
    form, subtype = kind
    with aside(path) as part:
        try:
            file = soundfile.SoundFile(part, "w", sample_rate, 1, subtype=subtype, format=form)
        except soundfile.SoundFileError as error:
            raise OutputError(f"{path} cannot be written: {error}", "Choose another place.") from error
        with file:
            yield SoundWriter(file, path)


def write(path: Path, pieces: Iterable[Audio], sample_rate: int, form: str = "wav") -> None:
    """Write pieces of sound in one of FORMATS, whole or not at all. Raises OutputError."""
    with writing(path, sample_rate, FORMATS[check_format(form)][:2]) as file:
        for piece in pieces:
            file.write(piece)


def read(path: Path) -> Audio:
    """The whole sound, mixed to mono. Raises AudioError."""
    blocks = list(blocks_of(path))
    if not blocks:
        return Audio(np.zeros(0, np.float32), sample_rate_of(path))
    return Audio(np.concatenate([block.samples for block in blocks]), blocks[0].sample_rate)


def blocks_of(path: Path, seconds: float = BLOCK_SECONDS) -> Iterator[Audio]:
    """The sound in blocks, mixed to mono, so that long files need little memory. Raises AudioError."""
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            for block in file.blocks(blocksize=max(1, round(seconds * rate)), dtype="float32", always_2d=True):
                yield Audio(block[:, 0].copy() if block.shape[1] == 1 else block.mean(axis=1), rate)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path.name} cannot be read as sound: {error}", "Use WAV, FLAC, MP3 or OGG.") from error


@dataclass(frozen=True)
class FileFacts:
    """What the head of a sound file says. format: libsndfile's word, such as "FLAC"; frames: samples a channel."""

    format: str
    channels: int
    sample_rate: int
    frames: int


def facts_of(path: Path) -> FileFacts:
    """What the head of a sound file says. Raises AudioError."""
    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path.name} cannot be read as sound: {error}", "Use WAV, FLAC, MP3 or OGG.") from error
    return FileFacts(info.format, info.channels, int(info.samplerate), info.frames)


def sample_rate_of(path: Path) -> int:
    """The file's rate in Hz. Raises AudioError."""
    return facts_of(path).sample_rate


def convert(source: Path, target: Path, form: str) -> None:
    """Write `source` again in one of FORMATS, at its own rate. Raises AudioError, OutputError."""
    write(target, blocks_of(source), sample_rate_of(source), form)
