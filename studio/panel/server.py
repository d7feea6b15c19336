"""`PanelServer`: the page at a link, alone on an address of its own. Serves nothing else and loads no engine."""

from __future__ import annotations

import socket
import threading
import time

from studio.errors import OutputError
from studio.panel.reception import Reception
from studio.trials.store import TrialStore

EVERYWHERE = "0.0.0.0"
PORT = 7861  # beside the studio's own
STARTS_IN = 10.0  # seconds


class PanelServer:
    """Up from when it is made until `close`. port: where it listens, any free one when the wanted one is taken."""

    def __init__(self, store: TrialStore, host: str = EVERYWHERE, port: int = PORT, only_port: bool = False) -> None:
        """only_port: rather fail than take another. Raises OutputError when there is nowhere to listen."""
        import uvicorn
        from starlette.applications import Starlette

        from studio.panel.routes import routes

        self.host = host
        self._socket = _listening(host, port, only_port)
        self.port: int = self._socket.getsockname()[1]
        app = Starlette(routes=routes(Reception(store)))
        config = uvicorn.Config(app, log_level="critical", access_log=False, server_header=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="listener page", daemon=True
        )
        self._thread.start()
        until = time.monotonic() + STARTS_IN
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)

    def url(self, token: str) -> str:
        """A link that another computer can follow."""
        host = lan_address() if self.host in (EVERYWHERE, "::") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/listen/{token}"

    def close(self) -> None:
        """Let go of the address."""
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()


def _listening(host: str, port: int, only_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (port,) if only_port else (port, 0):
        try:
            return socket.create_server((host, wanted), family=family, backlog=128)
        except OSError as error:
            refused = error
    raise OutputError(
        f"Nobody can listen at {host}, port {port}: {refused}.", "Name another with --port (0: any), or another --host."
    ) from refused


def lan_address() -> str:
    """This computer's address for its neighbours; its own name for itself when it has none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address nobody has: only the route to it is looked up
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
