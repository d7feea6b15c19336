"""The whole page: header, tabs, dock. A tab is one function in one file; it gets the desk and the dock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from studio.settings import Settings
from studio.studio import SAMPLES, Studio
from studio.ui import benchmark, compare, components, dialogue, endpoints, own_files, theme, tools, voices
from studio.ui.desk import LISTENING, Desk
from studio.ui.yardstick import FILES, RUNS
from studio.uploads import MOST_BYTES

TABS = (
    ("Dialogue", dialogue.build),
    ("Voice clone", voices.build),
    ("Compare", compare.build),
    ("Benchmark", benchmark.build),
)
READ = (
    "runs",
    LISTENING,
    "voices/sounds",
    FILES,
    RUNS,
    "trials/sounds",
)  # below the data folder: what a page may fetch when it knows the name
CACHE_SECONDS = (3600, 86400)  # how often gradio's own cache is swept, and how old a file must be: somebody may listen
MAX_THREADS = 160  # every open run holds one, waiting or speaking, and every question of a page one for a moment


def build(studio: Studio) -> gr.Blocks:
    """The page on a studio, not yet launched."""
    own_files.install()
    desk = Desk(studio, Path(gr.utils.get_upload_folder()))
    page = gr.Blocks(title="Dialogue Studio", analytics_enabled=False, delete_cache=CACHE_SECONDS)
    with page:
        components.header()
        dock = components.dock()
        with gr.Tabs():
            for title, build_tab in TABS:
                with gr.Tab(title, id=title.lower()):
                    build_tab(desk, dock)
        dock.render()  # type: ignore[no-untyped-call]
        endpoints.add(studio, desk.voices.allow)
        tools.add(studio, desk.voices.allow)
    page.queue(default_concurrency_limit=8, max_size=256)
    return page


def launch_options(settings: Settings) -> dict[str, Any]:
    """What `launch` needs besides a port: our looks, nothing recorded, and only the folders of sounds to be read."""
    return {
        "server_name": settings.host,
        "theme": theme.theme(),
        "head": theme.head(),
        "favicon_path": str(theme.STATIC / "favicon.svg"),
        "footer_links": ["api"],
        "run_history": False,
        "mcp_server": settings.mcp,
        "ssr_mode": False,
        "enable_monitoring": False,
        "max_file_size": MOST_BYTES,
        "max_threads": MAX_THREADS,
        "allowed_paths": [str(settings.data / folder) for folder in READ] + [str(SAMPLES)],
        "show_error": True,
        "quiet": True,
    }
