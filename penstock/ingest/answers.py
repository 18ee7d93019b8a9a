"""What the Tracking API answers: statuses, bodies that every SDK can read, and CORS headers on each of them.

An SDK drops on 4xx, waits and repeats on 429 and 503, and takes nothing but exactly 200 for success; an error body must
be JSON with `code`, `message` and `error` (tracking-api.md §7).

Errors:
    Refusal    the request is answered with `status` and `code`; nothing of it is stored
"""

import contextlib
from collections.abc import Callable
from functools import lru_cache

import msgspec
import structlog

from penstock.ingest.rsgi import Exchange, HeaderList, Headers, Scope

logger = structlog.get_logger(__name__)

SUCCESS = b'{"success":true}'
_LONGEST_ORIGIN = 256
_LONGEST_REQUESTED = 1_024
_ALLOWED_ALWAYS = "authorization, content-type, x-retry-count"


class Refusal(Exception):  # noqa: N818 - the consequence is in the name
    """Why a request is not taken. `retry_after` (seconds) is told to the client where another try may help, `allow`
    where the method was wrong.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int = 0, allow: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.allow = allow

    def headers(self) -> HeaderList:
        if self.allow:
            return [("allow", self.allow)]
        if not self.retry_after:
            return []
        wait = str(self.retry_after)
        return [("retry-after", wait), ("x-ratelimit-reset", wait)] if self.status == 429 else [("retry-after", wait)]

    def body(self) -> bytes:
        return msgspec.json.encode(
            {"success": False, "code": self.code, "message": self.message, "error": self.message}
        )


def too_large() -> Refusal:
    return Refusal(400, "payload_too_large", "Exceed payload limit")


def invalid_json(message: str = "Invalid JSON") -> Refusal:
    return Refusal(400, "invalid_json", message)


def late() -> Refusal:
    return Refusal(408, "request_timeout", "The body did not come in time")


def unavailable(message: str = "Events cannot be stored at the moment", retry_after: int = 5) -> Refusal:
    return Refusal(503, "unavailable", message, retry_after)


_of_all: HeaderList = []
"""Headers of every answer from now on."""


def close_connections() -> None:
    """Let each answer close its connection: who keeps one must find another server before this one ends."""
    _of_all[:] = [("connection", "close")]
    _shared.cache_clear()


def with_close(headers: HeaderList) -> HeaderList:
    """Headers of an answer that is not the Tracking API's, with what every answer has now."""
    return [*headers, *_of_all] if _of_all else headers


@lru_cache(maxsize=256)
def _shared(origin: str | None) -> HeaderList:
    headers = [("content-type", "application/json"), ("access-control-allow-origin", origin or "*"), *_of_all]
    if origin is None:
        return headers  # no browser asks: each header costs a server SDK's request more than its JSON does
    return [
        *headers,
        ("access-control-expose-headers", "Retry-After, X-RateLimit-Reset"),
        ("vary", "Origin"),
        ("access-control-allow-credentials", "true"),
    ]


def answer_headers(headers: Headers) -> HeaderList:
    """The headers of any answer to a tracking request. The list is shared: do not change it."""
    origin = headers.get("origin")
    return _shared(origin if origin and len(origin) <= _LONGEST_ORIGIN else None)


def preflight_headers(headers: Headers) -> HeaderList:
    """The headers of the answer to OPTIONS: whatever a browser wants to send is allowed."""
    requested = headers.get("access-control-request-headers") or ""
    allowed = requested if 0 < len(requested) <= _LONGEST_REQUESTED else _ALLOWED_ALWAYS
    return [
        *answer_headers(headers)[1:],
        ("access-control-allow-methods", "POST, GET, OPTIONS"),
        ("access-control-allow-headers", allowed),
        ("access-control-max-age", "86400"),
    ]


Respond = Callable[[Exchange, Headers, Refusal | None], None]
"""Answers one request; without a refusal its events are durable."""


def respond(exchange: Exchange, headers: Headers, refusal: Refusal | None) -> None:
    """The answer of the Tracking API."""
    if refusal is None:
        exchange.response_bytes(200, answer_headers(headers), SUCCESS)
    else:
        exchange.response_bytes(refusal.status, answer_headers(headers) + refusal.headers(), refusal.body())


def failed(error: Exception, scope: Scope, exchange: Exchange) -> None:
    """The last answer to what went wrong unforeseen."""
    if type(error).__name__.startswith(_CLIENT_GONE):
        logger.debug("A client went before its answer.", path=scope.path)
        refusal = Refusal(
            400, "bad_request", "The client has gone"
        )  # without any answer the server complains in its log
    else:
        logger.error("A request failed.", path=scope.path, exc_info=error)
        refusal = Refusal(500, "internal", "Internal error")
    with contextlib.suppress(RuntimeError):  # the answer may have begun
        respond(exchange, scope.headers, refusal)


_CLIENT_GONE = "RSGIProtocol"
"""How the names of the server's exceptions begin; it is not imported here."""


def wrong_method(method: str) -> Refusal:
    """For a path that takes this one and, as every path, OPTIONS."""
    others = "HEAD, OPTIONS" if method == "GET" else "OPTIONS"
    return Refusal(405, "method_not_allowed", f"Use {method}", allow=f"{method}, {others}")
