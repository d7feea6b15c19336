"""What a client got, as sound again."""

from __future__ import annotations

import io

import av
import numpy as np

from studio.audio import Audio


def decoded(data: bytes, form: str) -> Audio:
    """The sound in an answer. PCM has no header: 24 kHz, 16 bits, mono, as clients take it."""
    if form == "pcm":
        return Audio(np.frombuffer(data, "<i2").astype(np.float32) / 32768, 24000)
    with av.open(io.BytesIO(data)) as container:
        resampler = av.AudioResampler("flt", "mono", container.streams.audio[0].rate)
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return Audio(np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].sample_rate)
