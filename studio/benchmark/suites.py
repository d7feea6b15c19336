"""Suites: the scripts that every engine of a benchmark speaks. Reads ours, a person's folder, and two formats in which
others publish: seed-tts-eval's `meta.lst` and EmergentTTS-Eval's JSON lines.

A line that cannot be read is told with its number; the others are used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from studio import formats
from studio.errors import RequestError, ScriptError, suggest
from studio.script import Script, Turn

FOLDER = Path(__file__).parents[2] / "assets" / "benchmarks"
MOST_ITEMS = 5000
MOST_BYTES = 50_000_000
SPEAKER = "S1"


@dataclass(frozen=True)
class Reference:
    """A recording that a speaker is to follow, and its words."""

    path: Path
    transcript: str


@dataclass(frozen=True)
class Item:
    """One script of a suite. references: speaker -> recording, where the suite brings its voices."""

    id: str
    script: Script
    references: dict[str, Reference] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """As plain JSON; `Item.of` is the same again."""
        references = {who: [str(one.path), one.transcript] for who, one in self.references.items()}
        return {"id": self.id, "script": json.loads(formats.to_json(self.script)), "references": references}

    @staticmethod
    def of(values: dict[str, Any]) -> Item:
        script = formats.read_text(json.dumps(values["script"])).script
        found = {who: Reference(Path(path), words) for who, (path, words) in values["references"].items()}
        return Item(values["id"], script, found)


@dataclass(frozen=True)
class Suite:
    """Scripts and where they come from. broken: what could not be read, a sentence each."""

    id: str
    title: str
    source: str
    licence: str
    items: tuple[Item, ...]
    broken: tuple[str, ...] = ()


def ours(folder: Path = FOLDER) -> list[Suite]:
    """The suites that come with the studio, shortest name first in the order of their files."""
    return [_own(path) for path in sorted(folder.glob("*.json"))]


def find(word: str, folder: Path = FOLDER) -> Suite:
    """A suite of ours by its id, or one in a file or folder. Raises RequestError."""
    path = folder / f"{word}.json"
    if word.replace("-", "").isalnum() and path.is_file():
        return _own(path)
    if Path(word).expanduser().exists():
        return read(Path(word).expanduser())
    known = [path.stem for path in folder.glob("*.json")]
    raise RequestError(f"There is no suite {word!r}, and no such file or folder.", suggest(word, sorted(known)))


def read(path: Path) -> Suite:
    """A suite from outside: a folder of scripts, a `meta.lst`, a .jsonl. Raises RequestError when nothing is in it."""
    if path.is_dir() and not (path / "meta.lst").is_file():
        return _checked(path, "a folder of scripts", list(_folder(path)))
    path = path / "meta.lst" if path.is_dir() else path
    if path.suffix == ".lst":
        return _checked(path, "in the format of seed-tts-eval", list(_meta(path)))
    if path.suffix in (".jsonl", ".json") and not _is_script(path):
        return _checked(path, "in the format of EmergentTTS-Eval", list(_emergent(path)))
    return _checked(path, "one script", [_script(path)])


Found = Item | str  # or what is wrong with it


def _checked(path: Path, kind: str, found: list[Found]) -> Suite:
    items = _apart([one for one in found if isinstance(one, Item)])
    broken = tuple(one for one in found if isinstance(one, str))
    if not items:
        raise RequestError(f"{path} holds no script that can be spoken. {' '.join(broken[:3])}".strip(), "Mend it.")
    if len(items) > MOST_ITEMS:
        raise RequestError(f"{path} holds {len(items)} scripts; {MOST_ITEMS} are the most.", "Take a part of it.")
    return Suite(str(path.resolve()), path.stem, f"{path}, {kind}", "as its owner says", tuple(items), broken)


def _apart(items: list[Item]) -> list[Item]:
    """The items, a number behind every name that was there before: a row knows its script by its name."""
    known = {item.id for item in items}
    found: dict[str, Item] = {}
    for item in items:
        name = item.id
        if name in found:
            name = next(one for at in count(2) if (one := f"{item.id}-{at}") not in known)
            known.add(name)
        found[name] = replace(item, id=name)
    return list(found.values())


def _own(path: Path) -> Suite:
    """One of ours: {title, source, licence, items: {id: text of a script}}."""
    told = json.loads(path.read_text(encoding="utf-8"))
    items = tuple(Item(name, Script.parse(text)) for name, text in told["items"].items())
    return Suite(path.stem, told["title"], told["source"], told["licence"], items)


def _folder(folder: Path) -> Iterator[Found]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in formats.EXTENSIONS and not path.name.startswith("."):
            yield _script(path)


def _script(path: Path) -> Found:
    try:
        return Item(path.stem, formats.read(_bytes(path), path.name).script)
    except (ScriptError, RequestError) as error:
        return str(error)


def _bytes(path: Path) -> bytes:
    """Raises RequestError when it cannot be read or is too large."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RequestError(f"{path.name} is larger than {MOST_BYTES // 1_000_000} MB.", "Take a part of it.")
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}.", "Choose another.") from error


def _is_script(path: Path) -> bool:
    """Whether a JSON file is a script of ours and no list."""
    try:
        told = json.loads(_bytes(path))
    except ValueError:
        return False
    return isinstance(told, dict) and "turns" in told


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not empty. A line feed alone ends one: what Unicode calls a line may lie in a text."""
    text = _bytes(path).decode("utf-8-sig", errors="replace")
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _meta(path: Path) -> Iterator[Found]:
    """seed-tts-eval (github.com/BytedanceSpeech/seed-tts-eval): `id|words of the prompt|prompt.wav|text to speak`, with
    a fifth field, the true recording, in some files; paths are relative to the list.
    """
    for number, line in _lines(path):
        fields = line.split("|")
        if len(fields) not in (4, 5):
            yield f"{path.name}, line {number}: 4 or 5 fields between | are wanted, not {len(fields)}."
            continue
        name, words, prompt, text = (part.strip() for part in fields[:4])
        sound = (path.parent / prompt.replace("\0", "")).resolve()
        if not sound.is_relative_to(path.parent.resolve()) or not sound.is_file():
            yield f"{path.name}, line {number}: {prompt} is not a file beside the list."
            continue
        yield _one(name or f"line-{number}", text, f"{path.name}, line {number}", {SPEAKER: Reference(sound, words)})


def _emergent(path: Path) -> Iterator[Found]:
    """EmergentTTS-Eval (github.com/boson-ai/EmergentTTS-Eval-public): a JSON object a line with `text_to_synthesize`,
    and `unique_id_eval` and `category` where they are given.
    """
    for number, line in _lines(path):
        try:
            told = json.loads(line)
            text = told["text_to_synthesize"]
            if not isinstance(text, str):
                raise TypeError(f"it is {text!r}")
        except (ValueError, KeyError, TypeError) as error:
            yield f"{path.name}, line {number}: no object with text_to_synthesize ({error})."
            continue
        name = "-".join(str(told[key]) for key in ("category", "unique_id_eval") if key in told) or f"line-{number}"
        yield _one(name, text, f"{path.name}, line {number}")


def _one(name: str, text: str, where: str, references: dict[str, Reference] | None = None) -> Found:
    try:
        return Item(name, Script((Turn(SPEAKER, text),)), references or {})
    except ScriptError as error:
        return f"{where}: {error}"
