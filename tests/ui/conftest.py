"""A desk on a studio of its own, without a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from studio.studio import Studio
    from studio.ui.desk import Desk


@pytest.fixture
def desk(studio: Studio) -> Desk:
    from studio.ui.desk import Desk

    return Desk(studio)
