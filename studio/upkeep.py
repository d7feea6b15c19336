"""The files of models in the hub's cache, once they are there: how much they take, whether they are whole, how they go.

Knows no engine and no network. What is whole is known from the cache itself: it names every blob by its hash.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from studio.disk import read_json
from studio.engines.checkpoint import Checkpoint
from studio.errors import EngineUnavailable, OutputError
from studio.hub import PARTIAL, ModelFiles, Progress, Stopped, new_digest, repository, revision_folder

CHUNK_BYTES = 1 << 20
GLANCE_BYTES = 100_000_000  # what is read in a moment


@dataclass(frozen=True)
class Flaw:
    """A file that is not as published. path: where it is linked; missing: it is not there, or leads nowhere."""

    files: ModelFiles
    path: Path
    reason: str
    missing: bool = False

    @property
    def name(self) -> str:
        """The file as its repository calls it."""
        return self.path.relative_to(revision_folder(self.files)).as_posix()


@dataclass(frozen=True)
class Report:
    """What a check found. count, size: files and bytes that were read. unproven: of them without a hash to hold to."""

    flaws: tuple[Flaw, ...]
    count: int
    size: int
    unproven: int = 0


def linked(files: ModelFiles) -> list[Path]:
    """The files of the revision that match, as links in its folder; those that lead nowhere too."""
    folder = revision_folder(files)
    return [
        path
        for path in sorted(_files_below(folder))
        if any(fnmatch(path.relative_to(folder).as_posix(), pattern) for pattern in files.patterns)
    ]


def held(several: Iterable[ModelFiles]) -> dict[Path, int]:
    """What lies on the disk for some models, each file once, with its bytes: whole files and such as have come in part.

    A partial file is known by its repository only, not by its revision.
    """
    sizes: dict[Path, int] = {}
    for files in several:
        partial = (repository(files) / "blobs").glob(f"*{PARTIAL}")
        for path in (*(link.resolve() for link in linked(files)), *partial):
            with suppress(FileNotFoundError):
                sizes[path] = path.stat().st_size
    return sizes


def check(several: Sequence[ModelFiles], progress: Progress, stopped: Callable[[], bool] = lambda: False) -> Report:
    """Read every file and hold it to the hash it is named by; safetensors to their own header too.

    Reads all bytes: about a second a gigabyte. Raises Stopped when stopped() turns true.
    """
    found = [(files, path) for files in several for path in linked(files)]
    there = [(files, path) for files, path in found if path.is_file()]
    total, done = sum(path.stat().st_size for _, path in there), 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total, done)
        if stopped():
            raise Stopped

    flaws = [flaw for files in several for flaw in _missing(files)]
    flaws += [Flaw(files, path, reason) for files, path in there if (reason := _reason(path, tell))]
    unproven = sum(not _is_named_by_hash(path) for _, path in there)
    return Report(tuple(flaws), len(there), total, unproven)


def glance(several: Sequence[ModelFiles]) -> list[Flaw]:
    """What a check finds in a moment: small files by their hash, large safetensors by their header and length."""
    flaws = [flaw for files in several for flaw in _missing(files)]
    there = [(files, path) for files in several for path in linked(files) if path.is_file()]
    for files, path in there:
        is_small = path.stat().st_size <= GLANCE_BYTES
        reason = _reason(path, lambda count: None) if is_small else _torn(path)
        flaws += [Flaw(files, path, reason)] if reason else []
    return flaws


def remove_flawed(flaws: Iterable[Flaw]) -> int:
    """Remove files that are not as published, so that a download brings them anew. Gives the bytes that were freed."""
    freed = 0
    for flaw in flaws:
        if not flaw.missing:
            blob = flaw.path.resolve()
            with _removing(blob):
                for link in _links_to(blob, repository(flaw.files)):
                    link.unlink()
                freed += _remove(blob)
    return freed


def delete(several: Sequence[ModelFiles], keep: Sequence[ModelFiles] = ()) -> int:
    """Remove the files of some models, whole and partial, and give the bytes that were freed.

    What `keep` needs stays, and whatever else lies in the same repositories: other revisions, other files. Raises
    OutputError when something cannot be removed; what went before it is gone.
    """
    kept = {path for files in keep for path in linked(files)}
    freed = 0
    for files in several:
        with _removing(repository(files)):
            links = [path for path in linked(files) if path not in kept]
            blobs = {link.resolve() for link in links if link.is_symlink()}
            freed += sum(_remove(link) for link in links)
            if not any(repository(files) == repository(other) for other in keep):
                blobs |= {blob for blob in _files_below(repository(files) / "blobs") if blob.suffix != ".incomplete"}
            used = {link.resolve() for link in _files_below(repository(files) / "snapshots")}
            freed += sum(_remove(blob) for blob in blobs - used)
            _tidy(files)
    return freed


def copies(blobs: Iterable[Path], folder: Path) -> dict[Path, int]:
    """The prepared copies in a folder that were made of one of these blobs, with their bytes."""
    names = {blob.name for blob in blobs}
    return {path: path.stat().st_size for path in sorted(folder.glob("*.safetensors")) if names & _sources(path)}


def remove(paths: Iterable[Path]) -> int:
    """Remove files of ours and give the bytes that were freed. Raises OutputError."""
    freed = 0
    for path in paths:
        with _removing(path):
            freed += _remove(path)
    return freed


def _sources(copy: Path) -> set[str]:
    """The hashes of the files that a prepared copy was made of."""
    try:
        told = json.loads(Checkpoint.open(copy).metadata.get("sources", "{}"))
    except (EngineUnavailable, ValueError):
        return set()
    return set(told.values()) if isinstance(told, dict) else set()


def _missing(files: ModelFiles) -> Iterator[Flaw]:
    """A flaw for what nothing matches, for links that lead nowhere, and for shards that an index names."""
    folder, links = revision_folder(files), linked(files)
    there = {path.relative_to(folder).as_posix() for path in links if path.is_file()}
    wanted = {path.relative_to(folder).as_posix() for path in links}
    wanted |= {name for path in links if path.name.endswith(".index.json") for name in _shards(path)}
    wanted |= {pattern for pattern in files.patterns if not any(fnmatch(name, pattern) for name in wanted)}
    for name in sorted(wanted - there):
        yield Flaw(files, folder / name, "is not there", missing=True)


def _shards(index: Path) -> set[str]:
    """The files that an index of safetensors names; none when it cannot be read, which its hash will tell."""
    held = read_json(index)
    places = held.get("weight_map") if isinstance(held, dict) else None
    return set(places.values()) if isinstance(places, dict) else set()


def _reason(path: Path, tell: Callable[[int], None]) -> str:
    """Why a file is not as published, or nothing. tell: called with the bytes of each piece that was read."""
    blob = path.resolve()
    digest = new_digest(blob.name, blob.stat().st_size)
    try:
        with blob.open("rb") as stream:
            for piece in iter(lambda: stream.read(CHUNK_BYTES), b""):
                digest.update(piece)
                tell(len(piece))
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if torn := _torn(path):
        return torn
    is_another = _is_named_by_hash(path) and digest.hexdigest() != blob.name
    return "is damaged: its content is not what its hash says" if is_another else ""


def _is_named_by_hash(path: Path) -> bool:
    """Not so where links are not possible: there the hub's library copies."""
    return re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", path.resolve().name) is not None


