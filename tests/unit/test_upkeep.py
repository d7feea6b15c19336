"""Files in the hub's cache: counted, checked, mended and deleted, and nothing of others touched."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest

from studio import hub, upkeep
from studio.hub import ModelFiles, Stopped
from tests.hubserver import COMMIT, etag, put

OTHER = "f" * 40
FILES = ModelFiles("some/model", COMMIT, ("config.json", "weights-*.safetensors", "weights.safetensors.index.json"), 1)
ALSO = ModelFiles("some/codec", COMMIT, ("model.safetensors",), 1)


def tensors(*names: str) -> bytes:
    """A safetensors file with four floats for each name."""
    entries = {
        name: {"dtype": "F32", "shape": [4], "data_offsets": [16 * at, 16 * at + 16]} for at, name in enumerate(names)
    }
    head = json.dumps(entries).encode()
    return struct.pack("<Q", len(head)) + head + bytes(16 * len(names))


INDEX = {"weight_map": {"a": "weights-1.safetensors", "b": "weights-2.safetensors"}}
CONTENT = {
    "config.json": b'{"size": 1}',
    "weights.safetensors.index.json": json.dumps(INDEX).encode(),
    "weights-1.safetensors": tensors("a"),
    "weights-2.safetensors": tensors("b"),
}
SIZE = sum(map(len, CONTENT.values()))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def check(*several: ModelFiles) -> upkeep.Report:
    return upkeep.check(several or (FILES,), lambda done, total, brought: None)


def everything(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*"))


def test_what_is_here_is_counted_once(cache: Path) -> None:
    assert upkeep.held([FILES]) == {}
    put(cache, "some/model", {**CONTENT, "weights-3.safetensors": CONTENT["weights-1.safetensors"], "README.md": b"no"})
    (hub.repository(FILES) / "blobs" / f"{'0' * 64}.partial").write_bytes(b"12345")
    assert sum(upkeep.held([FILES, FILES]).values()) == SIZE + 5


def test_a_check_finds_whole_files_whole_and_tells_how_far_it_is(cache: Path) -> None:
    put(cache, "some/model", CONTENT)
    told: list[tuple[int, int, int]] = []
    report = upkeep.check([FILES], lambda *now: told.append(now))
    assert report == upkeep.Report((), 4, SIZE)
    assert told == sorted(told) and told[-1] == (SIZE, SIZE, SIZE)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("weights-2.safetensors", tensors("b")[:-1], "it should have"),
        ("weights-2.safetensors", tensors("b")[:-1] + b"x", "hash"),
        ("weights-1.safetensors", b"", "no whole header"),
        ("config.json", b'{"size": 2}', "hash"),
    ],
    ids=["cut short", "one byte off", "empty", "of git"],
)
def test_a_damaged_file_is_named_and_removed_so_that_a_download_brings_it(
    cache: Path, name: str, content: bytes, reason: str
) -> None:
    folder = put(cache, "some/model", CONTENT)
    twin = put(cache, "some/model", {name: CONTENT[name]}, OTHER)
    (folder / name).resolve().write_bytes(content)
    (flaw,) = check().flaws
    assert (flaw.name, flaw.missing) == (name, False) and reason in flaw.reason
    assert upkeep.remove_flawed([flaw]) == len(content)
    assert not os.path.lexists(folder / name) and not os.path.lexists(twin / name)
    put(cache, "some/model", {name: CONTENT[name]})
    assert check().flaws == ()


def test_a_glance_sees_what_is_small_or_cut_short(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(cache, "some/model", CONTENT)
    monkeypatch.setattr(upkeep, "GLANCE_BYTES", len(CONTENT["config.json"]))
    assert upkeep.glance([FILES]) == []
    for name in ("weights-1.safetensors", "weights-2.safetensors", "config.json"):
        whole = (folder / name).resolve().read_bytes()
        (folder / name).resolve().write_bytes(whole[:-1] + b"x" if "1" in name else whole[:-1])
    assert [flaw.name for flaw in upkeep.glance([FILES])] == ["config.json", "weights-2.safetensors"]


def test_what_is_missing_is_named(cache: Path) -> None:
    folder = put(cache, "some/model", CONTENT)
    (folder / "weights-2.safetensors").unlink()
    (folder / "config.json").resolve().unlink()
    report = check(FILES, ALSO)
    names = ["config.json", "weights-2.safetensors", "model.safetensors"]
    assert [(flaw.name, flaw.missing) for flaw in report.flaws] == [(name, True) for name in names]
    assert upkeep.remove_flawed(report.flaws) == 0


def test_a_check_can_be_stopped(cache: Path) -> None:
    put(cache, "some/model", CONTENT)
    with pytest.raises(Stopped):
        upkeep.check([FILES], lambda *now: None, lambda: True)


def test_copies_without_a_hash_are_said_to_be_unproven(cache: Path) -> None:
    """Where links are not possible the hub's library puts the file itself."""
    folder = cache / "models--some--codec" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(tensors("a"))
    assert check(ALSO) == upkeep.Report((), 1, len(tensors("a")), 1)
    (folder / "model.safetensors").write_bytes(tensors("a")[:-1])
    assert [flaw.name for flaw in check(ALSO).flaws] == ["model.safetensors"]
    assert upkeep.delete([ALSO]) == len(tensors("a")) - 1
    assert everything(cache) == []


