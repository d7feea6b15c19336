"""Stretches of a recording that could be cut out, from silence to silence. Knows where someone speaks, no samples."""

from __future__ import annotations

from studio.metrics.activity import Activity, Span

PAD_SECONDS = 0.1  # of silence that is left around speech
MOST_PHRASES = 60  # in a stretch


def whole(speech: Activity) -> Span:
    """All that is spoken, without the silence around it. There must be a phrase."""
    return Span(_before(speech, 0), _after(speech, len(speech.spans) - 1))


def most_spoken(speech: Activity, least: float, most: float, count: int) -> list[Span]:
    """At most `count` stretches of `least` to `most` seconds from before one phrase to after another, none of which
    shares more than half with another: the one with the most speech first; of equal ones the earlier.
    """
    spans = speech.spans
    starts = [_before(speech, at) for at in range(len(spans))]
    ends = [_after(speech, at) for at in range(len(spans))]
    fitting = [
        (-round(sum(span.seconds for span in spans[first : last + 1]), 1), starts[first], ends[last])
        for first in range(len(spans))
        for last in range(first, min(len(spans), first + MOST_PHRASES))
        if least <= ends[last] - starts[first] <= most
    ]
    found: list[Span] = []
    for _, start, end in sorted(fitting):
        span = Span(start, end)
        if len(found) < count and not any(_overlap(span, other) > 0.5 for other in found):
            found.append(span)
    return found


def _overlap(one: Span, two: Span) -> float:
    """What they share, over the shorter of them."""
    return (min(one.end, two.end) - max(one.start, two.start)) / min(one.seconds, two.seconds)


def _before(speech: Activity, at: int) -> float:
    """Where to cut before a phrase: in the silence before it, at most PAD_SECONDS away."""
    silence = speech.spans[at].start - (speech.spans[at - 1].end if at else 0.0)
    return speech.spans[at].start - min(PAD_SECONDS, silence / (2 if at else 1))


def _after(speech: Activity, at: int) -> float:
    last = at + 1 == len(speech.spans)
    silence = (speech.seconds if last else speech.spans[at + 1].start) - speech.spans[at].end
    return speech.spans[at].end + min(PAD_SECONDS, silence / (1 if last else 2))
