"""Peak memory of an engine at its longest passage: the figure that `EngineSpec.memory_gb` should hold.

    python -m bench.memory csm [--precision int8] [--frames 200] [--save NAME]      csm, dia, dia2-1b or dia2-2b

Weights are random, sizes real: model, codec and the caches of the longest passage, some frames decoded at its end and
turned to sound. On an NVIDIA card gpu_peak_gb is the most that PyTorch had reserved there and what the driver says this
process took more; without one it says so, and measures the process's resident memory on the CPU only.
The last line printed is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from bench import fullsize
from bench.decode import RESULTS, machine
from bench.fullsize import random_weights
from bench.pairs import read_config
from studio.engines.csm import model as csm_model
from studio.engines.csm.config import Config as CsmConfig
from studio.engines.dia.config import Config as DiaConfig
from studio.engines.dia.config import plan as dia_plan
from studio.engines.dia.dac import Dac
from studio.engines.dia.decoding import Decoding
from studio.engines.dia.model import Dia
from studio.engines.dia.sampling import Sampling as DiaSampling
from studio.engines.dia2.config import Config as Dia2Config
from studio.engines.dia2.layout import plan as dia2_plan
from studio.engines.dia2.model import Net
from studio.engines.dia2.sampling import Sampling
from studio.engines.dia2.steps import Steps
from studio.engines.linear import Make, exact, kernel
from studio.engines.mimi import Mimi, MimiStream
from studio.engines.pages import give_back
from studio.engines.weights import Plan

BF16 = torch.bfloat16
DAC = {"encoder_hidden_size": 64, "downsampling_ratios": [2, 4, 8, 8], "decoder_hidden_size": 1536, "n_codebooks": 9}


class Passing(Mapping[str, Any]):
    """Random weights, each made when it is asked for and not kept: as a load in 8 bits reads them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __getitem__(self, name: str) -> Any:
        give_back()
        return random_weights({name: self._plan[name]})[0][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plan)

    def __len__(self) -> int:
        return len(self._plan)


def weights_on(device: str, linear: Make, plan: Plan, host: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Random weights, those named in `host` left there."""
    if linear is not exact:
        return Passing(plan)
    made, _ = random_weights(plan)
    return {name: made.pop(name) if name in host else made.pop(name).to(device) for name in list(made)}


def mimi(device: str) -> MimiStream:
    from transformers import MimiConfig, MimiModel

    return MimiStream(Mimi(MimiModel(MimiConfig()).eval().to(device)))


def csm(device: str, linear: Make, frames: int) -> None:
    """The context full but for the frames to come."""
    from transformers import CsmConfig as Published

    config = read_config(CsmConfig, Published().to_dict())
    weights = weights_on(device, linear, csm_model.plan(config, BF16, []), ("words",))
    model = csm_model.Csm(config, weights, weights["words"], linear, projects_ahead=device != "cpu")
    del weights
    stream, start = mimi(device), model.slots - frames - 1
    for at in range(0, start, 500):
        model.read(model.embed([7] * min(500, start - at)), at)
    model.begin(model.embed([7]), start)
    noise = torch.ones(config.books, config.vocabulary, device=device)
    for _ in range(frames):
        stream(model.frame(csm_model.Sampling(0.9, 50), noise, model.slots)[:, None].cpu())


def dia(device: str, linear: Make, frames: int) -> None:
    """1024 bytes of text; of the 3072 positions, a third are what leads up to the passage."""
    from transformers import DacConfig, DacModel

    config = DiaConfig.read(fullsize.DIA)
    model = Dia(weights_on(device, linear, dia_plan(config, BF16)), config, linear)
    codec = Dac(DacModel(DacConfig(**DAC, codebook_size=1024, codebook_dim=8, sampling_rate=44100)).eval().to(device))
    before = torch.randint(0, 1024, (1024 if device != "cpu" else 86, config.books))
    longest = config.decoder.positions - 2 - max(config.delays) - len(before)
    text = torch.randint(32, 127, (config.encoder.positions,))
    decoding = Decoding(model, text, before, longest, DiaSampling(3.0, 1.2, 0.95, 45))
    run = decoding.run(lambda noise: noise.exponential_())
    for _ in range(frames):
        next(run)
    codec.decode(torch.randint(0, 1024, (86 + 24, config.books)))


def dia2(size: str, device: str, linear: Make, frames: int) -> None:
    """The last frames of two minutes."""
    config = read_config(Dia2Config, fullsize.dia2(size))
    net = Net(config, weights_on(device, linear, dia2_plan(config, BF16)), linear)
    stream, steps = mimi(device), Steps(net, Sampling())
    pad = (config.text_pad, config.text_pad)
    for at in range(config.max_steps - frames, config.max_steps):
        _, codes = steps.step(pad, at, at, lambda action: pad)
        stream(torch.tensor(codes)[:, None].clamp(max=2047))


ENGINES = {
    "csm": csm,
    "dia": dia,
    "dia2-1b": lambda *how: dia2("1b", *how),
    "dia2-2b": lambda *how: dia2("2b", *how),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--precision", choices=("exact", "int8"), default="exact")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--save", help="name of a file in bench/results, without .json")
    given = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else 0
    if device == "cpu":
        print("There is no GPU here: this is the process's memory on the CPU.", file=sys.stderr)
    ENGINES[given.engine](device, kernel(device, given.precision), given.frames)
    result = {
        "engine": given.engine,
        "precision": given.precision,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "rss_peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "command": f"python -m bench.memory {' '.join(sys.argv[1:])}",
        **machine(),
    }
    if device == "cuda":
        result["gpu_peak_gb"] = round(torch.cuda.max_memory_reserved() / 1e9, 2)
        result["gpu_taken_gb"] = round((free - torch.cuda.mem_get_info()[0]) / 1e9, 2)
    if given.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{given.save}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
