"""`compare`: one script by several engines and seeds, each into a file, and a table of what was measured."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.console import Console

from studio.cli.delivery import check_place, deliver
from studio.cli.say import read_script
from studio.cli.terminal import Stopped, opened, put, put_json, tell
from studio.disk import cannot_write
from studio.errors import RequestError, UnknownCast, suggest
from studio.export.comparison import KINDS, write
from studio.export.manifest import stem
from studio.script import Script, speaker_id
from studio.studio import Studio
from studio.tables import Table
from studio.trials.comparison import Comparison, Entry, sweep
from studio.trials.renderings import Rendering
from studio.trials.trials import Trials


def run(options: argparse.Namespace) -> int:
    """Render, write the sounds to the folder, print the table. 1 when an entry failed. Raises StudioError."""
    voices = {speaker_id(who): voice for who, voice in options.voice}
    scripts = [read_script(source, voices).script for source in _sources(options.script)]
    _check_exports(options.export, len(scripts))
    _make(options.output)
    with opened() as studio:
        trials = Trials(studio)
        _check_speakers(voices, scripts)
        series = trials.begin_series(scripts, _entries(studio, options, voices))
        try:
            _render(trials, series)
        finally:
            told = [_written(trials, one, _place(options.output, series, one)) for one in series]
        if options.json:
            put_json(told[0] if len(told) == 1 else {"series": series[0].series, "comparisons": told})
        for comparison, one in zip(series, told, strict=True):
            _show(comparison, one["entries"], options.json)
        for path in options.export:
            write(trials, series[0], path)
    target = series[0].series or series[0].id
    tell(
        f"Comparison {target}. Hear it, side by side or blind, in the page's Compare tab; "
        f"for others: compare --serve-votes {target}"
    )
    return int(any(row["state"] != "finished" for one in told for row in one["entries"]))


def export(options: argparse.Namespace) -> int:
    """Write an earlier comparison to files. Raises RequestError, OutputError."""
    _check_exports(options.export)
    with opened() as studio:
        trials = Trials(studio)
        comparison = trials.store.get(options.of)
        for path in options.export:
            write(trials, comparison, path)
    if options.json:
        put_json({"comparison": comparison.id, "files": [str(path) for path in options.export]})
    return 0


def _check_exports(paths: Sequence[Path], scripts: int = 1) -> None:
    """Raises RequestError before the long work when its result could not be written."""
    for path in paths:
        if path.suffix.lower() not in KINDS:
            raise RequestError(f"--export {path} is no file of a comparison.", f"Let it end in {' or '.join(KINDS)}.")
        check_place(path)
    if paths and scripts > 1:
        raise RequestError("--export writes one script, and these are several.", "Export each with --of ID afterwards.")


def _sources(words: Sequence[str]) -> list[str]:
    """The files that are meant: a folder is all scripts in it, by name. Raises RequestError for one without any."""
    found: list[str] = []
    for word in words:
        if not Path(word).is_dir():
            found.append(word)
            continue
        inside = sorted(path for path in Path(word).iterdir() if path.suffix.lower() in (".txt", ".json"))
        if not inside:
            raise RequestError(f"There is no script in {word}.", "Put .txt files there.")
        found += map(str, inside)
    return found


def _place(folder: Path, series: Sequence[Comparison], comparison: Comparison) -> Path:
    """Where the sounds of a script go: a folder of its own, if there are several."""
    if len(series) == 1:
        return folder
    place = folder / f"{series.index(comparison) + 1}-{stem(comparison.name)}"
    _make(place)
    return place


def _check_speakers(voices: dict[str, str], scripts: Sequence[Script]) -> None:
    """Raises UnknownCast for a voice that is given to nobody."""
    speakers = {speaker for script in scripts for speaker in script.speakers}
    for speaker in voices:
        if speaker not in speakers:
            raise UnknownCast(f"Nobody is called {speaker!r} in the script.", suggest(speaker, sorted(speakers)))


def _written(trials: Trials, comparison: Comparison, folder: Path) -> dict[str, Any]:
    """Write what is spoken, and tell of all of it."""
    written = _write(trials, comparison, folder)
    names, renderings = trials.labels(comparison), trials.store.renderings(comparison)
    rows = [values(*row) for row in zip(names, comparison.entries, renderings, written, strict=True)]
    return {"comparison": comparison.id, "entries": rows}


def _show(comparison: Comparison, rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    if not as_json:
        if comparison.series:
            put(f"“{comparison.name}”")
        put(str(table(rows)))
    for row in rows:
        if row["reason"]:
            tell(f"{row['label']} failed: {row['reason']} {row['remedy']}".rstrip())


def _make(folder: Path) -> None:
    """The folder, and proof that it can be written to, before anything is spoken. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    check_place(folder / "sound.wav")


