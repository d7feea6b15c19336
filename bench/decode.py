"""How fast an engine decodes beside the stock one, on full-size random weights, in turns in one process.

    python -m bench.decode csm --stock bf16 --type bf16 --precision int8 --frames 6 --rounds 3 --threads 1 [--save NAME]

Stock: transformers' generate for Dia and CSM, for Dia2 the same mathematics one module at a time in fp32, as its
reference runs. Both decode greedily with guidance as usual. ms: of a frame (of a step for Dia), the prompt not counted;
ratio: stock over ours, of the minima and of the medians; rtf: seconds of work a second of sound, by our median, without
the codec; tokens_equal: the share of codes of the first round that both have, which is 1 only where the numbers are
the same. The last line printed is one JSON document; --save writes it into bench/results too.

Our int8 weights lie on huge pages, as in an engine, and stock's do not, as in stock. On random weights of CSM in fp32
the best of the first 96 codes leads the second by 0.004 at least (0.12 in the median; logits spread by 0.65), and
another order of adding moves that by 4e-6. So codes of exact fp32 that differ from stock's are no near ties. On Zen 4
all are the same, with 1 thread and with 2, for stock and for us; figures of a Xeon of 2026-11-23 said otherwise for 2
threads, before today's products.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
# Threads that spin make everything slow when cores are shared, and those that sleep at once are slow to wake: as
# `studio.gpu.share_cores` has it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "4000")
import torch
import transformers

from bench.pairs import PAIRS
from studio.engines.linear import kernel

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
RESULTS = Path(__file__).parent / "results"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("engine", choices=PAIRS)
    parser.add_argument("--stock", choices=TYPES, default="fp32", help="type of the stock model's weights")
    parser.add_argument("--type", choices=TYPES, help="type of our weights; the stock model's if not given")
    parser.add_argument("--precision", choices=("exact", "int8"), default="exact")
    parser.add_argument("--frames", type=int, default=8, help="a round, of each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save", help="name of a file in bench/results, without .json")
    return parser.parse_args()


def machine() -> dict[str, Any]:
    """Words about this computer, and what else it was doing."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    }


def milliseconds(spans: list[float]) -> dict[str, float]:
    return {"min": round(1000 * min(spans), 1), "median": round(1000 * statistics.median(spans), 1)}


def main() -> None:
    given = arguments()
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    torch.set_num_threads(given.threads)
    ours_type = given.type or given.stock
    pair = PAIRS[given.engine](TYPES[given.stock], TYPES[ours_type], kernel("cpu", given.precision))
    spans: dict[str, list[float]] = {"stock": [], "ours": []}
    equal = 0.0
    for turn in range(given.rounds):
        expected, stock = pair.stock(given.frames)
        found, ours = pair.ours(given.frames)
        spans["stock"] += stock
        spans["ours"] += ours
        if not turn:
            equal = float((expected[: len(found)] == found[: len(expected)]).float().mean())
        print(f"round {turn}: stock {milliseconds(stock)} ours {milliseconds(ours)}", file=sys.stderr)
    stock_ms, ours_ms = milliseconds(spans["stock"]), milliseconds(spans["ours"])
    result = {
        "engine": given.engine,
        "stock": given.stock,
        "ours": f"{ours_type} {given.precision}",
        "threads": given.threads,
        "stock_ms": stock_ms,
        "ours_ms": ours_ms,
        "ratio": {key: round(stock_ms[key] / ours_ms[key], 2) for key in stock_ms},
        "rtf": round(ours_ms["median"] / 1000 / pair.frame_seconds, 2),
        "tokens_equal": round(equal, 4),
        "peak_rss_gb_of_both": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "frames": len(spans["ours"]),
        "command": f"python -m bench.decode {' '.join(sys.argv[1:])}",
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **machine(),
    }
    if given.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{given.save}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
