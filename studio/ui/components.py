"""The page's own components, each a template and some files of JavaScript joined into one.

Factories over gr.HTML, not subclasses: gradio writes a stub file beside every module that subclasses a component.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from studio.ui.forms import Json
from studio.ui.theme import read

_CLONE = ("sound", "wave", "record", "measures", "words", "recording", "try", "form", "bring", "start")
_COMPARE = ("player", "spectrum", "make", "sweep", "keep", "side", "blind", "rate", "test", "scores", "arena", "start")
LATE = {  # of parts that are fetched when their tab is opened: scripts and styles
    "clone": ([f"clone_{script}.js" for script in _CLONE], ["take_in.css", "clone.css"]),
    "voices": (["voices_cards.js", "voices.js"], ["voices.css"]),
    "inspect": (["inspect.js"], ["inspect.css"]),
    "bench": (["bench_draw.js", "bench.js"], ["bench.css"]),
    "compare": ([f"compare_{script}.js" for script in _COMPARE], ["compare.css"]),
}


def _component(
    name: str, scripts: Sequence[str], functions: Sequence[Callable[[Any], Any]] = (), **more: Any
) -> gr.HTML:
    return gr.HTML(
        html_template=read(f"{name}.html"),
        js_on_load=read(*scripts),
        server_functions=list(functions),
        apply_default_css=False,
        elem_id=name,
        **more,
    )


def header() -> gr.HTML:
    """Name, light or dark, keyboard help."""
    return _component("header", ["header.js"])


def editor(functions: Sequence[Callable[[Any], Any]]) -> gr.HTML:
    """The script as turns. functions: what all parts of the page may ask of the server, each by its name.

    Event "speak": an order to speak, as `studio.ui.forms.Order.read` takes it.
    """
    scripts = ["turn.js", "history.js", "editor.js", "editor_keys.js", "editor_tools.js", "editor_start.js"]
    return _component("editor", scripts, functions)


def engine_menu() -> gr.HTML:
    """The engines, grey with reason and remedy where they cannot run."""
    return _component("engines", ["offer.js", "engines.js"])


def models_list() -> gr.HTML:
    """What is on the disk and in memory, folded away: check, delete, unload."""
    return _component("models", ["models.js"])


def cast_panel() -> gr.HTML:
    """The speakers: colour, name, voice."""
    return _component("cast", ["cast.js"])


def settings_panel() -> gr.HTML:
    """Seed and the engine's own parameters."""
    return _component("settings", ["settings.js"])


def voice_form() -> gr.HTML:
    """A voice being made or changed: its recordings, their words, by which right, and a line to try it on."""
    return _late("clone")


def voice_library() -> gr.HTML:
    """The voices that are kept: find, hear, change, take away."""
    return _late("voices")


def voice_inspection() -> gr.HTML:
    """Where a file is dropped to learn whether it was made here."""
    return _late("inspect")


def benchmark() -> gr.HTML:
    """What is measured: what to measure, how far it is, figures, plots, rows, and what was measured before."""
    return _late("bench")


def comparing() -> gr.HTML:
    """Comparisons: made, heard side by side or blind, and what the votes say."""
    return _late("compare")


def _late(name: str) -> gr.HTML:
    """A part of a tab that is not open at first: its template, code and styles are fetched when it is."""
    return gr.HTML(
        html_template=f'<div class="part" data-part="{name}"></div>',
        js_on_load=f"studio.part(element.querySelector('.part'), '{name}');",
        apply_default_css=False,
        elem_id=name,
    )


def late_part(asked: Any) -> Json:
    """What `_late` leaves out, as the page asks for it. asked: {name}."""
    name = str(asked.get("name")) if isinstance(asked, dict) else ""
    if name not in LATE:
        return {"error": {"message": f"The page has no part {name!r}.", "remedy": "Reload it.", "code": "not_found"}}
    scripts, styles = LATE[name]
    return {"html": read(f"{name}.html"), "code": read(*scripts), "style": f":root:root {{\n{read(*styles)}\n}}"}


def takes_list() -> gr.HTML:
    """What was spoken lately."""
    return _component("takes", ["takes.js"])


def dock() -> gr.HTML:
    """Speak, stop and listen. Lives outside the tabs: a hidden tab is not mounted and would lose live sound.

    Its value is what `studio.ui.live.Broadcast` tells.
    """
    return _component(
        "dock", ["reading.js", "live.js", "file.js", "wave.js", "player.js", "dock.js", "dock_start.js"], render=False
    )
