"""The scene of the kill matrix: an instance under load, and the rounds that kill parts of it.

Its sources: one whose events pass as they are, with three destinations, one with all rules and functions, and one whose
events a function makes.
"""

import hashlib
import json
import random
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx
import made
import msgspec
import ruled

from penstock.testing.instance import Instance, command_line, is_alive, kill, wait_until
from penstock.testing.observing import finals
from penstock.testing.receiver import Received, Receiver, Reply
from penstock.testing.setup import connect_webhook, create_source
from penstock.testing.workload import Workload

FAST = {
    "PENSTOCK_SYNC_SECONDS": "1",
    "PENSTOCK_PROBE_SECONDS": "1",
    "PENSTOCK_RETRY_SECONDS": "0.5,1,1,2,2,2,2,2,2",
    "PENSTOCK_CIRCUIT_SECONDS": "10",
    "PENSTOCK_LOG_FORMAT": "text",
    "PENSTOCK_SQL_ROWS": "1000000",
}


PAUSE = 0.25
"""Between what a visitor sends. On a slow machine the rounds last longer, so that more events come, which make it slower
still: enough must be in flight at each kill, and no more.
"""
FLOW_SECONDS = 120
PROMISE_SECONDS = 2.0
"""A change acts on what is sent so long after its answer."""


class Round(msgspec.Struct, frozen=True):
    """What is killed: the process that stops at `fault`, or the one of `role` as it runs."""

    role: str
    fault: str = ""

    @property
    def name(self) -> str:
        return self.fault or f"kill {self.role}"


ROUNDS = [
    Round("edge", "edge.before_append"),
    Round("edge", "edge.before_answer"),
    Round("edge"),
    Round("engine", "pipeline.before_append"),
    Round("engine", "pipeline.after_append"),
    Round("engine", "delivery.response_received"),
    Round("engine", "delivery.batch_stored"),
    Round("control", "publisher.before_publish"),
    Round("warehousing", "warehousing.before_load"),
    Round("warehousing", "warehousing.in_transaction"),
    Round("warehousing", "warehousing.after_commit"),
    Round("log"),
    Round("runner"),
    Round("all"),
]
ROLES = ("edge", "engine", "control", "warehousing", "log", "runner", "all")


class Webhooks:
    """The outside: one that works, one that fails 30 % of the time, one that is down until it heals."""

    def __init__(self, receiver: Receiver) -> None:
        self.bodies: dict[str, Counter[str]] = defaultdict(Counter)
        self.properties: dict[str, dict[str, Any]] = defaultdict(dict)
        self.is_down = True
        self._lock = threading.Lock()
        self._attempts: Counter[tuple[str, str]] = Counter()
        receiver.answer = self.answer

    def answer(self, request: Received) -> Reply:
        name = request.path.strip("/")
        event = json.loads(request.body)
        message_id = event["messageId"]
        with self._lock:
            self._attempts[name, message_id] += 1
            attempt = self._attempts[name, message_id]
            if name == "down" and self.is_down:
                return Reply(status=503)
            if name == "flaky" and _fails(message_id, attempt):
                return Reply(status=500)
            self.bodies[name][message_id] += 1
            self.properties[name][message_id] = event["properties"]
        return Reply()


def _fails(message_id: str, attempt: int) -> bool:
    """30 % of attempts, the same ones in every run of a seed."""
    return hashlib.sha256(f"{message_id}/{attempt}".encode()).digest()[0] < 77


