"""Delivery without the JavaScript runner: a scripted outside world, and one shard of the log to deliver from."""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from penstock.delivery.attempt import Attempt, Fate, Signal, Verdict
from penstock.delivery.engine import DeliveryEngine
from penstock.infra.log import Log, Message, StreamSpec
from penstock.kit.clock import Clock, SystemClock
from penstock.kit.settings import Settings
from penstock.spec import delivery, routed
from penstock.spec.event import EVENT_TYPES, EventType
from penstock.spec.facts import CountedLatency, CountedOutcome
from penstock.spec.outcome import Outcome
from penstock.spec.snapshot import (
    DeletionSnapshot,
    DestinationSnapshot,
    FunctionSnapshot,
    SnapshotKind,
    SubscriptionSnapshot,
    SuppressionSnapshot,
)
from penstock.spec.tail import CLOSED, Tap

DELIVERED = Verdict(Fate.DELIVERED, Signal.HEALTHY, status=200)
NOT_SUBSCRIBED = Verdict(Fate.NOT_SUBSCRIBED, Signal.SILENT)
SERVER_ERROR = Verdict(Fate.RETRYABLE, Signal.FAILING, reason="500", status=500, response=b"out of order")
REFUSED = Verdict(Fate.FAILED, Signal.HEALTHY, reason="400", status=400, response=b"no such field")
THROTTLED = Verdict(Fate.RETRYABLE, Signal.THROTTLED, reason="429", status=429)

Answer = Callable[[Attempt, str], Verdict | Awaitable[Verdict]]
"""What the outside makes of one event, by attempt and message id."""

_shards = itertools.count(1)
ALL_TYPES = [str(event_type) for event_type in EVENT_TYPES]


