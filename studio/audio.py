"""`Audio`, mono sound that carries its rate, and the few operations on it that have no state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from studio.errors import AudioError

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Audio:
    """Mono sound.

    samples: (n,) float32, full scale is [-1, 1]; may be empty. sample_rate: Hz.
    Raises AudioError when the samples are not a vector or hold NaN or infinity.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise AudioError(f"Sound must be (n,) float32, not {self.samples.shape} {self.samples.dtype}.")
        if self.sample_rate <= 0:
            raise AudioError(f"A sample rate must be positive, not {self.sample_rate}.")
        if not np.isfinite(self.samples).all():
            raise AudioError("The sound holds NaN or infinite samples.")

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    @property
    def peak(self) -> float:
        """Largest absolute sample, 0 for an empty sound."""
        return float(np.abs(self.samples).max(initial=0.0))

    @property
    def digest(self) -> str:
        """SHA-256 over rate and samples: two sounds are the same when their digests are."""
        state = hashlib.sha256(str(self.sample_rate).encode())
        state.update(self.samples.tobytes())
        return state.hexdigest()

    def resampled(self, sample_rate: int) -> Audio:
        """The same sound at another rate (soxr, very high quality)."""
        if sample_rate == self.sample_rate:
            return self
        return Audio(
            soxr.resample(self.samples, self.sample_rate, sample_rate, quality="VHQ").astype(np.float32), sample_rate
        )

    def scaled(self, gain: float) -> Audio:
        """The same sound times a linear gain."""
        return Audio(self.samples * np.float32(gain), self.sample_rate)

    def pcm16(self) -> npt.NDArray[np.int16]:
        """(n,) int16 little endian, clipped at full scale."""
        return (np.clip(self.samples, -1.0, 1.0) * 32767.0).round().astype("<i2")


def silence(seconds: float, sample_rate: int) -> Audio:
    """Digital silence, exact to the sample."""
    return Audio(np.zeros(round(seconds * sample_rate), np.float32), sample_rate)


def concatenate(pieces: Iterable[Audio]) -> Audio:
    """One sound from several of the same rate. Raises AudioError when rates differ or there is none."""
    parts = list(pieces)
    rates = {piece.sample_rate for piece in parts}
    if len(rates) != 1:
        raise AudioError(f"Only sounds of one rate can be joined, not {sorted(rates) or 'nothing'}.")
    return Audio(np.concatenate([piece.samples for piece in parts]), rates.pop())
