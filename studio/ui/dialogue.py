"""The Dialogue tab: where the parts stand, and what speaks when the page asks. All else the parts settle themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from studio.ui import components
from studio.ui.desk import Desk

# Waiting is done in the studio's own queue, in order and with the position told; gradio only holds the lines.
LISTENERS = 64


def build(desk: Desk, dock: gr.HTML) -> None:
    """Lay out the tab inside the tab that is open and wire it to the dock."""
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=2):
            editor = components.editor([*desk.functions(), components.late_part])
        with gr.Column(scale=1):
            components.engine_menu()
            components.models_list()
            components.cast_panel()
            components.settings_panel()
            components.takes_list()

    def speak(event: gr.EventData, request: gr.Request) -> Iterator[dict[str, Any]]:
        yield from desk.speak(event._data, request.session_hash or "")

    asked = editor.speak(
        speak,
        None,
        dock,
        api_name="speak_on_page",
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=LISTENERS,
        trigger_mode="multiple",
    )
    asked.failure(None, None, None, js="() => studio.emit('lost')")
