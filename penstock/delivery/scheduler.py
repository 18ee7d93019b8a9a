"""The scheduler: goes round the destinations and starts attempts, one destination never in the way of another.

A destination that cannot start now (its limit, its pace, its circuit, a batch that fills) leaves the ring and comes
back by what it waits for: an attempt that ends, a timer, a new delivery. A round so costs what can be started, not
what exists.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from penstock.delivery.attempt import Attempt, Attempter, Fate, Signal, Verdict, invalid_settings, timed_out
from penstock.delivery.served import Delivery, Served
from penstock.delivery.settling.ledger import Ledger
from penstock.infra.faults import fault_point
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.outcome import DestinationReason

logger = structlog.get_logger(__name__)

IN_FLIGHT = 64
"""Attempts of one destination at once."""
IN_FLIGHT_OF_FUNCTIONS = 10
"""As many as one function runs at once: what waits, waits here, where its time does not count."""
IN_FLIGHT_TOTAL = 1_024
_GRACE_SECONDS = 2.0
"""The attempter keeps the limit itself; this is for one that does not."""

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Scheduler:
    """Of one shard."""

    def __init__(self, settings: Settings, clock: Clock, attempter: Attempter, ledger: Ledger, spawn: Spawn) -> None:
        self._settings = settings
        self._clock = clock
        self._attempter = attempter
        self._ledger = ledger
        self._spawn = spawn
        self._ring: deque[Served] = deque()
        self._is_due = False
        self._active = 0
        self._is_stopping = False
        self._quiet = asyncio.Event()
        self._quiet.set()
        self.in_flight = 0

    def wake(self, served: Served) -> None:
        """Something of this destination may be able to start."""
        if not served.is_in_ring and served.waiting:
            served.is_in_ring = True
            self._ring.append(served)
        if not self._is_due and self._ring:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._go_round)

    async def stop(self) -> None:
        """Start nothing more, and return when nothing is in flight."""
        self._is_stopping = True
        await self._quiet.wait()

    def discard_waiting(self, served: Served, reason: DestinationReason) -> None:
        """The destination is gone: what waits ends without an attempt."""
        for delivery in served.clear_queues():
            self._ledger.discard(delivery, reason)

    def _go_round(self) -> None:
        self._is_due = False
        while self._ring and self.in_flight < IN_FLIGHT_TOTAL and not self._is_stopping:
            served = self._ring.popleft()
            if served.waiting and self._start_one(served):
                self._ring.append(served)
            else:
                served.is_in_ring = False

    def _start_one(self, served: Served) -> bool:
        """Start one attempt, or arrange to be woken. False: the destination leaves the ring."""
        if served.in_flight >= self._limit(served):
            return False
        if served.circuit.is_open and not served.circuit.may_probe():
            if (seconds := served.circuit.seconds_to_probe()) > 0:
                self._wake_later(served, seconds)
            return False
        if (delay := served.pace.delay()) > 0:
            self._wake_later(served, delay)
            return False
        group, wait = served.next_group()
        if not group:
            self._wake_later(served, wait)
            return False
        self._start(served, group)
        return True

    def _limit(self, served: Served) -> int:
        """An equal share once half of all places are taken, and of the last quarter one place each.

        So those that hang cannot take them all, and one that comes later than they did finds room.
        """
        if served.has_function:
            return IN_FLIGHT_OF_FUNCTIONS if self.in_flight < IN_FLIGHT_TOTAL // 2 else 1
        if self.in_flight < IN_FLIGHT_TOTAL // 2:
            return IN_FLIGHT
        if self.in_flight < IN_FLIGHT_TOTAL * 3 // 4:
            return max(1, min(IN_FLIGHT, IN_FLIGHT_TOTAL // max(1, self._active)))
        return 1

    def _start(self, served: Served, group: list[Delivery]) -> None:
        subscription = served.subscriptions.get(group[0].subscription_id)
        if subscription is None:
            for delivery in group:
                self._ledger.discard(delivery, DestinationReason.SUBSCRIPTION_DELETED)
            return
        now = self._clock.now_ms()
        for delivery in group:
            delivery.first_attempt_at = delivery.first_attempt_at or now
        is_batch = served.batch_rule(subscription.id) is not None
        attempt = Attempt(
            destination_id=served.id,
            metadata_id=served.snapshot.metadata_id,
            source_id=served.snapshot.source_id,
            settings=served.opened or b"{}",
            subscription=subscription,
            events=[delivery.body for delivery in group],
            is_batch=is_batch,
            seconds_limit=self._settings.batch_attempt_seconds if is_batch else self._settings.attempt_seconds,
        )
        is_probe = served.circuit.is_open
        if is_probe:
            served.circuit.begin_probe()
        served.pace.spend()
        self._active += served.in_flight == 0
        served.in_flight += 1
        self.in_flight += 1
        self._quiet.clear()
        self._spawn(self._run(served, group, attempt, is_probe=is_probe))

    async def _run(self, served: Served, group: list[Delivery], attempt: Attempt, *, is_probe: bool) -> None:
        verdicts = await self._asked(served, attempt)
        fault_point("delivery.response_received")
        served.in_flight -= 1
        self._active -= served.in_flight == 0
        self.in_flight -= 1
        for delivery, verdict in zip(group, verdicts, strict=True):
            self._ledger.conclude(delivery, verdict)
        self._learn(served, verdicts, is_probe=is_probe)
        self.wake(served)
        if self.in_flight == 0:
            self._quiet.set()

    async def _asked(self, served: Served, attempt: Attempt) -> list[Verdict]:
        count = len(attempt.events)
        if served.opened is None:
            return [invalid_settings("the settings cannot be opened")] * count
        try:
            async with asyncio.timeout(attempt.seconds_limit + _GRACE_SECONDS):
                verdicts = await self._attempter.attempt(attempt)
        except TimeoutError:
            return [timed_out()] * count
        except Exception:  # one destination's fault must not end the shard; the delivery is tried again
            logger.exception("An attempt broke.", destination=served.id, action=attempt.subscription.action)
            return [_broken()] * count
        if len(verdicts) < count:
            verdicts = [*verdicts, *[_broken()] * (count - len(verdicts))]
        return verdicts[:count]

    def _learn(self, served: Served, verdicts: list[Verdict], *, is_probe: bool) -> None:
        was_open = served.circuit.is_open
        signal = _strongest(verdicts)
        throttled = [verdict for verdict in verdicts if verdict.status in {429, 503} or verdict.retry_after_seconds > 0]
        if throttled:
            served.pace.throttle(max(verdict.retry_after_seconds for verdict in throttled))
        elif signal is Signal.HEALTHY:
            served.pace.succeed()
        served.circuit.record(signal, is_probe=is_probe)
        if served.circuit.is_open and (is_probe or not was_open):
            if not was_open:
                logger.warning("A circuit opened.", destination=served.id, name=served.snapshot.name)
            self.release(served)
        elif was_open and not served.circuit.is_open:
            logger.info("A circuit closed.", destination=served.id, name=served.snapshot.name)
        served.room.set()

    def release(self, served: Served) -> None:
        """The circuit is open: what no attempt touched is read again later, what else waits goes to a rung."""
        untouched = served.untouched()
        if untouched:
            served.fall_behind(untouched[-1].place)
        given_back = set(map(id, untouched))
        for delivery in served.clear_queues():
            if id(delivery.work) in given_back:
                served.dismiss(delivery)
            else:
                self._ledger.defer(delivery)

    def _wake_later(self, served: Served, seconds: float) -> None:
        if served.is_timed or seconds == float("inf"):
            return
        served.is_timed = True
        self._spawn(self._wake_after(served, max(seconds, 0.001)))

    async def _wake_after(self, served: Served, seconds: float) -> None:
        await self._clock.sleep(seconds)
        served.is_timed = False
        self.wake(served)


def _strongest(verdicts: list[Verdict]) -> Signal:
    """What a batch tells as a whole: it works if it worked for one."""
    found = {verdict.signal for verdict in verdicts}
    return next(
        (signal for signal in (Signal.HEALTHY, Signal.THROTTLED, Signal.FAILING) if signal in found), Signal.SILENT
    )


def _broken() -> Verdict:
    return Verdict(Fate.RETRYABLE, Signal.SILENT, reason="INTERNAL", status=500)
