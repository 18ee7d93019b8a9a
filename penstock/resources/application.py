"""The ASGI application of the control plane: all operations, our own routes, and one answer for everything else."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, Route

from penstock.api.errors import ApiError, MethodNotAllowed, NotFound
from penstock.api.router import Api, failure
from penstock.resources.slices import OPERATIONS

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]
Asgi = Callable[[Scope, Channel, Channel], Awaitable[None]]
_PAGE = """<!doctype html><meta charset="utf-8"><title>Penstock</title>
<p>Penstock runs here. The Public API answers on this address; ask for JSON with a token:
<pre>curl -H "Authorization: Bearer $TOKEN" this-address/workspace</pre>
"""


def build_application(api: Api, own_routes: Sequence[Route]) -> Asgi:
    routes: list[BaseRoute] = [*api.routes(OPERATIONS), *own_routes]
    application = Starlette(routes=routes, exception_handlers={HTTPException: _refused})
    application.router.redirect_slashes = False
    return _Entry(application)


async def _refused(request: Request, error: Exception) -> Response:
    told: ApiError = NotFound("there is nothing here")
    if isinstance(error, HTTPException) and error.status_code == 405:
        told = MethodNotAllowed("this path has no such method", _methods_of(request))
    return failure(told)


def _methods_of(request: Request) -> str:
    """What this path can be asked: each operation has a route of its own."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods
    return ", ".join(sorted(found))


class _Entry:
    """Accepts a trailing slash, as the vendor's own tools send it, and greets browsers at the root."""

    def __init__(self, application: Asgi) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Channel, send: Channel) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path == "/" and scope["method"] == "GET" and _wants_page(scope):
            await HTMLResponse(_PAGE)(scope, receive, send)
            return
        if len(path) > 1 and path.endswith("/"):
            scope = {**scope, "path": path.rstrip("/"), "raw_path": scope.get("raw_path", b"").rstrip(b"/")}
        await self._application(scope, receive, send)


def _wants_page(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
