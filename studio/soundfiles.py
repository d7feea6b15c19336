"""Sound on disk: written piece by piece and whole or not at all, read in blocks. The one boundary to libsndfile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from studio import m4a
from studio.audio import Audio
from studio.disk import aside
from studio.errors import AudioError, OutputError, RequestError, suggest

# what a person may ask for: name -> (libsndfile format, or M4A; subtype; MIME type)
FORMATS = {
    "wav": ("WAV", "PCM_16", "audio/wav"),
    "flac": ("FLAC", "PCM_16", "audio/flac"),
    "mp3": ("MP3", "MPEG_LAYER_III", "audio/mpeg"),
    "m4a": ("M4A", "AAC", "audio/mp4"),
    "opus": ("OGG", "OPUS", "audio/ogg"),
    "ogg": ("OGG", "VORBIS", "audio/ogg"),
}
LEAST_RATE, MOST_RATE, MOST_CHANNELS = 4000, 384_000, 32  # of files from outside: a block must fit in memory
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
EXACT = ("WAV", "FLOAT")  # how takes are kept: every sample as the engine made it
BLOCK_SECONDS = 10.0


def check_format(name: str) -> str:
    """The format's name in lower case. Raises RequestError when it is not one of FORMATS."""
    if name.lower() not in FORMATS:
        raise RequestError(f"{name!r} is not a format that can be written.", suggest(name, FORMATS))
    return name.lower()


@dataclass(frozen=True)
class Tags:
    """What a file says about itself, in the fields that players show. date: ISO 8601."""

    title: str = ""
    artist: str = ""
    date: str = ""
    software: str = ""
    license: str = ""
    comment: str = ""

    def written_to(self, file: soundfile.SoundFile) -> None:
        """Put them into an open file. MP3 has the year only, and no letters beyond ASCII come through there whole."""
        for name, text in asdict(self).items():
            if file.format == "MP3":
                text = text[:4] if name == "date" else text if text.isascii() else ""
            if text:
                setattr(file, name, text)


NO_TAGS = Tags()


class SoundWriter:
    """An open sound file; `write` takes pieces of the file's rate."""

    def __init__(self, file: soundfile.SoundFile | m4a.Writer, path: Path) -> None:
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
def writing(path: Path, sample_rate: int, kind: tuple[str, str], tags: Tags = NO_TAGS) -> Iterator[SoundWriter]:
    """A sound file to append to; it appears at `path` when the block ends well. Raises OutputError."""
    form, subtype = kind
    with aside(path) as part:
        try:
            if form == "M4A":
                file = m4a.Writer(part, sample_rate, asdict(tags))
            else:
                file = soundfile.SoundFile(part, "w", sample_rate, 1, subtype=subtype, format=form)
                tags.written_to(file)
        except soundfile.SoundFileError as error:
            raise OutputError(f"{path} cannot be written: {error}", "Choose another place.") from error
        with file:
            yield SoundWriter(file, path)


def write(path: Path, pieces: Iterable[Audio], sample_rate: int, form: str = "wav", tags: Tags = NO_TAGS) -> None:
    """Write pieces of sound in one of FORMATS, whole or not at all. Raises OutputError."""
    if form == "opus" and sample_rate not in OPUS_RATES:
        pieces, sample_rate = _resampled(pieces, sample_rate, OPUS_RATES[-1]), OPUS_RATES[-1]
    with writing(path, sample_rate, FORMATS[check_format(form)][:2], tags) as file:
        for piece in pieces:
            file.write(piece)


def _resampled(pieces: Iterable[Audio], rate: int, target: int) -> Iterator[Audio]:
    """The pieces at another rate, without seams."""
    stream = soxr.ResampleStream(rate, target, 1, dtype="float32", quality="VHQ")
    for piece in pieces:
        yield Audio(stream.resample_chunk(piece.samples), target)
    yield Audio(stream.resample_chunk(np.zeros(0, np.float32), last=True), target)


def read(path: Path) -> Audio:
    """The whole sound, mixed to mono. Raises AudioError."""
    blocks = list(blocks_of(path))
    if not blocks:
        return Audio(np.zeros(0, np.float32), sample_rate_of(path))
    return Audio(np.concatenate([block.samples for block in blocks]), blocks[0].sample_rate)


def blocks_of(path: Path, seconds: float = BLOCK_SECONDS) -> Iterator[Audio]:
    """The sound in blocks, mixed to mono, so that long files need little memory. Raises AudioError."""
    if is_mp4(path):
        yield from m4a.blocks_of(path, seconds)
        return
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            for block in file.blocks(blocksize=max(1, round(seconds * rate)), dtype="float32", always_2d=True):
                yield Audio(block[:, 0].copy() if block.shape[1] == 1 else block.mean(axis=1), rate)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path.name} cannot be read as sound: {error}", "Use WAV, FLAC, MP3 or OGG.") from error


def is_mp4(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(12)[4:8] == b"ftyp"
    except OSError:  # whoever opens it next says so
        return False


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


def convert(source: Path, target: Path, form: str, tags: Tags = NO_TAGS) -> None:
    """Write `source` again in one of FORMATS, at its own rate. Raises AudioError, OutputError."""
    write(target, blocks_of(source), sample_rate_of(source), form, tags)
