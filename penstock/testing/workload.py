"""A steady load of known events over the Tracking API: like an SDK, the same bytes again until acknowledged."""

import base64
import http.client
import json
import random
import threading
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec


class Sent(msgspec.Struct, frozen=True):
    """An acknowledged event: its place in the sequence of its anonymous id, counted from 0."""

    message_id: str
    anonymous_id: str
    number: int


class Workload:
    """`threads` senders, each with an anonymous id of its own.

    A visitor's next events are sent after the last were acknowledged, so that their order is known. A context: it ends
    when every event in hand is acknowledged.
    """

    def __init__(
        self, url: str, write_key: str, name: str, threads: int = 4, batch: int = 10, pause: float = 0.02
    ) -> None:
        self._address = urlsplit(url)
        self._key = write_key
        self._name = name
        self._batch = batch
        self._pause = pause
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.acknowledged: list[Sent] = []
        self.attempts = 0
        self.in_hand = 0
        self.repeated = 0
        self._threads = [
            threading.Thread(target=self._send_all, args=(number,), daemon=True) for number in range(threads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, seconds: float = 60) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), "a sender still has an event that nobody acknowledges"

    def _send_all(self, thread: int) -> None:
        randomness = random.Random(thread)  # noqa: S311 - a repeatable load, no secret
        number = 0
        while not self._stop.is_set():
            size = self._batch if randomness.random() < 0.7 else 1
            events = [self.event(f"{self._name}-{thread}", number + offset) for offset in range(size)]
            number += size
            self.deliver(events)
            self._stop.wait(self._pause)

    @staticmethod
    def event(visitor: str, number: int) -> dict[str, Any]:
        """A visitor's event; the same numbers make the same event."""
        return {
            "type": "track",
            "event": "Step Done",
            "anonymousId": visitor,
            "messageId": f"{visitor}-{number}",
            "properties": {"number": number},
        }

    def deliver(self, events: list[dict[str, Any]]) -> None:
        """Send until acknowledged."""
        path, value = ("/v1/batch", {"batch": events}) if len(events) > 1 else ("/v1/track", events[0])
        body = json.dumps(value).encode()
        with self._lock:
            self.in_hand += len(events)
        while not self._post(path, body):
            with self._lock:
                self.repeated += len(events)
            threading.Event().wait(0.05)
        with self._lock:
            self.in_hand -= len(events)
            for event in events:
                self.acknowledged.append(Sent(event["messageId"], event["anonymousId"], event["properties"]["number"]))

    def _post(self, path: str, body: bytes) -> bool:
        self.attempts += 1
        token = base64.b64encode(f"{self._key}:".encode()).decode()
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=15)
        try:
            headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status == 200 and json.loads(response.read()) == {"success": True}
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()
