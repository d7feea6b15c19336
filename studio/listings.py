"""Engines, voices and runs as tables for people and as plain values for programs. Writes to no stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from studio.engines.base import EngineSpec, Obstacle
from studio.studio import EngineRow
from studio.takes import Run
from studio.voice import Voice


@dataclass(frozen=True)
class Table:
    """A heading a column, and rows of as many words."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        """Columns side by side. The last is not cut: a terminal wraps it, a pipe takes it whole."""
        lines = (self.heads, *self.rows)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)

    def markdown(self) -> str:
        """The table as GitHub reads it."""
        lines = [self.heads, tuple("---" for _ in self.heads), *self.rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


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
            f"{_memory(spec)}, {'GPU' if spec.needs_gpu else 'CPU is enough'}",
            spec.licence,
        )
        for spec in specs
    ]
    return Table(("Engine", "What it is", "Voices", "Sounds it performs", "Memory", "Licence"), tuple(cells))


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
        "needs_gpu": spec.needs_gpu,
        "sample_rate": spec.sample_rate,
        "limits": asdict(spec.limits),
        "licence": spec.licence,
        "source": spec.source,
        "revision": spec.revision,
    }


def voices_table(voices: Sequence[Voice]) -> Table:
    """Voices by engine."""
    cells = [(voice.engine or "", voice.id, voice.description, voice.language) for voice in voices]
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


def _voices_word(spec: EngineSpec) -> str:
    named = ", ".join(voice.id for voice in spec.voices[:2])
    more = len(spec.voices) - 2
    presets = f"{named} and {more} more" if more > 0 else named
    return " + ".join(filter(None, (presets, "your own recordings" if spec.clones else "")))


def _memory(spec: EngineSpec) -> str:
    return f"{spec.memory_gb:g} GB"


def _state(obstacle: Obstacle | None) -> str:
    return f"no: {obstacle.reason} {obstacle.remedy}" if obstacle else "ready"


def _progress(run: Run) -> str:
    return run.state if run.state == "finished" else f"{run.state}, {len(run.takes)} of {run.passages} passages"


def _opening(run: Run) -> str:
    text = run.script.turns[0].text
    return text if len(text) <= 40 else f"{text[:39]}…"
