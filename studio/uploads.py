"""A sound that someone brings: looked at before it is decoded, then mono samples and what is known of the file.

Knows files and their formats (through PyAV, which is FFmpeg); nothing of voices. The kind of a file is told by its
first bytes, never by its name, and only that reader is opened on it: playlists, which could name other files, are no
sounds here.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from studio.audio import Audio, Samples
from studio.errors import AudioError

if TYPE_CHECKING:
    from av.container import InputContainer

MOST_BYTES = 200_000_000
MOST_SECONDS = 600.0
MOST_SAMPLES = 2 * 48_000 * 600  # of all channels together: ten minutes of stereo; 460 MB while they are mixed
LEAST_SECONDS = 0.05
RATES = (4_000, 384_000)
MOST_CHANNELS = 8
HEAD_BYTES = 4096

ACCEPTED = "Bring a recording in WAV, FLAC, MP3, M4A, OGG, Opus, WebM or AIFF."
SHORTER = "Cut out the part you need, ten seconds are best, and bring that."
OPPOSITE = -0.5  # a correlation of channels below this: their mean would be nearly nothing
DISTINCT = 0.6  # below this the channels hold different sounds
FAINT = 0.03  # a channel with less than this of the loudest one's RMS (-30 dB) is empty

Block = Any  # (channels, n) float32


@dataclass(frozen=True)
class SoundFacts:
    """What is known of a file and of its channels before they became one.

    container: FFmpeg's name of the format. codec: likewise. sample_rate: Hz. bits: of a sample, 0 for lossy codecs.
    seconds: of the decoded sound. peak: largest absolute sample, 1 is full scale. channel_peaks: of each channel.
    channel_correlation: of the two loudest channels, in [-1, 1]; None for mono. channel_difference_db: power of their
    difference over that of their sum; None for mono, -inf when they are the same. complete: False when the file ends
    before its own header says. notes: sentences about how the sound became mono.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    bits: int
    seconds: float
    peak: float
    channel_peaks: tuple[float, ...]
    channel_correlation: float | None = None
    channel_difference_db: float | None = None
    complete: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Upload:
    """A sound that was brought: mono, at its own rate, within full scale."""

    audio: Audio
    facts: SoundFacts


def open_sound(source: Path | bytes, name: str = "", channel: int | None = None) -> Upload:
    """Decode a file, or the bytes of one; name: what to call bytes in messages; channel: take this one (0-based) only.

    Raises AudioError for what is no sound, is damaged, or is over the limits of bytes, seconds, rate or channels.
    """
    called = name or (source.name if isinstance(source, Path) else "The sound")
    with _opened(source, called) as (file, size):
        head = file.read(HEAD_BYTES)
        reader = _reader(head, called)
        file.seek(0)
        return _decoded(file, reader, _announced(head) / size, channel, called)


@contextmanager
def _opened(source: Path | bytes, called: str) -> Iterator[tuple[IO[bytes], int]]:
    """The file and its size in bytes, which is within the limits. Raises AudioError."""
    if isinstance(source, bytes):
        _check_size(len(source), called)
        yield io.BytesIO(source), len(source)
        return
    if not source.is_file():
        raise AudioError(f"{called} is not a file.", "Choose the recording itself.")
    size = source.stat().st_size
    _check_size(size, called)
    try:
        with source.open("rb") as file:
            yield file, size
    except OSError as error:
        raise AudioError(f"{called} cannot be read: {error.strerror}.", "Check its permissions.") from error


def _check_size(size: int, called: str) -> None:
    if not size:
        raise AudioError(f"{called} is empty.", ACCEPTED)
    if size > MOST_BYTES:
        raise AudioError(f"{called} has {size / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} are taken.", SHORTER)


_READERS = (  # (first bytes, where they are, FFmpeg's reader)
    (b"WAVE", 8, "wav"),
    (b"fLaC", 0, "flac"),
    (b"OggS", 0, "ogg"),
    (b"ID3", 0, "mp3"),
    (b"ftyp", 4, "mov"),
    (b"\x1aE\xdf\xa3", 0, "matroska"),
    (b"AIFF", 8, "aiff"),
    (b"AIFC", 8, "aiff"),
    (b"caff", 0, "caf"),
)
_STRANGERS = (  # what is often taken for a sound
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"#!", "a program"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"#EXTM3U", "a playlist, not the sound itself"),
    (b"MThd", "a MIDI file: notes without a sound"),
)


