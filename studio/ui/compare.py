"""The Compare tab: one script in several entries, side by side and blind, and what the votes say."""

from __future__ import annotations

import gradio as gr

from studio.ui import components
from studio.ui.desk import Desk


def build(desk: Desk, dock: gr.HTML) -> None:
    """Lay out the tab inside the tab that is open. It asks the desk by the editor's line and plays by itself."""
    components.comparing()
