"""Requests as SDKs send them that do not run here, byte for byte as far as it matters, and how each reads an answer.

Facts of tracking-api.md §14: path, authorisation, content type, packing, chunks and what a body holds besides events.
"""

import base64
import gzip
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

AT = "2030-01-02T10:00:00.000Z"
RETRYABLE = {408, 410, 429, 460, *range(500, 600)} - {501, 505, 511}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Sdk:
    """`body` wraps the events; `read` says what the SDK does with an answer: `taken`, `dropped` or `repeated`."""

    name: str
    path: str
    headers: dict[str, str]
    body: Callable[[str, list[dict[str, Any]]], dict[str, Any]]
    read: Callable[[Answer], str]
    has_basic: bool = False
    is_packed: bool = False
    is_chunked: bool = False
    library_stands_in_each_event: bool = False

    def events(self, name: str) -> list[dict[str, Any]]:
        """One of each call."""
        every = {"userId": "u-1", "timestamp": AT}
        if self.library_stands_in_each_event:
            every["context"] = {"library": self.library}
        events = [
            {"type": "track", "event": "Order Completed", "properties": {"total": 27.5}},
            {"type": "identify", "traits": {"plan": "pro"}},
            {"type": "page", "name": "Home", "properties": {}},
            {"type": "screen", "name": "Start", "properties": {}},
            {"type": "group", "groupId": "g-1", "traits": {}},
            {"type": "alias", "previousId": "a-1"},
        ]
        return [{**event, **every, "messageId": f"{name}-{event['type']}"} for event in events]

    @property
    def library(self) -> dict[str, str]:
        return {"name": f"analytics-{self.name}", "version": "1.0.0"}

    def request(self, key: str, events: list[dict[str, Any]]) -> bytes:
        body = json.dumps(self.body(key, events)).encode()
        headers = {"Host": "127.0.0.1", "User-Agent": f"analytics-{self.name}/1.0.0", **self.headers}
        if self.has_basic:
            headers["Authorization"] = f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"
        if self.is_packed:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body)
        if self.is_chunked:
            headers["Transfer-Encoding"] = "chunked"
            pieces = [body[place : place + 100] for place in range(0, len(body), 100)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        else:
            headers["Content-Length"] = str(len(body))
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + body

    def ask(self, port: int, key: str, events: list[dict[str, Any]]) -> Answer:
        """Send, and read the one answer."""
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(self.request(key, events))
            reader = connection.makefile("rb")
            status = int(reader.readline().split()[1])
            headers = {}
            while line := reader.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            return Answer(status, headers, reader.read(int(headers["content-length"])))


def read_by_go(answer: Answer) -> str:
    """Whatever is not under 300 is tried again, ten times."""
    return "taken" if answer.status < 300 else "repeated"


def read_by_ruby(answer: Answer) -> str:
    """Every body must be JSON, also that of a success; an exception is tried again."""
    try:
        json.loads(answer.body).get("error")
    except (ValueError, AttributeError):
        return "repeated"
    if answer.status == 200:
        return "taken"
    return "repeated" if answer.status == 429 or answer.status >= 500 else "dropped"


def read_by_java(answer: Answer) -> str:
    """A success is decoded; what cannot be is an I/O error, which is tried again."""
    if 200 <= answer.status < 300:
        try:
            return "taken" if isinstance(json.loads(answer.body)["success"], bool) else "repeated"
        except (ValueError, KeyError):
            return "repeated"
    return "repeated" if answer.status in RETRYABLE else "dropped"


def read_by_kotlin(answer: Answer) -> str:
    """4xx but 429 deletes the file of the batch."""
    if 200 <= answer.status < 300:
        return "taken"
    return "dropped" if 400 <= answer.status < 500 and answer.status != 429 else "repeated"


def read_by_swift(answer: Answer) -> str:
    """Without `httpConfig` in the settings it drops on 400 alone."""
    if 1 <= answer.status < 300:
        return "taken"
    return "dropped" if answer.status == 400 else "repeated"


def _go_body(_key: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    library = {"name": "analytics-go", "version": "1.0.0"}
    return {"messageId": "of-the-batch", "sentAt": AT, "batch": events, "context": {"library": library}}


def _java_body(key: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    library = {"name": "analytics-java", "version": "1.0.0"}
    return {"batch": events, "sentAt": AT, "context": {"library": library}, "sequence": 1, "writeKey": key}


def _mobile_body(key: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    return {"batch": events, "sentAt": AT, "writeKey": key}


JSON = {"Content-Type": "application/json"}
OKHTTP = {"Content-Type": "application/json; charset=UTF-8", "Accept-Encoding": "gzip", "Connection": "Keep-Alive"}
TEXT = {"Content-Type": "text/plain", "Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}
SDKS = [
    Sdk("go", "/v1/batch", {**JSON, "Accept-Encoding": "gzip"}, _go_body, read_by_go, has_basic=True),
    Sdk(
        "ruby",
        "/v1/import",
        {**JSON, "Accept": "application/json", "Accept-Encoding": "gzip;q=1.0,deflate;q=0.6,identity;q=0.3"},
        lambda _key, events: {"sentAt": AT, "batch": events},
        read_by_ruby,
        has_basic=True,
        library_stands_in_each_event=True,
    ),
    Sdk("java", "/v1/import/", OKHTTP, _java_body, read_by_java, has_basic=True),
    Sdk("java-packed", "/v1/import/", OKHTTP, _java_body, read_by_java, True, is_packed=True, is_chunked=True),
    Sdk(
        "kotlin",
        "/v1/b",
        TEXT,
        _mobile_body,
        read_by_kotlin,
        is_packed=True,
        is_chunked=True,
        library_stands_in_each_event=True,
    ),
    Sdk(
        "swift",
        "/v1/b",
        {"Content-Type": "application/json; charset=utf-8", "Accept-Encoding": "gzip"},
        _mobile_body,
        read_by_swift,
        library_stands_in_each_event=True,
    ),
]
