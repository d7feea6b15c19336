"""Reading checkpoints: what is wrong is told before anything is loaded, and memory stays at the model's size."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from studio.engines import prepared, weights  # noqa: E402
from studio.engines.checkpoint import Checkpoint  # noqa: E402
from studio.engines.weights import Target, build, check, fill, one, read  # noqa: E402
from studio.errors import EngineUnavailable, OutputError  # noqa: E402

F32, BF16 = torch.float32, torch.bfloat16
PLAN = {
    "table": one("table", (6, 4), F32),
    "qkv": Target(F32, (("q", (3, 4)), ("k", (2, 4)))),
    "scale": one("s", (), F32),
}


@pytest.fixture
def tensors() -> dict[str, Any]:
    torch.manual_seed(3)
    shapes = {"q": (3, 4), "k": (2, 4), "s": (), "table": (6, 4)}
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def saved(tensors: dict[str, Any], path: Path) -> Checkpoint:
    safetensors.save_file(tensors, str(path))
    return Checkpoint.open(path)


@pytest.mark.parametrize("dtype", [F32, BF16, torch.float16])
@pytest.mark.parametrize("kept", [F32, BF16])
def test_every_type_becomes_the_wanted_one(dtype: Any, kept: Any, tensors: dict[str, Any], tmp_path: Path) -> None:
    checkpoint = saved({name: tensor.to(kept) for name, tensor in tensors.items()}, tmp_path / "model.safetensors")
    plan = {name: Target(dtype, target.parts) for name, target in PLAN.items()}
    found = read(checkpoint, plan, "cpu")
    assert torch.equal(found["table"], tensors["table"].to(kept).to(dtype))
    assert torch.equal(found["qkv"], torch.cat([tensors["q"], tensors["k"]]).to(kept).to(dtype))
    assert found["scale"].shape == () and all(tensor.dtype == dtype for tensor in found.values())


def test_large_tensors_come_in_chunks(tensors: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "CHUNK_BYTES", 20)
    found = read(saved(tensors, tmp_path / "model.safetensors"), PLAN, "cpu")
    assert torch.equal(found["qkv"], torch.cat([tensors["q"], tensors["k"]]))


def test_shards_are_one_checkpoint(tensors: dict[str, Any], tmp_path: Path) -> None:
    places = {name: f"model-0000{1 + (name > 'q')}-of-00002.safetensors" for name in tensors}
    for file in set(places.values()):
        saved({name: tensor for name, tensor in tensors.items() if places[name] == file}, tmp_path / file)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    assert torch.equal(read(Checkpoint.open(tmp_path), PLAN, "cpu")["table"], tensors["table"])

    index.write_text(json.dumps({"weight_map": places | {"lost": places["q"]}}))
    with pytest.raises(EngineUnavailable, match="lost is not in the file it names"):
        Checkpoint.open(tmp_path)
    index.write_text(json.dumps({"weight_map": {"q": "../secret.safetensors"}}))
    with pytest.raises(EngineUnavailable, match="does not say which file"):
        Checkpoint.open(tmp_path)


def test_all_that_is_wrong_is_listed_at_once(tensors: dict[str, Any], tmp_path: Path) -> None:
    wrong = {
        "q": tensors["q"][:2],
        "s": torch.tensor(1),
        "table": tensors["table"],
        "more": tensors["k"],
        "ema.x": tensors["k"],
    }
    checkpoint = saved({name: tensor.clone() for name, tensor in wrong.items()}, tmp_path / "model.safetensors")
    with pytest.raises(EngineUnavailable) as caught:
        check(checkpoint, PLAN, ignore=r"ema\.")
    for part in ("1 missing (k)", "1 unexpected (more)", "q 2×4 instead of 3×4", "another type (s I64)", "download"):
        assert part in str(caught.value)


def test_a_file_cut_short_or_scribbled_on_is_found(tensors: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    saved(tensors, path)
    whole = path.read_bytes()
    for content, complaint in (
        (whole[:-5], r"should have \d+ bytes and has \d+"),
        (whole + b"..", r"should have \d+ bytes"),
        (whole[:40], "no whole header"),
        (b"", "no whole header"),
        (whole[:8] + b"x" + whole[9:], "not JSON"),
        (whole.replace(b'"F32"', b'"F99"', 1), "cannot be understood"),
        (whole.replace(b'[0,', b'[8,', 1), "cannot be understood|overlap"),
    ):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(EngineUnavailable, match=complaint):
            Checkpoint.open(path)


def test_a_file_that_shrinks_while_it_is_read(tensors: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    checkpoint = saved(tensors, path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(EngineUnavailable, match="ends too early"):
        read(checkpoint, {name: Target(BF16, target.parts) for name, target in PLAN.items()}, "cpu")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "dia-v1.pth", "ckpt.pt"])
def test_a_pickle_is_refused_unopened(name: str, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(EngineUnavailable, match=f"{name} is a pickle.*Use nari-labs"):
            Checkpoint.open(path, "Use nari-labs/Dia-1.6B-0626 instead.")
    assert not (tmp_path / "ran").exists()


class Tiny(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(4, 3, bias=False)
        self.norm = torch.nn.LayerNorm(3)
        self.computed = torch.nn.Buffer(torch.arange(3.0) + 1, persistent=False)

    def forward(self, x: Any) -> Any:
        return self.norm(self.inner(x)) * self.computed


def test_a_module_is_built_without_memory_and_filled(tmp_path: Path) -> None:
    """What is computed and in no file, as rotary frequencies are, stays."""
    torch.manual_seed(1)
    original = Tiny().eval()
    path = tmp_path / "model.safetensors"
    safetensors.save_file({f"m.{name}": tensor for name, tensor in original.state_dict().items()}, str(path))
    module = build(Tiny)
    assert module.inner.weight.is_meta and not module.computed.is_meta
    fill(module, Checkpoint.open(path), "cpu", F32, lambda name: f"m.{name}")
    x = torch.randn(2, 4)
    assert torch.equal(module(x), original(x))
    assert not any(parameter.requires_grad for parameter in module.parameters())


MEASURE = """
import resource, sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[2])
from studio.engines.checkpoint import Checkpoint
from studio.engines.weights import one, read
torch.set_num_threads(1)
torch.ones(4).to(torch.bfloat16).float().sum()
checkpoint = Checkpoint.open(Path(sys.argv[1]))
plan = {name: one(name, stored.shape, torch.bfloat16) for name, stored in checkpoint.tensors.items()}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tensors = read(checkpoint, plan, "cpu")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_memory_stays_at_the_size_of_the_model(tmp_path: Path) -> None:
    """An fp32 file of 1.1 GB with a large tensor, as bf16: 1.15 times its final 530 MB at the most."""
    path = tmp_path / "model.safetensors"
    sizes = {"large": 1 << 27, "small": 1 << 22}
    header, at = {}, 0
    for name, size in sizes.items():
        header[name] = {"dtype": "F32", "shape": [size >> 10, 1 << 10], "data_offsets": [at, at + 4 * size]}
        at += 4 * size
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + at)  # a hole: zeros that take no disk
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), str(Path(__file__).parents[2])],
        capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert int(done.stdout) < 1.15 * 2 * sum(sizes.values())