class Scene:
    """Drives rounds of kills and remembers what was in flight at each."""

    def __init__(self, folder: Path, receiver: Receiver, seed: int) -> None:
        self.faults = folder / "faults"
        self.faults.mkdir(parents=True)
        self.instance = Instance(folder / "data", FAST | {"PENSTOCK_FAULTS_DIR": str(self.faults)})
        self.webhooks = Webhooks(receiver)
        self.receiver = receiver
        self.random = random.Random(seed)
        self.seed = seed
        self.report: list[str] = []
        self.destinations: dict[str, str] = {}

    def set_up(self) -> None:
        self.instance.start()
        with self.instance.api() as api:
            self.ruled_source, self.destinations["ruled"] = ruled.create(api, f"{self.receiver.url}/ruled")
            url = f"{self.receiver.url}/made"
            self.made_source, self.made_runs, self.made_destination = made.create(api, url)
            self.source = create_source(api, "kills")
            for name in ("good", "flaky", "down"):
                url = f"{self.receiver.url}/{name}"
                self.destinations[name] = connect_webhook(api, self.source["id"], url)["id"]
        self.load = Workload(
            self.instance.url, self.source["writeKeys"][0], f"v{self.seed}", threads=3, batch=4, pause=PAUSE
        )
        self.ruled_load = Workload(
            self.instance.url, self.ruled_source["writeKeys"][0], f"r{self.seed}", threads=1, batch=4, pause=PAUSE
        )
        self.calls = made.Calls(self.instance.url, self.made_source["writeKeys"][0], pause=0.3)
        time.sleep(PROMISE_SECONDS)

    def play(self, rounds: list[Round]) -> None:
        """Every round under load; a round with nothing in flight is repeated and does not count."""
        for one in rounds:
            started = time.monotonic()
            while not (in_flight := self._kill(one)):
                self.wait_for_flow()
            self.wait_for_flow()
            self.report.append(
                f"{one.name:<28} {in_flight:>4} events in flight, flow again after {time.monotonic() - started:.1f} s"
            )

    def _kill(self, one: Round) -> int:
        """Events in flight when the kill came: at the edge for their answer, or behind it for their delivery."""
        if one.fault:
            return self._kill_at_fault(one)
        pids = [self.instance.pid_of(one.role)] if one.role != "all" else []
        if one.role == "runner":  # those of functions too
            pids += [pid for pid in self.instance.pids() if "sandbox.js" in command_line(pid)]
        wait_until(lambda: self.load.in_hand, 60, "an event in hand")
        in_flight = self._in_flight()
        if one.role == "all":
            self.instance.kill_all()
            self.instance.start()
        for pid in pids:
            kill(pid)
        return in_flight

    def _in_flight(self) -> int:
        undelivered = {sent.message_id for sent in self.load.acknowledged} - set(self.webhooks.bodies["good"])
        return self.load.in_hand + len(undelivered)

    def _kill_at_fault(self, one: Round) -> int:
        (self.faults / one.fault).write_text("stop")
        if one.role == "control":
            threading.Thread(target=self._change_something, daemon=True).start()
        report = wait_until(lambda: next(self.faults.glob(f"{one.fault}.*"), None), 60, f"a stop at {one.fault}")
        pid = int(report.suffix[1:])
        in_flight = wait_until(self._in_flight, 60, "an event in flight")
        assert is_alive(pid)
        kill(pid)
        report.unlink()
        return in_flight

    def _change_something(self) -> None:
        try:
            with self.instance.api() as api:
                api.patch(f"/sources/{self.source['id']}", json={"name": f"Renamed {time.time()}"})
        except httpx.HTTPError:
            return  # the kill takes the answer with it

    def wait_for_flow(self) -> None:
        """Until new events are acknowledged and reach the healthy webhook, and every role is ready."""
        before = len(self.load.acknowledged)
        wait_until(lambda: len(self.load.acknowledged) > before + 20, FLOW_SECONDS, "new acknowledgements")
        fresh = {sent.message_id for sent in self.load.acknowledged[-5:]}
        wait_until(lambda: fresh <= set(self.webhooks.bodies["good"]), FLOW_SECONDS, "delivery of new events")
        wait_until(self.is_healthy, FLOW_SECONDS, "a healthy tree")

    def is_healthy(self) -> bool:
        try:
            return bool(self.instance.local().get("/penstock/status")["healthy"])
        except Exception:  # noqa: BLE001 - whatever is wrong now, the deadline tells
            return False

    def settle(self) -> None:
        """End the load, heal the outside, and wait until every delivery has its final outcome."""
        self.load.stop()
        self.ruled_load.stop()
        self.calls.stop()
        self.webhooks.is_down = False
        total = len({sent.message_id for sent in self.load.acknowledged}) * 3
        total += len(ruled.ids(sent for sent in self.ruled_load.acknowledged if not ruled.is_blocked(sent)))
        wait_until(lambda: self.finals() >= total, 120, f"{total} final outcomes")
        wait_until(self.has_made_all, 120, "the end of all that was made")
        self.instance.sync()

    def has_made_all(self) -> bool:
        """Whether every request that may have come has run, and every event of it has ended."""
        ran = sum(finals(self.instance, self.made_runs).values())
        ended = sum(finals(self.instance, self.made_destination).values())
        return ran >= len(self.calls.answered) and ended == ran * made.EVENTS

    def finals(self) -> int:
        return sum(
            one["count"]
            for one in self.outcomes("outcome,destination_id")
            if one["outcome"] in FINAL and one["destination_id"] in self.destinations.values()
        )

    def outcomes(self, by: str) -> list[dict[str, object]]:
        try:
            found: list[dict[str, object]] = self.instance.local().get(f"/penstock/outcomes?by={by}")["outcomes"]
        except Exception:  # noqa: BLE001 - the control process may be starting
            return []
        return found


FINAL = ("SUCCESSFUL_DELIVERY", "FAILED_DELIVERY", "FILTERED_AT_DESTINATION")
