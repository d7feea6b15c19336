"""How long a request's head may take to arrive. Knows uvicorn's connections, no route.

Neither uvicorn nor gradio has a setting for it: without one, a client that sends a byte a minute holds a connection for
ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn.config
from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_SECONDS = 15.0  # from the connection, or from the first byte of a later request on it, to the end of its head
LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_Connection: Any = AutoHTTPProtocol  # httptools' or h11's, as is installed: both have `cycle` and `transport`


class PatientConnection(_Connection):  # type: ignore[misc]
    """A connection that is closed when a head does not come whole in time. `cycle` is the last request that did."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        if self._late is None and (before is None or before.response_complete):
            self._expect()
        super().data_received(data)
        if self.cycle is not before or self.transport.get_protocol() is not self:  # it may be a WebSocket's now
            self._calm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._late = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._close)

    def _calm(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.write(LATE)
            self.transport.close()


def install() -> None:
    """Have every server of this process use such connections: gradio starts its own, and takes what is usual."""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{PatientConnection.__name__}"
