"""Files of models: which are on disk, and how they come from the Hugging Face hub. Knows no engine.

Everything is kept in the hub's own cache (HF_HOME), where other programs find it too. Speaking never downloads: an
engine asks `snapshot`, which only looks; `download` is called when a person asks for it. Files that could run code
when they are read (pickles) are never asked for.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from studio.errors import EngineUnavailable, RequestError

SAFE = (".safetensors", ".onnx", ".bin", ".json", ".txt", ".model")
PICKLED = ("*pytorch_model*.bin", "*training_args*.bin", "*optimizer*.bin")
SPARE_BYTES = 200_000_000  # left free on the disk beside the files
RESUME = "Run the same again: what has come is kept."

Progress = Callable[[int, int], None]  # (bytes on disk, bytes in all)


class DownloadStopped(Exception):
    """The download was stopped as asked. What has come is kept, and is not fetched again."""


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model that an engine needs.

    repo: "owner/name" on the hub. revision: a commit, so that the files never change. patterns: exact paths or
    wildcards. size: bytes in all, as known when this was written. Raises RequestError for patterns that admit pickles.
    """

    repo: str
    revision: str
    patterns: tuple[str, ...]
    size: int

    def __post_init__(self) -> None:
        for pattern in self.patterns:
            if not pattern.endswith(SAFE) or any(fnmatch(pattern, pickled) for pickled in PICKLED):
                raise RequestError(f"{pattern!r} could bring a file that runs code.", f"Name one of {', '.join(SAFE)}.")

    @property
    def megabytes(self) -> int:
        return round(self.size / 1e6)


def cache_folder() -> Path:
    """Where the hub keeps its files: HF_HUB_CACHE, else HF_HOME/hub, else its folder among the user's caches."""
    if "HF_HUB_CACHE" in os.environ:
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    return Path(os.environ.get("HF_HOME", caches / "huggingface")).expanduser() / "hub"


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids the network."""
    words = {os.environ.get(name, "").lower() for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    return bool(words & {"1", "on", "yes", "true"})


def snapshot(files: ModelFiles) -> Path | None:
    """The folder that holds all the files, or None. Only looks at the disk, in about a millisecond.

    A wildcard is met by one file; `download` fetches exact paths last, so that they are there only when all are.
    """
    model = cache_folder() / f"models--{files.repo.replace('/', '--')}"
    reference = model / "refs" / files.revision
    commit = reference.read_text().strip() if reference.is_file() else files.revision
    folder = model / "snapshots" / commit
    met = all(any(path.is_file() for path in folder.glob(pattern)) for pattern in files.patterns)
    return folder if met else None


def download(files: ModelFiles, progress: Progress, stopped: Callable[[], bool] = lambda: False) -> Path:
    """Fetch what is missing and give the folder that holds all the files.

    progress is called with every piece that comes (10 MB, or the end of a file). When stopped() turns true,
    DownloadStopped is raised with the next piece. Goes on where an earlier download ended, and checks every file
    against its hash. Raises EngineUnavailable when the hub cannot be reached or refuses, the revision is not there, or
    the disk is too small.
    """
    with _translated(files):
        if is_offline():
            raise EngineUnavailable("Downloads are switched off by HF_HUB_OFFLINE.", "Unset it and run the same again.")
        from huggingface_hub import hf_hub_download

        wanted = _wanted(files)
        _check_space(files, wanted)
        done, total = 0, sum(file.size for file in wanted)
        for file in wanted:
            _fetch(files, file, _bar(progress, stopped, done, file.size, total))
            hf_hub_download(files.repo, file.path, revision=files.revision, cache_dir=cache_folder())  # links the blob
            done += file.size
            progress(done, total)
    folder = snapshot(files)
    if folder is None:
        raise EngineUnavailable(f"{files.repo} no longer has all of {', '.join(files.patterns)}.", "Update the studio.")
    return folder


@dataclass(frozen=True)
class _File:
    """A file on the hub. digest: its SHA-256, or its git SHA-1 if it is small enough to be in git; names its blob."""

    path: str
    size: int
    digest: str


def _wanted(files: ModelFiles) -> list[_File]:
    """The files on the hub that match, those named exactly last."""
    from huggingface_hub import HfApi

    listed = HfApi().model_info(files.repo, revision=files.revision, files_metadata=True).siblings or []
    matching = [
        _File(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else str(file.blob_id))
        for file in listed
        if any(fnmatch(file.rfilename, pattern) for pattern in files.patterns)
        and not any(fnmatch(file.rfilename, pickled) for pickled in PICKLED)
    ]
    return sorted(matching, key=lambda file: (file.path in files.patterns, file.path))


def _fetch(files: ModelFiles, file: _File, bar: Any) -> None:
    """Bring one file into the cache's blobs, from where an earlier try ended. The hub's library begins anew instead."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    blob = _blobs(files) / file.digest
    if blob.exists():
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    partial = blob.with_name(f"{file.digest}.partial")
    if partial.exists() and partial.stat().st_size > file.size:
        partial.unlink()
    with partial.open("ab") as came:
        http_get(
            hf_hub_url(files.repo, file.path, revision=files.revision),
            came,
            resume_size=came.tell(),
            headers=build_hf_headers(),
            expected_size=file.size,
            tqdm_class=bar,
        )
    if _digest(partial, file) != file.digest:
        partial.unlink()
        raise EngineUnavailable(f"{file.path} of {files.repo} came damaged.", "Run the same again.")
    partial.replace(blob)


