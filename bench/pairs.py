"""The stock model and ours of each engine over the same random full-size weights, as functions that decode greedily.

On the CPU, or on a card, where ours runs as captured graphs from its third step on.
Both give (codes, seconds of each frame): the first frame, with the prompt in it, is not counted.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from bench import fullsize
from bench.fullsize import InType, random_weights
from bench.plain_dia2 import PlainDia2
from studio.engines.csm import model as csm_model
from studio.engines.csm.config import Config as CsmConfig
from studio.engines.dia.config import Config as DiaConfig
from studio.engines.dia.config import plan as dia_plan
from studio.engines.dia.decoding import Decoding
from studio.engines.dia.model import Dia
from studio.engines.dia.sampling import Sampling as DiaSampling
from studio.engines.dia2.config import Config as Dia2Config
from studio.engines.dia2.layout import plan as dia2_plan
from studio.engines.dia2.model import Net
from studio.engines.dia2.sampling import Draw, Sampling
from studio.engines.dia2.steps import Steps
from studio.engines.linear import Make
from studio.engines.pages import settled
from studio.engines.weights import build

Decode = Callable[[int], tuple[Any, list[float]]]
TEXT = "[S1] Wait, are you serious? You really sold the piano? [S2] I did. It was far too big for the flat."


@dataclass(frozen=True)
class Pair:
    """frame_seconds: of sound in a frame."""

    stock: Decode
    ours: Decode
    frame_seconds: float


def _ours(weights: Mapping[str, Any], plan: Any, like: Any) -> Mapping[str, Any]:
    """The weights themselves where the types are the same."""
    return weights if plan == like else InType(weights, plan)


@contextmanager
def _stamped(module: Any) -> Iterator[list[float]]:
    """When a module is called."""
    stamps: list[float] = []
    hook = module.register_forward_pre_hook(lambda *_, **__: stamps.append(time.perf_counter()))
    yield stamps
    hook.remove()


def _now(device: str) -> float:
    """The time once the device has done all it was told."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _spans(stamps: list[float]) -> list[float]:
    return [after - before for before, after in zip(stamps[1:-1], stamps[2:], strict=True)]


def dia(stock_type: torch.dtype, our_type: torch.dtype, linear: Make, device: str = "cpu") -> Pair:
    config = DiaConfig.read(fullsize.DIA)
    weights, published = random_weights(dia_plan(config, stock_type), device=device)
    stock = build(lambda: transformers.DiaForConditionalGeneration(transformers.DiaConfig()))
    stock.load_state_dict(published, assign=True, strict=False)
    _be_whole(stock)
    stock.to(device)
    how = stock.generation_config
    how.bos_token_id = how.decoder_start_token_id = config.bos
    how.eos_token_id, how.pad_token_id = config.eos, config.pad
    codec = transformers.DacModel(transformers.DacConfig(encoder_hidden_size=4, decoder_hidden_size=16))
    features = transformers.DiaFeatureExtractor(sampling_rate=44100, hop_length=512)
    inputs = transformers.DiaProcessor(features, transformers.DiaTokenizer(), codec)(
        text=[TEXT], return_tensors="pt", text_kwargs={"padding": False}
    ).to(device)
    with settled():
        model = Dia(_ours(weights, dia_plan(config, our_type), dia_plan(config, stock_type)), config, linear)

    def theirs(frames: int) -> tuple[Any, list[float]]:
        with _stamped(stock.model.decoder) as stamps:
            grid = stock.generate(
                **inputs, max_new_tokens=frames, do_sample=False, guidance_scale=3.0, temperature=1.2, top_k=45
            )
        return grid[0, -frames:], _spans(stamps)

    def ours(frames: int) -> tuple[Any, list[float]]:
        text = inputs["input_ids"][0]
        decoding = Decoding(
            model, text, torch.zeros(0, config.books, dtype=torch.int64), 2000, DiaSampling(3.0, 1.2, 1.0, 45)
        )
        run, stamps = decoding.run(lambda noise: noise.fill_(1.0)), [time.perf_counter()]
        for _ in range(frames):
            next(run)
            stamps.append(_now(device))
        return decoding._grid[1 : frames + 1], _spans(stamps)

    return Pair(theirs, ours, 512 / 44100)


