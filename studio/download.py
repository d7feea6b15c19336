"""How files of models come from the Hugging Face hub: asked for by a person, resumed, and checked by their hash.

The one place that talks to the network and that knows the errors of the hub's library.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO

from studio.errors import AccessRefused, EngineUnavailable
from studio.hub import (
    PARTIAL,
    PICKLED,
    ModelFiles,
    Progress,
    Stopped,
    cache_folder,
    is_offline,
    new_digest,
    repository,
    snapshot,
)

SPARE_BYTES = 200_000_000  # left free on the disk beside the files
RESUME = "Try again: what has come is kept."
TRIES = 4  # of a connection that breaks off and brings nothing more
RETRY_SECONDS = 1.0


def check_access(files: ModelFiles) -> None:
    """Ask the hub whether it would give the files. Raises EngineUnavailable when it would not, or cannot be reached."""
    with _translated(files):
        _refuse_offline()
        from huggingface_hub import HfApi

        HfApi().auth_check(files.repo)


def download(files: ModelFiles, progress: Progress, stopped: Callable[[], bool] = lambda: False) -> Path:
    """`download_all` of one model: the folder that holds all its files."""
    return download_all((files,), progress, stopped)[0]


def download_all(
    several: Sequence[ModelFiles], progress: Progress, stopped: Callable[[], bool] = lambda: False
) -> tuple[Path, ...]:
    """Fetch what is missing of one model or more and give the folder of each.

    progress is called with every piece that comes, counting the bytes of all models. When stopped() turns true, Stopped
    is raised with the next piece. Goes on where an earlier download ended, and checks every file against its hash.
    Raises EngineUnavailable when the hub cannot be reached or refuses, the revision is not there, the disk is too
    small, or another program is fetching the same; AccessRefused when terms must be accepted first.
    """
    _refuse_offline()
    listed = [(files, _wanted(files)) for files in several]
    _check_space(listed)
    meter = _Meter(progress, stopped, sum(file.size for _, wanted in listed for file in wanted))
    return tuple(_download(files, wanted, meter) for files, wanted in listed)


def _download(files: ModelFiles, wanted: list[_File], meter: _Meter) -> Path:
    from huggingface_hub import hf_hub_download

    with _translated(files), _alone(files):
        for file in wanted:
            _fetch(files, file, meter)
            hf_hub_download(files.repo, file.path, revision=files.revision, cache_dir=cache_folder())  # links the blob
            meter.before += file.size
            meter.tell(0)
    folder = snapshot(files)
    if folder is None:
        raise EngineUnavailable(f"{files.repo} no longer has all of {', '.join(files.patterns)}.", "Update the studio.")
    return folder


@dataclass
class _Meter:
    """Counts bytes, and can stop them. total: of all files; before: of those that are done; brought: by this call."""

    progress: Progress
    stopped: Callable[[], bool]
    total: int
    before: int = 0
    brought: int = 0

    def tell(self, count: int) -> None:
        """So many bytes of the file at hand are here. Raises Stopped."""
        if self.stopped():
            raise Stopped
        self.progress(self.before + count, self.total, self.brought)


@dataclass(frozen=True)
class _File:
    """A file on the hub. digest: its SHA-256, or its git SHA-1 if it is small enough to be in git; names its blob."""

    path: str
    size: int
    digest: str


def _refuse_offline() -> None:
    if is_offline():
        raise EngineUnavailable("Downloads are switched off by HF_HUB_OFFLINE.", "Unset it and try again.")


def _wanted(files: ModelFiles) -> list[_File]:
    """The files on the hub that match, those named exactly last."""
    with _translated(files):
        from huggingface_hub import HfApi

        listed = HfApi().model_info(files.repo, revision=files.revision, files_metadata=True).siblings or []
    matching = [
        _File(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else str(file.blob_id))
        for file in listed
        if any(fnmatch(file.rfilename, pattern) for pattern in files.patterns)
        and not any(fnmatch(file.rfilename, pickled) for pickled in PICKLED)
    ]
    return sorted(matching, key=lambda file: (file.path in files.patterns, file.path))


def _fetch(files: ModelFiles, file: _File, meter: _Meter) -> None:
    """Bring one file into the cache's blobs, from where an earlier try ended."""
    blob = repository(files) / "blobs" / file.digest
    if blob.is_file() and blob.stat().st_size == file.size:
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    partial = blob.with_name(file.digest + PARTIAL)
    with partial.open("a+b") as stream:
        came = _Came(stream, file, meter)
        _receive(files, file, came)
    if came.digest != file.digest:
        partial.unlink()
        raise EngineUnavailable(f"{file.path} of {files.repo} came damaged.", "Try again.")
    partial.replace(blob)


