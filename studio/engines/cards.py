"""Launching kernels from a source on an NVIDIA card. Knows how, not what they do.

Compiled by NVRTC and launched by the driver, both of which are there where PyTorch is.
https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__EXEC.html
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

OVERLAPPING = (9, 0)  # from this compute capability on a kernel may start before the last has ended
PROGRAMMATIC_SERIALIZATION = 6  # of CUlaunchAttributeID

Given = Sequence[Tensor | int | float]


class Launch(Protocol):
    """Runs a kernel. name: with its template arguments. grid: blocks. threads: of a block. shared: its bytes."""

    def __call__(self, name: str, grid: tuple[int, int, int], threads: int, shared: int, given: Given) -> None: ...


class Card:
    """Launches on the current stream; what is not compiled yet is first.

    On cards that can, a kernel may start before the last has ended; the source says where it waits for it.
    """

    def __init__(self, source: str) -> None:
        self._compiled = cache(lambda name: torch.cuda._compile_kernel(source, name).func)
        self._driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        self._attributes = (_Attribute * 1)(_Attribute(PROGRAMMATIC_SERIALIZATION, 0, 1))
        self._overlaps = int(torch.cuda.get_device_capability() >= OVERLAPPING)

    def __call__(self, name: str, grid: tuple[int, int, int], threads: int, shared: int, given: Given) -> None:
        held = [_held(one) for one in given]
        pointers = (ctypes.c_void_p * len(held))(*map(ctypes.addressof, held))
        stream = torch.cuda.current_stream().cuda_stream
        how = _Config(*grid, threads, 1, 1, shared, stream, self._attributes, self._overlaps)
        failed = self._driver.cuLaunchKernelEx(ctypes.byref(how), self._compiled(name), pointers, None)
        if failed:
            raise RuntimeError(f"CUDA could not launch {name} (error {failed})")


class _Attribute(ctypes.Structure):
    """CUlaunchAttribute of cuda.h: which it is, and a union of 64 bytes."""

    _fields_ = (("id", ctypes.c_int), ("pad", ctypes.c_int), ("value", ctypes.c_int), ("rest", ctypes.c_char * 60))


class _Config(ctypes.Structure):
    """CUlaunchConfig of cuda.h."""

    _fields_ = (
        ("grid_x", ctypes.c_uint),
        ("grid_y", ctypes.c_uint),
        ("grid_z", ctypes.c_uint),
        ("block_x", ctypes.c_uint),
        ("block_y", ctypes.c_uint),
        ("block_z", ctypes.c_uint),
        ("shared", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(_Attribute)),
        ("count", ctypes.c_uint),
    )


def _held(one: Tensor | int | float) -> ctypes.c_void_p | ctypes.c_int | ctypes.c_double:
    if isinstance(one, Tensor):
        return ctypes.c_void_p(one.data_ptr())
    return ctypes.c_int(one) if isinstance(one, int) else ctypes.c_double(one)
