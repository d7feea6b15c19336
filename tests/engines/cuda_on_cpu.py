"""Runs the kernels of a .cu file on the CPU, by a C++ compiler: slow, exact, and it needs no card."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

HEADER = Path(__file__).with_name("cuda_on_cpu.h")
COMPILER = shutil.which("g++") or shutil.which("clang++")
ENTRY = """
static void kernel_{number}(void **given) {{ call({name}, given, std::make_index_sequence<{count}>{{}}); }}
extern "C" void run_{number}(const unsigned *grid, unsigned threads, void **given) {{
    launch(kernel_{number}, grid, threads, given);
}}
"""


class Emulated:
    """A `studio.engines.fused.Launch` for tensors on the CPU. launched: the names of all kernels that ran, in order."""

    def __init__(self, source: Path, folder: Path) -> None:
        self._source, self._folder = source, folder
        self._kernels: dict[str, Any] = {}
        self.launched: list[str] = []

    def __call__(self, name: str, grid: tuple[int, int, int], threads: int, shared: int, given: Sequence[Any]) -> None:
        assert shared <= 48 * 1024
        held = [_held(one) for one in given]
        pointers = (ctypes.c_void_p * len(held))(*(ctypes.addressof(one) for one in held))
        self.launched.append(name)
        self._kernel(name, len(given))((ctypes.c_uint * 3)(*grid), threads, pointers)

    def _kernel(self, name: str, count: int) -> Any:
        if name not in self._kernels:
            number = len(self._kernels)
            code = self._folder / f"kernel{number}.cpp"
            entry = ENTRY.format(number=number, name=name, count=count)
            code.write_text(f'#include "{HEADER}"\n#include "{self._source}"\n{entry}')
            library = code.with_suffix(".so")
            how = ["-std=c++17", "-O1", "-fPIC", "-shared", "-w", "-U_FORTIFY_SOURCE", "-x", "c++"]
            subprocess.run([str(COMPILER), *how, str(code), "-o", str(library)], check=True)
            self._kernels[name] = getattr(ctypes.CDLL(str(library)), f"run_{number}")
        return self._kernels[name]


def _held(one: Any) -> Any:
    if isinstance(one, torch.Tensor):
        assert one.stride(-1) == 1 or one.numel() == 1
        return ctypes.c_void_p(one.data_ptr())
    return ctypes.c_int(one) if isinstance(one, int) else ctypes.c_double(one)
