"""A browser, a page in it, and the rule that a page asks nobody but us and complains about nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.serving import WARNINGS, Served, serve

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--use-fake-ui-for-media-stream",  # a microphone that beeps
    "--use-fake-device-for-media-stream",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")
Open = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What gradio does is no error of ours."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings(*WARNINGS))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all browser tests."""
    with serve(tmp_path_factory.mktemp("studio") / "data") as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """CHROMIUM, else one that is installed, else Playwright's own. None at all fails the tests: nothing is skipped."""
    found = os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile for most pages, so that gradio's eighty files are fetched once; a new tab forgets."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.add_init_script("if (!sessionStorage.begun) { localStorage.clear(); sessionStorage.begun = 'yes'; }")
    yield context
    context.close()


class Watched:
    """The pages of one test and everything in them that should not have happened."""

    def __init__(self, browser: Browser, shared: BrowserContext) -> None:
        self.problems: list[str] = []
        self._browser = browser
        self._shared = shared
        self._open: list[BrowserContext | Page] = []

    def open(self, url: str, **options: Any) -> Page:
        """A page; with options one in a browser profile of its own, such as `viewport` or `color_scheme`."""
        if not options:
            page = self.visit(self._shared, url)
            self._open.append(page)
            return page
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        self._open.append(context)
        return self.visit(context, url)

    def visit(self, context: BrowserContext, url: str) -> Page:
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("console", lambda told: self.problems.append(told.text) if told.type == "error" else None)
        ours = (url, "data:", "blob:")
        page.on("request", lambda asked: None if asked.url.startswith(ours) else self.problems.append(asked.url))
        page.goto(url)
        page.locator(".sheet[data-ready]").wait_for()
        return page

    def close(self) -> None:
        for opened in self._open:
            opened.close()


@pytest.fixture
def watched(browser: Browser, shared: BrowserContext) -> Iterator[Watched]:
    """Opens pages; afterwards any error, complaint or request to somebody else fails the test."""
    watched = Watched(browser, shared)
    yield watched
    watched.close()
    assert watched.problems == []


@pytest.fixture
def open_page(watched: Watched, served: Served) -> Open:
    """Opens a page with an empty desk: the draft that the test before left on disk is put away."""

    def open_page(**options: Any) -> Page:
        for draft in (served.studio.settings.data / "scripts").glob("*.json"):
            draft.unlink(missing_ok=True)
        return watched.open(served.url, **options)

    return open_page


@pytest.fixture
def page(open_page: Open) -> Page:
    """An empty desk, 1280 pixels wide."""
    return open_page()


@pytest.fixture
def shots() -> Path:
    """Where pictures go that somebody may want to look at."""
    folder = Path(__file__).parents[2] / "out" / "shots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
