"""The API as arguments for the page's application: `launch(app_kwargs=app_options(studio))`. Knows no gradio."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import BaseRoute, Route

from studio import __version__
from studio.api import forms, reference
from studio.api.gate import Gate
from studio.api.problems import ERRORS, HANDLERS
from studio.api.routes import Service, router
from studio.panel import routes as listening
from studio.panel.reception import Reception
from studio.studio import Studio
from studio.trials.store import FOLDER, TrialStore

GRADIOS_CORS = "CustomCORSMiddleware"
SUMMARY = """
Speech of one or several voices, in the form of OpenAI's API. A key goes into the header `Authorization: Bearer …`,
where the studio has one. Every error is `{"error": {"message", "type", "param", "code"}}`.
"""


def app_options(studio: Studio) -> dict[str, Any]:
    """Routes, guard and forms of errors, for gradio's `launch(app_kwargs=...)`."""
    service = Service(studio)
    routes = router(service).routes
    gate = Middleware(Gate, studio.settings, service.meter, lambda: studio.runner.refuses)
    panel = listening.routes(Reception(TrialStore(studio.settings.data / FOLDER)))
    return {"routes": [*routes, *_described(routes), *panel], "middleware": [gate], "exception_handlers": HANDLERS}


def keep_to_one_site(app: FastAPI) -> None:
    """Take gradio's own CORS away: asked by another name than localhost, it lets the pages of every site read answers.

    Called when gradio has made the application.
    """
    app.user_middleware = [one for one in app.user_middleware if getattr(one.cls, "__name__", "") != GRADIOS_CORS]
    app.middleware_stack = None  # made anew for the next request


def schema(routes: list[BaseRoute]) -> dict[str, Any]:
    """What the API takes and gives, in OpenAPI's form; the page's own calls have theirs under /gradio_api."""
    made = get_openapi(title="Dialogue Studio", version=__version__, description=SUMMARY.strip(), routes=routes)
    errors = {status: {"$ref": f"#/components/responses/{status}"} for status in ERRORS}
    for methods in made["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)  # FastAPI's own form of errors, which nobody gets here
            operation["responses"].update(errors)
    schemas = made["components"]["schemas"]
    for name, examples in forms.EXAMPLES.items():  # here, since FastAPI would leave out what is null in them
        schemas[name]["examples"] = examples
    made["components"] |= {
        "schemas": {name: one for name, one in schemas.items() if not name.endswith("ValidationError")},
        "responses": ERRORS,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }
    made["security"] = [{}, {"key": []}]
    return made


def _described(routes: list[BaseRoute]) -> list[BaseRoute]:
    async def openapi(request: Any) -> JSONResponse:
        return JSONResponse(schema(routes))

    async def docs(request: Any) -> HTMLResponse:
        return HTMLResponse(reference.page(schema(routes)))

    return [Route("/v1/openapi.json", openapi), Route("/v1/docs", docs)]