def csm(stock_type: torch.dtype, our_type: torch.dtype, linear: Make, device: str = "cpu") -> Pair:
    config = read_config(CsmConfig, transformers.CsmConfig().to_dict())
    plan = csm_model.plan(config, stock_type, [])
    weights, published = random_weights(plan, device=device)
    stock = build(lambda: transformers.CsmForConditionalGeneration(transformers.CsmConfig()))
    published[csm_model.BACKBONE_CODES] = published[csm_model.DEPTH_CODES]
    stock.load_state_dict(published, assign=True, strict=False)
    stock.codec_model = None
    _be_whole(stock)
    stock.to(device)
    held = _ours(weights, csm_model.plan(config, our_type, []), plan)
    with settled():
        model = csm_model.Csm(config, held, held["words"].cpu(), linear, projects_ahead=device != "cpu")
    ids = torch.arange(40, device=device)[None] * 37 + 1000

    def theirs(frames: int) -> tuple[Any, list[float]]:
        with _stamped(stock.backbone_model) as stamps:
            codes = stock.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                depth_decoder_do_sample=False,
                max_new_tokens=frames,
            )
        return codes[0], _spans(stamps)

    def ours(frames: int) -> tuple[Any, list[float]]:
        model.begin(model.embed(ids[0].tolist()), 0)
        reach, noise = model.reach(300), torch.ones(config.books, config.vocabulary)
        found, stamps = [], [time.perf_counter()]
        for _ in range(frames):
            found.append(model.frame(csm_model.Sampling(0.0, 50), noise, reach))
            stamps.append(_now(device))
        return torch.stack(found), _spans(stamps)

    return Pair(theirs, ours, 0.08)


def dia2(size: str, stock_type: torch.dtype, our_type: torch.dtype, linear: Make, device: str = "cpu") -> Pair:
    config = read_config(Dia2Config, fullsize.dia2(size))
    weights, published = random_weights(dia2_plan(config, stock_type), device=device)
    held = _ours(weights, dia2_plan(config, our_type), dia2_plan(config, stock_type))
    with settled():
        steps = Steps(Net(config, held, linear), Sampling(Draw(0, 50), Draw(0, 50)))

    def theirs(frames: int) -> tuple[Any, list[float]]:
        codes, text, found, stamps = [config.audio_bos] * config.books, (1, config.text_pad), [], [time.perf_counter()]
        with torch.device(device):
            stock = PlainDia2(config, published)
            for at in range(frames):
                codes, text = stock.frame(text, codes, at), (config.text_pad, config.text_pad)
                found.append(codes)
                stamps.append(time.perf_counter())
        return torch.tensor(found), _spans(stamps)

    def ours(frames: int) -> tuple[Any, list[float]]:
        steps.begin(0)
        text, found, stamps = (1, config.text_pad), [], [time.perf_counter()]
        for at in range(frames):
            text, codes = steps.step(text, at, at, lambda action: (config.text_pad, config.text_pad))
            found.append(codes)
            stamps.append(time.perf_counter())
        return torch.tensor(found), _spans(stamps)

    return Pair(theirs, ours, 0.08)


PAIRS: dict[str, Callable[..., Pair]] = {
    "dia": dia,
    "csm": csm,
    "dia2-1b": lambda *how: dia2("1b", *how),
    "dia2-2b": lambda *how: dia2("2b", *how),
}


def read_config(kind: Any, values: Mapping[str, Any]) -> Any:
    """A config by its own reader, from the values of a config.json."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(values))
        return kind.read(Path(folder), "")


def _be_whole(stock: Any) -> None:
    """See that the stock model has all its weights."""
    stock.tie_weights()
    lost = [name for name, tensor in stock.named_parameters() if tensor.is_meta]
    if lost:
        raise SystemExit(f"The stock model lacks {lost[:5]}.")
