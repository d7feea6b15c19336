"""`Shelf`: what the page asks about model files and memory, as functions from JSON to JSON."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from functools import wraps
from typing import Any

from studio import hub
from studio.engines.base import missing_package
from studio.errands import Errand
from studio.errors import RequestError
from studio.manager import Resident
from studio.models import ModelRow
from studio.studio import Studio
from studio.ui import forms
from studio.ui.forms import Json
from studio.upkeep import held

Answer = Callable[[Any], Json]


class Shelf:
    """One for all visitors. On a shared machine they may look, and change nothing."""

    def __init__(self, studio: Studio, is_shared: bool) -> None:
        self.studio = studio
        self.is_shared = is_shared

    def functions(self) -> list[Answer]:
        """What the page may call, each by its name."""
        changing = (
            self.download, self.halt, self.verify, self.mend, self.copy_size, self.prepare, self.discard, self.unload,
        )  # fmt: skip
        return [self.models, self.look_again, *map(self._unless_shared, changing)]

    def models(self, asked: Json) -> Json:
        """What is on the disk and in memory, and the work that is under way."""
        errand = self.studio.errands.last
        rows = self.studio.models.rows()
        return {
            "rows": [self._row_form(row) for row in rows],
            "memory": self._memory(),
            "disk": None if self.is_shared else _disk(),
            "errand": _errand_form(errand) if errand else None,
            "may_change": not self.is_shared,
        }

    def look_again(self, asked: Json) -> Json:
        """The engines as they are now, with `models`. asked: {engine: whose gate the hub is to be asked about}."""
        importlib.invalidate_caches()  # a package may have come since
        if asked.get("engine") and not self.is_shared:
            self.studio.models.ask_access(str(asked["engine"]))
        return {"engines": [forms.engine_form(row) for row in self.studio.engines()], "models": self.models({})}

    def download(self, asked: Json) -> Json:
        """Begin to fetch an engine's files, or go on. asked: {engine}."""
        self.studio.errands.begin("download", str(asked["engine"]))
        return self.models({})

    def halt(self, asked: Json) -> Json:
        """Stop what is under way; what has come is kept."""
        self.studio.errands.stop()
        return self.models({})

    def verify(self, asked: Json) -> Json:
        """Begin to check an engine's files. asked: {engine}."""
        self.studio.errands.begin("check", str(asked["engine"]))
        return self.models({})

    def mend(self, asked: Json) -> Json:
        """Begin to fetch anew what the last check found damaged. asked: {engine}."""
        self.studio.errands.begin("mend", str(asked["engine"]))
        return self.models({})

    def copy_size(self, asked: Json) -> Json:
        """How large a copy would be that loads faster. asked: {engine}."""
        return {"bytes": self.studio.models.copy_bytes(str(asked["engine"]))}

    def prepare(self, asked: Json) -> Json:
        """Begin to write the copy that loads faster. asked: {engine}."""
        self.studio.errands.begin("prepare", str(asked["engine"]))
        return self.models({})

    def discard(self, asked: Json) -> Json:
        """Delete an engine's files, or only the copy that was made of them. asked: {engine, copy}."""
        delete = self.studio.models.delete_copy if asked.get("copy") is True else self.studio.models.delete
        freed = delete(str(asked["engine"]))
        return {"freed": freed, **self.look_again({})}

    def unload(self, asked: Json) -> Json:
        """Give an engine's memory back. asked: {engine}."""
        engine_id = str(asked["engine"])
        if self.studio.manager.is_loaded(engine_id) and not self.studio.manager.unload(engine_id):
            raise RequestError(
                f"{self.studio.spec(engine_id).title} is speaking just now.", "Stop it, or wait until it is done."
            )
        return self.models({})

    def _unless_shared(self, function: Answer) -> Answer:
        @wraps(function)
        def allowed(asked: Any) -> Json:
            if self.is_shared:
                raise RequestError("Only who runs this studio may change its models.", "There: python -m studio models")
            return function(asked)

        return allowed

    def _row_form(self, row: ModelRow) -> Json:
        has_packages = missing_package(self.studio.spec(row.engine)) is None
        return {
            "engine": row.engine,
            "title": row.title,
            "state": row.state,
            "needed": row.bytes_needed,
            "here": row.bytes_on_disk,
            "missing": row.bytes_missing,
            "copies": row.bytes_of_copies,
            "codes": row.bytes_of_codes,
            "can_copy": row.can_copy,
            "access": row.access,
            # whether the files are all that is missing, and whoever looks may fetch them
            "offered": row.state != "ready" and has_packages and not self.is_shared,
            "parts": [
                {
                    "repo": files.repo,
                    "revision": files.revision,
                    "url": f"https://huggingface.co/{files.repo}",
                    "here": sum(held([files]).values()),
                    "gated": files.gated,
                }
                for files in row.files
            ],
        }

    def _memory(self) -> Json:
        manager, residents = self.studio.manager, self.studio.manager.loaded()
        return {
            "loaded": [_resident_form(resident) for resident in residents],
            "used_gb": sum(resident.memory_gb for resident in residents),
            "budget_gb": manager.budget_gb(),
            "is_set": self.studio.settings.budget_gb is not None,
        }


def _resident_form(resident: Resident) -> Json:
    spec = resident.engine.spec
    return {
        "engine": resident.id,
        "title": spec.title,
        "gb": resident.memory_gb,
        "precision": resident.precision,
        "is_measured": spec.memory_is_measured and resident.precision == "exact",
        "is_speaking": resident.users > 0,
    }


def _disk() -> Json:
    cache = hub.cache_folder()
    standing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    return {"folder": str(cache), "free": shutil.disk_usage(standing).free}


def _errand_form(errand: Errand) -> Json:
    report = errand.report
    return {
        "kind": errand.kind,
        "engine": errand.engine,
        "title": errand.title,
        "number": errand.number,
        "state": errand.state,
        "over": errand.is_over,
        "done": errand.done,
        "total": errand.total,
        "speed": errand.bytes_per_second,
        "left": errand.seconds_left,
        "error": forms.problem(errand.error) if errand.error else None,
        "report": report
        and {
            "count": report.count,
            "size": report.size,
            "unproven": report.unproven,
            "flaws": [{"repo": flaw.files.repo, "file": flaw.name, "reason": flaw.reason} for flaw in report.flaws],
        },
    }
