"""Engines, voices, model files and runs as tables for people and as plain values for programs. Writes to no stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from studio import hub, portraits
from studio.engines.base import EngineSpec, Obstacle
from studio.library import LibraryVoice
from studio.models import ModelRow
from studio.runs import Run
from studio.studio import EngineRow
from studio.tables import Table
from studio.upkeep import Report
from studio.voice import Voice


def engines_table(rows: Iterable[EngineRow]) -> Table:
    """What there is to speak with, here and now."""
    cells = [(row.spec.id, _voices_word(row.spec), _memory(row.spec), _state(row.obstacle)) for row in rows]
    return Table(("engine", "voices", "memory", "here"), tuple(cells))


def engines_overview(specs: Iterable[EngineSpec]) -> Table:
    """The table of the README: only what is true on every machine."""
    cells = [
        (
            f"**{spec.title}**<br>`{spec.id}`",
            spec.summary,
            _voices_word(spec),
            " ".join(f"`{cue}`" for cue in spec.cues) or "none",
            f"{_memory(spec)}, {_hardware(spec)}",
            spec.licence,
        )
        for spec in specs
    ]
    return Table(("Engine", "What it is", "Voices", "Sounds it performs", "Memory", "Licence"), tuple(cells))


def _hardware(spec: EngineSpec) -> str:
    if spec.cpu_rtf <= 1:
        return "CPU is enough"
    return f"GPU; a CPU works {spec.cpu_rtf:.0f} s for a second of sound"


def engine_values(row: EngineRow) -> dict[str, Any]:
    """An engine for a program: its spec as plain values and whether it can run here."""
    spec = row.spec
    return {
        "id": spec.id,
        "title": spec.title,
        "summary": spec.summary,
        "can_run": row.obstacle is None,
        "obstacle": asdict(row.obstacle) if row.obstacle else None,
        "voices": [voice.id for voice in spec.voices],
        "clones": spec.clones,
        "cues": list(spec.cues),
        "parameters": [asdict(parameter) for parameter in spec.parameters],
        "languages": list(spec.languages),
        "memory_gb": spec.memory_gb,
        "memory_gb_in_int8": spec.int8.memory_gb if spec.int8 else None,
        "needs_gpu": spec.needs_gpu,
        "sample_rate": spec.sample_rate,
        "limits": asdict(spec.limits),
        "licence": spec.licence,
        "source": spec.source,
        "revision": spec.revision,
    }


def voices_table(presets: Iterable[Voice], recorded: Iterable[LibraryVoice]) -> Table:
    """Voices by engine, and those that every engine that clones can follow."""
    cells = [(voice.engine or "", voice.id, voice.description, voice.language) for voice in presets]
    cells += [("recorded", voice.id, f"{voice.name}, {portraits.length(voice)}", voice.language) for voice in recorded]
    return Table(("engine", "voice", "sounds like", "language"), tuple(cells))


def voice_values(voice: Voice) -> dict[str, Any]:
    """A voice for a program."""
    return {
        "id": voice.id,
        "name": voice.name,
        "engine": voice.engine,
        "description": voice.description,
        "language": voice.language,
    }


def models_table(rows: Iterable[ModelRow]) -> Table:
    """The files of engines: what is here and where the rest comes from."""
    cells = [
        (
            row.engine,
            _on_disk(row),
            amount(row.bytes_needed + row.bytes_of_copies),
            ", ".join(f"{files.repo} @ {files.revision[:7]}" for files in row.files),
        )
        for row in rows
    ]
    return Table(("engine", "on disk", "size", "from the hub"), tuple(cells))


def model_values(row: ModelRow) -> dict[str, Any]:
    """The files of an engine for a program. folder: null until all files of a repository are here."""
    return {
        "engine": row.engine,
        "title": row.title,
        "state": row.state,
        "bytes_needed": row.bytes_needed,
        "bytes_on_disk": row.bytes_on_disk,
        "bytes_of_copies": row.bytes_of_copies,
        "bytes_of_codes": row.bytes_of_codes,
        "can_copy": row.can_copy,
        "access": row.access,
        "files": [
            {
                "repo": files.repo,
                "revision": files.revision,
                "gated": files.gated,
                "folder": str(folder) if (folder := hub.snapshot(files)) else None,
            }
            for files in row.files
        ],
    }


def report_lines(row: ModelRow, report: Report) -> Iterator[str]:
    """What a check found, for people."""
    read = f"{report.count} files, {amount(report.size)}"
    if not report.flaws:
        yield f"{row.engine}: {read}, all as published."
    for flaw in report.flaws:
        yield f"{row.engine}: {flaw.name} of {flaw.files.repo} {flaw.reason}."
    if report.unproven:
        yield f"{row.engine}: {report.unproven} of {read} have no hash here to hold them to."


def report_values(report: Report) -> dict[str, Any]:
    """What a check found, for a program."""
    return {
        "count": report.count,
        "bytes": report.size,
        "unproven": report.unproven,
        "flaws": [
            {"repo": flaw.files.repo, "file": flaw.name, "reason": flaw.reason, "missing": flaw.missing}
            for flaw in report.flaws
        ],
    }


def amount(count: float) -> str:
    """Bytes in decimal units, as disks are sold."""
    if count < 1e9:
        return f"{count / 1e6:.0f} MB" if count >= 1e6 or not count else f"{count / 1e3:.0f} kB"
    return f"{count / 1e9:.1f} GB"


def duration(seconds: float) -> str:
    """A time to wait, roughly."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def runs_table(runs: Iterable[Run]) -> Table:
    """What was spoken, the newest first."""
    cells = [
        (run.id, run.engine, _progress(run), f"{run.seconds:.1f} s" if run.seconds else "", _opening(run))
        for run in runs
    ]
    return Table(("run", "engine", "state", "sound", "begins"), tuple(cells))


