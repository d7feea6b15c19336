"""How long a full-size checkpoint takes to load and how much memory, against transformers' from_pretrained.

    python -m bench.load csm [--folder /tmp] [--save NAME]      csm, dia or dia2-1b

Writes a checkpoint of random fp32 weights in the published layout (4 to 7 GB, deleted afterwards), then loads its
decoder in fresh processes: ours in bf16, ours in bf16 from the prepared copy, ours in int8, and from_pretrained in bf16
(not for Dia2, which has none). seconds: until the model is there, files in the page cache; a prepared copy is mapped,
so that its pages come in with the first step. peak_gb: resident memory during the load, beyond what the interpreter and
its modules take; anonymous_gb, mapped_gb: what is resident afterwards, modules included.
final_gb: the weights in their last type; peak_of_final: the peak as a share of it. The last line printed is one JSON
document.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from bench import fullsize
from bench.decode import RESULTS, machine
from bench.fullsize import random_weights
from studio.engines import prepared
from studio.engines.base import Placement
from studio.engines.checkpoint import Checkpoint
from studio.engines.csm import model as csm_model
from studio.engines.csm.config import Config as CsmConfig
from studio.engines.csm.config import open_checkpoint as open_csm
from studio.engines.dia.config import Config as DiaConfig
from studio.engines.dia.config import open_checkpoint as open_dia
from studio.engines.dia.config import plan as dia_plan
from studio.engines.dia.model import Dia
from studio.engines.dia2.config import Config as Dia2Config
from studio.engines.dia2.layout import plan as dia2_plan
from studio.engines.dia2.model import Net
from studio.engines.linear import kernel, packed_together
from studio.engines.pages import settled
from studio.gpu import cores

ENGINES = ("csm", "dia", "dia2-1b")
BF16 = torch.bfloat16


def write(engine: str, folder: Path) -> float:
    """A checkpoint in the published layout, as one file; its size in GB."""
    from safetensors.torch import save_file

    values = {"csm": {"codec_config": {}}, "dia": fullsize.DIA, "dia2-1b": fullsize.dia2("1b")}[engine]
    stock: dict[str, Any] = {
        "csm": {"model_type": "csm", "transformers_weights": "transformers.safetensors"},
        "dia": {"model_type": "dia"},
    }.get(engine, {})
    (folder / "config.json").write_text(json.dumps({**values, **stock}))
    plan = layout(engine, folder, torch.float32)
    _, published = random_weights(plan)
    tensors = {name: tensor.contiguous() for name, tensor in published.items()}
    name = "transformers.safetensors" if engine == "csm" else "model.safetensors"
    save_file(tensors, folder / name, metadata={"format": "pt"})
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) / 1e9


def layout(engine: str, folder: Path, dtype: torch.dtype) -> Any:
    if engine == "dia":
        return dia_plan(DiaConfig.load(folder), dtype)
    if engine == "dia2-1b":
        return dia2_plan(Dia2Config.read(folder, ""), dtype)
    return csm_model.plan(CsmConfig.read(folder, ""), dtype, [csm_model.DEPTH_CODES])


def checkpoint_of(engine: str, folder: Path) -> Checkpoint:
    if engine == "dia":
        return open_dia(folder)
    if engine == "dia2-1b":
        return Checkpoint.open(folder)
    return open_csm(folder, CsmConfig.read(folder, ""), "")


def load_ours(engine: str, folder: Path, precision: str) -> Any:
    """The decoder as the engine holds it, from the prepared copy if there is one."""
    placement = Placement("cpu", 1, folder / "models", precision)
    copies = placement.models / prepared.FOLDER
    if engine == "dia":
        return Dia.load(folder, "cpu", BF16, precision, copies)
    if engine == "csm":
        return csm_model.load(checkpoint_of(engine, folder), CsmConfig.read(folder, ""), placement, BF16)
    config = Dia2Config.read(folder, "")
    with settled(precision), packed_together():
        weights = prepared.load(checkpoint_of(engine, folder), dia2_plan(config, BF16), "cpu", copies, "", precision)
        return Net(config, weights, kernel("cpu", precision))


def final_gb(engine: str, folder: Path, precision: str) -> float:
    """The weights as they are held: in bf16, and those of products in 8 bits with a scale for each output."""
    plan = layout(engine, folder, BF16)
    size, meta = prepared.copy_bytes(plan), {}
    for name, target in plan.items():
        meta[name] = torch.empty(target.shape, dtype=target.dtype, device="meta")

    def counted(weight: torch.Tensor) -> Any:
        nonlocal size
        size += 4 * len(weight) - weight.numel()
        return lambda x: x

    if precision == "int8":
        if engine == "dia":
            Dia(meta, DiaConfig.load(folder), counted)
        elif engine == "csm":
            csm_model.Csm(CsmConfig.read(folder, ""), meta, meta["words"], counted)
        else:
            Net(Dia2Config.read(folder, ""), meta, counted)
    return round(size / 1e9, 2)


def load_stock(engine: str, folder: Path) -> Any:
    import transformers

    kind = {"csm": transformers.CsmForConditionalGeneration, "dia": transformers.DiaForConditionalGeneration}[engine]
    return kind.from_pretrained(folder, dtype=BF16)


def once(engine: str, how: str, folder: Path) -> dict[str, float]:
    """One load in this process."""
    import transformers  # noqa: F401

    torch.set_num_threads(cores())
    torch.set_grad_enabled(False)
    base = memory("VmHWM")
    begin = time.perf_counter()
    held = (
        load_stock(engine, folder)
        if how == "stock"
        else load_ours(engine, folder, "int8" if "int8" in how else "exact")
    )
    seconds = time.perf_counter() - begin
    peak, anonymous, mapped = memory("VmHWM") - base, memory("RssAnon"), memory("RssFile")
    del held
    return {
        "seconds": round(seconds, 2),
        "peak_gb": round(peak, 2),
        "anonymous_gb": round(anonymous, 2),
        "mapped_gb": round(mapped, 2),
    }


def memory(key: str) -> float:
    """A line of Linux's account of this process in GB. (getrusage's peak would be that of the process before.)"""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[key].split()[0]) / 1e6


def apart(engine: str, how: str, folder: Path) -> dict[str, float]:
    """One load in a process of its own."""
    command = [sys.executable, "-m", "bench.load", engine, "--folder", str(folder), "--once", how]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(made.stdout.splitlines()[-1])
    print(how, found, file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--once", choices=("stock", "ours", "ours int8", "ours prepared"), help=argparse.SUPPRESS)
    parser.add_argument("--save", help="name of a file in bench/results, without .json")
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.engine, given.once, given.folder)))
        return
    folder = Path(tempfile.mkdtemp(prefix="load-", dir=given.folder))
    try:
        size = write(given.engine, folder)
        plan = layout(given.engine, folder, BF16)
        result: dict[str, Any] = {
            "engine": given.engine,
            "file_gb": round(size, 2),
            "final_gb": final_gb(given.engine, folder, "exact"),
            "final_gb_int8": final_gb(given.engine, folder, "int8"),
        }
        for how in ("ours", "ours int8", *(() if given.engine == "dia2-1b" else ("stock",))):
            result[how] = apart(given.engine, how, folder)
            final = result["final_gb_int8" if "int8" in how else "final_gb"]
            result[how]["peak_of_final"] = round(result[how]["peak_gb"] / final, 2)
        begin = time.perf_counter()
        ignored = csm_model.OTHERS if given.engine == "csm" else ""
        prepared.write(checkpoint_of(given.engine, folder), plan, folder / "models" / prepared.FOLDER, ignored)
        result["copy_seconds"] = round(time.perf_counter() - begin, 2)
        result["ours prepared"] = apart(given.engine, "ours prepared", folder)
        result |= {"command": f"python -m bench.load {given.engine}", **machine()}
    finally:
        shutil.rmtree(folder)
    if given.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{given.save}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
