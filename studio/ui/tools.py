"""What a language model may call by MCP, through gradio's server at `/gradio_api/mcp`: `speak`.

Annotations are not put off here: gradio reads them as they stand.
"""

import importlib.util
from contextlib import closing
from typing import Any

import gradio as gr
from gradio.events import api

from studio.errors import RequestError
from studio.events import Finished
from studio.script import Script
from studio.studio import Studio
from studio.ui.endpoints import Allow, told

REMEDY = "Run: python -m pip install --require-hashes -r requirements-mcp.lock"


def add(studio: Studio, allow: Allow) -> None:
    """Add the tool to the page being built, if settings want it. allow: see `endpoints`.

    Raises RequestError when the package of MCP is not installed; gradio would say nothing.
    """
    if not studio.settings.mcp:
        return
    if importlib.util.find_spec("mcp") is None:
        raise RequestError("STUDIO_MCP wants a package that is not installed.", REMEDY)

    def speak(
        script: str, engine: str = "hibari", voices: dict[str, str] | None = None, seed: int = 0
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Speak a text or a dialogue aloud. Gives the address of a WAV file, then when each turn sounds, in seconds.

        Args:
            script: What is said: plain text, or a dialogue such as "[S1] Hello. [pause 1s] [S2] Hi!".
            engine: Who speaks; "hibari" is always there, `engines` lists the others.
            voices: A voice for a speaker, such as {"S1": "heart", "S2": "low"}; the others get voices of their own.
            seed: Another number, another take.
        """
        run = None
        with told():
            spoken = Script.parse(script, cast=voices or {})
            allow(voices or {}, {voice.id for voice in studio.spec(engine).voices})
            request = studio.request(spoken, engine, voices or {}, {}, seed)
            with closing(studio.speak(engine, request)) as events:
                for event in events:
                    run = event.run if isinstance(event, Finished) else run
        assert run is not None, "a run that does not fail finishes"
        turns = [
            {"speaker": one.speaker, "start": round(one.start, 2), "end": round(one.end, 2)} for one in run.timings
        ]
        sound = gr.FileData(path=str(run.output), url=f"/gradio_api/file={run.output}")
        return sound.model_dump(), {"seconds": round(run.seconds, 2), "turns": turns}

    # Not in gradio's queue, which its server of MCP would reach by the network, without the key.
    api(speak, api_name="speak_whole", queue=False, api_visibility="public")