def test_a_prepared_copy_is_the_same_and_is_mapped(tensors: dict[str, Any], tmp_path: Path) -> None:
    plan = {name: Target(BF16, target.parts) for name, target in PLAN.items()}
    checkpoint, folder = saved(tensors, tmp_path / "model.safetensors"), tmp_path / "prepared"
    assert prepared.find(checkpoint, plan, folder) is None
    told: list[tuple[int, int]] = []
    path = prepared.write(checkpoint, plan, folder, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (prepared.copy_bytes(plan),) * 2
    published, copied = (prepared.load(checkpoint, plan, "cpu", place) for place in (tmp_path / "none", folder))
    assert all(torch.equal(published[name], copied[name]) for name in plan) and published.keys() == copied.keys()
    assert "model.safetensors" in json.loads(Checkpoint.open(path).metadata["sources"])

    assert prepared.find(checkpoint, PLAN, folder) is None, "another plan needs another copy"
    os.utime(tmp_path / "model.safetensors", ns=(1, 1))
    assert prepared.find(checkpoint, plan, folder) is None, "another file needs another copy"


def test_a_damaged_copy_is_told_and_a_full_disk_leaves_none(
    tensors: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = saved(tensors, tmp_path / "model.safetensors")
    path = prepared.write(checkpoint, PLAN, tmp_path / "copies")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(EngineUnavailable, match="Delete this copy"):
        prepared.load(checkpoint, PLAN, "cpu", tmp_path / "copies")
    monkeypatch.setattr(prepared, "SPARE_BYTES", 1 << 60)
    with pytest.raises(OutputError, match="GB are free"):
        prepared.write(checkpoint, PLAN, tmp_path / "other")
    assert not (tmp_path / "other").exists()
