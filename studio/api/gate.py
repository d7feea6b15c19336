"""`Gate`: who may come in, by which name, and with how much. It stands before every route, the page's files too.

Knows HTTP and the settings, no route but those that must stay open. Three dangers it is there for: a stranger on the
network (a key), a foreign web page in the user's own browser (Origin), and such a page whose name was pointed at this
machine (Host). An ASGI middleware, since gradio's own login does not guard the routes we add.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import ipaddress
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.api.meter import Meter
from studio.api.problems import Problem, Refused, is_ours
from studio.panel.routes import PATH
from studio.settings import Settings

REQUEST_ID = "X-Request-Id"
OPEN = ("/healthz", "/readyz", "/gradio_api/startup-events")  # gradio itself asks for the last one when it starts
OPEN_BELOW = PATH  # the link's token is the key, and whoever holds it may do nothing else
SAFE = ("GET", "HEAD", "OPTIONS")
VOICES = "/v1/audio/voices"
UPLOADS = ("/gradio_api/upload", VOICES)
UPLOAD_MB = 210.0  # recordings, by the page or by the API; what reads them looks more closely
VISITOR_MB, OWNER_MB = 8.0, 64.0  # what else a page sends: scripts, and of the studio's owner a file of votes
BODY_SECONDS = 30.0  # for the whole of an API request; uploads may take so long from piece to piece
COUNTED = re.compile(r"/gradio_api/(?:queue/join|call/|run/|api/|mcp|upload$)")  # what speaks or brings files there
MINUTE = 60.0
REMEMBERED_CLIENTS = 4096


class Gate:
    """The middleware. `scope["studio.request_id"]` and `scope["studio.client"]` are there for what stands behind it."""

    def __init__(self, app: ASGIApp, settings: Settings, meter: Meter, is_closing: Callable[[], bool]) -> None:
        self._app = app
        self._settings = settings
        self._meter = meter
        self._is_closing = is_closing
        self._recent: OrderedDict[str, list[float]] = OrderedDict()
        self._framed_by = _framed_by(settings.allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        scope["studio.request_id"] = request_id(headers.get(REQUEST_ID, ""))
        scope["studio.client"] = (scope.get("client") or ("", 0))[0]
        with self._meter.request(scope):
            try:
                self._check(scope, headers)
            except Problem as problem:
                return await _refuse(problem, scope, receive, self._named(scope, send))
            if scope["type"] == "http":
                receive, send = self._metered(scope, headers, receive), self._named(scope, send)
            try:
                await self._app(_as_get(scope), receive, send)
            except Exception as error:
                if not is_ours(scope["path"]) or "studio.status" in scope:
                    raise
                self._meter.broke(scope, error)
                fault = Problem(500, "The server failed; its log says where.", "internal_error")
                await fault.response()(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Raises Problem when the request may not come in."""
        settings, path = self._settings, scope["path"]
        if not settings.api_key:
            self._check_host(headers.get("host", ""))
        named = bool(settings.api_key) and is_key(headers.get("authorization", ""), settings.api_key, only_named=True)
        if not named:
            self._check_origin(headers, changes=scope.get("method") not in SAFE)
        is_open = path in OPEN or path.startswith(OPEN_BELOW)
        if settings.api_key and not is_open and not is_key(headers.get("authorization", ""), settings.api_key):
            raise Problem(401, "A key is needed: Authorization: Bearer STUDIO_API_KEY.", "invalid_api_key")
        if path.startswith("/gradio_api/") and "://" in path:  # gradio would fetch it in our name
            raise Problem(403, "The studio fetches nothing from other addresses.", "address_not_allowed")
        if is_ours(path) and path not in OPEN:
            if self._is_closing():
                raise Problem(503, "The studio is being stopped.", "shutting_down", retry_after=5)
            self._count(scope["studio.client"])
        elif COUNTED.match(path) and scope.get("method") == "POST":
            self._count(scope["studio.client"])

    def _check_host(self, host: str) -> None:
        name = _name(host)
        allowed = self._settings.allowed_hosts
        if not (name == "localhost" or _is_address(name) or "*" in allowed or name in allowed):
            shown = re.sub(r"[^\w.-]", "?", name, flags=re.ASCII)[:100]
            message = f"This studio does not answer to the name {shown!r}. If it is yours: STUDIO_ALLOWED_HOSTS={shown}"
            raise Problem(403, message, "host_not_allowed")

    def _check_origin(self, headers: Headers, changes: bool) -> None:
        """A browser says from which page a request comes: only ours may change something, or read with a script."""
        origin = headers.get("origin")
        if origin is None:
            is_foreign = changes and headers.get("sec-fetch-site") == "cross-site"
        else:
            host = origin.partition("://")[2] or "null"
            here = {headers.get("host"), headers.get("x-forwarded-host")}
            is_foreign = host not in here and _name(host) not in self._settings.allowed_hosts
        if is_foreign:
            message = (
                "Pages of other sites may not use this studio. If it is its own behind a proxy: STUDIO_ALLOWED_HOSTS."
            )
            raise Problem(403, message, "origin_not_allowed")

    def _count(self, client: str) -> None:
        limit, now = self._settings.requests_per_minute, time.monotonic()
        if not limit:
            return
        recent = [then for then in self._recent.pop(client, []) if now - then < MINUTE]
        self._recent[client] = recent
        if len(self._recent) > REMEMBERED_CLIENTS:
            self._recent.popitem(last=False)
        if len(recent) >= limit:
            message = f"More than {limit} requests a minute are not allowed."
            raise Problem(429, message, "rate_limit_exceeded", retry_after=MINUTE - (now - recent[0]))
        recent.append(now)

    def _metered(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """`receive` that takes only so much, and does not wait for ever. Raises Refused, as FastAPI lets through."""
        ours = is_ours(scope["path"]) and scope["path"] != VOICES
        most = int(self._most_mb(scope["path"]) * 1e6)
        size = headers.get("content-length", "")
        told = int(size) if size.isdecimal() and len(size) < 20 else 0
        until = time.monotonic() + BODY_SECONDS
        taken, over = 0, False

        async def metered() -> Message:
            nonlocal taken, over
            if told > most:
                raise _too_large(most)
            if over:
                message = await receive()
            else:
                try:
                    message = await asyncio.wait_for(receive(), until - time.monotonic() if ours else BODY_SECONDS)
                except TimeoutError:
                    raise Refused(Problem(408, "The body did not arrive in time.", "request_timeout")) from None
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                over = not message.get("more_body", False)
                if taken > most:
                    raise _too_large(most)
            return message

        return metered

    def _most_mb(self, path: str) -> float:
        """Of a body. JSON is read as a whole, on the thread that serves everybody, so only files may be large."""
        if path in UPLOADS:
            return UPLOAD_MB
        if is_ours(path):
            return self._settings.max_body_mb
        return VISITOR_MB if self._settings.is_shared else OWNER_MB

    def _named(self, scope: Scope, send: Send) -> Send:
        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = scope["studio.request_id"]
                if self._framed_by:
                    headers.setdefault("Content-Security-Policy", self._framed_by)
                scope["studio.status"] = message["status"]
            await send(message)

        return named


def _framed_by(hosts: tuple[str, ...]) -> str:
    """Whose pages may show ours in a frame, where a click could be meant for another: our own and the hosts'."""
    return "" if "*" in hosts else " ".join(("frame-ancestors 'self'", *(f"{host}:*" for host in hosts)))


def _as_get(scope: Scope) -> Scope:
    """HEAD is GET without the body, which the server below us leaves out."""
    return {**scope, "method": "GET"} if scope.get("method") == "HEAD" and is_ours(scope["path"]) else scope


def request_id(wanted: str) -> str:
    """The client's own id if it is one, else a new one."""
    return wanted if re.fullmatch(r"[A-Za-z0-9._-]{1,128}", wanted) else f"req_{uuid4().hex}"


def is_key(authorization: str, key: str, only_named: bool = False) -> bool:
    """Whether a header gives the key: as a bearer's, or as the password of a browser's own prompt.

    only_named: as a bearer's, which a foreign page cannot make a browser send. Takes the same time for any wrong key.
    """
    kind, _, given = authorization.partition(" ")
    if kind.lower() == "basic" and not only_named:
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif kind.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), key.encode())


def _name(host: str) -> str:
    """A host without its port."""
    return re.sub(r":\d*$", "", host).strip("[]").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _too_large(most: int) -> Refused:
    return Refused(Problem(413, f"The body is larger than {most / 1e6:g} MB.", "request_too_large"))


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008, "reason": problem.message[:100]})
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Dialogue Studio: any name, the key as password", charset="UTF-8"'
    await problem.response(headers)(scope, receive, send)