def _reader(head: bytes, called: str) -> str:
    """FFmpeg's name for the reader of a file that begins like this. Raises AudioError."""
    for mark, at, reader in _READERS:
        if head[at : at + len(mark)] == mark:
            return reader
    for mark, kind in _STRANGERS:
        if head.startswith(mark):
            raise AudioError(f"{called} is {kind}.", ACCEPTED)
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # the sync word of MPEG audio
        return "aac" if head[1] & 0x06 == 0 else "mp3"
    raise AudioError(f"{called} is not a sound file of a known kind.", ACCEPTED)


def _announced(head: bytes) -> int:
    """The bytes of sound that the header of a WAV file announces; 0 when it does not, or is of another kind."""
    at = head.find(b"data", 12) if head[8:12] == b"WAVE" else -1
    size = int.from_bytes(head[at + 4 : at + 8], "little") if at > 0 else 0
    return 0 if size == 0xFFFFFFFF else size  # which says: not known when the header was written


def _decoded(file: IO[bytes], reader: str, announced: float, channel: int | None, called: str) -> Upload:
    """announced: how many times its own size a WAV file says to have; FFmpeg itself believes the size only."""
    import av  # 0.2 s of FFmpeg: only when a file is opened

    try:
        with av.open(file, "r", format=reader, metadata_errors="replace") as container:
            promised, stream = _promise(container, called)
            promised *= max(1.0, announced)
            # FFmpeg's decoders may fail at the place where a file is cut; what came before is kept.
            mixer = _Mixer(_kept(container, stream, called), _chosen(channel, stream, called))
            return mixer.upload(container.format.name, stream, promised, called)
    except av.FFmpegError as error:
        raise AudioError(f"{called} is damaged: {error.strerror}.", ACCEPTED) from error


def _promise(container: InputContainer, called: str) -> tuple[float, Any]:
    """The seconds that the header promises (0 when it does not) and the stream of sound, within the limits."""
    if not container.streams.audio:
        raise AudioError(f"{called} has no sound in it.", ACCEPTED)
    stream = container.streams.audio[0]
    rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(f"{called} has {rate} samples a second; {RATES[0]} to {RATES[1]} are taken.", ACCEPTED)
    if not 1 <= channels <= MOST_CHANNELS:
        raise AudioError(f"{called} has {channels} channels; 1 to {MOST_CHANNELS} are taken.", "Bring mono or stereo.")
    promised = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    if not promised and container.duration:
        promised = container.duration / 1e6
    _check_length(promised, rate, channels, called)
    return promised, stream


def _check_length(seconds: float, rate: int, channels: int, called: str) -> None:
    most = min(MOST_SECONDS, MOST_SAMPLES / (rate * channels))
    if seconds > most:
        raise AudioError(f"{called} lasts {_clock(seconds)}; at most {_clock(most)} are taken.", SHORTER)


def _kept(container: InputContainer, stream: Any, called: str) -> Iterator[Block]:
    """Blocks as they are decoded, (channels, n) float32, until the end, a damaged place or the limit."""
    import av

    rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
    convert = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
    count = 0
    try:
        for frame in container.decode(stream):
            for piece in convert.resample(frame):
                count += piece.samples
                # a header may promise little, or nothing, and much follows
                _check_length(count / rate, rate, channels, called)
                yield piece.to_ndarray()
    except av.FFmpegError:
        if not count:
            raise


def _chosen(channel: int | None, stream: Any, called: str) -> int | None:
    """The channel that is asked for. Raises AudioError when the file has none of that number."""
    count = stream.codec_context.channels
    if channel is not None and not 0 <= channel < count:
        raise AudioError(f"{called} has no channel {channel + 1}.", f"It has {count}.")
    return channel


