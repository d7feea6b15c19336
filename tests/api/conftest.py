"""A real server for the tests of the API, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.browser.serving import WARNINGS, Served, serve

if TYPE_CHECKING:
    from openai import OpenAI


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What gradio does is no error of ours."""
    for item in items:
        if "tests/api/" in item.path.as_posix():
            item.add_marker(pytest.mark.filterwarnings(*WARNINGS))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for most tests of the API."""
    with serve(tmp_path_factory.mktemp("api") / "data") as served:
        yield served


@pytest.fixture(scope="session")
def http(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def openai(served: Served) -> Iterator[OpenAI]:
    """The stock client, as anybody would set it up."""
    from openai import OpenAI

    with OpenAI(base_url=f"{served.url}v1", api_key="none", max_retries=0, timeout=30) as client:
        yield client
