"""Starts the studio: `python app.py` opens the page and its API. Settings come from the environment, see README."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from studio.errors import EngineUnavailable, StudioError
from studio.settings import Settings
from studio.studio import Fleet, Studio
from studio.ui import fast_gradio

if TYPE_CHECKING:
    import gradio as gr

BUILT_IN = "hibari"
WARM_UP_AFTER_SECONDS = 2.0  # the first page is painted before that, undisturbed


def warm_up(studio: Studio) -> None:
    """Load the built-in engine, so that the first sound comes at once; one that cannot be loaded says so later."""
    try:
        studio.warm_up(BUILT_IN)
    except EngineUnavailable:
        return


def main() -> int:
    """Run until interrupted. Gives the exit code."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # gradio asks the environment, not its caller
    fast_gradio.install()
    from studio.ui import own_files, page

    with ExitStack() as stack:
        try:
            settings = Settings.from_environment()
            own_files.keep_in(settings.data)
            studio = Studio(settings, stack.enter_context(fleet(settings)))
            stack.callback(studio.close)
            studio.place()
            demo = page.build(studio)
        except StudioError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        return serve(studio, demo)


@contextmanager
def fleet(settings: Settings) -> Iterator[Fleet | None]:
    """Where passages are spoken if not here: replicas of Ray Serve, if settings say so. Raises EngineUnavailable."""
    if not settings.ray:
        yield None
        return
    from studio.cluster import fleet

    with fleet.fleet(settings) as replicas:
        yield replicas


def serve(studio: Studio, demo: gr.Blocks) -> int:
    """The page and the API until interrupted. Gives the exit code."""
    from studio.api import heads, meter
    from studio.api.app import app_options, keep_to_one_site
    from studio.ui import page

    settings = studio.settings
    meter.log_to_stderr()
    heads.install()
    try:
        served, url, _ = demo.launch(
            server_port=settings.port or None,
            prevent_thread_lock=True,
            app_kwargs=app_options(studio),
            **page.launch_options(settings),
        )
    except OSError:
        sys.stderr.write(f"Port {settings.port} is taken. Stop what runs there, or set STUDIO_PORT (0: any).\n")
        return 1
    keep_to_one_site(served)
    sys.stdout.write(f"Dialogue Studio is at {url}\n")
    sys.stdout.flush()
    warming = threading.Timer(WARM_UP_AFTER_SECONDS, warm_up, args=[studio])
    warming.daemon = True
    warming.start()
    try:
        wait_for_the_end(studio)
    finally:
        warming.cancel()
        demo.close(verbose=False)
    return 0


def wait_for_the_end(studio: Studio) -> None:
    """Until Ctrl-C, which stops at once, or SIGTERM, which lets what is being spoken come to its end."""
    told = threading.Event()

    def tell(signum: int, frame: object) -> None:
        if told.is_set():
            raise KeyboardInterrupt
        told.set()

    signal.signal(signal.SIGTERM, tell)
    try:
        while not told.wait(0.5):  # in steps, since Windows hands Ctrl-C over only between them
            pass
        studio.runner.drain(studio.settings.drain_seconds)
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main())
