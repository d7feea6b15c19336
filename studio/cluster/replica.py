"""`Speaker`: what a replica of Ray Serve does: it has the engines of one card and speaks passages with them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from studio.engines.base import Speech
from studio.errors import StudioError
from studio.remote import Told, telling
from studio.request import SpeechRequest
from studio.settings import Settings
from studio.studio import Studio


class Speaker:
    """A replica: the engines of one card, spoken with on one thread."""

    def __init__(self, settings: Settings) -> None:
        import ray

        if ray.util.get_node_ip_address() == "127.0.0.1":
            _keep_replica_private()
        self._studio = Studio(settings)
        self._thread = ThreadPoolExecutor(1, "engines")
        self._silent_since = math.inf  # by time.monotonic, while a step is being made

    async def load(self, model: str) -> _Loaded:
        """An engine in a precision, for Serve to remember where it is. Raises EngineUnavailable."""
        engine_id, _, precision = model.partition(":")

        def lend() -> None:
            with self._studio.manager.lend(engine_id, precision):
                pass

        await self._step(lend)
        return _Loaded(partial(self._studio.manager.unload, engine_id))

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[Told, None]:
        """One passage by the engine that the call names. When the caller goes, it ends after the step that is made."""
        from ray import serve

        model = serve.get_multiplexed_model_id()
        try:
            await self.load(model)
        except StudioError as error:
            yield error
            return
        engine_id, _, precision = model.partition(":")
        steps = self._steps(engine_id, precision, request)
        try:
            while (told := await self._step(partial(next, steps, None))) is not None:
                yield told
        finally:
            self._thread.submit(steps.close)  # after the step that is being made there

    def _steps(self, engine_id: str, precision: str, request: SpeechRequest) -> Generator[Told, None, None]:
        def speech() -> Speech:
            with self._studio.manager.lend(engine_id, precision) as engine:
                return (yield from engine.synthesize(request))

        return telling(self._studio.spec(engine_id).title, speech)

    async def _step(self, work: Callable[[], Any]) -> Any:
        self._silent_since = time.monotonic()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._silent_since = math.inf

    def check_health(self) -> None:
        """Asked by Serve, which replaces a replica that hangs. Raises RuntimeError then."""
        if time.monotonic() - self._silent_since > self._studio.settings.stall_seconds:
            raise RuntimeError("The engine gives no sign of life.")


class _Loaded:
    """What Serve keeps of an engine that is here. It calls `__del__` when it drops it, and Python does later."""

    def __init__(self, unload: Callable[[], object]) -> None:
        self._unload = unload

    def __del__(self) -> None:
        unload, self._unload = self._unload, lambda: None
        unload()


def _keep_replica_private() -> None:
    """Serve lets other replicas talk to this one by a port of its own, on every address; here, on ours alone."""
    from ray.serve._private import replica

    add: Callable[[Any, str], int] = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: add(server, address.replace("[::]", "127.0.0.1"))
