"""Places tiny models as a Space with ZeroGPU does, without a card: `python -m tests.space.placing FOLDER`.

Writes a JSON document: engine -> how many tensors are promised to the card, and how many of them lie over another in
memory. The lender moves each tensor by itself, so what is written to one would no longer be read from the other.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "engines")]
folder = Path(sys.argv[1])
(folder / "cgroup").write_text("0::/kubepods/space\n")
os.environ |= {
    "SPACES_ZERO_GPU": "true",
    "SPACES_ZERO_DEVICE_API_URL": "http://127.0.0.1:1",
    "ZEROGPU_PROC_SELF_CGROUP_PATH": str(folder / "cgroup"),
}

import tiny  # noqa: E402
import tiny_csm  # noqa: E402
import tiny_dia2  # noqa: E402
import torch  # noqa: E402

from studio import engines, zero  # noqa: E402
from studio.engines.base import Placement  # noqa: E402
from studio.engines.csm.engine import CsmEngine  # noqa: E402
from studio.engines.dia.engine import DiaEngine  # noqa: E402
from studio.engines.dia2.engine import Dia2Engine  # noqa: E402

torch.version.cuda = "12.8"
torch._C._cuda_init = lambda: None
torch.cuda._is_in_bad_fork = torch.cuda.is_available
torch.cuda.graph_pool_handle = lambda: (0, 1)  # PyTorch for CPUs has none

placement = Placement("cuda", 1, folder / "models")
models = {name: folder / name for name in ("dia", "dac", "csm", "dia2", "mimi")}
made = (tiny.dia(models["dia"]), tiny.dac(models["dac"]))
dia2 = (tiny_dia2.dia2(models["dia2"]), tiny.mimi(models["mimi"]))
csm = tiny_csm.csm(models["csm"])

zero.LentGpu()  # from here on "cuda" is a promise
from spaces.zero.torch.patching import cuda_aliases  # noqa: E402

placed = []
told = {}
for name, load in {
    "dia": lambda: DiaEngine.load(*made, placement),
    "dia2": lambda: Dia2Engine.open(engines.module("dia2-1b").SPEC, dia2, placement, ""),
    "csm": lambda: CsmEngine.open(csm, placement),
}.items():
    before = set(map(id, cuda_aliases.values()))
    placed.append(load())
    promised = [tensor for tensor in cuda_aliases.values() if tensor is not None and id(tensor) not in before]
    spans = sorted((tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes) for tensor in promised if tensor.numel())
    over = sum(start < end for (_, end), (start, _) in pairwise(spans))
    told[name] = {"promised": len(promised), "over": over}
sys.stdout.write(json.dumps(told))
