"""Many scripts into many sound files, each made once: what is to be made, and what is there already.

A file counts as made when its record says that it came of the same words, voices, engine and settings, and it is there
as long as it was written. Knows files and the studio, not on how many machines it is spoken.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio import listings
from studio.disk import aside, read_json, write_json
from studio.engines.base import EngineSpec
from studio.errors import RequestError, StudioError
from studio.events import Finished
from studio.formats import EXTENSIONS, read_script
from studio.formats.reading import MAX_BYTES
from studio.jobs import Asker
from studio.request import SpeechRequest
from studio.runs import Run
from studio.studio import Studio, exported
from studio.takes import recipe

UNDER_WAY = "renders"  # below the data folder: runs and takes of what is not finished
RECORDS = ".rendered"  # below the output folder: what each file was made of
BATCH = Asker("render", batch=True)


@dataclass(frozen=True)
class Wish:
    """What all scripts have in common. engine: its id. form: one of soundfiles.FORMATS."""

    engine: str
    voices: Mapping[str, str] = field(default_factory=dict)
    sampling: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    precision: str = ""
    form: str = "wav"


@dataclass(frozen=True)
class Order:
    """Everything that decides one sound file. digest: of all of it."""

    engine: str
    request: SpeechRequest
    form: str
    digest: str


@dataclass(frozen=True)
class Place:
    """A script, the file that is to be made of it, and where its record goes."""

    script: Path
    target: Path
    record: Path


@dataclass(frozen=True)
class Made:
    """A finished file, on disk for a moment or as bytes that came from elsewhere, and what is told of it."""

    sound: Path | bytes
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of one script. state: "made", "there" (made before) or "failed". seconds: of sound."""

    place: Place
    state: str
    seconds: float = 0.0
    error: StudioError | None = None


Speak = Callable[[Sequence[Order]], Iterator[tuple[Order, Made | StudioError]]]


def places(scripts: Iterable[Path], out: Path, form: str) -> list[Place]:
    """Every script named or below a folder named, hidden ones and those in `out` left aside, in order.

    Raises RequestError when something is not there, nothing is found, or two scripts want the same file.
    """
    found: dict[Path, Path] = {}
    for path in scripts:
        for script in _scripts_of(path, out):
            name = script.relative_to(path) if path.is_dir() else Path(script.name)
            target = out / name.with_suffix(f".{form}")
            if found.setdefault(target, script) != script:
                raise RequestError(
                    f"{found[target]} and {script} would both become {target}.", "Rename one, or render them apart."
                )
    if not found:
        raise RequestError("There is no script.", f"Scripts end in {', '.join(EXTENSIONS)}.")
    return [
        Place(script, target, out / RECORDS / target.relative_to(out).with_suffix(f"{target.suffix}.json"))
        for target, script in found.items()
    ]


def _scripts_of(path: Path, out: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise RequestError(f"There is no {path}.", "Name scripts, or a folder of scripts.")
    return sorted(
        script
        for script in path.rglob("*")
        if script.suffix.lower() in EXTENSIONS
        and script.is_file()
        and not script.is_relative_to(out)
        and not any(part.startswith(".") for part in script.relative_to(path).parts)
    )


def order(studio: Studio, script: Path, wish: Wish) -> Order:
    """What is to be spoken for a script. Raises RequestError or one of its kind."""
    try:
        with script.open("rb") as file:
            parsed = read_script(file.read(MAX_BYTES + 1), str(script), wish.voices)
    except OSError as error:
        raise RequestError(f"{script} cannot be read: {error.strerror or error}.", "Mend its permissions.") from error
    request = studio.request(parsed, wish.engine, wish.voices, wish.sampling, wish.seed, wish.precision)
    device = studio.manager.placement_in(request.precision).name
    return Order(wish.engine, request, wish.form, _digest(studio.spec(wish.engine), device, request, wish.form, studio))


def _digest(spec: EngineSpec, device: str, request: SpeechRequest, form: str, studio: Studio) -> str:
    whole = {"form": form, "lead_in": request.script.lead_in, "watermark": studio.settings.watermark}
    text = json.dumps({**recipe(spec, device, request), **whole}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def render(studio: Studio, wanted: Sequence[Place], wish: Wish, speak: Speak, fresh: bool) -> Iterator[Outcome]:
    """Make what is not there yet, and tell of each script what became of it. Scripts that come to the same are spoken
    once. fresh: make everything anew.
    """
    alike: dict[str, list[Place]] = defaultdict(list)
    todo: dict[str, Order] = {}
    for place in wanted:
        try:
            one = order(studio, place.script, wish)
        except StudioError as error:
            yield Outcome(place, "failed", error=error)
            continue
        seconds = None if fresh else _seconds_made(place, one)
        if seconds is not None:
            yield Outcome(place, "there", seconds)
        else:
            alike[one.digest].append(place)
            todo.setdefault(one.digest, one)
    with closing(speak(list(todo.values()))) as spoken:  # type: ignore[type-var]  # it is a generator
        for one, made in spoken:
            yield from (_delivered(place, one, made) for place in alike[one.digest])


def _seconds_made(place: Place, wanted: Order) -> float | None:
    """How long the sound is that is there already, None when it is not, or came of something else."""
    record = read_json(place.record)
    try:
        if record["digest"] == wanted.digest and place.target.stat().st_size == record["bytes"]:
            return float(record["seconds"])
    except (OSError, KeyError, TypeError, ValueError):
        return None
    return None


def _delivered(place: Place, wanted: Order, made: Made | StudioError) -> Outcome:
    """Put a finished file into its place, whole or not at all; then its record, so that a kill in between costs work
    and nothing else.
    """
    if isinstance(made, StudioError):
        return Outcome(place, "failed", error=made)
    try:
        place.record.unlink(missing_ok=True)
        with aside(place.target) as part:
            if isinstance(made.sound, bytes):
                part.write_bytes(made.sound)
            else:
                shutil.copyfile(made.sound, part)
            size = part.stat().st_size
        write_json(place.record, {"digest": wanted.digest, "bytes": size, **made.values})
    except StudioError as error:
        return Outcome(place, "failed", error=error)
    return Outcome(place, "made", float(made.values["seconds"]))


def one_by_one(studio: Studio, orders: Sequence[Order]) -> Iterator[tuple[Order, Made | StudioError]]:
    """Speak in this process, in order."""
    for one in orders:
        try:
            with rendered(studio, one) as made:
                yield one, made
        except StudioError as error:
            yield one, error


@contextmanager
def rendered(studio: Studio, wanted: Order) -> Iterator[Made]:
    """The finished file of an order; once the block ends well, nothing else of it is left. What was spoken of one that
    was stopped, killed or failed stays, to go on from. Raises StudioError.
    """
    folder, run = studio.settings.data / UNDER_WAY / wanted.digest, None
    with closing(studio.speak_in(folder, wanted.engine, wanted.request, BATCH)) as events:
        for event in events:
            if isinstance(event, Finished):
                run = event.run
    assert run is not None, "a run that does not fail finishes"
    yield Made(exported(run, wanted.form), _told(run))
    shutil.rmtree(folder, ignore_errors=True)


def _told(run: Run) -> dict[str, Any]:
    values = listings.run_values(run)
    return {name: value for name, value in values.items() if name not in ("run", "state", "error", "output")}
