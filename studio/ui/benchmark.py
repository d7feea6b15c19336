"""The Benchmark tab: engines measured on this machine, live, with what was measured before."""

from __future__ import annotations

import gradio as gr

from studio.ui import components
from studio.ui.desk import Desk


def build(desk: Desk, dock: gr.HTML) -> None:
    """Lay out the tab inside the tab that is open. It asks the desk by the editor's line and plays its own sounds."""
    components.benchmark()
