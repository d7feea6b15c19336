"""The files that gradio takes: only what a browser has brought, kept where no other user of this machine reads it.

Wherever data of a file may stand in what is asked of gradio it takes `{"path": "https://…"}`, and asks that address. It
has no setting for that.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import gradio as gr
from gradio import processing_utils

BROUGHT = "brought"  # below the data folder
DAY = 86_400.0


async def _refuse(url: str) -> NoReturn:
    raise gr.Error("The studio fetches nothing from other addresses. Bring the file itself.", print_exception=False)


def install() -> None:
    """For every page of this process."""
    processing_utils.async_ssrf_protected_get = _refuse


def keep_in(data: Path) -> None:
    """Have what is brought lie below the data folder, and not in the folder for passing files that all users share.

    Before a page is built. gradio removes it after a day, and when it ends; what a killed process left goes here.
    """
    with suppress(OSError):  # whoever writes there first says so
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = data / BROUGHT
    os.environ.setdefault("GRADIO_TEMP_DIR", str(folder))
    for left in folder.glob("*/"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > DAY:
                shutil.rmtree(left)
