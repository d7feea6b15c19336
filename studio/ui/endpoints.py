"""What programs may call through gradio's API: `/speak` and `/engines`, named, typed and documented."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import gradio as gr
from gradio.events import api

from studio.errors import StudioError
from studio.events import Event, Finished, Speaking, Waiting
from studio.script import Script
from studio.studio import Studio
from studio.ui import forms

Allow = Callable[[Mapping[str, str], set[str]], None]
Step = tuple[Any, dict[str, Any]]


def add(studio: Studio, allow: Allow) -> None:
    """Add the endpoints to the page being built. allow: refuses voices that a visitor may not use."""

    def speak(
        script: str,
        engine: str = "hibari",
        voices: dict[str, str] | None = None,
        seed: int = 0,
        sampling: dict[str, float] | None = None,
        precision: str = "",
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Speak a script. Gives a WAV file and {state, seconds, timings, run, seed}; until then only the state.

        script: "[S1] Hello. [S2] Hi!" or "Anna: ..." lines. engine: an id from /engines. voices: speaker to voice id;
        the others get voices of their own. sampling: the engine's parameters by name. precision: of its weights,
        "exact" or "int8".
        """
        with told():
            spoken = Script.parse(script, cast=voices or {})
            allow(voices or {}, {voice.id for voice in studio.spec(engine).voices})
            request = studio.request(spoken, engine, voices or {}, sampling or {}, seed, precision)
            with closing(studio.speak(engine, request)) as events:
                yield from (_step(event, seed) for event in events)

    def engines() -> list[dict[str, Any]]:
        """The engines with their voices, cues, parameters, and what is in the way of those that cannot run."""
        return [forms.engine_form(row) for row in studio.engines()]

    speak._mcp_type = "none"  # type: ignore[attr-defined]  # gradio's word; `tools` has one that gives all at once
    speak.__name__ = "speaking"
    api(speak, api_name="speak", concurrency_limit=64)
    api(engines, api_name="engines")


@contextmanager
def told() -> Iterator[None]:
    """Errors for a person as gradio tells them."""
    try:
        yield
    except StudioError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _step(event: Event | None, seed: int) -> Step:
    match event:
        case Waiting(position):
            return None, {"state": "waiting", "position": position}
        case Speaking(passage, turns):
            return None, {"state": "speaking", "passage": passage, "turns": list(turns)}
        case Finished(run):
            told = {"state": "finished", "run": run.id, "seconds": run.seconds, "seed": seed}
            return gr.FileData(path=str(run.output)), {**told, "timings": forms.timings_form(run)}
    return None, {"state": "working"}
