"""The real page on the real studio, in this process, for tests that come in by the network."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.settings import Settings
from studio.studio import Fleet, Studio
from studio.ui import fast_gradio

# Every other warning is an error. gradio sums up its queue in words that pandas has given up, and its client leaves
# loops and sockets to the garbage: theirs to mend.
WARNINGS = ("ignore:.*(no_silent_downcasting|copy keyword)", "ignore:unclosed:ResourceWarning")


@dataclass(frozen=True)
class Served:
    """A page that is up. url: its address, ending in a slash."""

    url: str
    studio: Studio


@contextmanager
def serve(data: Path, host: str = "127.0.0.1", fleet: Fleet | None = None, **more: Any) -> Iterator[Served]:
    """The page and the API on a data folder, at a free port, until it ends. fleet: see Studio. more: settings."""
    fast_gradio.install()
    from studio.api.app import app_options, keep_to_one_site
    from studio.ui import page

    settings = Settings(**{"data": data, "device": "cpu", "show_tone": True, "host": host, "public": True, **more})
    studio = Studio(settings, fleet)
    demo = page.build(studio)
    app, url, _ = demo.launch(prevent_thread_lock=True, app_kwargs=app_options(studio), **page.launch_options(settings))
    keep_to_one_site(app)
    drop_loops()
    try:
        yield Served(url, studio)
    finally:
        demo.close()
        studio.close()
        drop_loops()


def drop_loops() -> None:
    """Gather the event loops that gradio made on this thread for a page and left open: here, and not in a later test
    that has nothing to do with them.
    """
    with warnings.catch_warnings(action="ignore"):
        asyncio.set_event_loop(None)
        gc.collect()
