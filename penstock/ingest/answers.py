"""What the Tracking API answers: statuses, bodies that every SDK can read, and CORS headers on each of them.

An SDK drops on 4xx, waits and repeats on 429 and 503, and takes nothing but exactly 200 for success; an error body must
be JSON with `code`, `message` and `error` (tracking-api.md §7).

Errors:
    Refusal    the request is answered with `status` and `code`; nothing of it is stored
"""

from functools import lru_cache

import msgspec

from penstock.ingest.rsgi import HeaderList, Headers

SUCCESS = b'{"success":true}'
_LONGEST_ORIGIN = 256
_LONGEST_REQUESTED = 1_024
_ALLOWED_ALWAYS = "authorization, content-type, x-retry-count"


class Refusal(Exception):  # noqa: N818 - the consequence is in the name
    """Why a request is not taken. `retry_after` (seconds) is told to the client where another try may help."""

    def __init__(self, status: int, code: str, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def headers(self) -> HeaderList:
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


def unavailable(message: str = "Events cannot be stored at the moment", retry_after: int = 5) -> Refusal:
    return Refusal(503, "unavailable", message, retry_after)


@lru_cache(maxsize=256)
def _shared(origin: str | None) -> HeaderList:
    headers = [("content-type", "application/json"), ("access-control-allow-origin", origin or "*")]
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
