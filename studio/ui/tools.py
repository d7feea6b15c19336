"""What a language model may call by MCP, through gradio's server at `/gradio_api/mcp`: `speak`.

Annotations are not put off here: gradio reads them as they stand.
"""

import importlib.util
from typing import Any

import gradio as gr
from anyio import CapacityLimiter, to_thread
from gradio.events import api

from studio.errors import RequestError
from studio.events import Events, Finished
from studio.runs import Run
from studio.script import Script
from studio.studio import Studio
from studio.ui.endpoints import Allow, told

WAITING = 64  # calls that may hold a thread at a time, as in the page's queue
REMEDY = "Run: python -m pip install --require-hashes -r requirements-mcp.lock"


def add(studio: Studio, allow: Allow) -> None:
    """Add the tool to the page being built, if settings want it. allow: see `endpoints`.

    Raises RequestError when the package of MCP is not installed; gradio would say nothing.
    """
    if not studio.settings.mcp:
        return
    if importlib.util.find_spec("mcp") is None:
        raise RequestError("STUDIO_MCP wants a package that is not installed.", REMEDY)

    limiter = CapacityLimiter(WAITING)

    async def speak(
        script: str, engine: str = "hibari", voices: dict[str, str] | None = None, seed: int = 0
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Speak a text or a dialogue aloud. Gives the address of a WAV file, then when each turn sounds, in seconds.

        Args:
            script: What is said: plain text, or a dialogue such as "[S1] Hello. [pause 1s] [S2] Hi!".
            engine: Who speaks; "hibari" is always there, `engines` lists the others.
            voices: A voice for a speaker, such as {"S1": "heart", "S2": "low"}; the others get voices of their own.
            seed: Another number, another take.
        """

        def begin() -> Events:
            spoken = Script.parse(script, cast=voices or {})
            allow(voices or {}, {voice.id for voice in studio.spec(engine).voices})
            return studio.speak(engine, studio.request(spoken, engine, voices or {}, {}, seed))

        with told():
            run = await _finished(await to_thread.run_sync(begin, limiter=limiter), limiter)
        turns = [
            {"speaker": one.speaker, "start": round(one.start, 2), "end": round(one.end, 2)} for one in run.timings
        ]
        sound = gr.FileData(path=str(run.output), url=f"/gradio_api/file={run.output}")
        return sound.model_dump(), {"seconds": round(run.seconds, 2), "turns": turns}

    # Not in gradio's queue, which its server of MCP would reach by the network, without the key.
    api(speak, api_name="speak_whole", queue=False, api_visibility="public")


async def _finished(events: Events, limiter: CapacityLimiter) -> Run:
    """The run at the end of the events. A client that leaves cancels this, which stops the work within a step."""
    run, over = None, object()
    try:
        while (event := await to_thread.run_sync(next, events, over, limiter=limiter)) is not over:
            run = event.run if isinstance(event, Finished) else run
    finally:
        events.close()
    assert run is not None, "a run that does not fail finishes"
    return run
