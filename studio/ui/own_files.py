"""Keeps gradio from fetching files in the studio's name: only those that a browser has brought are taken.

Wherever data of a file may stand in what is asked of gradio it takes `{"path": "https://…"}`, and asks that address. It
has no setting for that.
"""

from __future__ import annotations

from typing import NoReturn

import gradio as gr
from gradio import processing_utils


async def _refuse(url: str) -> NoReturn:
    raise gr.Error("The studio fetches nothing from other addresses. Bring the file itself.", print_exception=False)


def install() -> None:
    """For every page of this process."""
    processing_utils.async_ssrf_protected_get = _refuse
