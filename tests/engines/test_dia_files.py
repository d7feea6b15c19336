"""Files that are not Dia's are refused with their names and a way out, and never half loaded."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.engines.base import Placement
from studio.errors import EngineUnavailable

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from studio.engines.dia.config import Config, plan  # noqa: E402
from studio.engines.dia.engine import DiaEngine  # noqa: E402
from studio.engines.dia.model import Dia  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.dia(tmp_path_factory.mktemp("dia") / "dia")


def test_the_published_model_has_the_published_tensors() -> None:
    """335 of them, 1,611,160,576 numbers; transformers' defaults are the published config."""
    parts = plan(Config.read(transformers.DiaConfig().to_dict()), torch.float32).values()
    shapes = dict(part for target in parts for part in target.parts)
    assert len(shapes) == sum(len(target.parts) for target in parts) == 335
    assert sum(math.prod(shape) for shape in shapes.values()) == 1_611_160_576


@pytest.mark.parametrize("name", ["dia-v1.pth", "pytorch_model.bin"])
def test_a_pickle_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copy(folder / "config.json", tmp_path)
    (tmp_path / name).write_bytes(b"\x80\x02")
    with pytest.raises(EngineUnavailable, match="is a pickle") as caught:
        Dia.load(tmp_path, "cpu", torch.float32)
    assert "nari-labs/Dia-1.6B-0626" in caught.value.remedy


def test_nari_s_own_layout_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"data": {}, "model": {}, "training": {}, "version": "1.0"}))
    with pytest.raises(EngineUnavailable, match="Nari's own layout") as caught:
        Dia.load(tmp_path, "cpu", torch.float32)
    assert "nari-labs/Dia-1.6B-0626" in caught.value.remedy
    shutil.copy(folder / "config.json", tmp_path)
    save_file({"encoder.embedding.weight": torch.zeros(256, 32)}, tmp_path / "model.safetensors")
    with pytest.raises(EngineUnavailable, match=r"model.safetensors has Nari's own layout"):
        Dia.load(tmp_path, "cpu", torch.float32)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda config: config.pop("decoder_config"), "has no 'decoder_config'"),
        (lambda config: config["encoder_config"].update(hidden_act="gelu"), "'gelu' is unknown"),
        (lambda config: config["decoder_config"].update(num_channels=8), "do not fit together"),
        (lambda config: config["decoder_config"].update(hidden_size=64), "of another shape"),
        (lambda config: config["decoder_config"].update(num_hidden_layers=3), "missing"),
        (lambda config: config["decoder_config"].update(num_hidden_layers=1), "unexpected"),
        (lambda config: config["decoder_config"].update(head_dim=None), "head_dim is None"),
        (lambda config: config["encoder_config"].update(num_hidden_layers=10**13), "num_hidden_layers is 10000"),
        (lambda config: config["encoder_config"].update(max_position_embeddings=-1), "max_position_embeddings is -1"),
        (lambda config: config["encoder_config"].update(norm_eps="x"), "norm_eps is 'x'"),
        (lambda config: config["decoder_config"].update(num_key_value_heads=3), "4 query heads over 3"),
        (lambda config: config["decoder_config"].update(rope_scaling={"type": "linear"}), "rope 'linear'"),
        (lambda config: config.update(bos_token_id=1028), "bos_token_id is 1028"),
        (lambda config: config.update(eos_token_id=1.5), "eos_token_id is 1.5"),
        (lambda config: config.update(delay_pattern=[0, 8, 9, 10, 11, 12, 13, 14, 5000]), "delay_pattern is 5000"),
    ],
)
def test_another_model_is_refused(folder: Path, tmp_path: Path, change: Callable[[Any], None], complaint: str) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(EngineUnavailable, match=complaint):
        Dia.load(tmp_path, "cpu", torch.float32)


def test_another_codec_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable):
        DiaEngine.load(folder, tiny.mimi(tmp_path / "mimi"), Placement("cpu", 1, tmp_path))
