"""What-if beside live traffic: how many accepted events it judges in a second, and what live events notice of it.

A whole tree. `BENCH_WHAT_IF_EVENTS` says how many events are judged (1000000 for the promise of the design).
"""

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.report import Figure, at_most
from penstock.testing.instance import Instance, wait_until
from penstock.testing.receiver import Received, Receiver, Reply
from penstock.testing.sender import Sender, sender, track
from penstock.testing.setup import connect_webhook, create_source, data_of

_EVENTS = int(os.environ.get("BENCH_WHAT_IF_EVENTS", "100000"))
_BATCH = 500
_PAGE = 100_000
_RATE = 100
_SECONDS = 8
_WARM_SECONDS = 2
_SCHEMA = {"properties": {"properties": {"type": "object", "properties": {"number": {"type": "integer"}}}}}
_RULES = [{"type": "TRACK", "key": "Step Done", "version": 1, "jsonSchema": _SCHEMA}]
_SETTINGS = {"PENSTOCK_SYNC_SECONDS": "3600", "PENSTOCK_API_RATE_FACTOR": "0"}


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, Instance(Path(folder) / "data", _SETTINGS) as instance:
        return _measured(instance)


def _measured(instance: Instance) -> list[Figure]:
    arrived: dict[str, float] = {}

    def answer(request: Received) -> Reply:
        arrived.setdefault(request.json()["messageId"], time.monotonic())
        return Reply()

    with Receiver(answer) as receiver, instance.api() as api:
        past, live = create_source(api, "past"), create_source(api, "live")
        connect_webhook(api, live["id"], receiver.url)
        with sender(instance.url, past["writeKeys"][0]) as send:
            _fill(send)
        instance.sync()
        with sender(instance.url, live["writeKeys"][0]) as send:
            _p99(send, arrived, "warm", _WARM_SECONDS)
            alone = [_p99(send, arrived, "alone", _SECONDS)]
            with _asking(instance, past["id"]) as asked:
                beside = _p99(send, arrived, "beside", _SECONDS)
            alone.append(_p99(send, arrived, "again", _SECONDS))
    rate = asked["events"] / asked["seconds"]
    ratio = beside / statistics.mean(alone)
    note = f"{beside * 1000:.1f} ms beside, {statistics.mean(alone) * 1000:.1f} ms alone"
    return [
        Figure("events judged by a what-if beside live traffic", rate, "events/s", note=f"{asked['events']:,} events"),
        at_most("p99 of live events beside a what-if", ratio, 2.0, "x", note),
    ]


def _fill(send: Sender) -> None:
    for first in range(0, _EVENTS, _BATCH):
        numbers = range(first, first + _BATCH)
        send.batch(track(f"past-{number}", user=f"u-{number % 1000}", number=number) for number in numbers)


def _p99(send: Sender, arrived: dict[str, float], mark: str, seconds: float) -> float:
    """Seconds from sending to the webhook, of so many live events each second."""
    sent: dict[str, float] = {}
    began = time.monotonic()
    for number in range(int(_RATE * seconds)):
        time.sleep(max(0.0, began + number / _RATE - time.monotonic()))
        message_id = f"{mark}-{number}"
        sent[message_id] = time.monotonic()
        send.send(track(message_id))
    wait_until(lambda: sent.keys() <= arrived.keys(), 60, "every live event at the webhook")
    taken = sorted(arrived[message_id] - sent[message_id] for message_id in sent)
    return taken[len(taken) * 99 // 100]


@contextmanager
def _asking(instance: Instance, source_id: str) -> Iterator[dict[str, Any]]:
    """Asks from a thread, page by page; what came of it is there when the context has ended."""
    found: dict[str, Any] = {"events": 0, "seconds": 0.0}
    body = {
        "sourceId": source_id,
        "since": "2020-01-01T00:00:00Z",
        "until": "2100-01-01T00:00:00Z",
        "rules": _RULES,
        "settings": {"track": {"allowUnplannedEvents": False}},
        "limit": _PAGE,
    }

    def ask() -> None:
        began, after = time.monotonic(), ""
        with httpx.Client(base_url=instance.url, headers=instance.api().headers, timeout=400) as api:
            while True:
                page = data_of(api.post("/penstock/what-if", json={**body, "after": after}))
                found["events"] += page["events"]
                if not (after := page.get("next", "")):
                    break
        found["seconds"] = time.monotonic() - began

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield found
    finally:
        asking.join()
