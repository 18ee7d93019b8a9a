"""What is kept of the requests of a run that failed: shortened, and without what gives access.

Masked are headers and parts of a query that are named like credentials, users and passwords in addresses, and wherever
they stand the values of the settings that the function declares as sensitive. That is done before anything is cut, so
that no half of a secret is left over.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

import msgspec

from penstock.js.sandbox import Exchanged
from penstock.spec.function_logs import LINE_LIMIT, KeptRequest

MASK = "••••••••"
_SECRET_NAME = re.compile(
    r"auth|token|secret|cookie|passw|signature|credential|(^|[-_])key|api-?key|access-?key|^x-amz-", re.IGNORECASE
)
_NOTHING = re.compile(r"(?!)")
_SHORTEST_SECRET = 4
"""Characters; to mask shorter ones would leave nothing to read."""


def kept_requests(exchanged: Iterable[Exchanged], settings: bytes, sensitive: Sequence[str]) -> list[KeptRequest]:
    """`settings` are those of the run, `sensitive` the names of those that are secret."""
    secrets = _secrets_in(settings, sensitive)
    return [_kept(each, secrets) for each in exchanged]


def _kept(exchanged: Exchanged, secrets: re.Pattern[str]) -> KeptRequest:
    wish, answer = exchanged.wish, exchanged.answer or {"error": {"message": "no answer before the end of the run"}}
    return KeptRequest(
        method=wish.method[:20],
        url=_shown(_address(wish.url), secrets),
        status=answer.get("status", 0),
        error=_shown(str(answer.get("error", {}).get("message", "")), secrets),
        headers=_headers(wish.headers, secrets),
        body=_shown(_text(wish.body), secrets),
        response_headers=_headers(answer.get("headers", []), secrets),
        response_body=_shown(_text(answer.get("body", "")), secrets),
    )


def _secrets_in(settings: bytes, sensitive: Sequence[str]) -> re.Pattern[str]:
    """Each also as it stands in addresses and in JSON; of a very long one, what could be shown."""
    if not sensitive:
        return _NOTHING
    given: dict[str, Any] = msgspec.json.decode(settings)
    texts = {text for name in sensitive for text in _texts(given.get(name))}
    spelled = {form[:LINE_LIMIT] for text in texts for form in (text, quote(text, safe=""), _in_json(text))}
    long = sorted((each for each in spelled if len(each) >= _SHORTEST_SECRET), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, long))) if long else _NOTHING


def _texts(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case list():
            yield from (each for each in value if isinstance(each, str))
        case dict():
            yield from (each for each in value.values() if isinstance(each, str))


def _in_json(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


def _shown(text: str, secrets: re.Pattern[str]) -> str:
    """Cut before a secret that crosses the limit."""
    crossing = (found.start() for found in secrets.finditer(text) if found.start() < LINE_LIMIT < found.end())
    return secrets.sub(MASK, text[: next(crossing, LINE_LIMIT)])[:LINE_LIMIT]


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    query = "&".join(map(_parameter, parts.query.split("&")))
    return parts._replace(netloc=_place(parts), query=query).geturl()


def _parameter(text: str) -> str:
    name, _, value = text.partition("=")
    return f"{name}={MASK}" if value and _SECRET_NAME.search(unquote(name)) else text


def _place(parts: SplitResult) -> str:
    _, at, host = parts.netloc.rpartition("@")
    return f"{MASK}@{host}" if at else host


def _headers(given: Iterable[Sequence[str]], secrets: re.Pattern[str]) -> dict[str, str]:
    """As many as there is room for."""
    kept: dict[str, str] = {}
    room = LINE_LIMIT
    for name, value in given:
        shown = MASK if _SECRET_NAME.search(name) else _shown(value, secrets)
        room -= len(name) + len(shown)
        if room >= 0:
            kept[name] = shown
    return kept


def _text(body: str) -> str:
    """Of base64 that may have been cut."""
    try:
        return base64.b64decode(body[: len(body) // 4 * 4]).decode(errors="replace")
    except binascii.Error:
        return ""
