"""What is said to a sandbox and what it says: one JSON line each (sandbox.md §8).

What a handler gets and returns travels as JSON text inside of JSON, so that only the realm of the function decodes it.
Text that comes is checked here, for it goes into lines to others as it is: what is more than one value would speak
there in our name, to runners that serve other workspaces.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.kit.json import mended

LINE_LIMIT = 4 << 20
REQUESTS_KEPT = 10
"""Of one invocation."""
_KEPT_TEXT = 4096
_KEPT_HEADERS = 40


class Thrown(msgspec.Struct, frozen=True):
    """What the code threw, as data."""

    name: str = "Error"
    message: str = ""
    stack: str = ""


class Wish(msgspec.Struct, frozen=True):
    """One request to the outside that the code wants made. `body` is base64."""

    url: str
    method: str = "GET"
    headers: list[tuple[str, str]] = []
    body: str = ""
    redirect: str = "follow"
    follow: int = 20
    milliseconds: float = 0
    size: float = 0


class Exchanged(msgspec.Struct):
    """One request of an invocation and its answer, of which long bodies and headers are the beginning.

    `answer` is that of the fetcher; None where there was none before the end of the run.
    """

    wish: Wish
    answer: dict[str, Any] | None = None


class Said(msgspec.Struct, frozen=True, rename="camel"):
    """One line of a sandbox. `kind` says which fields count."""

    nonce: str = ""
    kind: str = ""
    id: int = 0
    handlers: list[str] = []
    value: str | None = None
    error: Thrown | None = None
    is_late: bool = False
    line: str = ""
    messages: list[str] = []
    call: int = 0
    request: Wish | None = None


class Ran(msgspec.Struct, frozen=True):
    """How one invocation ended: what the handler returned as JSON text, what it threw, or that it passed its limit."""

    value: bytes = b"null"
    error: Thrown | None = None
    is_late: bool = False
    logs: list[str] = []
    messages: list[str] = []
    """JSON text of what a source function sent."""
    requests: list[Exchanged] = []
    """The last ones, in the order in which they were begun."""


_encode = msgspec.json.encode
_said = msgspec.json.Decoder(Said).decode
_one_value = msgspec.json.Decoder(msgspec.Raw).decode
_HALF = b"\\ud"
"""How JavaScript writes half of a pair of surrogates, as of a text cut within one: no reader of ours takes it."""
_TOO_DEEP = Thrown("RangeError", "the result is nested too deep")


def decode(line: bytes) -> Said:
    """Halves of pairs become U+FFFD. Raises msgspec.MsgspecError."""
    return _said(mended(line)[0] if _HALF in line else line)


def judged(said: Said) -> Said:
    """The end of a run, of which all text is one JSON value that every reader takes; else msgspec.MsgspecError."""
    texts = [*said.messages] if said.value is None else [said.value, *said.messages]
    try:
        whole = list(map(_whole, texts))
    except RecursionError:
        return Said(kind=said.kind, id=said.id, error=_TOO_DEEP)
    if whole == texts:
        return said
    value = None if said.value is None else whole.pop(0)
    return msgspec.structs.replace(said, value=value, messages=whole)


def _whole(text: str) -> str:
    raw = text.encode()
    if _HALF in raw:
        raw = mended(raw)[0]
        text = raw.decode()
    _one_value(raw)
    return text


class Modules(msgspec.Struct, frozen=True):
    """Text that makes the globals `names`, each when it is first touched."""

    names: tuple[str, ...]
    text: str


def load_line(kind: str, code: str, modules: Sequence[Modules]) -> bytes:
    return _encode({"kind": "load", "function": kind, "code": code, "modules": modules}) + b"\n"


def invoke_line(identifier: int, handler: str, given: bytes, settings: bytes, seconds: float) -> bytes:
    """`given` and `settings` are JSON text."""
    message: dict[str, Any] = {
        "kind": "invoke",
        "id": identifier,
        "handler": handler,
        "input": given.decode(),
        "settings": settings.decode(),
        "milliseconds": round(seconds * 1000),
    }
    return _encode(message) + b"\n"


def begun(wish: Wish) -> Exchanged:
    """What is remembered of it."""
    return Exchanged(
        msgspec.structs.replace(
            wish, url=wish.url[:_KEPT_TEXT], headers=_beginning(wish.headers), body=wish.body[:_KEPT_TEXT]
        )
    )


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    """The same of an answer."""
    headers, body = _beginning(answer.get("headers", [])), answer.get("body", "")[:_KEPT_TEXT]
    return {**answer, "headers": headers, "body": body}


def _beginning(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name[:_KEPT_TEXT], value[:_KEPT_TEXT]) for name, value in headers[:_KEPT_HEADERS]]


def fetched_line(call: int, answer: dict[str, Any]) -> bytes:
    return _encode({"kind": "fetched", "call": call, "answer": answer}) + b"\n"