def test_deleting_leaves_nothing_and_says_what_it_freed(cache: Path) -> None:
    put(cache, "some/model", CONTENT)
    model = hub.repository(FILES)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMIT)
    (model / ".no_exist" / COMMIT).mkdir(parents=True)
    (model / ".no_exist" / COMMIT / "tokenizer.json").touch()
    (model / "blobs" / f"{'0' * 64}.partial").write_bytes(b"12345")
    (model / "blobs" / ("1" * 64)).write_bytes(b"come, and not yet linked")
    assert upkeep.delete([FILES]) == SIZE + 5 + 24
    assert everything(cache) == []
    assert upkeep.delete([FILES]) == 0


def test_deleting_spares_what_others_put_there(cache: Path) -> None:
    put(cache, "some/model", {**CONTENT, "model.safetensors": b"fetched by another program"})
    put(cache, "some/model", {"config.json": CONTENT["config.json"], "old.json": b"{}"}, OTHER)
    model = hub.repository(FILES)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(OTHER)
    incomplete = model / "blobs" / f"{'2' * 64}.incomplete"
    incomplete.write_bytes(b"being fetched by another program")
    freed = upkeep.delete([FILES])
    assert freed == SIZE - len(CONTENT["config.json"])
    left = {path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    assert left == {
        "refs/main": OTHER.encode(),
        f"blobs/{incomplete.name}": b"being fetched by another program",
        f"blobs/{etag('config.json', CONTENT['config.json'])}": CONTENT["config.json"],
        f"blobs/{etag('old.json', b'{}')}": b"{}",
        f"blobs/{etag('model.safetensors', b'fetched by another program')}": b"fetched by another program",
        f"snapshots/{COMMIT}/model.safetensors": b"fetched by another program",
        f"snapshots/{OTHER}/config.json": CONTENT["config.json"],
        f"snapshots/{OTHER}/old.json": b"{}",
    }


def test_deleting_spares_what_another_model_needs(cache: Path) -> None:
    put(cache, "some/model", CONTENT)
    needed = ModelFiles("some/model", COMMIT, ("config.json",), 1)
    partial = hub.repository(FILES) / "blobs" / f"{'0' * 64}.partial"
    partial.write_bytes(b"12345")
    assert upkeep.delete([FILES], keep=[needed]) == SIZE - len(CONTENT["config.json"])
    assert hub.snapshot(needed) and partial.exists()


def test_a_branch_is_deleted_where_it_led(cache: Path) -> None:
    put(cache, "some/codec", {"model.safetensors": tensors("a")})
    (cache / "models--some--codec" / "refs").mkdir()
    (cache / "models--some--codec" / "refs" / "main").write_text(COMMIT)
    upkeep.delete([ModelFiles("some/codec", "main", ("model.safetensors",), 1)])
    assert everything(cache) == []


def test_copies_are_known_by_what_they_were_made_of(cache: Path, tmp_path: Path) -> None:
    folder = put(cache, "some/codec", {"model.safetensors": tensors("a")})
    for name, digest in (("mine", etag("model.safetensors", tensors("a"))), ("other", "0" * 64)):
        head = json.dumps({"__metadata__": {"sources": json.dumps({"model.safetensors": digest})}}).encode()
        (tmp_path / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(head)) + head)
    (tmp_path / "torn.safetensors").write_bytes(b"?")
    assert [path.name for path in upkeep.copies(upkeep.held([ALSO]), tmp_path)] == ["mine.safetensors"]
    assert folder.is_dir()
