"""English text -> phonemes in the misaki alphabet, which hibari and Kokoro read; the grammar is hibari's own G2P."""

from __future__ import annotations

from typing import Any

from studio.engines.text import Piece, cut

MAX_PHONEMES = 400


class English:
    """Reads English. Numbers, dates, money and abbreviations are spelled out by hibari's G2P (Apache-2.0)."""

    def __init__(self) -> None:
        from hibari.g2p import G2P

        self._g2p: Any = G2P()

    def phonemes(self, text: str) -> list[str]:
        """Phoneme strings of at most MAX_PHONEMES, in order; none if the text has no sound."""
        spoken: str = self._g2p(text)
        if len(spoken) <= MAX_PHONEMES or len(text) < 2:
            return [spoken] if spoken else []
        return [part for piece in _halves(text) for part in self.phonemes(piece.text)]


def _halves(text: str) -> list[Piece]:
    return cut(text, (len(text) + 1) // 2)
