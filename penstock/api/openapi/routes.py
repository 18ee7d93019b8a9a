"""`/openapi.json`, open to all: built once, when it is first asked for, and known by its ETag from then on."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.api.openapi.document import document_of
from penstock.api.operation import Operation
from penstock.api.versions import JSON

Headers = dict[str, str]


class BuiltOnce:
    """A public file that is made from the declarations; making it takes a moment, so that happens in a thread."""

    def __init__(self, build: Callable[[], bytes], media_type: str, headers: Headers | None = None) -> None:
        self._build = build
        self._media_type = media_type
        self._more = headers or {}
        self._content: bytes | None = None
        self._headers: Headers = {}
        self._building = asyncio.Lock()

    async def answer(self, http: Request) -> Response:
        content = await self._made()
        asked = http.headers.get("if-none-match", "")
        if self._headers["ETag"] in [tag.strip().removeprefix("W/") for tag in asked.split(",")]:
            return Response(status_code=304, headers=self._headers)
        return Response(content, headers=self._headers, media_type=self._media_type)

    async def _made(self) -> bytes:
        async with self._building:
            if self._content is None:
                self._content = await asyncio.to_thread(self._build)
                tag = f'"{hashlib.sha256(self._content).hexdigest()[:32]}"'
                self._headers = {**self._more, "ETag": tag, "Cache-Control": "no-cache"}
            return self._content


def document_routes(operations: Sequence[Operation]) -> list[Route]:
    document = BuiltOnce(lambda: msgspec.json.encode(document_of(operations)), JSON)
    return [Route("/openapi.json", document.answer, methods=["GET"], name="openapi")]