def _entries(studio: Studio, options: argparse.Namespace, voices: dict[str, str]) -> list[Entry]:
    """An entry for each engine, seed and value. A voice is given only to engines that have it."""
    engines = [word.strip() for word in options.engines.split(",") if word.strip()]
    entries: list[Entry] = []
    for engine in engines:
        studio.spec(engine)
        one = Entry(engine, voices=voices, precision=options.precision)
        entries += [seeded for base in _swept(one, options.sweep) for seeded in sweep(base, _seeds(options.seeds))]
    return entries


def _swept(entry: Entry, wanted: str | None) -> list[Entry]:
    if not wanted:
        return [entry]
    name, _, words = wanted.partition("=")
    try:
        return sweep(entry, name=name.strip(), values=[float(word) for word in words.split(",")])
    except ValueError:
        raise RequestError(f"--sweep {wanted} is not of the form name=0.7,1.0.") from None


def _seeds(wanted: str) -> Sequence[int]:
    """ "3" is how many, "0,7" are which. Raises RequestError."""
    try:
        numbers = [int(word) for word in wanted.split(",")]
    except ValueError:
        raise RequestError(f"--seeds {wanted} is neither a number nor seeds with commas between them.") from None
    return range(numbers[0]) if len(numbers) == 1 else numbers


def _render(trials: Trials, series: Sequence[Comparison]) -> None:
    """Follow the rendering. Raises Stopped at Ctrl-C."""
    names = dict(zip((entry.id for entry in series[0].entries), trials.labels(series[0]), strict=True))
    try:
        with Console(stderr=True).status("Rendering") as status, closing(trials.render_series(series)) as told:
            for _, rendering in told:
                status.update(f"{names[rendering.entry]}: {rendering.doing or rendering.state}")
    except KeyboardInterrupt:
        done = sum(one.is_ready for comparison in series for one in trials.store.renderings(comparison))
        raise Stopped(
            f"Stopped; {done} of {len(series) * len(series[0].entries)} entries are kept.",
            "The same again speaks only the rest.",
        ) from None


def _write(trials: Trials, comparison: Comparison, folder: Path) -> list[Path | None]:
    """A file for each entry that is spoken, named by what it is. Raises OutputError."""
    written: list[Path | None] = []
    renderings = trials.store.renderings(comparison)
    for number, (rendering, label) in enumerate(zip(renderings, trials.labels(comparison), strict=True), 1):
        if not rendering.is_ready:
            written.append(None)
            continue
        path = folder / f"{number}-{stem(label)}.wav"
        deliver(trials.store.sounds / rendering.sound, path)
        written.append(path)
    return written


def values(label: str, entry: Entry, rendering: Rendering, path: Path | None) -> dict[str, Any]:
    """An entry for a program."""
    words, mos = (rendering.measures.get(name, {}) for name in ("words", "mos"))
    return {
        "label": label,
        **entry.values,
        "state": rendering.state,
        "reason": rendering.reason,
        "remedy": rendering.remedy,
        "file": str(path) if path else None,
        "seconds": rendering.seconds,
        "rtf": rendering.rtf,
        "loudness_lufs": rendering.loudness_lufs,
        "wer": words.get("wer"),
        "mos": mos.get("value"),
        "measures": dict(rendering.measures),
        "takes": list(rendering.takes),
    }


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """The entries for a terminal."""

    def cell(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    cells = [
        (
            row["label"],
            row["state"],
            cell(row["seconds"] or None, ".1f"),
            cell(row["rtf"], ".3f"),
            cell(row["loudness_lufs"], ".1f"),
            cell(row["wer"], ".1%"),
            cell(row["mos"], ".2f"),
            row["file"] or "",
        )
        for row in rows
    ]
    return Table(("entry", "state", "seconds", "rtf", "LUFS", "WER", "MOS", "file"), tuple(cells))
