"""Sound as bytes while it is still being made, and its pace. Knows FFmpeg (through PyAV), no file and no network."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import soxr

from studio.audio import Audio, Samples

PCM_RATE = 24000  # what clients of OpenAI's API take headerless sound for
COMMON_RATES = (16000, 22050, 24000, 32000, 44100, 48000)  # which every encoder and every player knows
SLOWEST, FASTEST = 0.5, 2.0  # of one stage of atempo; beyond, it skips sound, so several are put in a row
ENDLESS = 0xFFFFFFFF  # the length in the header of a WAV that is sent before its end is known

NO_HEAD = (("write_xing", "0"), ("id3v2_version", "0"))  # of MP3: it would have to be written when the length is known


@dataclass(frozen=True)
class StreamFormat:
    """How sound travels. rate: fixed, in Hz, or 0 for the sound's own. codec: FFmpeg's; empty for plain samples.

    says_length: at its beginning, where a reader that trusts it may allot room for the sound.
    """

    name: str
    mime: str
    rate: int = 0
    container: str = ""
    codec: str = ""
    bit_rate: int = 0
    options: tuple[tuple[str, str], ...] = ()
    says_length: bool = False


FORMATS = {
    form.name: form
    for form in (
        # no Xing header: it would have to be written once the length is known
        StreamFormat(
            "mp3", "audio/mpeg", 0, "mp3", "libmp3lame", 96_000, (("write_xing", "0"), ("id3v2_version", "0"))
        ),
        StreamFormat("opus", "audio/ogg", 48000, "ogg", "libopus", 48_000, (("page_duration", "100000"),)),
        StreamFormat("aac", "audio/aac", 0, "adts", "aac", 96_000),
        StreamFormat("flac", "audio/flac", 0, "flac", "flac", says_length=True),
        StreamFormat("wav", "audio/wav", says_length=True),
        StreamFormat("pcm", "audio/pcm", PCM_RATE),
    )
}


class Encoder(Protocol):
    """One sound on its way out: `encode` each piece in order, then `finish`; both give the bytes that are ready."""

    @property
    def rate(self) -> int:
        """Of the encoded sound, in Hz."""
        ...

    def encode(self, piece: Audio) -> bytes: ...

    def finish(self) -> bytes: ...


def encoder(form: StreamFormat, sample_rate: int) -> Encoder:
    """An encoder for pieces of this rate, in Hz."""
    return _Compressed(form, sample_rate) if form.codec else _Plain(form, sample_rate)


class _Plain:
    """Samples of 16 bits, little endian, one channel; a WAV has a header before them."""

    def __init__(self, form: StreamFormat, sample_rate: int) -> None:
        self._resampler = _Rate(sample_rate, form.rate or sample_rate)
        self.rate = self._resampler.to
        self._head = wav_header(sample_rate) if form.name == "wav" else b""

    def encode(self, piece: Audio) -> bytes:
        return self._out(self._resampler.change(piece.samples))

    def finish(self) -> bytes:
        return self._out(self._resampler.change(np.zeros(0, np.float32), last=True))

    def _out(self, samples: Samples) -> bytes:
        head, self._head = self._head, b""
        return head + Audio(samples, self.rate).pcm16().tobytes()


class _Compressed:
    """What FFmpeg's encoder and container make of the pieces."""

    def __init__(self, form: StreamFormat, sample_rate: int) -> None:
        import av  # 0.1 s and 30 MB: only when it is needed

        self._resampler = _Rate(sample_rate, form.rate or (sample_rate if sample_rate in COMMON_RATES else PCM_RATE))
        self.rate = self._resampler.to
        self._sink = _Sink()
        self._container = av.open(self._sink, "w", format=form.container, options=dict(form.options))
        stream: Any = self._container.add_stream(form.codec, rate=self.rate, layout="mono")
        if form.bit_rate:
            stream.bit_rate = form.bit_rate
        self._stream = stream
        self._frames = 0

    def encode(self, piece: Audio) -> bytes:
        return self._mux(self._resampler.change(piece.samples))

    def finish(self) -> bytes:
        rest = self._mux(self._resampler.change(np.zeros(0, np.float32), last=True))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return rest + self._sink.take()

    def _mux(self, samples: Samples) -> bytes:
        if len(samples):
            frame = _frame(samples, self.rate, self._frames)
            self._frames += len(samples)
            self._container.mux(self._stream.encode(frame))
        return self._sink.take()