def _digest(path: Path, file: _File) -> str:
    is_sha256 = len(file.digest) == 64
    state = hashlib.sha256() if is_sha256 else hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            state.update(chunk)
    return state.hexdigest()


def _blobs(files: ModelFiles) -> Path:
    return cache_folder() / f"models--{files.repo.replace('/', '--')}" / "blobs"


def _check_space(files: ModelFiles, wanted: list[_File]) -> None:
    """Raises EngineUnavailable when the disk of the cache cannot hold what is missing."""
    cache = cache_folder()
    held = {path.name.removesuffix(".partial"): path.stat().st_size for path in _blobs(files).glob("*")}
    missing = sum(file.size - held.get(file.digest, 0) for file in wanted)
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if missing and missing + SPARE_BYTES > free:
        raise EngineUnavailable(
            f"{files.repo} needs {missing / 1e9:.1f} GB on the disk of {cache}, and {free / 1e9:.1f} GB are free.",
            "Free some space, or set HF_HOME to a folder on a larger disk.",
        )


def _bar(progress: Progress, stopped: Callable[[], bool], start: int, size: int, total: int) -> Any:
    """A progress bar in the shape that the hub's library wants, for one file: shows nothing and tells us.

    start: bytes of the files before it. size: bytes of the file. total: bytes of all files.
    """
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc, type-arg, unused-ignore]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"disable": True})
            self.came = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            if stopped():
                raise DownloadStopped
            self.came += int(n or 0)
            progress(start + min(self.came, size), total)
            return None

    return Bar


@contextmanager
def _translated(files: ModelFiles) -> Iterator[None]:
    """Errors of the hub, the network and the disk as EngineUnavailable: the one place that knows their types."""
    from huggingface_hub import errors

    network = errors.HTTPError  # type: ignore[attr-defined]  # of httpx or httpx2, by the library's version
    page = f"https://huggingface.co/{files.repo}"
    try:
        yield
    except errors.GatedRepoError as error:
        remedy = f"Accept the terms at {page}, then run: hf auth login"
        raise EngineUnavailable(f"{files.repo} is open only to those who accept its terms.", remedy) from error
    except errors.RepositoryNotFoundError as error:
        remedy = f"Look at {page}; for a private one run: hf auth login"
        raise EngineUnavailable(f"{files.repo} is not on the hub, or it is private.", remedy) from error
    except errors.RevisionNotFoundError as error:
        raise EngineUnavailable(f"{files.repo} has no revision {files.revision}.", "Update the studio.") from error
    except errors.HfHubHTTPError as error:
        raise EngineUnavailable(f"The hub refused {files.repo}: {error}", f"Try again later. {RESUME}") from error
    except (network, errors.LocalEntryNotFoundError, ConnectionError, TimeoutError) as error:
        remedy = f"Check the network, or set HF_ENDPOINT to a mirror. {RESUME}"
        raise EngineUnavailable(f"The hub could not be reached for {files.repo}: {error}", remedy) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            message, remedy = f"The disk is full at {cache_folder()}.", f"Free some space. {RESUME}"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            message, remedy = f"{cache_folder()} cannot be written.", "Set HF_HOME to a folder of yours."
        else:
            message, remedy = f"The files of {files.repo} did not come whole: {error}", RESUME
        raise EngineUnavailable(message, remedy) from error
