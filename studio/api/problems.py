"""Errors as clients of OpenAI's API read them: {"error": {message, type, param, code}}. Knows no route."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from studio import errors

OURS = ("/v1", "/healthz", "/readyz", "/metrics")  # other paths are the page's, and so are the forms of their errors

# the first that fits: kind of error -> status
STATUSES: tuple[tuple[type[errors.StudioError], int], ...] = (
    (errors.UnknownEngine, 404),
    (errors.UnknownVoice, 404),
    (errors.RequestError, 400),
    (errors.AccessRefused, 403),
    (errors.QueueFull, 429),
    (errors.EngineUnavailable, 503),
    (errors.Unspeakable, 400),
    (errors.AudioError, 400),
)
PARAMS = {
    "model_not_found": "model",
    "voice_not_found": "voice",
    "invalid_script": "input",
    "text_not_speakable": "input",
}
TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
NO_FIELDS = ("body", "query", "path", "str", "constrained-str", "VoiceId")  # pydantic's words on the way to a field
CODES = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}


@dataclass(eq=False)  # not frozen: what catches an exception writes its traceback into it
class Problem(Exception):
    """What went wrong with a request. param: the field to blame. retry_after: seconds after which to ask again."""

    status: int
    message: str
    code: str
    param: str | None = None
    retry_after: float | None = None

    @staticmethod
    def of(error: errors.StudioError, retry_after: float | None = None) -> Problem:
        """A studio's error, with the status that its kind has."""
        status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
        code = "model_not_found" if isinstance(error, errors.UnknownEngine) else error.code
        return Problem(status, str(error), code, PARAMS.get(code), retry_after if status in (429, 503) else None)

    def values(self) -> dict[str, Any]:
        """The body."""
        kind = TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(
        self, headers: Mapping[str, str] | None = None, values: Mapping[str, Any] | None = None
    ) -> JSONResponse:
        """The whole answer. values: what its body says beside the error."""
        more = {} if self.retry_after is None else {"Retry-After": str(max(1, math.ceil(self.retry_after)))}
        return JSONResponse({**self.values(), **(values or {})}, self.status, {**(headers or {}), **more})


class Refused(HTTPException):
    """A problem seen while a body is read, below the routes; FastAPI lets it through as it is."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, problem.message)
        self.problem = problem


def is_ours(path: str) -> bool:
    """Whether a path belongs to the API."""
    return any(path == start or path.startswith(start + "/") for start in OURS)


async def _refused(request: Request, error: Exception) -> Response:
    """Errors of the HTTP kind. Also those of unknown paths, which belong to nobody."""
    assert isinstance(error, HTTPException)
    if isinstance(error, Refused):
        return error.problem.response({"Connection": "close"})  # what is still to come is not wanted
    if not is_ours(request.url.path) and "endpoint" in request.scope:
        return await http_exception_handler(request, error)
    message = {404: "There is nothing at this path.", 405: "This path does not take this method."}.get(
        error.status_code, str(error.detail)
    )
    code = CODES.get(error.status_code, "invalid_request")
    headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
    return Problem(error.status_code, message, code).response(headers)


def _allowed(request: Request) -> str:
    """The methods of a path; each may be a route of its own, and whoever noticed knows of one."""
    found = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in found for method in getattr(route, "methods", None) or ()}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


async def _invalid(request: Request, error: Exception) -> Response:
    """Bodies that are not what a route takes: the first thing that is wrong, and where."""
    assert isinstance(error, RequestValidationError)
    if not is_ours(request.url.path):
        return await request_validation_exception_handler(request, error)
    return invalid(error.errors()).response()


def invalid(found: Sequence[Any]) -> Problem:
    """The problem behind what pydantic found; nothing of what was sent is repeated."""
    first = found[0] if found else {"loc": (), "type": "invalid", "msg": "It cannot be read"}
    where = ".".join(str(part) for part in first["loc"] if part not in NO_FIELDS)
    if first["type"] == "json_invalid":
        return Problem(400, "The body is not valid JSON.", "invalid_json")
    if first["type"] == "missing" and not where:
        return Problem(400, "A body of JSON is missing; send it as application/json.", "missing_body")
    if first["type"] == "model_attributes_type" and not where:
        return Problem(400, "The body is no JSON object; send one, as application/json.", "invalid_body")
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
    shown = where.encode("ascii", "replace").decode()[:100] or None
    return Problem(400, f"{shown or 'The body'}: {first['msg']}.", code, shown)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _mended(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.StudioError)
    return Problem.of(error).response()


_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        }
    },
}
_REASONS = {
    400: "The request cannot be met as written; `param` names the field.",
    401: "The key is missing or wrong.",
    403: "Not from this page, name or person.",
    404: "There is no such model, voice or path.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    429: "Too many requests; see Retry-After.",
    500: "The server or the model failed.",
    503: "The model cannot run here, or the studio starts or stops.",
}


def _described(status: int, reason: str) -> dict[str, Any]:
    example = Problem(status, reason, CODES.get(status, "invalid_value" if status == 400 else "a_word_for_programs"))
    return {
        "description": reason,
        "content": {"application/json": {"schema": _ERROR, "example": example.values()}},
    }


ERRORS = {str(status): _described(status, reason) for status, reason in _REASONS.items()}

HANDLERS: dict[Any, Any] = {
    HTTPException: _refused,
    RequestValidationError: _invalid,
    Problem: _problem,
    errors.StudioError: _mended,
}
