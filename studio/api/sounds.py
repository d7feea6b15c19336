"""The events of a run as the bytes of one of the formats. Knows no network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from studio.api.answers import Pieces, Progress
from studio.api.orders import Order
from studio.audio import Audio
from studio.encoding import StreamFormat, Tempo, encoder, with_length
from studio.events import Events, Planned, Sound
from studio.loudness import live

HELD_SECONDS = 0.25  # a form with its length at the beginning waits so long for the end


def encoded(order: Order, events: Events, form: StreamFormat, progress: Progress) -> Pieces:
    """The bytes that are ready; None is a place to stop. Raises StudioError."""
    rate = order.spec.sample_rate
    out, held, is_held = encoder(form, rate), b"", form.says_length
    until = 0.0
    with closing(events):
        for piece in _pieces(order, events, progress):
            if piece is None:
                yield None
                continue
            progress.heard(piece.seconds)
            held += out.encode(piece)
            until = until or time.monotonic() + HELD_SECONDS
            is_held = is_held and time.monotonic() < until
            if not is_held:
                yield held
                held = b""
    held += out.finish()
    yield with_length(form, held, round(progress.sound_seconds * out.rate)) if is_held else held


def _pieces(order: Order, events: Events, progress: Progress) -> Iterator[Audio | None]:
    """The sound at the loudness and pace that was asked for."""
    tempo = Tempo(order.tempo, order.spec.sample_rate)
    for event in events:
        if isinstance(event, Sound) and len(event.audio.samples):
            yield tempo.push(live(event.audio, order.spec.loudness_lufs))
            continue
        if isinstance(event, Planned):
            progress.began()
        yield None
    yield tempo.finish()
