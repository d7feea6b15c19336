"""`Settings`: where things are kept and what may be used. The one place that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from studio.errors import RequestError

PREFIX = "STUDIO_"


@dataclass(frozen=True)
class Settings:
    """Checked once, then passed down.

    data: everything we keep (takes, runs, scripts). host, port: where the page and the API listen.
    device: "auto", "cpu", "cuda" or "mps". budget_gb: memory for engines, None means what the device has free.
    threads: CPU threads an engine may use. idle_minutes: unload an engine not used for so long; 0 means never.
    precision: of weights, "exact" or "int8" (CPU: half the memory, twice as fast, a little less exact).
    show_tone: list the stand-in engine in menus. max_script_characters: refuse longer scripts.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 7860
    device: str = "auto"
    budget_gb: float | None = None
    threads: int = 1
    idle_minutes: float = 0.0
    precision: str = "exact"
    show_tone: bool = False
    max_script_characters: int = 250_000

    def __post_init__(self) -> None:
        if self.device not in ("auto", "cpu", "cuda", "mps"):
            raise RequestError(f"{PREFIX}DEVICE cannot be {self.device!r}.", "Choose auto, cpu, cuda or mps.")
        if self.precision not in ("exact", "int8"):
            raise RequestError(f"{PREFIX}PRECISION cannot be {self.precision!r}.", "Choose exact or int8.")
        if not 0 <= self.port <= 65535:
            raise RequestError(f"{PREFIX}PORT cannot be {self.port}.", "Choose 1 to 65535, or 0 for any free port.")
        if self.budget_gb is not None and not self.budget_gb > 0:
            raise RequestError(f"{PREFIX}BUDGET_GB cannot be {self.budget_gb:g}.", "Give gigabytes.")
        if self.threads < 1:
            raise RequestError(f"{PREFIX}THREADS cannot be {self.threads}.", "Choose 1 or more.")

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
        """Settings from STUDIO_DATA, STUDIO_HOST, STUDIO_PORT, STUDIO_DEVICE and so on.

        GRADIO_SERVER_NAME and GRADIO_SERVER_PORT are understood too. Raises RequestError for a bad value and for a
        STUDIO_ name that does not exist.
        """
        readers = {
            "DATA": ("data", lambda text: Path(text).expanduser().absolute()),
            "HOST": ("host", str),
            "PORT": ("port", int),
            "DEVICE": ("device", str),
            "BUDGET_GB": ("budget_gb", float),
            "THREADS": ("threads", int),
            "IDLE_MINUTES": ("idle_minutes", float),
            "PRECISION": ("precision", str),
            "SHOW_TONE": ("show_tone", lambda text: text.lower() in ("1", "true", "yes")),
            "MAX_SCRIPT_CHARACTERS": ("max_script_characters", int),
        }
        given = {name[len(PREFIX) :]: text for name, text in environment.items() if name.startswith(PREFIX)}
        for old, name in (("GRADIO_SERVER_NAME", "HOST"), ("GRADIO_SERVER_PORT", "PORT")):
            if old in environment:
                given.setdefault(name, environment[old])
        values: dict[str, object] = {"data": user_data_path("dialogue-studio")}
        for name, text in given.items():
            if name not in readers:
                raise RequestError(f"There is no setting {PREFIX}{name}.", f"Known: {', '.join(readers)}.")
            field, read = readers[name]
            try:
                values[field] = read(text)  # type: ignore[operator]
            except ValueError as error:
                raise RequestError(f"{PREFIX}{name} cannot be {text!r}.", "Give a number.") from error
        return Settings(**values)  # type: ignore[arg-type]
