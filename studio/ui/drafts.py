"""Scripts being written, one file for each browser, in case a browser forgets. Knows files, not what is in a draft."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from studio.disk import read_json, write_json
from studio.errors import RequestError

MAX_CHARACTERS = 2_000_000
MAX_DRAFTS = 200
_BROWSER = re.compile(r"[0-9a-f]{32}")


class Drafts:
    """The drafts below one folder: `<browser>.json`, written whole or not at all, at most MAX_DRAFTS."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, browser: str, desk: Any) -> None:
        """Keep what this browser is writing. Raises RequestError for a bad id or a draft too large, OutputError."""
        if not _BROWSER.fullmatch(browser):
            raise RequestError("This is not the id of a browser.", "Reload the page.")
        if len(json.dumps(desk)) > MAX_CHARACTERS:
            raise RequestError("The draft is too large to be kept.", "Split the script.")
        write_json(self.folder / f"{browser}.json", desk)
        for old in self._by_age()[MAX_DRAFTS:]:
            old.unlink(missing_ok=True)

    def latest(self) -> Any:
        """The draft written last by any browser, or None."""
        files = self._by_age()
        return read_json(files[0]) if files else None

    def _by_age(self) -> list[Path]:
        """Newest first."""
        files = [path for path in self.folder.glob("*.json") if _BROWSER.fullmatch(path.stem)]
        return sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)
