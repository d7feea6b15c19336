"""The Voice clone tab: bring a voice, look after it, try it, and the library of those that are kept."""

from __future__ import annotations

import gradio as gr

from studio.ui import components
from studio.ui.desk import Desk


def build(desk: Desk, dock: gr.HTML) -> None:
    """Lay out the tab inside the tab that is open. It asks the desk by the editor's line; the dock is not its own."""
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=2):
            components.voice_form()
        with gr.Column(scale=1):
            components.voice_library()
            components.voice_inspection()
