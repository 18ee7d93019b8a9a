"""The whole tree: how fast it starts, what it costs when idle, how much memory it takes."""

import base64
import http.client
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.footprint import cpu_seconds, pss_megabytes
from bench.report import Figure, at_most
from penstock.testing.instance import Instance, wait_until
from penstock.testing.receiver import Receiver
from penstock.testing.setup import connect_webhook, create_source

IDLE_SECONDS = 30.0
SETTLE_SECONDS = 30.0


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with _timed_first_event(data) as (first_seconds, _):
            pass
        with _timed_first_event(data) as (second_seconds, instance), Receiver() as receiver, instance.api() as api:
            source = create_source(api, "bench")
            connect_webhook(api, source["id"], receiver.url)
            send(instance.url, source["writeKeys"][0])
            wait_until(lambda: receiver.requests, 30, "the event at the webhook")
            instance.sync()
            time.sleep(SETTLE_SECONDS)
            pids = [instance.pid, *instance.pids()]
            idle = _idle_share(pids)
            memory = pss_megabytes(pids)
    return [
        at_most("first start to first event answered", first_seconds, 10, "s"),
        at_most("second start to first event answered", second_seconds, 5, "s"),
        at_most("idle CPU of the tree", idle * 100, 2, "% of a core"),
        at_most("memory of the tree (sum of PSS)", memory, 450, "MB", f"{len(pids)} processes"),
    ]


@contextmanager
def _timed_first_event(data: Path) -> Iterator[tuple[float, Instance]]:
    instance = Instance(data)
    started = time.monotonic()
    instance.start()
    send(instance.url, instance.ready["writeKey"])
    seconds = time.monotonic() - started
    try:
        yield seconds, instance
    finally:
        instance.stop()


def send(url: str, key: str) -> None:
    """One event, answered 200."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    token = base64.b64encode(f"{key}:".encode()).decode()
    connection.request("POST", "/v1/track", b'{"userId":"u","event":"Bench"}', {"Authorization": f"Basic {token}"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    connection.close()


def _idle_share(pids: list[int]) -> float:
    before, started = cpu_seconds(pids), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (cpu_seconds(pids) - before) / (time.monotonic() - started)
