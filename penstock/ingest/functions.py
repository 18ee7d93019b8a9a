"""Where source functions are called: any sender's request becomes one durable row, and its function runs later.

The key is in the query (`?b=`, base64url of the write key), as in the URLs that the original gives out.
"""

import base64
import binascii
from urllib.parse import parse_qs

import msgspec

from penstock.ingest.answers import Refusal, wrong_method
from penstock.ingest.body import read_body
from penstock.ingest.keys import plausible
from penstock.ingest.parse import ParsedRequest
from penstock.ingest.rsgi import Exchange, HeaderList, Scope
from penstock.ingest.tracking import Request, Tracking
from penstock.kit.clock import Clock
from penstock.kit.ids import message_id
from penstock.kit.time import format_iso
from penstock.spec.accepted import FUNCTION_CALL
from penstock.spec.laps import FunctionRequest

PATH = "/fn"
BODY_LIMIT = 512 * 1024
_HEADERS_LIMIT = 16 * 1024
_URL_LIMIT = 8 * 1024
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"


class FunctionEndpoint:
    """Answers 200 once the request is durable. Nothing of what the function does comes back to the caller."""

    def __init__(self, tracking: Tracking, clock: Clock) -> None:
        self._tracking = tracking
        self._clock = clock

    @staticmethod
    def claims(scope: Scope) -> bool:
        """Its own path; and the root, where a request has the token in its query: the host may be all that differs."""
        return scope.path == PATH or (
            scope.path == "/" and scope.method == "POST" and scope.query_string.startswith("b=")
        )

    async def answer(self, scope: Scope, exchange: Exchange) -> None:
        try:
            await self._take(scope, exchange)
        except Refusal as refusal:
            self._tracking.refuse(refusal, exchange, scope.headers)

    async def _take(self, scope: Scope, exchange: Exchange) -> None:
        if scope.method != "POST":
            raise wrong_method("POST")
        key = _key_in(scope.query_string)
        kind = (scope.headers.get("content-type") or "").partition(";")[0].strip().lower()
        if kind not in {_JSON, _FORM}:
            raise Refusal(400, "BAD_REQUEST", f"Content-Type must be {_JSON} or {_FORM}")
        body = await _body_of(scope, exchange)
        identifier = message_id()
        given = FunctionRequest(
            message_id=identifier,
            received_at=format_iso(self._clock.now_ms()),
            url=_url_of(scope),
            headers=_bounded(scope.headers.items()),
            body=_text_of(body, kind),
            is_form=kind == _FORM,
        )
        parsed = ParsedRequest([msgspec.json.encode(given)], [identifier], [True], [identifier])
        request = Request(self._tracking, scope, exchange, scope.headers, FUNCTION_CALL)
        self._tracking.take_parsed(request, key, parsed, len(body))


def _key_in(query: str) -> str:
    """Raises Refusal: 404 where there is no token that could be one."""
    token = parse_qs(query[:_URL_LIMIT]).get("b", [""])[0]
    try:
        key = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
        return plausible(key)
    except (binascii.Error, ValueError, Refusal):
        raise Refusal(404, "not_found", "No function has this URL") from None


async def _body_of(scope: Scope, exchange: Exchange) -> bytes:
    try:
        return await read_body(exchange, scope.headers, BODY_LIMIT)
    except Refusal as refusal:
        if refusal.code == "payload_too_large":
            raise Refusal(413, refusal.code, refusal.message) from None
        raise


def _text_of(body: bytes, kind: str) -> str:
    """Raises Refusal for what is not text, or not the JSON that it says to be."""
    try:
        text = body.decode()
        if kind == _JSON:
            msgspec.json.decode(body, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        raise Refusal(400, "BAD_REQUEST", "The body cannot be decoded") from None
    return text


def _url_of(scope: Scope) -> str:
    host = scope.headers.get("host") or scope.authority or "localhost"
    return f"{scope.scheme}://{host}{scope.path}?{scope.query_string}"[:_URL_LIMIT]


def _bounded(headers: HeaderList) -> HeaderList:
    """As many of them as there is room for."""
    kept: HeaderList = []
    room = _HEADERS_LIMIT
    for name, value in headers:
        room -= len(name) + len(value)
        if room >= 0:
            kept.append((name, value))
    return kept