class _Came:
    """What has come of a file, in a stream open for appending, and its digest: of an earlier try too."""

    def __init__(self, stream: BinaryIO, file: _File, meter: _Meter) -> None:
        self._stream, self._file, self._meter = stream, file, meter
        self._begin()
        stream.seek(0)
        for piece in iter(lambda: stream.read(1 << 20), b""):
            self._count(piece)
        if self.size > file.size:
            self.drop()

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def append(self, piece: bytes) -> None:
        """Raises Stopped once the piece is kept."""
        self._stream.write(piece)
        self._meter.brought += len(piece)
        self._count(piece)

    def drop(self) -> None:
        """Forget all of it."""
        self._stream.seek(0)
        self._stream.truncate()
        self._begin()

    def _begin(self) -> None:
        self._digest, self.size = new_digest(self._file.digest, self._file.size), 0

    def _count(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size += len(piece)
        self._meter.tell(min(self.size, self._file.size))


def _receive(files: ModelFiles, file: _File, came: _Came) -> None:
    """Append what is missing, over connections that may break off."""
    from huggingface_hub import errors

    failures = 0
    while came.size < file.size:
        before = came.size
        broken: Exception = OSError("the connection ended too early")
        try:
            _stream(files, file, came)
        except errors.HfHubHTTPError:
            raise
        except errors.HTTPError as error:  # type: ignore[attr-defined]  # of httpx or httpx2, by the library's version
            broken = error
        if came.size < file.size:
            failures = failures + 1 if came.size == before else 1
            if failures == TRIES:
                raise broken
            time.sleep(RETRY_SECONDS)


def _stream(files: ModelFiles, file: _File, came: _Came) -> None:
    """Append what one connection brings."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        hf_raise_for_status,
        http_stream_backoff,
    )

    url = hf_hub_url(files.repo, file.path, revision=files.revision)
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}  # so that bytes are counted as they lie on the disk
    if came.size:
        headers["Range"] = f"bytes={came.size}-"
    with http_stream_backoff(
        "GET",
        url,
        headers=headers,
        timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
        retry_on_exceptions=(),
        retry_on_status_codes=(408, 429),  # told to wait
    ) as response:
        hf_raise_for_status(response)
        if response.status_code == 200 and came.size:  # the whole file and not the rest
            came.drop()
        for piece in response.iter_bytes():
            came.append(piece)


@contextmanager
def _alone(files: ModelFiles) -> Iterator[None]:
    """No other process fetches the same repository meanwhile: two would write into one partial file."""
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    lock = cache_folder() / ".locks" / repository(files).name / "studio.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(WeakFileLock(lock, timeout=0.5))
        except TimeoutError as error:
            message = f"{files.repo} is just being fetched by another program."
            raise EngineUnavailable(message, "Wait until that is done, or stop it.") from error
        yield


def _check_space(listed: Sequence[tuple[ModelFiles, list[_File]]]) -> None:
    """Raises EngineUnavailable when the disk of the cache cannot hold what is missing."""
    cache, missing = cache_folder(), 0
    for files, wanted in listed:
        blobs = (repository(files) / "blobs").glob("*")
        held = {path.name.removesuffix(PARTIAL): path.stat().st_size for path in blobs}
        missing += sum(max(0, file.size - held.get(file.digest, 0)) for file in wanted)
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if missing and missing + SPARE_BYTES > free:
        raise EngineUnavailable(
            f"{listed[0][0].repo} needs {missing / 1e9:.1f} GB at {cache}, and {free / 1e9:.1f} GB are free.",
            "Free some space, or set HF_HOME to a folder on a larger disk.",
        )


@contextmanager
def _translated(files: ModelFiles) -> Iterator[None]:
    """Errors of the hub, the network and the disk as EngineUnavailable: the one place that knows their types."""
    from huggingface_hub import errors

    network = errors.HTTPError  # type: ignore[attr-defined]  # of httpx or httpx2, by the library's version
    page = f"https://huggingface.co/{files.repo}"
    try:
        yield
    except errors.GatedRepoError as error:
        remedy = f"Accept the terms at {page}, then run: hf auth login (or set HF_TOKEN)"
        raise AccessRefused(f"{files.repo} is open only to those who accept its terms.", remedy) from error
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
