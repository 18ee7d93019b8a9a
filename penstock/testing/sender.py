"""Sends events over the Tracking API as a server's SDK does, one connection for many requests."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

ACCEPTED = {"success": True}


class Sender:
    """Sends with one write key. Every `send` raises where the answer is not 200."""

    def __init__(self, client: httpx.Client, write_key: str) -> None:
        self._client = client
        self._key = write_key

    def post(self, path: str, body: bytes | dict[str, Any]) -> httpx.Response:
        """Whatever the answer is."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return self._client.post(path, content=content, headers=headers, auth=(self._key, ""))

    def send(self, event: dict[str, Any]) -> None:
        _assert_accepted(self.post(f"/v1/{event['type']}", event))

    def batch(self, events: Iterable[dict[str, Any]]) -> None:
        _assert_accepted(self.post("/v1/batch", {"batch": list(events)}))


@contextmanager
def sender(url: str, write_key: str) -> Iterator[Sender]:
    """A sender while the context is open."""
    with httpx.Client(base_url=url, timeout=30) as client:
        yield Sender(client, write_key)


def track(message_id: str, event: str = "Step Done", user: str = "u-1", **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "userId": user, "messageId": message_id, "properties": properties}


def _assert_accepted(response: httpx.Response) -> None:
    assert response.status_code == 200, f"{response.status_code}: {response.text}"
    assert response.json() == ACCEPTED
