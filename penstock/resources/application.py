"""The ASGI application of the control plane: all operations, our own routes, and one answer for everything else."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Route, Router

from penstock.api.errors import ApiError, MethodNotAllowed, NotFound
from penstock.api.openapi import document_routes
from penstock.api.operation import Operation
from penstock.api.reference import reference_routes
from penstock.api.router import Api, failure
from penstock.resources.slices import OPERATIONS

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]
Asgi = Callable[[Scope, Channel, Channel], Awaitable[None]]
_PAGE = """<!doctype html><meta charset="utf-8"><title>Penstock</title>
<p>Penstock runs here. The Public API answers on this address; ask for JSON with a token:
<pre>curl -H "Authorization: Bearer $TOKEN" this-address/workspace</pre>
<script>for (const each of document.querySelectorAll("pre"))
  each.textContent = each.textContent.replace("this-address", location.origin)</script>
<p><a href="/docs">Everything that it can be asked</a>
"""


def build_application(api: Api, own_routes: Sequence[Route]) -> Asgi:
    others = [*document_routes(OPERATIONS), *reference_routes(OPERATIONS), *own_routes]
    application = Starlette(exception_handlers={HTTPException: _refused})
    application.router = _Sections(api, OPERATIONS, others)
    return _Entry(application)


class _Sections(Router):
    """Tries only the routes that begin as the path does: a request is not compared with every operation.

    The routes of a section are made when it is first asked for.
    """

    def __init__(self, api: Api, operations: Iterable[Operation], others: Iterable[Route]) -> None:
        super().__init__(redirect_slashes=False)
        self._api = api
        self._operations: dict[str, list[Operation]] = defaultdict(list)
        for operation in operations:
            for name in {_first_segment(path) for path in operation.paths}:
                self._operations[name].append(operation)
        self._others: dict[str, list[Route]] = defaultdict(list)
        for route in others:
            self._others[_first_segment(route.path)].append(route)
        self._sections: dict[str, Router] = {}

    async def app(self, scope: Scope, receive: Channel, send: Channel) -> None:
        await self.section(scope["path"]).app(scope, receive, send)

    def section(self, path: str) -> Router:
        """Where there is no such section, an empty one, which finds nothing."""
        name = _first_segment(path)
        if (made := self._sections.get(name)) is not None:
            return made
        routes = [*self._api.routes(self._operations.get(name, ())), *self._others.get(name, ())]
        section = Router([each for each in routes if _first_segment(each.path) == name], redirect_slashes=False)
        if section.routes:
            self._sections[name] = section
        return section


def _first_segment(path: str) -> str:
    return path[1:].partition("/")[0]


async def _refused(request: Request, error: Exception) -> Response:
    told: ApiError = NotFound("there is nothing here")
    if isinstance(error, HTTPException) and error.status_code == 405:
        told = MethodNotAllowed("this path has no such method", _methods_of(request))
    return failure(told)


def _methods_of(request: Request) -> str:
    """What this path can be asked: each operation has a route of its own."""
    found: set[str] = set()
    for route in request.app.router.section(request.scope["path"]).routes:
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