def _torn(path: Path) -> str:
    """What a safetensors' own header says against the file, or nothing."""
    if path.suffix != ".safetensors":
        return ""
    try:
        Checkpoint.open(path)
    except EngineUnavailable as error:
        return error.message.removeprefix(path.name).strip(" .")
    return ""


def _links_to(blob: Path, repo: Path) -> list[Path]:
    return [link for link in _files_below(repo / "snapshots") if link.is_symlink() and link.resolve() == blob]


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _remove(path: Path) -> int:
    """Unlink it and give the bytes that frees: none for a link."""
    try:
        size = 0 if path.is_symlink() else path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    return size


def _tidy(files: ModelFiles) -> None:
    """Remove what has become empty, and references to a revision that is gone, which the hub's library would mind."""
    folder, home = revision_folder(files), repository(files)
    for parent, _, _ in os.walk(folder, topdown=False):
        _remove_if_empty(Path(parent))
    if not folder.exists():
        shutil.rmtree(home / ".no_exist" / folder.name, ignore_errors=True)  # notes of the library, without content
        for reference in list(_files_below(home / "refs")):
            if reference.read_text().strip() == folder.name:
                reference.unlink()
    for parent in ("refs", ".no_exist", "blobs", "snapshots", "."):
        _remove_if_empty(home / parent)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _removing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{place} cannot be removed: {reason}.", "Close what uses it, or mend its rights.") from error
