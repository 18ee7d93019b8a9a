"""One destination as delivery serves it: what it has taken and not ended, what waits, and where it reads.

Invariants:
- Events of ROUTED are taken in order of place, so `taken` is sorted; those that no attempt has touched and that stand
  behind all others can be given back by setting the place to the first of them.
- `occupied` counts deliveries waiting or in flight; no more are taken at `window`, nor while the circuit is open,
  except for one probe at a time.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from penstock.delivery.batching import BatchRule, group_of, rule_of
from penstock.delivery.editing import Editing
from penstock.delivery.gate import Circuit, Pace
from penstock.delivery.reading.frames import RoutedEvent
from penstock.delivery.trigger import plain_trigger
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.edits.transformations import Open, no_key
from penstock.spec.routed import FOR_FUNCTION, ROUTED_TO_ALL
from penstock.spec.snapshot import DestinationSnapshot, SubscriptionSnapshot

Place = tuple[int, int]
"""(sequence, index) of an event in ROUTED, or of a row in DELIVERY."""

_HELD_BYTES = 64 << 20
FROM_ROUTED = -1

_numbers = itertools.count()


class Budget:
    """What all destinations of a shard hold together, in deliveries and in bytes.

    Up to half of it anybody may take; of the other half, each only its equal share, so that many that hang leave room
    for one that works. Who holds nothing may always take one.
    """

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.window_total
        self.deliveries = 0
        self.bytes = 0
        self.active = 0
        """How many destinations hold something."""

    def allows(self, deliveries: int, held: int) -> bool:
        """Whether one that holds so many deliveries and bytes may take another event."""
        if deliveries == 0:
            return True
        if self.deliveries >= self._limit or self.bytes >= _HELD_BYTES:
            return False
        parts = 2 * max(1, self.active)
        is_few = self.deliveries < self._limit // 2 or deliveries < self._limit // parts
        is_little = self.bytes < _HELD_BYTES // 2 or held < _HELD_BYTES // parts
        return is_few and is_little

    def add(self, size: int, *, is_first: bool) -> None:
        self.deliveries += 1
        self.bytes += size
        self.active += is_first

    def remove(self, size: int, *, is_last: bool) -> None:
        self.deliveries -= 1
        self.bytes -= size
        self.active -= is_last


@dataclass(slots=True, eq=False)
class Work:
    """One taken event, or one retry, with its deliveries that have not ended."""

    place: Place
    rung: int
    """FROM_ROUTED, or the rung that the retry was taken from."""
    size: int
    open: dict[str, "Delivery"] = field(default_factory=dict)
    """By subscription id."""
    is_matched: bool = False
    """A delivery of this event ended as anything but `not subscribed`."""
    has_started: bool = False


@dataclass(slots=True, eq=False)
class Delivery:
    """Bringing one event through one subscription."""

    served: "Served"
    work: Work
    subscription_id: str
    workspace_id: str
    source_id: str
    event_type: int
    event_name: str
    message_id: str
    body: bytes
    attempts: int = 0
    first_attempt_at: int = 0
    reason: str = ""
    response: bytes = b""
    status: int = 0
    """What the destination answered last; 0 where it was not asked yet, or since a restart."""
    app_version: str = ""
    received_at: int = 0
    """Milliseconds; 0 where nobody knows, or where the event was held back since."""
    number: int = 0
    queued_at: float = 0.0


class Served:
    """One destination of one shard."""

    def __init__(
        self,
        snapshot: DestinationSnapshot,
        settings: Settings,
        clock: Clock,
        budget: Budget,
        open_key: Open = no_key,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._budget = budget
        self._open_key = open_key
        self.circuit = Circuit(settings, clock)
        self.pace = Pace(clock)
        self.taken: dict[Place, Work] = {}
        self.retries: dict[Place, Work] = {}
        self._queues: dict[tuple[str, bytes], deque[Delivery]] = {}
        """What waits, by subscription and by what the events of one batch must share. None of them is empty."""
        self.occupied = 0
        self.held = 0
        """Bytes of their events."""
        self.waiting = 0
        self.in_flight = 0
        """Attempts, not deliveries: a batch is one."""
        self.place: Place = (0, 0)
        """The first event that was not taken, while it is behind; before that place the common reader skips."""
        self.ended: Place = (0, 0)
        """The last event of ROUTED that has ended here: its outcome stands, and so it must not be read again."""
        self.is_behind = False
        self.is_placed = False
        """False until its start in ROUTED was found."""
        self.rewinds = 0
        """Counts how often the place went back, so that a reader drops what it has read ahead."""
        self.on_behind: Callable[[Served], None] = _nobody
        self.is_leaving = False
        """Disabled or deleted: what is in flight may end, nothing more is taken."""
        self.is_in_ring = False
        self.is_timed = False
        self.room = asyncio.Event()
        self.opened: bytes | None = b"{}"
        """Settings as raw JSON; None where they cannot be opened."""
        self.update(snapshot)

    def update(self, snapshot: DestinationSnapshot) -> None:
        """Take another version of the snapshot; what waits goes on under it."""
        self.snapshot = snapshot
        self.since = since(snapshot)
        self.editing = Editing(snapshot, self._open_key)
        self.subscriptions: dict[str, SubscriptionSnapshot] = {
            subscription.id: subscription for subscription in snapshot.subscriptions if subscription.enabled
        }
        self._triggers = [(one.id, plain_trigger(one.trigger)) for one in self.subscriptions.values()]
        self._batch_rules = {
            identifier: self._batch_rule(subscription) for identifier, subscription in self.subscriptions.items()
        }
        waiting = self.clear_queues()
        for delivery in waiting:
            self._queue(delivery)

    def _batch_rule(self, subscription: SubscriptionSnapshot) -> BatchRule | None:
        """Nobody maps a function: how many it gets at once the installation may raise."""
        rule = rule_of(subscription.mapping) if subscription.takes_batches else None
        raised = self._settings.function_batch_events if self.snapshot.function_id else 0
        return msgspec.structs.replace(rule, size=raised) if rule is not None and raised else rule

    @property
    def id(self) -> str:
        return self.snapshot.id

    @property
    def has_function(self) -> bool:
        """Whether a user's function delivers, or stands before what does."""
        return bool(self.snapshot.function_id) or self.snapshot.insertion is not None

    def reads(self, fate: int) -> bool:
        """Whether it reads rows of that fate: a function of its source those that are marked, all others the rest."""
        return fate == (FOR_FUNCTION if self.snapshot.lap else ROUTED_TO_ALL)

    def has_room(self) -> bool:
        """Whether another event may be taken now."""
        if self.is_leaving or self.occupied >= self._settings.window or self.is_over_share():
            return False
        return not self.circuit.is_open or (self.waiting == 0 and self.circuit.may_probe())

    def is_over_share(self) -> bool:
        """What all hold together leaves nothing for this one."""
        return not self._budget.allows(self.occupied, self.held)

    def has_reading_room(self) -> bool:
        """Whether reading on pays: a quarter of the window is free, or a probe may be sent."""
        return self.has_room() and self.occupied <= self._settings.window * 3 // 4

    def wanted_by(self, event: RoutedEvent) -> list[str]:
        """The subscriptions that want the event, or may want it and must be asked, in mapping order (D8)."""
        return [identifier for identifier, fires in self._triggers if fires is None or fires(event)]

    def fall_behind(self, place: Place) -> None:
        """The common reader goes on without it from `place`."""
        self.place = place
        self.rewinds += 1
        if not self.is_behind:
            self.is_behind = True
            self.on_behind(self)

    def admit(self, work: Work, delivery: Delivery) -> None:
        """Count a delivery into the window and queue it."""
        work.open[delivery.subscription_id] = delivery
        (self.taken if work.rung == FROM_ROUTED else self.retries)[work.place] = work
        self._budget.add(work.size, is_first=self.occupied == 0)
        self.occupied += 1
        self.held += work.size
        delivery.number = next(_numbers)
        delivery.queued_at = self._clock.monotonic()
        self._queue(delivery)

    def dismiss(self, delivery: Delivery) -> None:
        """A delivery has ended, or goes back to where it came from."""
        work = delivery.work
        del work.open[delivery.subscription_id]
        self.occupied -= 1
        self.held -= work.size
        self._budget.remove(work.size, is_last=self.occupied == 0)
        if not work.open:
            del (self.taken if work.rung == FROM_ROUTED else self.retries)[work.place]
            if work.rung == FROM_ROUTED and work.has_started:
                self.note_end(work.place)
        if self.is_behind and self.has_reading_room():
            self.room.set()

    def note_end(self, place: Place) -> None:
        """An event of ROUTED has ended, before it was queued or after."""
        self.ended = max(self.ended, place)

    def next_group(self) -> tuple[list[Delivery], float]:
        """Deliveries of one subscription for the next attempt, off the queue; else seconds until there are some."""
        best: tuple[str, bytes] | None = None
        wait = float("inf")
        for key, queue in self._queues.items():
            seconds = self._seconds_to_ready(key[0], queue)
            if seconds > 0:
                wait = min(wait, seconds)
            elif best is None or queue[0].number < self._queues[best][0].number:
                best = key
        if best is None:
            return [], wait
        group = self._taken_off(self._queues[best])
        if not self._queues[best]:
            del self._queues[best]
        self.waiting -= len(group)
        for delivery in group:
            delivery.work.has_started = True
        return group, 0.0

    def _queue(self, delivery: Delivery) -> None:
        group = group_of(self._batch_rules.get(delivery.subscription_id), delivery.body)
        self._queues.setdefault((delivery.subscription_id, group), deque()).append(delivery)
        self.waiting += 1

    def batch_rule(self, subscription_id: str) -> BatchRule | None:
        return self._batch_rules.get(subscription_id)

    def clear_queues(self) -> list[Delivery]:
        """Everything that waits, in order; the queues are empty then."""
        waiting = sorted(itertools.chain.from_iterable(self._queues.values()), key=lambda delivery: delivery.number)
        self._queues.clear()
        self.waiting = 0
        return waiting

    def untouched(self) -> list[Work]:
        """The taken events behind which no attempt has touched any and none has ended, last one first: they can be
        given back.
        """
        ended = self.ended
        return list(
            itertools.takewhile(lambda work: not work.has_started and work.place > ended, reversed(self.taken.values()))
        )

    def _seconds_to_ready(self, subscription_id: str, queue: deque[Delivery]) -> float:
        rule = self._batch_rules.get(subscription_id)
        if rule is None or len(queue) >= rule.size or self.circuit.is_open or self.is_leaving:
            return 0.0
        return queue[0].queued_at + self._settings.batch_wait_seconds - self._clock.monotonic()

    def _taken_off(self, queue: deque[Delivery]) -> list[Delivery]:
        rule = self._batch_rules.get(queue[0].subscription_id)
        group = [queue.popleft()]
        if rule is None:
            return group
        size = len(group[0].body)
        while queue and len(group) < rule.size and size + len(queue[0].body) <= rule.bytes:
            size += len(queue[0].body)
            group.append(queue.popleft())
        return group


def _nobody(_: Served) -> None:
    """Nobody reads for it yet."""


def since(snapshot: DestinationSnapshot) -> int:
    """The time from which a destination receives events."""
    return max(snapshot.created_at, snapshot.enabled_at)
