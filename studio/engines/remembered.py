"""Codes of the sounds that an engine heard last, so that a reference is encoded once and not once a passage or a start.

An engine has a `Remembered` as long as it is loaded, and below our folder of models files that outlast it: one for each
sound, whose name is a hash of what it holds and of what encoded it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from studio.audio import Audio
from studio.disk import aside
from studio.engines.base import EngineSpec, Placement
from studio.engines.checkpoint import Checkpoint
from studio.engines.prepared import identity
from studio.errors import OutputError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
MOST = 64  # the two references of a script and the passages that it goes on from, several scripts long
FOLDER = "heard"  # below that of our models
MOST_BYTES = 20_000_000  # of files, an engine: an hour of sound and more
MOST_FILE_BYTES = 5_000_000  # ten minutes of a codec with 32 books have half of it


class Remembered(Generic[T]):
    """What was made of sounds, by what they hold and not by what they are called; the oldest use is forgotten first.

    find, keep: where it is looked for and noted beside the memory, by the hash of the sound.
    """

    def __init__(
        self,
        make: Callable[[Audio], T],
        most: int = MOST,
        find: Callable[[str], T | None] = lambda digest: None,
        keep: Callable[[str, T], None] = lambda digest, made: None,
    ) -> None:
        self._make, self._find, self._keep = make, find, keep
        self._most = most
        self._made: OrderedDict[str, T] = OrderedDict()

    def of(self, sound: Audio) -> T:
        """What is made of a sound, now or before."""
        digest = sound.digest
        if digest not in self._made:
            found = self._find(digest)
            if found is None:
                found = self._make(sound)
                self._keep(digest, found)
            self._made[digest] = found
        self._made.move_to_end(digest)
        while len(self._made) > self._most:
            self._made.popitem(last=False)
        return self._made[digest]

    def clear(self) -> None:
        """Forget all of it, but for what is noted elsewhere."""
        self._made.clear()


@dataclass(frozen=True)
class CodesOnDisk:
    """Codes below a folder, in safetensors. encoder: all that decides the codes of a sound, beside the sound."""

    folder: Path
    encoder: str

    @staticmethod
    def of(spec: EngineSpec, placement: Placement, codec: Checkpoint) -> CodesOnDisk:
        """Those of an engine on a device. codec: the files that hold the codec's weights; only looked at."""
        known = [spec.revision, spec.codec, placement.device, [identity(file) for file in codec.files]]
        return CodesOnDisk(placement.models / FOLDER / spec.id, json.dumps(known))

    def remembered(self, encode: Callable[[Audio], torch.Tensor]) -> Remembered[torch.Tensor]:
        """Remembers what `encode` gives, (…, …) int64, here and in memory."""
        return Remembered(encode, find=self.find, keep=self.keep)

    def find(self, digest: str) -> torch.Tensor | None:
        """The codes of a sound; None when they are not here, or damaged: they can be made again."""
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load

        path = self._path(digest)
        try:
            if path.stat().st_size > MOST_FILE_BYTES:
                return None
            codes = load(path.read_bytes()).get("codes")
            os.utime(path)  # the files that were not used for longest go first
        except (OSError, SafetensorError):
            return None
        is_whole = codes is not None and codes.ndim == 2 and codes.dtype == torch.int16 and codes.numel() > 0
        return codes.to(torch.int64) if codes is not None and is_whole else None

    def keep(self, digest: str, codes: torch.Tensor) -> None:
        """Note the codes of a sound; what was not used for longest makes room."""
        import torch
        from safetensors.torch import save

        with suppress(OutputError), aside(self._path(digest)) as part:  # without, it is only made again
            part.write_bytes(save({"codes": codes.to(torch.int16).contiguous()}))
        self._make_room()

    def _path(self, digest: str) -> Path:
        return self.folder / f"{hashlib.sha256(f'{digest} {self.encoder}'.encode()).hexdigest()[:40]}.safetensors"

    def _make_room(self) -> None:
        files = sorted(((path.stat(), path) for path in kept(self.folder)), key=lambda pair: pair[0].st_mtime)
        total = sum(known.st_size for known, _ in files)
        for known, path in files:
            if total <= MOST_BYTES:
                return
            path.unlink(missing_ok=True)
            total -= known.st_size


def kept(folder: Path) -> list[Path]:
    """The files of codes of one engine."""
    return list(folder.glob("*.safetensors"))
