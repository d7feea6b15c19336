"""How fast an engine decodes on an NVIDIA card, beside the stock one in turns, on full-size random weights in bf16.

    python -m bench.card csm [--frames 60] [--rounds 3] [--save NAME]      csm, dia, dia2-1b or dia2-2b

ms: of a frame (of a step for Dia) once its graphs are captured, min and median; stock: the same of transformers'
generate, for Dia2 of the plain fp32 mathematics with TF32 as in its reference; ratio: stock over ours. first_ms: of the
first frames, when kernels are loaded and graphs captured. codec_ms: what turning a frame to sound adds, in the pieces
in which the engine does it. rtf: seconds of work a second of sound, decoding and codec. graphs_equal: the share of
codes that are those of the same steps without graphs. For memory see bench.memory.
The last line printed is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from datetime import UTC, datetime
from typing import Any

import torch

from bench.decode import RESULTS, machine, milliseconds
from bench.memory import DAC, mimi
from bench.pairs import PAIRS, Pair
from studio.engines import graphs
from studio.engines.csm.engine import CARD_FRAMES
from studio.engines.dia.dac import Dac, DacStream
from studio.engines.dia.engine import LONGEST
from studio.engines.linear import exact

BF16, FP32 = torch.bfloat16, torch.float32


def codec_ms(engine: str) -> float:
    """Milliseconds a frame, in pieces as long as the engine takes them when it is under way."""
    if engine == "dia":
        from transformers import DacConfig, DacModel

        config = DacConfig(**DAC, codebook_size=1024, codebook_dim=8, sampling_rate=44100)
        stream: Any = DacStream(Dac(DacModel(config).eval().to("cuda")))
        piece, size = torch.randint(0, 1024, (LONGEST, 9), device="cuda"), LONGEST
    else:
        stream, size = mimi("cuda"), CARD_FRAMES
        piece = torch.randint(0, 2048, (32, size), device="cuda")
    spans = []
    for _ in range(12):
        started = time.perf_counter()
        stream(piece)
        spans.append(time.perf_counter() - started)
    return round(1000 * statistics.median(spans[4:]) / size, 3)


def without_graphs(pair: Pair, frames: int) -> Any:
    """Our codes when every step runs as written."""
    on, graphs.Graphs.on = graphs.Graphs.on, staticmethod(lambda device: graphs.Graphs(None, few_shapes=True))  # type: ignore[method-assign]
    try:
        return pair.ours(frames)[0]
    finally:
        graphs.Graphs.on = on  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("engine", choices=PAIRS)
    parser.add_argument("--frames", type=int, default=60, help="a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stock-frames", type=int, default=12, help="a round of the stock model; 0: leave it out")
    parser.add_argument("--save", help="name of a file in bench/results, without .json")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("There is no NVIDIA card here.")
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    torch.backends.cuda.matmul.allow_tf32 = True
    is_dia2 = given.engine.startswith("dia2")
    pair = PAIRS[given.engine](FP32 if is_dia2 else BF16, BF16, exact, "cuda")
    first, spans = pair.ours(given.frames)
    ours: list[float] = []
    stock: list[float] = []
    codes = first
    for turn in range(given.rounds):
        codes, found = pair.ours(given.frames)
        ours += found[8:]
        if given.stock_frames:
            stock += pair.stock(given.stock_frames)[1][2:]
        print(f"round {turn}: ours {milliseconds(found[8:])}", file=sys.stderr)
    plain = without_graphs(PAIRS[given.engine](FP32 if is_dia2 else BF16, BF16, exact, "cuda"), given.frames)
    ms = milliseconds(ours)
    codec = codec_ms(given.engine)
    result = {
        "engine": given.engine,
        "device": torch.cuda.get_device_name(),
        "ms": ms,
        "first_ms": [round(1000 * span, 1) for span in spans[:4]],
        "stock_ms": milliseconds(stock) if stock else None,
        "ratio": {key: round(milliseconds(stock)[key] / ms[key], 2) for key in ms} if stock else None,
        "codec_ms": codec,
        "rtf": round((ms["median"] + codec) / 1000 / pair.frame_seconds, 4),
        "graphs_equal": round(float((codes == plain).float().mean()), 4),
        "repeats": bool((codes == first).all()),
        "frames": len(ours),
        "command": f"python -m bench.card {' '.join(sys.argv[1:])}",
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **machine(),
    }
    if given.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{given.save}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
