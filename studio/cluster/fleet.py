"""`Fleet`: engines that speak in replicas of a Ray Serve deployment, for the studio that answers here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from studio import engines
from studio.cluster import NAME, check_private, for_workers, is_ours, needs, running, slots
from studio.cluster.replica import Speaker
from studio.engines.base import Engine, EngineModule, EngineSpec, Obstacle, Placement, Speech
from studio.errors import SynthesisError
from studio.remote import hearing
from studio.request import SpeechRequest
from studio.settings import Settings
from studio.voice import Voice

MOST_ENGINES = 8  # a replica keeps, if its memory budget allows


@contextmanager
def fleet(settings: Settings, cores: int | None = None) -> Iterator[Fleet]:
    """Engines as replicas of a Ray Serve deployment, up until the block ends. cores: see `running`.

    Raises EngineUnavailable.
    """
    with running(cores), ExitStack() as stack:
        from ray import serve

        log = logging.getLogger("ray.serve")
        log.setLevel(logging.WARNING)
        stack.callback(log.setLevel, logging.CRITICAL)  # its own threads miss Ray when it has ended
        serve.start(proxy_location="Disabled")  # our own server answers, and hands passages on
        if not is_ours():
            stack.callback(serve.delete, NAME)  # others may use it too; our own ends with Ray
        handle = serve.run(_deployment(settings), name=NAME, route_prefix=None)
        check_private()
        yield Fleet(handle)


def _deployment(settings: Settings) -> Any:
    """One replica for a card, or for a core where there is none; as many as are busy, up to that."""
    from ray import serve

    class Replica(Speaker):
        load = serve.multiplexed(max_num_models_per_replica=MOST_ENGINES)(Speaker.load)

    most = settings.replicas or slots(settings)
    return serve.deployment(
        name="speaker",
        ray_actor_options=needs(settings),
        max_ongoing_requests=1,  # a card speaks one passage at a time; who waits, waits at Serve's router
        autoscaling_config={
            "min_replicas": 1,
            "initial_replicas": most,
            "max_replicas": most,
            "target_ongoing_requests": 1,
        },
        logging_config={"log_level": "WARNING", "enable_access_log": False},
    )(Replica).bind(for_workers(settings))


class Fleet:
    """The engines as this process sees them; each passage is spoken where Serve sends it."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def module(self, engine_id: str) -> EngineModule:
        """The engine's module, speaking elsewhere."""
        return _Remote(engines.module(engine_id), self)

    def speak(self, engine_id: str, request: SpeechRequest) -> Speech:
        """One passage, spoken there and heard here. Raises SynthesisError and what the engine raises."""
        from ray.exceptions import RayError
        from ray.serve.exceptions import RayServeException

        handle = self._handle.options(stream=True, multiplexed_model_id=f"{engine_id}:{request.precision}")
        told = handle.speak.remote(request)
        try:
            done = yield from hearing(told, SynthesisError("The replica gave no end of the passage.", "Try again."))
        except (RayError, RayServeException) as error:
            raise SynthesisError(f"The replica failed: {type(error).__name__}.", "Try again.") from error
        finally:
            told.cancel()
        return done.words


class _Remote:
    """What the rest of the studio sees of an engine that speaks elsewhere."""

    def __init__(self, module: EngineModule, fleet: Fleet) -> None:
        # text that is still being written cannot be handed to another process
        self.SPEC: EngineSpec = replace(module.SPEC, hears_text=False)
        self._module = module
        self._fleet = fleet

    def obstacle(self, placement: Placement) -> Obstacle | None:
        return self._module.obstacle(placement)

    def voice(self, voice_id: str) -> Voice:
        return self._module.voice(voice_id)

    def load(self, placement: Placement) -> Engine:
        return _Caller(self.SPEC, self._fleet)


@dataclass(frozen=True)
class _Caller:
    """An engine as the director uses it; the model is in a replica."""

    spec: EngineSpec
    fleet: Fleet

    def synthesize(self, request: SpeechRequest) -> Speech:
        return self.fleet.speak(self.spec.id, request)

    def close(self) -> None:
        """Nothing is held here."""