class Outside:
    """Performs attempts as `answer` says, and keeps what it was asked."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer: Answer = answer or (lambda _attempt, _message_id: DELIVERED)
        self.asked: Counter[tuple[str, str, str]] = Counter()
        """(destination, subscription, message id): how often."""
        self.attempts: list[Attempt] = []
        self.times: list[tuple[str, float]] = []
        self.is_recording = True
        self.delivered: Counter[tuple[str, str, str]] = Counter()

    async def attempt(self, attempt: Attempt) -> list[Verdict]:
        if self.is_recording:
            self.attempts.append(attempt)
        self.times.append((attempt.destination_id, asyncio.get_running_loop().time()))
        return [await self._verdict(attempt, body) for body in attempt.events]

    async def _verdict(self, attempt: Attempt, body: bytes) -> Verdict:
        message_id = json.loads(body)["messageId"]
        key = (attempt.destination_id, attempt.subscription.id, message_id)
        self.asked[key] += 1
        verdict = self.answer(attempt, message_id)
        if not isinstance(verdict, Verdict):
            verdict = await verdict
        if verdict.fate is Fate.DELIVERED:
            self.delivered[key] += 1
        return verdict


class Destinations:
    """The view of the snapshots that delivery reads, changed by the test."""

    def __init__(self) -> None:
        self.destinations: dict[str, DestinationSnapshot] = {}
        self.functions: dict[str, FunctionSnapshot] = {}
        self.deletions: tuple[DeletionSnapshot, ...] = ()
        self.suppressions: tuple[SuppressionSnapshot, ...] = ()
        self._listeners: list[Callable[[SnapshotKind, str], None]] = []

    def deletions_of(self, workspace_id: str) -> tuple[DeletionSnapshot, ...]:
        return self.deletions if all(each.workspace_id == workspace_id for each in self.deletions) else ()

    def suppressions_of(self, workspace_id: str) -> tuple[SuppressionSnapshot, ...]:
        return self.suppressions if all(each.workspace_id == workspace_id for each in self.suppressions) else ()

    def subscribe(self, changed: Callable[[SnapshotKind, str], None]) -> Callable[[], None]:
        self._listeners.append(changed)
        return lambda: self._listeners.remove(changed)

    def put(self, snapshot: DestinationSnapshot) -> None:
        self.destinations = {**self.destinations, snapshot.id: snapshot}
        self._tell(snapshot.id)

    def change(self, identifier: str, **changes: Any) -> None:
        self.put(msgspec.structs.replace(self.destinations[identifier], **changes))

    def remove(self, identifier: str) -> None:
        self.destinations = {key: value for key, value in self.destinations.items() if key != identifier}
        self._tell(identifier)

    def _tell(self, identifier: str) -> None:
        for listener in list(self._listeners):
            listener(SnapshotKind.DESTINATION, identifier)


class PlainSealer:
    """Opens what was never sealed; `broken` cannot be opened."""

    def open(self, sealed: bytes) -> bytes:
        if sealed == b"broken":
            raise ValueError("sealed with another key")
        return sealed


def subscription(identifier: str = "s1", *, enabled: bool = True, **mapping: Any) -> SubscriptionSnapshot:
    encoded = json.dumps(mapping).encode()
    return SubscriptionSnapshot(identifier, identifier, "send", 'type = "track"', encoded, enabled)


def destination(identifier: str, *subscriptions: SubscriptionSnapshot, **changes: Any) -> DestinationSnapshot:
    """A destination of source `web` that takes everything since ever."""
    plain = DestinationSnapshot(
        id=identifier,
        workspace_id="w",
        version=1,
        source_id="web",
        metadata_id="webhook",
        name=identifier,
        integration_names=["Webhook"],
        supported_types=ALL_TYPES,
        enabled=True,
        created_at=1,
        enabled_at=0,
        sealed_settings=b"",
        subscriptions=list(subscriptions) or [subscription()],
    )
    return msgspec.structs.replace(plain, **changes)


def event(message_id: str, **changes: Any) -> dict[str, Any]:
    """A tracked event that bears its message id as its name, so that counts tell which one ended."""
    return {"type": "track", "event": message_id, "messageId": message_id, "userId": f"u-{message_id}", **changes}


class Shard:
    """A shard of its own in the log, its configuration, its outside, and at most one engine at a time."""

    def __init__(self, log: Log, settings: Settings, clock: Clock | None = None) -> None:
        self.log = log
        self.number = next(_shards)
        self.settings = settings
        self.clock = clock or SystemClock()
        self.outside = Outside()
        self.tap: Tap = CLOSED
        self.view = Destinations()
        self.engine: DeliveryEngine | None = None
        self._running: asyncio.Task[None] | None = None
        self._covers = 0

    async def make(self, storage: Any = "memory") -> "Shard":
        for name, subjects in (
            (routed.stream_name(self.number), (routed.subject(self.number),)),
            (delivery.stream_name(self.number), (f"delivery.{self.number}.>",)),
        ):
            await self.log.ensure_stream(StreamSpec(name, subjects, storage=storage))
        return self

    async def route(
        self,
        *events: dict[str, Any],
        source: str = "web",
        fate: int = routed.ROUTED_TO_ALL,
        received_at: int | None = None,
        metadata: bytes = b"",
    ) -> int:
        """Append one ROUTED frame of these events."""
        self._covers += 1
        now = self.clock.now_ms() if received_at is None else received_at
        stamp = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds")
        bodies = [json.dumps({"receivedAt": stamp, **one}).encode() for one in events]
        offsets = [0, *itertools.accumulate(map(len, bodies))]
        rows = [
            routed.RoutedRow(
                offset,
                len(body),
                0,
                EVENT_TYPES.index(EventType(one["type"])),
                one["messageId"],
                fate,
                "unplanned" if fate == routed.BLOCKED else "",
                metadata,
            )
            for offset, body, one in zip(offsets, bodies, events, strict=False)
        ]
        head = routed.RoutedHead(
            "test", self._covers, 1, 1, 1, [routed.SourceRef("w", source)], rows, [], [], received_at=now
        )
        return await self.log.append(routed.subject(self.number), routed.encode_routed(head, bodies))

    async def start(self) -> DeliveryEngine:
        """A new engine; what an earlier one knew is in the log alone."""
        self.engine = DeliveryEngine(
            self.settings, self.log, self.view, self.clock, self.outside, PlainSealer(), self.number, self.tap
        )
        self._running = asyncio.create_task(self.engine.run())
        ready = asyncio.create_task(self.engine.wait_ready())
        await asyncio.wait({ready, self._running}, return_when=asyncio.FIRST_COMPLETED)
        if self._running.done():
            ready.cancel()
            await self._running
        return self.engine

    async def stop(self) -> None:
        if self.engine is not None and self._running is not None:
            await self.engine.stop()
            await self._running

    async def kill(self) -> None:
        """As a SIGKILL: nothing is settled."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._running

    @property
    def failure(self) -> BaseException | None:
        """What ended the engine."""
        return self._running.exception() if self._running is not None and self._running.done() else None

    async def written(self, subject: str = ">") -> list[Message]:
        """Every message of the DELIVERY stream under `delivery.<shard>.<subject>`."""
        found: list[Message] = []
        while batch := await self.log.get_batch(
            delivery.stream_name(self.number),
            found[-1].sequence + 1 if found else 1,
            subject=f"delivery.{self.number}.{subject}",
        ):
            found += batch
        return found

    async def outcomes(self) -> list[CountedOutcome]:
        """What the fold would read: the counts of every `settled`, once."""
        messages = await self.written("settled")
        return [
            outcome for message in messages for outcome in delivery.settled_decoder.frame(message.payload)[0].outcomes
        ]

    async def latencies(self) -> list[CountedLatency]:
        """As the fold reads them too."""
        messages = await self.written("settled")
        return [each for message in messages for each in delivery.settled_decoder.frame(message.payload)[0].latencies]

    async def finals(self) -> Counter[tuple[str, str, str]]:
        """(destination, subscription, event name): how many final outcomes it has."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for one in await self.outcomes():
            if Outcome(one.outcome).is_final:
                counts[one.destination_id, one.subscription_id, one.event_name] += one.count
        return counts

    async def totals(self) -> Counter[tuple[str, str, str]]:
        """(destination, outcome, reason): count."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for one in await self.outcomes():
            counts[one.destination_id, one.outcome, one.reason] += one.count
        return counts

    async def ended(self, count: int, *, seconds: float = 60.0) -> Counter[tuple[str, str, str]]:
        """Wait for `count` final outcomes to be settled, and tell the totals."""
        await until(lambda: self._has_ended(count), seconds=seconds)
        return await self.totals()

    async def _has_ended(self, count: int) -> bool:
        return sum((await self.finals()).values()) >= count


async def until(condition: Callable[[], Awaitable[bool] | bool], *, seconds: float = 60.0) -> None:
    """Wait for a state."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


def message_ids(count: int, prefix: str = "m") -> Sequence[str]:
    return [f"{prefix}{number}" for number in range(count)]
