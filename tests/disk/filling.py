"""A load on a small disk, and what must hold after it: nothing acknowledged is lost, nothing is doubled."""

import json
import threading
import time

import httpx

from penstock.testing.instance import Instance, wait_until
from penstock.testing.routed_log import covered_twice, routed_events

MEGABYTES = 400
SETTINGS = {"PENSTOCK_LOW_DISK_MEGABYTES": "64", "PENSTOCK_LOW_DISK_PERCENT": "0", "PENSTOCK_SYNC_SECONDS": "600"}


class Sender(threading.Thread):
    """Sends single events without a pause and remembers which were acknowledged, and what else was answered."""

    def __init__(self, instance: Instance, padding: int = 2_000) -> None:
        super().__init__(daemon=True)
        self._padding = "x" * padding
        self._url, self._key = instance.url, instance.ready["writeKey"]
        self._ends = threading.Event()
        self.acknowledged: list[str] = []
        self.answers: dict[int, int] = {}
        self.retry_after: set[str] = set()

    def run(self) -> None:
        number = 0
        with httpx.Client(base_url=self._url, auth=(self._key, ""), timeout=30) as client:
            while not self._ends.is_set():
                number += 1
                event = {
                    "userId": "u",
                    "event": "Filled",
                    "messageId": f"m-{number}",
                    "properties": {"p": self._padding},
                }
                try:
                    answer = client.post("/v1/track", json=event)
                except httpx.HTTPError:
                    continue
                self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
                if answer.status_code == 200:
                    self.acknowledged.append(event["messageId"])
                else:
                    self.retry_after.add(answer.headers.get("retry-after", ""))
                    time.sleep(0.01)  # no client hurries more after a refusal

    def end(self) -> None:
        self._ends.set()
        self.join(30)


def configuration_of(instance):
    return instance.data / "nats" / "nats.conf"


def stored_at_most(instance):
    """Bytes that the log engine was started with."""
    return json.loads(configuration_of(instance).read_text())["jetstream"]["max_file_store"]


def log_address(instance):
    configuration = json.loads(configuration_of(instance).read_text())
    return f"nats://{configuration['listen']}", configuration["authorization"]["token"]


def assert_everything_acknowledged_is_there_once(instance, sender, report, what):
    sender.end()
    local = instance.local()
    wait_until(lambda: not local.post("/penstock/sync", {}, 300)["errors"], 60, "a sync")
    routed = [event["messageId"] for event in routed_events(log_address(instance))]
    assert len(routed) == len(set(routed))
    assert set(sender.acknowledged) <= set(routed)
    assert not covered_twice(log_address(instance))
    found = [row["id"] for row in instance.sql("SELECT id FROM my_first_source.filled", 1_000_000)]
    assert len(found) == len(set(found))
    assert set(found) == set(routed)
    counts = f"{len(sender.acknowledged)} acknowledged, {len(routed)} routed, {len(found)} loaded"
    report.append(f"{what}: {counts}, answers {sender.answers}")
