"""Models and voices as clients of OpenAI's API list them, and whether we are ready. Loads and speaks nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.responses import JSONResponse

from studio.api import names, recorded
from studio.api.problems import Problem
from studio.studio import EngineRow, Studio
from studio.voice import Voice

CREATED = 1767225600  # 2026-01-01, since clients want a number and an engine has no birthday
Json = dict[str, Any]


def models(studio: Studio) -> Json:
    """Every engine by its id, then the other names that are understood."""
    rows = {row.spec.id: row for row in studio.engines()}
    others = [_model(rows[engine_id], name) for name, engine_id in names.MODELS.items() if engine_id in rows]
    listed = [*(_model(row, row.spec.id) for row in rows.values()), *others]
    return {"object": "list", "data": listed, "models": listed}


def model(studio: Studio, name: str) -> Json:
    """One of them. Raises UnknownEngine."""
    rows = {row.spec.id: row for row in studio.engines()}
    return _model(rows[names.model(name, rows).id], name)


def voices(studio: Studio, model_name: str) -> Json:
    """The voices of all engines, or of one, then OpenAI's names and recorded ones. Raises UnknownEngine."""
    rows = {row.spec.id: row for row in studio.engines()}
    wanted = [rows[names.model(model_name, rows).id]] if model_name else list(rows.values())
    listed = [_voice(voice, row.spec.id) for row in wanted for voice in row.spec.voices]
    aliased = [row.spec for row in wanted if row.spec.id == names.BUILT_IN or model_name]
    listed += [
        {"id": name, "object": "voice", "name": name.title(), "model": spec.id, "alias_of": own}
        for spec in aliased
        for name in names.VOICES
        if (own := names.openai_voice(name, spec))
    ]
    if any(row.spec.clones for row in wanted):
        listed += recorded.listed(studio)
    return {"object": "list", "voices": listed, "data": listed}


def readiness(studio: Studio) -> JSONResponse:
    """Whether a request for speech would begin at once or wait its turn."""
    loaded = [resident.id for resident in studio.manager.loaded()]
    state = "stopping" if studio.runner.refuses else "ready" if studio.is_warm or loaded else "starting"
    values = {"status": state, "jobs": studio.runner.busy(), "loaded": loaded}
    if state == "ready":
        return JSONResponse(values)
    problem = Problem(503, f"The studio is {state}.", f"studio_{state}", retry_after=1)
    return problem.response(values=values)


def _model(row: EngineRow, name: str) -> Json:
    spec = row.spec
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "dialogue-studio",
        "name": spec.title,
        "description": spec.summary,
        "ready": row.obstacle is None,
        "obstacle": asdict(row.obstacle) if row.obstacle else None,
        "alias_of": None if name == spec.id else spec.id,
        "languages": list(spec.languages),
        "cues": list(spec.cues),
        "max_speakers": spec.max_speakers,
        "sample_rate": spec.sample_rate,
        "licence": spec.licence,
        "sampling": [asdict(parameter) for parameter in spec.parameters],
    }


def _voice(voice: Voice, engine_id: str) -> Json:
    return {
        "id": voice.id,
        "object": "voice",
        "name": voice.name,
        "model": engine_id,
        "description": voice.description,
        "language": voice.language,
    }
