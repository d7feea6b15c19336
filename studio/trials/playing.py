"""Sounds made ready for listening: one loudness, one rate, one length, no name. Knows samples, not entries.

What is heard can be recorded and compared by a program; nobody can hide that. All else about a sound can be made the
same: its size, the work that it takes when it is asked for, and that the same bytes never come twice.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from studio import loudness
from studio.audio import Audio

MATCHED_LUFS = -20.0  # below the files' -16: room for every sound to get there without being bent
TOLERANCE_LU = 0.1
QUIETEST_LUFS = -45.0  # what is quieter is no speech, and would only be noise when raised
# what the low and the middle anchor of ITU-R BS.1534-3 have left; a gold pair's worse side is as the low one
LOW_HZ, MIDDLE_HZ = 3500, 7000
MOST_PREPARED_BYTES = 400_000_000  # of comparisons kept ready

Made = Callable[[], Mapping[str, Audio]]


def gain(measured_lufs: float | None) -> float:
    """The linear gain that brings a sound to MATCHED_LUFS; 1 for silence and for what is almost silent."""
    if measured_lufs is None or measured_lufs < QUIETEST_LUFS:
        return 1.0
    return loudness.gain_to(MATCHED_LUFS, measured_lufs)


def matched(audio: Audio) -> Audio:
    """The sound at MATCHED_LUFS, within TOLERANCE_LU where it is not silent, and never clipped."""
    for _ in range(3):  # the limiter, where it has work, takes a little away
        measured = loudness.loudness(audio)
        if measured is None or abs(measured - MATCHED_LUFS) < TOLERANCE_LU / 2:
            break
        audio = loudness.limited(audio.scaled(gain(measured)))
    return audio


def together(sounds: Sequence[Audio], sample_rate: int) -> list[Audio]:
    """The sounds matched, at one rate and as long as the longest: neither form nor size tells which is which."""
    even = [matched(sound.resampled(sample_rate)) for sound in sounds]
    longest = max(len(sound.samples) for sound in even)
    return [Audio(np.pad(sound.samples, (0, longest - len(sound.samples))), sample_rate) for sound in even]


def degraded(audio: Audio, hertz: int = LOW_HZ) -> Audio:
    """The sound as over a bad line, for whoever listens to hear the difference: only what is below so many hertz."""
    if audio.sample_rate <= 2 * hertz:
        return audio
    low, length = audio.resampled(2 * hertz).resampled(audio.sample_rate).samples, len(audio.samples)
    return Audio(np.pad(low, (0, max(0, length - len(low))))[:length], audio.sample_rate)


def pcm(audio: Audio, chance: np.random.Generator) -> npt.NDArray[np.int16]:
    """(n,) int16 little endian, other bytes each time: the last bit is noise, 90 dB below full scale and inaudible."""
    noise = chance.integers(-1, 2, len(audio.samples), dtype=np.int16)
    noisy: npt.NDArray[np.int16] = np.clip(audio.pcm16().astype(np.int32) + noise, -32767, 32767).astype("<i2")
    return noisy


class Prepared:
    """Sounds that are heard together, made ready together, so that the time of an answer does not tell which it was.

    The comparisons heard last stay in memory, up to MOST_PREPARED_BYTES but at least one.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Mapping[str, Audio]] = OrderedDict()
        self._lock = threading.Lock()

    def sounds(self, key: Hashable, make: Made) -> Mapping[str, Audio]:
        """The sounds of this key, made when they are not there. Raises what `make` raises."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and sum(map(_bytes, self._kept.values())) > MOST_PREPARED_BYTES:
                self._kept.popitem(last=False)
        return found


def _bytes(sounds: Mapping[str, Audio]) -> int:
    return sum(sound.samples.nbytes for sound in sounds.values())
