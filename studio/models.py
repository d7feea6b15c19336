"""The model files of every engine that has any: what is on the disk, and how it comes, is checked and goes.

An engine says in its FILES what it needs. Knows no page and shows nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from studio import download, engines, hub, upkeep
from studio.engines import prepared, remembered
from studio.errors import AccessRefused, EngineUnavailable, RequestError
from studio.hub import ModelFiles, Progress, Stopped
from studio.manager import ModelManager
from studio.upkeep import Report

Access = Literal["free", "granted", "unasked", "closed"]


@dataclass(frozen=True)
class ModelRow:
    """The files of one engine, sizes in bytes.

    files: a repository each; none for an engine that needs none and is therefore ready. bytes_on_disk: whole and
    partial files. bytes_of_copies: what we made of them to load faster; can_copy: whether we can. bytes_of_codes: of
    recordings that the engine has encoded before, and which go with the copies and the files. access: to gated
    repositories; "granted" when the hub said so or the files are here, "unasked" when a token is here that may or may
    not open them, "closed" when there is no token or the hub refused it.
    """

    engine: str
    title: str
    files: tuple[ModelFiles, ...]
    state: Literal["ready", "partial", "absent"]
    bytes_on_disk: int = 0
    bytes_of_copies: int = 0
    can_copy: bool = False
    bytes_of_codes: int = 0
    access: Access = "free"

    @property
    def bytes_needed(self) -> int:
        """All of it: exact once it is here, before that as known when the engine was written."""
        return self.bytes_on_disk if self.state == "ready" else sum(files.size for files in self.files)

    @property
    def bytes_missing(self) -> int:
        return max(0, self.bytes_needed - self.bytes_on_disk)

    @property
    def gated(self) -> tuple[ModelFiles, ...]:
        """The repositories whose terms a person must accept."""
        return tuple(files for files in self.files if files.gated)


class Models:
    """One for the process. Long work (download, check, delete) is done by one caller at a time; a second is refused."""

    def __init__(self, manager: ModelManager) -> None:
        self._manager = manager
        self._copies = manager.placement.models / prepared.FOLDER
        self._busy = threading.Lock()
        self._doing = ""
        self._answers: dict[str, Access] = {}  # of the hub, by repository

    def rows(self) -> list[ModelRow]:
        """The engines that have files, in menu order. Looks at the disk only, in milliseconds."""
        return [row for row in map(self._row_or_none, engines.MODULES) if row and row.files]

    def row(self, engine_id: str) -> ModelRow:
        """One engine's files. Raises UnknownEngine, EngineUnavailable if the engine is broken."""
        module = engines.module(engine_id)
        files: tuple[ModelFiles, ...] = getattr(module, "FILES", ())
        here = all(hub.snapshot(one) for one in files)
        held = upkeep.held(files)
        row = ModelRow(
            engine_id,
            module.SPEC.title,
            files,
            "ready" if here else "partial" if held else "absent",
            sum(held.values()),
            sum(upkeep.copies(held, self._copies).values()),
            bool(files) and here and hasattr(module, "prepare"),
            sum(path.stat().st_size for path in self._codes(engine_id)),
        )
        return replace(row, access=self._access(row))

    def is_sound(self, engine_id: str) -> bool:
        """Whether all files of an engine are here, and whole as far as a glance tells."""
        row = self.row(engine_id)
        return row.state == "ready" and not upkeep.glance(row.files)

    def download(self, engine_id: str, progress: Progress, stopped: Callable[[], bool] = lambda: False) -> ModelRow:
        """Fetch what is missing, or is damaged to be seen at a glance, of all repositories of an engine.

        progress: over all of them. Raises Stopped, EngineUnavailable (AccessRefused when terms must be accepted),
        RequestError when another is being fetched or damaged files are in use.
        """
        row = self.row(engine_id)
        with self._alone(f"{row.title} is being fetched"):
            damaged = [flaw for flaw in upkeep.glance(row.files) if not flaw.missing]
            if damaged:
                self._unload(row)
                upkeep.remove_flawed(damaged)
            try:
                download.download_all(row.files, progress, stopped)
            except AccessRefused:
                self._answers.update({files.repo: "closed" for files in row.gated})
                raise
        self._answers.update({files.repo: "granted" for files in row.gated})
        return self.row(engine_id)

    def check(self, engine_id: str, progress: Progress, stopped: Callable[[], bool] = lambda: False) -> Report:
        """Read all files of an engine that are here and hold them to their hashes. Raises Stopped, RequestError."""
        row = self.row(engine_id)
        with self._alone(f"{row.title} is being checked"):
            return upkeep.check(row.files, progress, stopped)

    def mend(self, engine_id: str, report: Report) -> int:
        """Remove the damaged files that a check found, so that a download brings them. Gives the bytes freed.

        Raises RequestError while the engine speaks or other work is being done, OutputError.
        """
        row = self.row(engine_id)
        with self._alone(f"{row.title} is being mended"):
            self._unload(row)
            return upkeep.remove_flawed(report.flaws)

    def delete(self, engine_id: str) -> int:
        """Remove the files of an engine that no other engine here needs, and what we made of them. Gives bytes freed.

        Raises RequestError while the engine speaks or other work is being done, OutputError.
        """
        row = self.row(engine_id)
        with self._alone(f"{row.title} is being deleted"):
            self._unload(row)
            keep = self._needed_by_others(row)
            copies = upkeep.copies(upkeep.held(set(row.files) - set(keep)), self._copies)
            return upkeep.delete(row.files, keep) + upkeep.remove([*copies, *self._codes(engine_id)])

    def copy_bytes(self, engine_id: str) -> int:
        """How large the copy would be that loads faster. Imports the model's code, which takes seconds once.

        Raises RequestError for an engine that makes none, EngineUnavailable when its files are not here.
        """
        return int(self._copying(engine_id).copy_bytes(self._manager.placement))

    def prepare(self, engine_id: str, progress: Progress, stopped: Callable[[], bool] = lambda: False) -> ModelRow:
        """Write the copy that loads faster, whole or not at all; copies for an older version of the engine go.

        Raises Stopped, RequestError as `copy_bytes` does and while other work is being done, EngineUnavailable when the
        files are damaged, OutputError when the disk is too small.
        """
        module, row = self._copying(engine_id), self.row(engine_id)

        def tell(done: int, total: int) -> None:
            if stopped():
                raise Stopped
            progress(done, total, done)

        with self._alone(f"A copy of {row.title} is being written"):
            made = module.prepare(self._manager.placement, tell)
            upkeep.remove(path for path in upkeep.copies(upkeep.held(row.files), self._copies) if path != made)
        return self.row(engine_id)

    def delete_copy(self, engine_id: str) -> int:
        """Remove what we made of an engine's files, which stay. Gives the bytes freed. Raises as `delete`."""
        row = self.row(engine_id)
        with self._alone(f"{row.title} is being deleted"):
            self._unload(row)
            copies = upkeep.copies(upkeep.held(row.files), self._copies)
            return upkeep.remove([*copies, *self._codes(engine_id)])

    def _codes(self, engine_id: str) -> list[Path]:
        """The recordings that an engine has encoded before."""
        return remembered.kept(self._manager.placement.models / remembered.FOLDER / engine_id)

    def _copying(self, engine_id: str) -> Any:
        """The module of an engine that makes copies. Raises RequestError."""
        module = engines.module(engine_id)
        if not hasattr(module, "prepare"):
            raise RequestError(f"{module.SPEC.title} loads at once as it is.", "It needs no copy.")
        return module

    def ask_access(self, engine_id: str) -> ModelRow:
        """Ask the hub whether it gives the engine's gated files to whoever is logged in here.

        Raises AccessRefused, EngineUnavailable when the hub cannot be reached.
        """
        for files in self.row(engine_id).gated:
            try:
                download.check_access(files)
            except AccessRefused:
                self._answers[files.repo] = "closed"
                raise
            self._answers[files.repo] = "granted"
        return self.row(engine_id)

    def _row_or_none(self, engine_id: str) -> ModelRow | None:
        try:
            return self.row(engine_id)
        except EngineUnavailable:  # a broken engine, which the menu tells
            return None

    def _access(self, row: ModelRow) -> Access:
        if not row.gated:
            return "free"
        if row.state == "ready":
            return "granted"
        unknown: Access = "unasked" if hub.has_token() else "closed"
        answers = {self._answers.get(files.repo, unknown) for files in row.gated}
        return next(answer for answer in ("closed", "unasked", "granted") if answer in answers)

    def _needed_by_others(self, row: ModelRow) -> tuple[ModelFiles, ...]:
        """The files of other engines that have files of their own here: what they share with this one stays."""
        others = [other for other in self.rows() if other.engine != row.engine]
        return tuple(
            files for other in others if upkeep.held(set(other.files) - set(row.files)) for files in other.files
        )

    def _unload(self, row: ModelRow) -> None:
        if self._manager.is_loaded(row.engine) and not self._manager.unload(row.engine):
            raise RequestError(f"{row.title} is speaking just now.", "Stop it, or wait until it is done.")

    @contextmanager
    def _alone(self, doing: str) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise RequestError(f"{self._doing} just now.", "Wait until that is done, or stop it.")
        self._doing = doing
        try:
            yield
        finally:
            self._busy.release()
