"""Weights from a checkpoint into a model: checked first, then read tensor by tensor, each straight into its last type.

Knows no model. An engine says in a plan what it will hold and of which published tensors that is made; the host never
holds more than the model plus one small buffer, whatever type the files have.

    checkpoint = Checkpoint.open(folder)
    tensors = read(checkpoint, plan, "cuda")                       # a dict of tensors, for a model of our own
    model = fill(build(lambda: MimiModel(config)), checkpoint, "cpu", torch.float32)         # a torch module
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio import gpu
from studio.engines.checkpoint import FLOATS, ITEM_BYTES, Checkpoint, Stored, shown
from studio.engines.pages import give_back
from studio.errors import EngineUnavailable

if TYPE_CHECKING:
    import torch

CHUNK_BYTES = 1 << 25  # what is converted at a time: 32 MB
# A name that stays the same for every module: what torch.nn calls a tensor is what the file calls it.
SAME: Callable[[str], str] = str


@dataclass(frozen=True)
class Target:
    """A tensor as a model holds it.

    dtype: its type. parts: the published tensors that make it, name and shape, put one below the other (along the
    first dimension), so that projections of one input can be fused while they are read.
    """

    dtype: torch.dtype
    parts: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        first = self.parts[0][1]
        return (sum(shape[0] for _, shape in self.parts), *first[1:]) if first else first


Plan = Mapping[str, Target]


def one(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Target:
    """The target that is a single published tensor."""
    return Target(dtype, ((name, shape),))


def weights_dtype(device: str) -> torch.dtype:
    """bf16 where it is the faster type, else fp32.

    Matrix-vector products in bf16 read half the bytes, but a CPU without bf16 instructions converts every weight
    first and is slower than in fp32. With AVX512-BF16: 6.7 against 4.0 billion weights a second on two Zen 4 cores.
    """
    import torch

    return torch.bfloat16 if device != "cpu" or _cpu_knows_bf16() else torch.float32


@cache
def _cpu_knows_bf16() -> bool:
    import torch

    ask = getattr(torch.cpu, "get_capabilities", None)  # since torch 2.10
    if ask:
        known = ask()
        return any(known.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    ask = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(ask and ask())


def check(checkpoint: Checkpoint, plan: Plan, ignore: str = "") -> None:
    """See that the checkpoint holds exactly what the plan wants. Looks at names, shapes and types, reads no weights.

    ignore: a regular expression for names that may be there and are not wanted. Raises EngineUnavailable that lists
    everything that is missing, unexpected, or has another shape or type.
    """
    wanted = {name: (shape, target.dtype) for target in plan.values() for name, shape in target.parts}
    missing = sorted(wanted.keys() - checkpoint.tensors.keys())
    extra = [name for name in sorted(checkpoint.tensors.keys() - wanted.keys()) if not _matches(ignore, name)]
    shapes, kinds = [], []
    for name in sorted(wanted.keys() & checkpoint.tensors.keys()):
        shape, dtype = wanted[name]
        stored = checkpoint.tensors[name]
        if stored.shape != tuple(shape):
            shapes.append(f"{name} {_by(stored.shape)} instead of {_by(shape)}")
        elif (stored.kind in FLOATS) != dtype.is_floating_point:
            kinds.append(f"{name} {stored.kind}")
    found = {"missing": missing, "unexpected": extra, "of another shape": shapes, "of another type": kinds}
    wrong = [f"{len(names)} {how} ({shown(names)})" for how, names in found.items() if names]
    if wrong:
        place = checkpoint.files[0].name if checkpoint.files else "The checkpoint"
        raise EngineUnavailable(f"{place} does not fit this model: {'; '.join(wrong)}.", checkpoint.remedy)


def _matches(pattern: str, name: str) -> bool:
    return bool(pattern) and re.match(pattern, name) is not None


def _by(shape: Collection[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def read(checkpoint: Checkpoint, plan: Plan, device: str, ignore: str = "") -> dict[str, torch.Tensor]:
    """All tensors of the plan on the device, or EngineUnavailable and nothing."""
    check(checkpoint, plan, ignore)
    return dict(stream(checkpoint, plan, device))


def held(
    checkpoint: Checkpoint, plan: Plan, device: str, precision: str, ignore: str = ""
) -> Mapping[str, torch.Tensor]:
    """As `read`; for a precision that is not exact, each tensor is read when it is asked for, and not kept.

    So a model that makes something smaller of its tensors, one after the other, never has all of them in memory.
    """
    if precision == "exact":
        return read(checkpoint, plan, device, ignore)
    check(checkpoint, plan, ignore)
    return _Passing(checkpoint, plan, device)


class _Passing(Mapping[str, "torch.Tensor"]):
    def __init__(self, checkpoint: Checkpoint, plan: Plan, device: str) -> None:
        self._checkpoint, self._plan, self._device = checkpoint, plan, device

    def __getitem__(self, name: str) -> torch.Tensor:
        give_back()  # what the tensor before has left: freed pieces of many sizes would else pile up
        return dict(stream(self._checkpoint, {name: self._plan[name]}, self._device))[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plan)

    def __len__(self) -> int:
        return len(self._plan)


def stream(checkpoint: Checkpoint, plan: Plan, device: str) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a checked plan one after the other, in the files' order; for those who change each as it comes.

    On the CPU a tensor that needs no change is mapped, not read: its pages come in when they are used.
    Raises EngineUnavailable when the files cannot be read to their end.
    """
    reader = _Reader(device)
    for name in order(checkpoint, plan):
        parts = [checkpoint.tensors[part] for part, _ in plan[name].parts]
        try:
            yield name, reader.tensor(plan[name], parts)
        except OSError as error:
            raise EngineUnavailable(f"{parts[0].file.name} cannot be read: {error}.", checkpoint.remedy) from error


