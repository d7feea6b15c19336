"""How long the sound of one request may be: looked at before it is spoken, and while it is. Knows no engine's code."""

from __future__ import annotations

from contextlib import closing

from studio.engines.base import EngineSpec
from studio.errors import RequestError
from studio.events import Events, Sound
from studio.passages import spoken_seconds
from studio.script import Script

STRETCH = 1.5  # a text is as long as it is estimated to within this; what lasts longer is stopped
REMEDY = "Speak it in parts, or raise STUDIO_MAX_SOUND_SECONDS."


def check(script: Script, spec: EngineSpec, most_seconds: float) -> None:
    """Raises RequestError when a script would last longer, its pauses included. most_seconds: 0 is any length."""
    pauses = script.lead_in + sum(turn.pause_after or 0.0 for turn in script.turns)
    seconds = spoken_seconds(script, spec) + pauses
    if most_seconds and seconds > most_seconds:
        raise RequestError(
            f"The script would last about {seconds:.0f} s; {most_seconds:g} s of sound are allowed.", REMEDY
        )


def within(events: Events, most_seconds: float) -> Events:
    """The events, as long as their sound is not half as long again. Raises RequestError, and stops the work, then."""
    if not most_seconds:
        return (yield from events)
    seconds = 0.0
    with closing(events):
        for event in events:
            if isinstance(event, Sound):
                seconds += event.audio.seconds
            if seconds > STRETCH * most_seconds:
                raise RequestError(f"It was stopped after {seconds:.0f} s; {most_seconds:g} s are allowed.", REMEDY)
            yield event
