"""Whether turns keep their voices, on real sound of which it is known: recorded voices put together in this order."""

from __future__ import annotations

import numpy as np
import pytest

from studio.audio import Audio, concatenate, silence
from studio.metrics import Missing
from studio.metrics.activity import Span, activity
from studio.metrics.dialogue import turn_gaps, voices_of_turns
from studio.metrics.level import clipped_share
from studio.soundfiles import read
from studio.studio import SAMPLES

RATE = 24000
GAPS = (0.4, 0.7, 0.3, 1.1)


@pytest.fixture(scope="module")
def halves() -> dict[str, tuple[Audio, Audio]]:
    """Of two people the first and the second half of a recording, without the silence around it."""
    found = {}
    for name in ("wren", "heron"):
        sound = read(SAMPLES / f"v-sample-{name}.flac").resampled(RATE)
        spans = activity(sound).spans
        samples = sound.samples[round(spans[0].start * RATE) : round(spans[-1].end * RATE)]
        middle = len(samples) // 2
        found[name] = (Audio(samples[:middle], RATE), Audio(samples[middle:], RATE))
    return found


def test_a_turn_in_the_other_voice_is_found_and_gaps_are_right(halves: dict[str, tuple[Audio, Audio]]) -> None:
    wren, heron = halves["wren"], halves["heron"]
    turns = [wren[0], heron[0], wren[1], heron[1], heron[0]]  # the last is to be the wren's
    pieces, spans, at = list[Audio](), list[Span](), 0.0
    for turn, gap in zip(turns, (*GAPS, 0.0), strict=True):
        pieces += [turn, silence(gap, RATE)]
        spans.append(Span(at, at + turn.seconds))
        at += turn.seconds + gap
    sound = concatenate(pieces)
    who = ["Wren", "Heron", "Wren", "Heron", "Wren"]
    found = voices_of_turns(sound, spans, who, {"Wren": wren[0], "Heron": heron[1]})
    assert not isinstance(found, Missing) and not isinstance(found.similarity, Missing)
    assert found.swapped == (False, False, False, False, True)
    own, last = found.similarity[:4], found.similarity[4]
    assert all(one is not None and one > 0.8 for one in own) and last is not None and last < 0.75
    assert isinstance(found.drift, float) and found.drift > 0.15, "her third turn is another's"
    borders = [span.end + gap / 2 for span, gap in zip(spans, GAPS, strict=False)]
    assert turn_gaps(activity(sound), borders) == pytest.approx(GAPS, abs=0.15)


def test_clipping_is_found_by_its_share(halves: dict[str, tuple[Audio, Audio]]) -> None:
    clean = halves["wren"][0]
    limit = float(np.quantile(np.abs(clean.samples), 0.99))
    clipped = Audio(np.clip(clean.samples, -limit, limit), RATE)
    assert clipped_share(clean) < 1e-4 and 0.005 < clipped_share(clipped) <= 0.0101