class _Mixer:
    """Makes mono of blocks of channels, and keeps what is known of these. wanted: the only channel to take."""

    def __init__(self, blocks: Iterator[Block], wanted: int | None) -> None:
        self.wanted = wanted
        pieces = list(blocks)
        self.channels: Samples = np.concatenate(pieces, axis=1) if pieces else np.zeros((1, 0), np.float32)

    def upload(self, container: str, stream: Any, promised: float, called: str) -> Upload:
        """Raises AudioError when there is nothing, or no number."""
        rate = int(stream.codec_context.sample_rate)
        seconds = self.channels.shape[1] / rate
        complete = seconds >= promised - max(0.1, 0.02 * promised)  # lossy formats pad their ends
        if seconds < LEAST_SECONDS:
            more = f", where {_clock(promised)} are announced: the file is damaged or cut off" if not complete else ""
            raise AudioError(f"{called} holds {seconds * 1000:.0f} ms of sound{more}.", "Record at least five seconds.")
        if not np.isfinite(self.channels).all():
            raise AudioError(f"{called} holds samples that are no numbers.", "Export it again, as 16-bit WAV.")
        peaks = tuple(float(peak) for peak in np.abs(self.channels).max(axis=1))
        correlation, difference = self._likeness()
        mono, notes = self._mono(correlation)
        peak = float(np.abs(mono).max())
        if peak > 1:
            mono = mono / np.float32(peak)
            notes += ("It went over full scale and was turned down; nothing was cut off.",)
        if not complete:
            notes += (f"The file ends early: {_clock(seconds)} of the {_clock(promised)} it announces are there.",)
        facts = SoundFacts(
            container.split(",")[0],
            stream.codec_context.name,
            rate,
            self.channels.shape[0],
            _bits(stream),
            seconds,
            max(peaks),
            peaks,
            correlation,
            difference,
            complete,
            notes,
        )
        return Upload(Audio(np.ascontiguousarray(mono, np.float32), rate), facts)

    def _loudest(self) -> list[int]:
        """The channels that hold sound, the two loudest at most, loudest first."""
        power = np.sqrt(np.square(self.channels).mean(axis=1))
        order = [int(at) for at in np.argsort(-power, kind="stable")[:2]]
        return [at for at in order if power[at] >= FAINT * power[order[0]]]

    def _likeness(self) -> tuple[float | None, float | None]:
        """Correlation of the two loudest channels, and power of their difference over their sum in dB."""
        if self.channels.shape[0] == 1:
            return None, None
        order = np.argsort(-np.square(self.channels).mean(axis=1), kind="stable")[:2]
        one, two = (self.channels[at] for at in order)
        scale = math.sqrt(float(one @ one) * float(two @ two))
        minus, plus = float(np.square(one - two).sum()), float(np.square(one + two).sum())
        difference = -math.inf if not minus else 10 * math.log10(minus / plus) if plus else math.inf
        return (float(one @ two) / scale if scale else 0.0), difference

    def _mono(self, correlation: float | None) -> tuple[Samples, tuple[str, ...]]:
        used = self._loudest()
        if correlation is None:
            return self.channels[0], ()
        if self.wanted is not None:
            return self.channels[self.wanted], (f"Only channel {self.wanted + 1} was taken.",)
        if len(used) == 1:
            return self.channels[used[0]], ("Only one channel holds sound; that one was taken.",)
        if correlation < OPPOSITE:
            return self.channels[used[0]], ("The channels are in opposite phase; one of them was taken.",)
        if correlation < DISTINCT:
            taken = f"the louder one, channel {used[0] + 1}, was taken"
            return self.channels[used[0]], (f"The channels hold different sounds, perhaps two people; {taken}.",)
        return self.channels.mean(axis=0, dtype=np.float32), ()


def _bits(stream: Any) -> int:
    """Bits of a sample as stored, 0 for a lossy codec."""
    context = stream.codec_context
    digits = "".join(filter(str.isdigit, context.name.partition("_")[2])) if context.name.startswith("pcm_") else ""
    if digits:
        return int(digits)
    # FFmpeg gives 24 bits in 32; nobody records 32 in these
    return (16 if context.format.name.startswith("s16") else 24) if context.name in ("flac", "alac") else 0


def _clock(seconds: float) -> str:
    """ "7.4 s", "20:00", "6:45:10"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