class _Sink:
    """Where FFmpeg writes: it cannot go back, as on a wire."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held


class _Rate:
    """Another sample rate, piece by piece and without seams."""

    def __init__(self, source: int, to: int) -> None:
        self.to = to
        self._stream = None if source == to else soxr.ResampleStream(source, to, 1, dtype="float32", quality="VHQ")

    def change(self, samples: Samples, last: bool = False) -> Samples:
        if self._stream is None:
            return samples
        changed: Samples = self._stream.resample_chunk(samples, last=last)
        return changed


class Tempo:
    """Sound spoken faster or slower, its pitch as it was (FFmpeg's atempo, which joins overlapping waves).

    speed: 0.25 to 4; 1 changes nothing, to the sample.
    """

    def __init__(self, speed: float, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._frames = 0
        self._graph: Any = None if speed == 1.0 else _tempo_graph(speed, sample_rate)

    def push(self, piece: Audio) -> Audio:
        """What is ready after this piece; may be empty."""
        if self._graph is None:
            return piece
        if len(piece.samples):
            self._graph.push(_frame(piece.samples, self._sample_rate, self._frames))
            self._frames += len(piece.samples)
        return self._pull()

    def finish(self) -> Audio:
        """The rest."""
        if self._graph is None or not self._frames:
            return Audio(np.zeros(0, np.float32), self._sample_rate)
        self._graph.push(None)
        return self._pull()

    def _pull(self) -> Audio:
        import av

        parts = [np.zeros(0, np.float32)]
        while True:
            try:
                parts.append(self._graph.pull().to_ndarray()[0])
            except (av.BlockingIOError, av.EOFError):  # it wants more, or there is no more
                return Audio(np.concatenate(parts), self._sample_rate)


def _tempo_graph(speed: float, sample_rate: int) -> Any:
    import av

    graph: Any = av.filter.Graph()
    nodes = [
        graph.add_abuffer(sample_rate=sample_rate, format="fltp", layout="mono", time_base=Fraction(1, sample_rate))
    ]
    while speed != 1.0:
        stage = min(max(speed, SLOWEST), FASTEST)
        nodes.append(graph.add("atempo", f"{stage:.6f}"))
        speed = 1.0 if abs(speed / stage - 1.0) < 1e-6 else speed / stage
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    return graph


def _frame(samples: Samples, sample_rate: int, at: int) -> Any:
    import av

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None, :], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = sample_rate, at, Fraction(1, sample_rate)
    return frame


def wav_header(sample_rate: int, data_bytes: int = ENDLESS) -> bytes:
    """44 bytes that open a WAV of 16 bits and one channel. data_bytes: of samples; not given, they go on to the end."""
    whole = min(ENDLESS, data_bytes + 36)
    kind = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt \x10\0\0\0" + kind + b"data" + struct.pack("<I", data_bytes)


def with_length(form: StreamFormat, data: bytes, frames: int) -> bytes:
    """The whole of an encoded sound with its true length where its form has a place for that at the beginning.

    frames: samples that were encoded, at the rate of the encoded sound.
    """
    if form.name == "wav":
        return data[:4] + struct.pack("<I", len(data) - 8) + data[8:40] + struct.pack("<I", len(data) - 44) + data[44:]
    if form.name == "flac":  # STREAMINFO: the last 36 bits before its MD5 sum
        return data[:21] + bytes([data[21] & 0xF0]) + struct.pack(">I", frames) + data[26:]
    return data
