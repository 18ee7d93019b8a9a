"""Pixels: an event in the address of an image, for mails and pages without scripts (tracking-api.md §12).

Whatever comes is answered with the image, once the event is durable or known to be none.
"""

import base64
import binascii
import json
from typing import Any
from urllib.parse import parse_qsl

from penstock.ingest.answers import Refusal, invalid_json, too_large, with_close
from penstock.ingest.body import SINGLE_LIMIT
from penstock.ingest.rsgi import Exchange, Headers, Scope

GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
HEADERS = [("content-type", "image/gif"), ("cache-control", "no-store"), ("access-control-allow-origin", "*")]
_PARAMETERS = 1_000
_DEPTH = 16
_LONGEST_AGENT = 512
Event = dict[str, Any]


def respond_with_gif(exchange: Exchange, _headers: Headers, _refusal: Refusal | None) -> None:
    exchange.response_bytes(200, with_close(HEADERS), GIF)


def pixel_body(scope: Scope) -> bytes:
    """The event as a body of the Tracking API, with the client's own words of what it is. Raises Refusal."""
    event = event_of(scope.query_string)
    context = event.setdefault("context", {})
    if isinstance(context, dict):
        agent = scope.headers.get("user-agent")
        if agent and "userAgent" not in context:
            context["userAgent"] = agent[:_LONGEST_AGENT]
    body = json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if len(body) > SINGLE_LIMIT:  # an address may be longer, and what cannot be decoded grows
        raise too_large()
    return body


def event_of(query: str) -> Event:
    """The event of a query string. Raises Refusal where it holds none."""
    try:
        parameters = parse_qsl(query, keep_blank_values=True, max_num_fields=_PARAMETERS)
    except ValueError:
        raise invalid_json("Too many parameters") from None
    data = next((value for name, value in parameters if name == "data"), None)
    event = _dotted(parameters) if data is None else _decoded(data)
    for name, value in parameters:
        if name == "writeKey":
            event.setdefault("writeKey", value)
    return event


def _decoded(data: str) -> Event:
    """JSON as it is, or in either alphabet of base64, with or without padding, with blanks in the place of pluses."""
    text = data.strip()
    try:
        if not text.startswith("{"):
            plain = text.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
            text = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode("utf-8", "replace")
        event = json.loads(text)
    except (binascii.Error, ValueError, RecursionError):
        raise invalid_json() from None
    if not isinstance(event, dict):
        raise invalid_json("data must be an object")
    return event


def _dotted(parameters: list[tuple[str, str]]) -> Event:
    """Each name is a path into the event; values are texts. What goes through a text, or too deep, is left out."""
    event: Event = {}
    for name, value in parameters:
        *path, last = name.split(".")
        place: Any = event
        for part in path[:_DEPTH]:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if isinstance(place, dict) and len(path) <= _DEPTH and last and not isinstance(place.get(last), dict):
            place[last] = value
    return event
