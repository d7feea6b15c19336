"""How the page looks beyond our own components: gradio's theme in our colours, the head with styles and shared code."""

from __future__ import annotations

import base64
from pathlib import Path

import gradio as gr

STATIC = Path(__file__).parent / "static"
STYLES = (
    "page.css",
    "parts.css",
    "editor.css",
    "turn.css",
    "side.css",
    "models.css",
    "settings.css",
    "dock.css",
    "tabs.css",
    "touch.css",
)
SHARED = ("base.js", "menu.js", "desk.js", "stock.js", "library.js", "send.js")


def read(*names: str) -> str:
    """The named files of `static/`, one after the other."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def _serif() -> str:
    """The face the script is set in, inside the style itself: 20 KB, and no second request."""
    font = base64.b64encode((STATIC / "fonts" / "ibm-plex-serif-latin-400-normal.woff2").read_bytes()).decode()
    source = f"url(data:font/woff2;base64,{font}) format('woff2')"
    return f"@font-face {{ font-family: 'IBM Plex Serif'; font-weight: 400; src: {source}; }}"


def head() -> str:
    """What the document's head holds: our styles, and the code that all components share and that must come first.

    Gradio's own styles come later and reach into ours, so ours stand inside `:root:root { }` and weigh more.
    """
    styles = f"{_serif()}\n{read('tokens.css')}\n:root:root {{\n{read(*STYLES)}\n}}"
    return f"<style>\n{styles}\n</style>\n<script>\n{read(*SHARED)}\n</script>"


def theme() -> gr.themes.Base:
    """Gradio's plainest theme with our ground, ink and accent; fonts come with gradio, nothing is fetched."""
    # of the weights gradio names, only these two files hold Latin letters
    font = (gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif")
    return gr.themes.Base(primary_hue="teal", neutral_hue="stone", font=font).set(
        body_background_fill="#f4efe5",
        body_background_fill_dark="#161310",
        body_text_color="#28231d",
        body_text_color_dark="#ece5d8",
        body_text_color_subdued="#665d50",
        body_text_color_subdued_dark="#aca293",
        background_fill_primary="#fffdf9",
        background_fill_primary_dark="#1e1a16",
        background_fill_secondary="#f4efe5",
        background_fill_secondary_dark="#161310",
        border_color_primary="#e4dccd",
        border_color_primary_dark="#342e27",
        color_accent="#0d5c59",
        link_text_color="#0d5c59",
        link_text_color_dark="#6cc5bb",
        button_primary_background_fill="#0d5c59",
        button_primary_background_fill_dark="#6cc5bb",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#0b1f1d",
    )
