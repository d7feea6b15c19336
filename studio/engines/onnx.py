"""Running ONNX models on the CPU, and the one place that knows how onnxruntime reports failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from studio.errors import EngineUnavailable, StudioError, SynthesisError

Array = npt.NDArray[Any]


def open_session(path: Path, threads: int, remedy: str) -> Any:
    """An InferenceSession that is quiet and frugal. Raises EngineUnavailable, with the remedy, for a damaged file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 4
    options.enable_mem_pattern = False  # sentences differ in length: a plan for each costs memory and wins no time
    with _translated(EngineUnavailable, f"{path} cannot be read", remedy):
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(session: Any, inputs: Mapping[str, Array]) -> list[Array]:
    """The session's outputs in their order. Raises SynthesisError when the model fails, for want of memory for one."""
    with _translated(SynthesisError, "The model failed", "Shorten the text, or free some memory."):
        return [np.asarray(output) for output in session.run(None, dict(inputs))]


@contextmanager
def _translated(kind: type[StudioError], message: str, remedy: str) -> Iterator[None]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    failures = tuple(
        found for found in vars(state).values() if isinstance(found, type) and issubclass(found, Exception)
    )
    try:
        yield
    except failures as error:
        raise kind(f"{message}: {error}", remedy) from error
