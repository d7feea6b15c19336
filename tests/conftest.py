"""What every test stands on: no network, a data folder of its own, and a studio that can beep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from studio.settings import Settings
    from studio.studio import Studio

# Before gradio and huggingface_hub are imported: they read these once.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
for _name in [name for name in os.environ if name.startswith("STUDIO_")]:
    del os.environ[_name]  # the settings of whoever runs the tests decide nothing


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data folder of their own and the stand-in engine listed."""
    from studio.settings import Settings

    return Settings(data=tmp_path / "data", device="cpu", show_tone=True)


@pytest.fixture
def studio(settings: Settings) -> Iterator[Studio]:
    """A studio on those settings, closed afterwards."""
    from studio.studio import Studio

    studio = Studio(settings)
    yield studio
    studio.close()
