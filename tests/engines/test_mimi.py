"""Mimi in pieces against transformers' own decode of the whole, past its attention window of 125 frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny  # noqa: E402
import tiny_csm  # noqa: E402

from studio.audio import Audio  # noqa: E402
from studio.engines.checkpoint import Checkpoint  # noqa: E402
from studio.engines.mimi import FRAME_SAMPLES, Mimi, MimiPieces, MimiStream  # noqa: E402
from studio.errors import EngineUnavailable  # noqa: E402

FRAMES = 140


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.mimi(tmp_path_factory.mktemp("mimi"))


@pytest.fixture(scope="module")
def whole(folder: Path) -> tuple[Any, Any]:
    """Codes, and the sound that transformers makes of them."""
    from transformers import MimiModel

    codes = torch.randint(0, 64, (8, FRAMES), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        return codes, MimiModel.from_pretrained(folder).eval().decode(codes[None]).audio_values[0, 0].numpy()


@pytest.mark.parametrize("size", [1, 9, 60])
def test_pieces_of_any_size_make_the_whole(size: int, folder: Path, whole: tuple[Any, Any]) -> None:
    codes, sound = whole
    stream = MimiStream(Mimi.load(folder, "cpu"))
    pieces = [stream(codes[:, start : start + size]) for start in range(0, FRAMES, size)]
    np.testing.assert_allclose(np.concatenate(pieces), sound.clip(-1, 1), atol=1e-4)
    assert {len(piece) % FRAME_SAMPLES for piece in pieces} == {0}


def test_frames_come_as_sound_in_growing_pieces(folder: Path, whole: tuple[Any, Any]) -> None:
    codes, sound = whole
    pieces = MimiPieces(Mimi.load(folder, "cpu"), most=8)
    given = [pieces(codes[:, at : at + 1]) for at in range(FRAMES)] + [pieces.rest()]
    sizes = [len(piece) // FRAME_SAMPLES for piece in given if len(piece)]
    assert sizes[:5] == [1, 2, 4, 8, 8] and max(sizes) == 8 and sum(sizes) == FRAMES
    np.testing.assert_allclose(np.concatenate(given), sound.clip(-1, 1), atol=1e-4)
    assert not len(pieces.rest())


def test_encode_is_that_of_transformers_at_any_rate(folder: Path) -> None:
    from transformers import MimiModel

    codec = Mimi.load(folder, "cpu")
    sound = Audio(np.random.default_rng(1).uniform(-0.3, 0.3, 30_001).astype(np.float32), 24000)
    with torch.inference_mode():
        samples = torch.from_numpy(sound.samples)[None, None]
        wanted = MimiModel.from_pretrained(folder).eval().encode(samples).audio_codes[0]
    assert torch.equal(codec.encode(sound), wanted) and wanted.shape == (8, 16)
    assert torch.equal(codec.encode(sound, books=3), wanted[:3])
    assert codec.encode(sound.resampled(16000)).shape == (8, 16)


def test_a_codec_inside_another_checkpoint_is_found(tmp_path: Path) -> None:
    folder = tiny_csm.csm(tmp_path)
    config = json.loads((folder / "config.json").read_text())["codec_config"]
    checkpoint = Checkpoint.open(folder, stem="transformers")
    codec = Mimi.inside(checkpoint, config, "cpu", "codec_model.", r"(?!codec_model\.)")
    assert codec.decode(torch.zeros(8, 3, dtype=torch.int64)).shape == (3 * FRAME_SAMPLES,)


def test_codes_that_no_codebook_has_do_not_crash(folder: Path) -> None:
    codec = Mimi.load(folder, "cpu")
    assert np.isfinite(codec.decode(torch.full((8, 2), 9999))).all()
    assert codec.decode(torch.zeros(8, 0, dtype=torch.int64)).shape == (0,)


def test_a_codec_that_lacks_a_tensor_is_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["upsample.conv.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(EngineUnavailable, match=r"1 missing \(upsample.conv.weight\)"):
        Mimi.load(tmp_path, "cpu")


@pytest.mark.parametrize("config", ["null", "[1]", '"x"', "{"])
def test_a_config_that_is_none_is_named(config: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(EngineUnavailable, match=r"config\.json of Mimi cannot be read"):
        Mimi.load(tmp_path, "cpu")
