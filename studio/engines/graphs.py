"""Steps of a model as CUDA graphs: the thousands of small kernels of a step, launched as one. Knows no model.

A step is a function without arguments that reads and writes buffers which stay where they are, has fixed shapes and
never waits for the device. All that may differ between two steps beside what stands in those buffers is in the key.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

import torch

Step = Callable[[], None]


class Graph(Protocol):
    """A captured step."""

    def replay(self) -> None: ...


Capture = Callable[[Step], Graph]


class Graphs:
    """Runs steps; on a device with graphs each kind of step is captured when it comes the second time.

    The first time it runs as written: libraries set themselves up then, which no graph could hold. capture: how a step
    becomes a graph; None where there are none, and every step runs as written. few_shapes: whether the shapes of steps
    had better seldom change, since something is made for each: a graph, or a program as on Apple's GPUs.
    """

    def __init__(self, capture: Capture | None, few_shapes: bool = False) -> None:
        self._capture = capture
        self.few_shapes = few_shapes or capture is not None
        self._seen: set[Hashable] = set()
        self._graphs: dict[Hashable, Graph] = {}

    @staticmethod
    def on(device: torch.device) -> Graphs:
        """For steps on this device."""
        return Graphs(CudaCapture() if device.type == "cuda" else None, few_shapes=device.type != "cpu")

    def run(self, key: Hashable, step: Step) -> None:
        """Do a step. Steps with the same key must be the same but for what stands in their buffers."""
        if self._capture is None or key not in self._seen:
            self._seen.add(key)
            step()
            return
        if key not in self._graphs:
            self._graphs[key] = self._capture(step)  # only written down: the replay does it
        self._graphs[key].replay()


class CudaCapture:
    """torch's graphs, all with their passing tensors in one pool: they run one after the other."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, step: Step) -> Graph:
        graph: Graph = torch.cuda.CUDAGraph()
        # other threads may ask how much memory is free meanwhile: only this one is watched
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            step()
        return graph