def order(checkpoint: Checkpoint, plan: Plan) -> list[str]:
    """The plan's names as their first parts lie in the files: a disk is read from front to back."""
    places = {name: checkpoint.tensors[target.parts[0][0]] for name, target in plan.items()}
    return sorted(plan, key=lambda name: (places[name].file, places[name].offset))


class _Reader:
    """Reads with one buffer for everything, and one mapping a file."""

    def __init__(self, device: str) -> None:
        import torch

        self._device = torch.device(device)
        self._maps: dict[Path, torch.Tensor] = {}
        # pinned: the card fetches it without a copy in between
        pinned = self._device.type == "cuda" and gpu.is_here()
        self._buffer = torch.empty(CHUNK_BYTES, dtype=torch.uint8, pin_memory=pinned)

    def tensor(self, target: Target, parts: list[Stored]) -> torch.Tensor:
        import torch

        if len(parts) == 1 and self._device.type == "cpu" and _dtype(parts[0]) == target.dtype:
            mapped = self._mapped(parts[0])
            if mapped is not None:
                return mapped
        whole = torch.empty(target.shape, dtype=target.dtype, device=self._device)
        flat, start = whole.view(-1), 0
        for part in parts:
            count = part.bytes // ITEM_BYTES[part.kind]
            self._copy(part, flat[start : start + count])
            start += count
        return whole

    def _mapped(self, stored: Stored) -> torch.Tensor | None:
        """The tensor as a view of its file, privately mapped; None where its place in the file forbids that."""
        import torch

        if stored.offset % ITEM_BYTES[stored.kind] or not stored.bytes:
            return None
        if stored.file not in self._maps:
            size = stored.file.stat().st_size
            self._maps[stored.file] = torch.from_file(str(stored.file), shared=False, size=size, dtype=torch.uint8)
        part = self._maps[stored.file][stored.offset : stored.offset + stored.bytes]
        return part.view(_dtype(stored)).view(stored.shape)

    def _copy(self, stored: Stored, into: torch.Tensor) -> None:
        """Read a tensor into a flat one of any type and place, a buffer at a time."""
        dtype, item = _dtype(stored), ITEM_BYTES[stored.kind]
        step = CHUNK_BYTES // item
        with stored.file.open("rb", buffering=0) as file:
            file.seek(stored.offset)
            for start in range(0, len(into), step):
                piece = into[start : start + step]
                bytes_ = self._buffer[: len(piece) * item]
                _fill(bytes_.numpy().data, file)
                piece.copy_(bytes_.view(dtype))


def _fill(buffer: memoryview, file: FileIO) -> None:
    """Fill the buffer from the file. Raises OSError when the file ends before."""
    at = 0
    while at < len(buffer):
        got = file.readinto(buffer[at:])
        if not got:
            raise OSError("the file ends too early")
        at += got


def _dtype(stored: Stored) -> torch.dtype:
    return _dtypes()[stored.kind]


@cache
def _dtypes() -> dict[str, torch.dtype]:
    import torch

    return {
        "F64": torch.float64,
        "I64": torch.int64,
        "F32": torch.float32,
        "I32": torch.int32,
        "F16": torch.float16,
        "BF16": torch.bfloat16,
        "I16": torch.int16,
        "I8": torch.int8,
        "U8": torch.uint8,
        "BOOL": torch.bool,
    }


def kind_of(dtype: torch.dtype) -> str:
    """The format's word for a type."""
    return {value: key for key, value in _dtypes().items()}[dtype]


def build(make: Callable[[], Any]) -> Any:
    """A torch module whose weights take no memory yet, ready for `fill`.

    Only what is made by `torch.empty`, as every weight is, goes to the meta device: `torch.device("meta")` would also
    lose buffers that are computed and in no file, such as rotary frequencies.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class WithoutMemory(TorchFunctionMode):  # type: ignore[misc, unused-ignore]
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = dict(kwargs or {})
            return func(*args, **(kwargs | {"device": "meta"} if func is torch.empty else kwargs))

    with WithoutMemory(), torch.no_grad():
        return make().eval().requires_grad_(False)


def plan_of(module: Any, dtype: torch.dtype, published: Callable[[str], str] = SAME) -> dict[str, Target]:
    """The plan of a torch module, its floats in `dtype`. published: the module's name of a tensor -> the file's."""
    return {
        name: one(published(name), tuple(tensor.shape), dtype if tensor.is_floating_point() else tensor.dtype)
        for name, tensor in module.state_dict().items()
    }


def fill(
    module: Any,
    checkpoint: Checkpoint,
    device: str,
    dtype: torch.dtype,
    published: Callable[[str], str] = SAME,
    ignore: str = "",
) -> Any:
    """A module of `build` with its weights, on the device. Raises EngineUnavailable; then the module is as it was."""
    tensors = read(checkpoint, plan_of(module, dtype, published), device, ignore)
    module.load_state_dict(tensors, assign=True)
    module.requires_grad_(False)
    lost = [name for name, tensor in _named_tensors(module) if tensor.is_meta]
    if lost:
        raise EngineUnavailable(f"{type(module).__name__} would be half loaded: {shown(lost)} is in no file.", "")
    return module.to(device)


def _named_tensors(module: Any) -> Iterator[tuple[str, Any]]:
    yield from module.named_parameters()
    yield from module.named_buffers()