def run_values(run: Run) -> dict[str, Any]:
    """A run for a program. `rtf`: seconds of work per second of sound, null before there is any."""
    return {
        "run": run.id,
        "created": run.created,
        "state": run.state,
        "error": run.error,
        "engine": run.engine,
        "seed": run.seed,
        "voices": dict(run.voices),
        "sampling": dict(run.sampling),
        "precision": run.provenance.get("precision", "exact"),
        "passages": run.passages,
        "passages_kept": len(run.takes),
        "seconds": round(run.seconds, 4),
        "loudness_lufs": None if run.loudness_lufs is None else round(run.loudness_lufs, 2),
        "work_seconds": run.work_seconds,
        "rtf": round(run.work_seconds / run.seconds, 4) if run.seconds else None,
        "turns": [
            {
                "turn": timing.turn,
                "speaker": timing.speaker,
                "start": round(timing.start, 4),
                "end": round(timing.end, 4),
                "text": run.script.turns[timing.turn].text,
            }
            for timing in run.timings
        ],
        "notes": list(run.notes),
        "output": str(run.output) if run.output else None,
    }


_ACCESS = {
    "closed": "; accept its terms first, then: hf auth login",
    "unasked": "; its terms must have been accepted",
}


def _on_disk(row: ModelRow) -> str:
    if row.state == "ready":
        copy = f" and {amount(row.bytes_of_copies)} that load faster" if row.bytes_of_copies else ""
        return f"all of it{copy}"
    here = "nothing" if row.state == "absent" else f"{amount(row.bytes_on_disk)} of it"
    return here + _ACCESS.get(row.access, "")


def _voices_word(spec: EngineSpec) -> str:
    named = ", ".join(voice.id for voice in spec.voices[:2])
    more = len(spec.voices) - 2
    return f"{named} and {more} more" if more > 0 else named


def _memory(spec: EngineSpec) -> str:
    return f"{'' if spec.memory_is_measured else 'about '}{spec.memory_gb:g} GB"


def _state(obstacle: Obstacle | None) -> str:
    return f"no: {obstacle.reason} {obstacle.remedy}" if obstacle else "ready"


def _progress(run: Run) -> str:
    return run.state if run.state == "finished" else f"{run.state}, {len(run.takes)} of {run.passages} passages"


def _opening(run: Run) -> str:
    text = run.script.turns[0].text
    return text if len(text) <= 40 else f"{text[:39]}…"
