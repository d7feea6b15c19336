"""`Settings`: where things are kept and what may be used. The one place that reads the environment."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_data_path

from studio.errors import RequestError

PREFIX = "STUDIO_"
SHORTEST_KEY = 16
# names of others for settings of ours
OTHERS = {"GRADIO_SERVER_NAME": "HOST", "GRADIO_SERVER_PORT": "PORT", "SPACES_ZERO_GPU": "ZERO_GPU"}
POSITIVE = ("max_script_characters", "max_input_characters", "max_body_mb", "max_waiting", "stall_seconds")


@dataclass(frozen=True)
class Settings:
    """Checked once, then passed down.

    data: everything we keep (takes, runs, scripts). host, port: where the page and the API listen.
    device: "auto", "cpu", "cuda" or "mps". budget_gb: memory for engines, None means what the device has free.
    threads: CPU threads an engine may use; 0 lets its size decide. idle_minutes: unload an engine not used for so long;
    0 means never.
    precision: of weights, "exact" or "int8" (CPU: half the memory, twice as fast, a little less exact).
    watermark: mark finished sound, inaudibly, as made by a machine.
    show_tone: list the stand-in engine in menus. max_script_characters: refuse longer scripts.
    api_key: whoever asks must give it; without one, only an address of this machine or `public` is allowed.
    public: everybody who can reach the address may use it. allowed_hosts: names the page may be asked by, beside
    addresses and localhost; "*" is any. max_input_characters: of one request for speech. max_body_mb: of one request.
    max_sound_seconds: of the sound of one request; 0 means any length.
    max_waiting: requests that may wait. requests_per_minute: of one client; 0 means any number. stall_seconds: an
    engine that gives no sign of life for so long is given up. drain_seconds: how long a stop waits for what is being
    spoken. log: "json" writes a line for each request of the API, without texts; "off" none.
    zero_gpu: this is a Hugging Face Space whose GPU is lent for one passage at a time.
    ray: passages are spoken in replicas of Ray Serve. replicas: how many at most; 0 means one a card, or a core.
    mcp: language models may call `speak` by MCP.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 7860
    device: str = "auto"
    budget_gb: float | None = None
    threads: int = 0
    idle_minutes: float = 0.0
    precision: str = "exact"
    watermark: bool = True
    show_tone: bool = False
    max_script_characters: int = 250_000
    api_key: str = field(default="", repr=False)
    public: bool = False
    allowed_hosts: tuple[str, ...] = ()
    max_input_characters: int = 4096
    max_body_mb: float = 2.0
    max_sound_seconds: float = 0.0
    max_waiting: int = 64
    requests_per_minute: int = 0
    stall_seconds: float = 300.0
    drain_seconds: float = 30.0
    log: str = "json"
    zero_gpu: bool = False
    ray: bool = False
    replicas: int = 0
    mcp: bool = False

    def __post_init__(self) -> None:
        if self.device not in ("auto", "cpu", "cuda", "mps"):
            raise RequestError(f"{PREFIX}DEVICE cannot be {self.device!r}.", "Choose auto, cpu, cuda or mps.")
        if self.precision not in ("exact", "int8"):
            raise RequestError(f"{PREFIX}PRECISION cannot be {self.precision!r}.", "Choose exact or int8.")
        if not 0 <= self.port <= 65535:
            raise RequestError(f"{PREFIX}PORT cannot be {self.port}.", "Choose 1 to 65535, or 0 for any free port.")
        if self.budget_gb is not None and not self.budget_gb > 0:
            raise RequestError(f"{PREFIX}BUDGET_GB cannot be {self.budget_gb:g}.", "Give gigabytes.")
        if self.threads < 0:
            raise RequestError(f"{PREFIX}THREADS cannot be {self.threads}.", "Choose 1 or more, or 0 for what suits.")
        self._check_serving()

    @property
    def is_shared(self) -> bool:
        """Whether other computers can reach us."""
        return not is_loopback(self.host)

    def _check_serving(self) -> None:
        if self.api_key and not (len(self.api_key) >= SHORTEST_KEY and self.api_key.isascii()):
            raise RequestError(
                f"{PREFIX}API_KEY must have {SHORTEST_KEY} plain characters or more.",
                'Make one: python -c "import secrets; print(secrets.token_urlsafe(24))"',
            )
        if self.is_shared and not (self.api_key or self.public):
            raise RequestError(
                f"{PREFIX}HOST={self.host} lets other computers in, and there is no key.",
                f"Set {PREFIX}API_KEY, or {PREFIX}PUBLIC=1 if everybody who can reach it may use it.",
            )
        if self.log not in ("json", "off"):
            raise RequestError(f"{PREFIX}LOG cannot be {self.log!r}.", "Choose json or off.")
        for name in POSITIVE:
            if not getattr(self, name) > 0:
                raise RequestError(f"{PREFIX}{name.upper()} cannot be {getattr(self, name):g}.", "Choose more than 0.")
        for name in ("requests_per_minute", "drain_seconds", "replicas", "max_sound_seconds"):
            if not getattr(self, name) >= 0:
                raise RequestError(f"{PREFIX}{name.upper()} cannot be {getattr(self, name):g}.", "Choose 0 or more.")

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
        """Settings from STUDIO_DATA, STUDIO_HOST, STUDIO_PORT, STUDIO_DEVICE and so on.

        GRADIO_SERVER_NAME, GRADIO_SERVER_PORT and SPACES_ZERO_GPU are understood too. Raises RequestError for a bad
        value and for a STUDIO_ name that does not exist.
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
            "WATERMARK": ("watermark", _switch),
            "SHOW_TONE": ("show_tone", _is_yes),
            "MAX_SCRIPT_CHARACTERS": ("max_script_characters", int),
            "API_KEY": ("api_key", str.strip),
            "PUBLIC": ("public", _is_yes),
            "ALLOWED_HOSTS": ("allowed_hosts", lambda text: tuple(text.lower().replace(",", " ").split())),
            "MAX_INPUT_CHARACTERS": ("max_input_characters", int),
            "MAX_BODY_MB": ("max_body_mb", float),
            "MAX_SOUND_SECONDS": ("max_sound_seconds", float),
            "MAX_WAITING": ("max_waiting", int),
            "REQUESTS_PER_MINUTE": ("requests_per_minute", int),
            "STALL_SECONDS": ("stall_seconds", float),
            "DRAIN_SECONDS": ("drain_seconds", float),
            "LOG": ("log", str),
            "ZERO_GPU": ("zero_gpu", _is_yes),
            "RAY": ("ray", _is_yes),
            "REPLICAS": ("replicas", int),
            "MCP": ("mcp", _is_yes),
        }
        given = {name[len(PREFIX) :]: text for name, text in environment.items() if name.startswith(PREFIX)}
        for old, name in OTHERS.items():
            if old in environment:
                given.setdefault(name, environment[old])
        if "SPACE_ID" in environment:  # a Hugging Face Space: its proxy decides who comes in, and names the host
            given = {"PUBLIC": "1", "ALLOWED_HOSTS": "*", **given}
        values: dict[str, object] = {"data": user_data_path("dialogue-studio")}
        for name, text in given.items():
            if name not in readers:
                raise RequestError(f"There is no setting {PREFIX}{name}.", f"Known: {', '.join(readers)}.")
            field, read = readers[name]
            try:
                values[field] = read(text)  # type: ignore[operator]
            except ValueError as error:
                remedy = "Choose on or off." if read is _switch else "Give a number."
                raise RequestError(f"{PREFIX}{name} cannot be {text!r}.", remedy) from error
        return Settings(**values)  # type: ignore[arg-type]


def _is_yes(text: str) -> bool:
    return text.lower() in ("1", "t", "true", "yes")


def is_loopback(host: str) -> bool:
    """Whether an address or its name is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _switch(text: str) -> bool:
    """Raises ValueError for what is neither on nor off: a mark must not be lost to a slip of the keyboard."""
    words = {"on": True, "1": True, "yes": True, "true": True, "off": False, "0": False, "no": False, "false": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]
