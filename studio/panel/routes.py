"""The routes of the page at a link: `/listen/TOKEN` and what it asks. Knows HTTP; `Reception` decides.

The token is in the path, so whoever reads addresses can listen: no log of ours holds them.
"""

from __future__ import annotations

import json
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from studio.errors import NotInvited, StudioError
from studio.panel import page
from studio.panel.reception import Reception

PATH = "/listen/"
MOST_BODY_BYTES = 65_536
BODY_SECONDS = 15.0
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


def routes(reception: Reception) -> list[Route]:
    """For any Starlette application; nothing before them needs to know who asks."""

    async def show(request: Request) -> Response:
        try:
            await run_in_threadpool(reception.sessions.get, request.path_params["token"])
        except NotInvited as error:
            return PlainTextResponse(str(error), 404, HEADERS)
        except StudioError as error:
            return PlainTextResponse(str(error), 500, HEADERS)
        return HTMLResponse(page.document(), headers=page.HEADERS)

    async def ask(request: Request) -> Response:
        try:
            asked = await _body(request)
        except (ValueError, ClientDisconnect, TimeoutError):
            return _refused(400, "The page sent no question.")
        if asked is None:
            return _refused(413, "A question is not so large.")
        token, name = request.path_params["token"], request.path_params["name"]
        try:
            return JSONResponse(await run_in_threadpool(reception.call, token, name, asked), headers=HEADERS)
        except NotInvited as error:
            return _refused(404, error.message, error.remedy)
        except LookupError:
            return _refused(404, "There is no such question.")
        except StudioError as error:
            return _refused(500, error.message, error.remedy)

    return [Route(PATH + "{token}", show), Route(PATH + "{token}/{name}", ask, methods=["POST"])]


def _refused(status: int, message: str, remedy: str = "") -> JSONResponse:
    return JSONResponse({"error": {"message": message, "remedy": remedy}}, status, HEADERS)


async def _body(request: Request) -> dict[str, Any] | None:
    """The question; None for a body that is too large. Raises ValueError, TimeoutError, ClientDisconnect."""
    data = b""
    with anyio.fail_after(BODY_SECONDS):
        async for piece in request.stream():
            data += piece
            if len(data) > MOST_BODY_BYTES:
                return None
    try:
        asked = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(asked, dict):
        raise ValueError("not an object")
    return asked
