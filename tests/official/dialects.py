"""The official clients that do not run here: their requests, byte for byte as far as it matters.

Facts of the contract: how each writes pages, lists and objects into a query, and which media types it names.
"""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from tests.official.asking import JSON, OFFICIAL, Answer

Pairs = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Dialect:
    """How one client writes. `query` gives the names and values of one parameter, both as they stand in the URL."""

    name: str
    user_agent: str
    query: Callable[[str, Any], Pairs]
    encoding: str
    asks_for_plain_json: bool = False
    unquoted: str = ""
    """What it leaves as it is in a path."""
    writes_objects: bool = True


class WrittenClient:
    """Sends what a dialect says."""

    def __init__(self, dialect: Dialect, url: str, token: str) -> None:
        self.name = dialect.name
        self.writes_objects = dialect.writes_objects
        self._dialect = dialect
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._token = token

    def close(self) -> None:
        self._connection.close()

    def send(self, operation: str, values: dict[str, Any], body: Any) -> Answer:
        declared = OFFICIAL.operations[operation]
        content = json.dumps(body).encode() if body is not None else b""
        self._connection.putrequest(
            declared["method"], self._target(declared, values), skip_accept_encoding=True, skip_host=False
        )
        for name, value in self._headers(declared, content).items():
            self._connection.putheader(name, value)
        self._connection.endheaders(content or None)
        answer = self._connection.getresponse()
        media_type = answer.headers.get_content_type() if answer.headers["content-type"] else ""
        return Answer(answer.status, media_type, json.loads(answer.read()))

    def _headers(self, declared: dict[str, Any], content: bytes) -> dict[str, str]:
        (answered,) = [types for status, types in declared["responses"].items() if status[0] == "2"]
        headers = {
            "Accept": JSON if self._dialect.asks_for_plain_json else next(iter(answered)),
            "User-Agent": self._dialect.user_agent,
            "Accept-Encoding": self._dialect.encoding,
            "Authorization": f"Bearer {self._token}",
        }
        if content:
            headers["Content-Type"] = next(iter(declared["body"]))
        if content or declared["method"] != "GET":
            headers["Content-Length"] = str(len(content))
        return headers

    def _target(self, declared: dict[str, Any], values: dict[str, Any]) -> str:
        path = declared["path"]
        pairs = []
        for parameter in declared["parameters"]:
            name = parameter["name"]
            if name not in values:
                assert not parameter["required"], name
            elif parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", quote(values[name], safe=self._dialect.unquoted))
            else:
                pairs += self._dialect.query(name, values[name])
        return path + ("?" + "&".join(f"{name}={value}" for name, value in pairs) if pairs else "")


def _text(value: Any) -> str:
    """A single value; booleans are small everywhere."""
    return quote(json.dumps(value) if isinstance(value, bool) else str(value), safe="")


def python_query(name: str, value: Any) -> Pairs:
    """Objects are JSON text; those in a list are what Python prints."""
    if isinstance(value, dict):
        yield name, quote(json.dumps(value), safe="")
    elif isinstance(value, list):
        yield from ((name, _text(each)) for each in value)
    else:
        yield name, _text(value)


def go_query(name: str, value: Any) -> Pairs:
    """Numbered names with dots, members in brackets that are not escaped."""
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from go_query(f"{name}[{member}]", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from go_query(f"{name}.{number}", inner)
    else:
        yield name, _text(value)


def java_query(name: str, value: Any) -> Pairs:
    """Only `pagination` is taken apart; any other object is sent as the text that shows it to a programmer."""
    if name == "pagination":
        yield from ((f"pagination.{member}", _text(inner)) for member, inner in value.items())
    elif isinstance(value, dict):
        shown = "".join(f"    {member}: {inner}\n" for member, inner in value.items())
        yield name, _text(f"class {name.capitalize()} {{\n{shown}}}")
    elif isinstance(value, list):
        for inner in value:
            yield from java_query(name, inner)
    else:
        yield name, _text(value)


DIALECTS = (
    Dialect("python", "Public API SDK 73.2.0 (Python)", python_query, "identity"),
    Dialect("go", "Public API SDK 73.2.0 (Go)", go_query, "gzip", asks_for_plain_json=True, unquoted="+"),
    Dialect("java", "Public API SDK 73.2.0 (Java)", java_query, "gzip", writes_objects=False),
)
