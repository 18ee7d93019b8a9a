"""The ledger: what every event that was taken comes to, once, and what is still open.

Invariants: a delivery ends here exactly once, in one synchronous step that closes it and records its outcome, so that
whatever the settler sees is consistent; an event that no mapping wanted ends once, with an empty subscription.
"""

import asyncio
from collections.abc import Callable

from penstock.delivery.attempt import Fate, Verdict
from penstock.delivery.reading.frames import RoutedEvent, person_of, told_name_in, user_id_of
from penstock.delivery.served import FROM_ROUTED, Delivery, Served
from penstock.delivery.settling.endings import Endings
from penstock.delivery.tap import DeliveryTap, Ended
from penstock.kit.clock import Clock
from penstock.kit.settings import Settings
from penstock.spec.delivery import RESPONSE_LIMIT, DeliveryRef, QuarantineRow, RetryRow
from penstock.spec.laps import ATTEMPTS, FUNCTION_TIMEOUT, RETRY_ERROR, rung_of_source
from penstock.spec.outcome import DestinationReason, Outcome
from penstock.spec.tail import CLOSED

DEFERRED_RUNG = 1
"""The one-minute rung: for what is due while the circuit is open or the window is full."""
_NEVER_TRIED = "RETRY"
"""Reason of a delivery that waited for its destination until its time was over."""


IsForgotten = Callable[[DeliveryRef, bytes], bool]
"""Whether an event is of somebody who was deleted since it came."""


def _nobody(ref: DeliveryRef, body: bytes) -> bool:
    del ref, body
    return False


class Ledger:
    """Of one shard."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        on_ending: Callable[[], None],
        tap: DeliveryTap | None = None,
        is_forgotten: IsForgotten = _nobody,
    ) -> None:
        self._is_forgotten = is_forgotten
        self._settings = settings
        self._clock = clock
        self._on_ending = on_ending
        self._tap = tap or DeliveryTap(CLOSED, dict)
        self.endings = Endings()
        self._drained = asyncio.Event()
        self.totals: dict[str, int] = {}
        """Outcomes since the start, for the status."""

    def take(self) -> Endings:
        """Everything that has ended; the next ones gather anew."""
        taken, self.endings = self.endings, Endings()
        self._drained.set()
        return taken

    async def wait_for_room(self) -> None:
        """Readers wait here while more has ended than the settler could write."""
        while self.endings.is_full():
            self._drained.clear()
            await self._drained.wait()

    def conclude(self, delivery: Delivery, verdict: Verdict) -> None:
        """One attempt of `delivery` came to `verdict`."""
        if verdict.fate is Fate.NOT_SUBSCRIBED:
            self._not_subscribed(delivery)
            return
        delivery.attempts += 1
        delivery.status = verdict.status
        delivery.work.is_matched = True
        if verdict.fate is Fate.DELIVERED:
            if delivery.received_at:
                self.endings.measure(_ref(delivery), delivery.received_at, self._clock.now_ms())
            self._end(delivery, Outcome.DELIVERED, f"successes.attempt.{delivery.attempts}")
            return
        delivery.reason, delivery.response = verdict.reason, verdict.response[:RESPONSE_LIMIT]
        if verdict.fate is Fate.FILTERED:
            self._filtered(delivery)
            return
        has_had_its_lap = delivery.served.snapshot.lap and delivery.attempts >= ATTEMPTS
        if (
            verdict.fate is Fate.FAILED
            or has_had_its_lap
            or self._is_exhausted(delivery.attempts, delivery.first_attempt_at)
        ):
            self._fail(delivery)
            return
        self._count(delivery, Outcome.AWAITING_RETRY, verdict.reason)
        if verdict.reason in (RETRY_ERROR, FUNCTION_TIMEOUT):
            self._to_rung(delivery, min(rung_of_source(delivery.attempts), len(self._settings.retry_seconds) - 1))
        else:
            self._to_rung(delivery, rung_for(self._settings, delivery.attempts, verdict.retry_after_seconds))

    def defer(self, delivery: Delivery) -> None:
        """It cannot be tried now: again in a minute, unless its time is over."""
        delivery.work.is_matched = True
        delivery.first_attempt_at = delivery.first_attempt_at or self._clock.now_ms()
        delivery.reason = delivery.reason or _NEVER_TRIED
        if self._is_over(delivery.first_attempt_at):
            self._fail(delivery)
        else:
            self._tell(_ref(delivery), Outcome.AWAITING_RETRY, delivery.reason, delivery)
            self._to_rung(delivery, min(DEFERRED_RUNG, len(self._settings.retry_seconds) - 1))

    def defer_row(self, ref: DeliveryRef, row: RetryRow, body: bytes) -> None:
        """A retry that is due and finds no room."""
        self.endings.retry(min(DEFERRED_RUNG, len(self._settings.retry_seconds) - 1), ref, row, body)
        self._on_ending()

    def discard(self, delivery: Delivery, reason: DestinationReason) -> None:
        """Its destination or subscription is gone: no attempt, no quarantine."""
        delivery.work.is_matched = True
        self._end(delivery, _outcome_of_discarded(delivery.attempts), reason)

    def discard_event(
        self, destination_id: str, subscription_id: str, event: RoutedEvent, reason: DestinationReason
    ) -> None:
        """An open event whose destination went while nobody served it."""
        ref = DeliveryRef(event.workspace_id, event.source_id, destination_id, subscription_id)
        self._record(ref, Outcome.FILTERED_AT_DESTINATION, reason, event)
        self._tell(ref, Outcome.FILTERED_AT_DESTINATION, reason, event)

    def discard_row(self, ref: DeliveryRef, row: RetryRow, body: bytes, reason: DestinationReason) -> None:
        """A retry whose destination, or whose user, is gone."""
        outcome = _outcome_of_discarded(row.attempt)
        self._record(ref, outcome, reason, row, person_of(body).app_version, is_retried=row.attempt > 1)
        self._tell(ref, outcome, reason, row)

    def fail_row(self, ref: DeliveryRef, row: RetryRow, body: bytes) -> None:
        """A retry whose time is over."""
        kept = QuarantineRow(
            0,
            0,
            ref.subscription_id,
            row.event_type,
            row.event_name,
            row.message_id,
            user_id_of(body),
            Outcome.FAILED_DELIVERY,
            row.reason,
            row.attempt,
            row.first_attempt_at,
            row.response,
        )
        self._hold(ref.destination_id, ref, kept, body)
        version = person_of(body).app_version
        self._record(ref, Outcome.FAILED_DELIVERY, row.reason, row, version, is_retried=row.attempt > 1)
        self._tell(ref, Outcome.FAILED_DELIVERY, row.reason, row, body)

    def _hold(self, holder: str, ref: DeliveryRef, row: QuarantineRow, body: bytes) -> None:
        """In quarantine, but for those who were deleted since the event came."""
        if not self._is_forgotten(ref, body):
            self.endings.keep(holder, ref, row, body)

    def is_over(self, row: RetryRow) -> bool:
        return self._is_over(row.first_attempt_at)

    def filter(self, served: Served, event: RoutedEvent, reason: DestinationReason) -> None:
        """An event ends before any subscription of its destination."""
        ref = DeliveryRef(event.workspace_id, event.source_id, served.id, "")
        self._record(ref, Outcome.FILTERED_AT_DESTINATION, reason, event)
        self._tell(ref, Outcome.FILTERED_AT_DESTINATION, reason, event)

    def expire(self, served: Served, event: RoutedEvent) -> None:
        """An event that its destination did not read in time: no attempt, no quarantine."""
        ref = DeliveryRef(event.workspace_id, event.source_id, served.id, "")
        self._record(ref, Outcome.FAILED_DELIVERY, DestinationReason.EXPIRED, event)
        self._tell(ref, Outcome.FAILED_DELIVERY, DestinationReason.EXPIRED, event)

    def block(self, event: RoutedEvent, reason: str, *, is_before_lap: bool) -> None:
        """An event that the pipeline blocked but kept goes to the quarantine of its source; it was counted there."""
        ref = DeliveryRef(event.workspace_id, event.source_id, "", "")
        row = QuarantineRow(
            0,
            0,
            "",
            event.event_type,
            told_name_in(event.event_type, event.body),
            event.message_id,
            event.user_id,
            Outcome.FILTERED_AT_SOURCE,
            reason,
            is_before_lap=is_before_lap,
        )
        self._hold(event.source_id, ref, row, event.body)
        self._on_ending()

    def _not_subscribed(self, delivery: Delivery) -> None:
        work = delivery.work
        if work.rung != FROM_ROUTED:
            tried = delivery.attempts > 0
            reason = DestinationReason.FILTERED_AT_MAPPING if tried else DestinationReason.NO_MATCHING_MAPPING
            self._end(delivery, Outcome.FILTERED_AT_DESTINATION, reason)
            return
        delivery.served.dismiss(delivery)
        if not work.open and not work.is_matched:
            ref = DeliveryRef(delivery.workspace_id, delivery.source_id, delivery.served.id, "")
            reason = DestinationReason.NO_MATCHING_MAPPING
            self._record(ref, Outcome.FILTERED_AT_DESTINATION, reason, delivery)
            self._tell(ref, Outcome.FILTERED_AT_DESTINATION, reason, delivery)
        self._on_ending()

    def _fail(self, delivery: Delivery) -> None:
        self._keep(delivery, Outcome.FAILED_DELIVERY)
        self._end(delivery, Outcome.FAILED_DELIVERY, delivery.reason)

    def _filtered(self, delivery: Delivery) -> None:
        if delivery.response:
            self._keep(delivery, Outcome.FILTERED_AT_DESTINATION)
        self._end(delivery, Outcome.FILTERED_AT_DESTINATION, delivery.reason)

    def _keep(self, delivery: Delivery, outcome: Outcome) -> None:
        row = QuarantineRow(
            0,
            0,
            delivery.subscription_id,
            delivery.event_type,
            delivery.event_name,
            delivery.message_id,
            user_id_of(delivery.body),
            outcome,
            delivery.reason,
            delivery.attempts,
            delivery.first_attempt_at,
            delivery.response,
        )
        self._hold(delivery.served.id, _ref(delivery), row, delivery.body)

    def _to_rung(self, delivery: Delivery, rung: int) -> None:
        row = RetryRow(
            0,
            0,
            0,
            delivery.event_type,
            delivery.event_name,
            delivery.message_id,
            delivery.attempts,
            delivery.first_attempt_at,
            delivery.reason,
            delivery.response,
        )
        self.endings.retry(rung, _ref(delivery), row, delivery.body)
        delivery.served.dismiss(delivery)
        self._on_ending()

    def _end(self, delivery: Delivery, outcome: Outcome, reason: str) -> None:
        self._count(delivery, outcome, reason)
        delivery.served.dismiss(delivery)
        self._on_ending()

    def _count(self, delivery: Delivery, outcome: Outcome, reason: str) -> None:
        ref = _ref(delivery)
        self._record(ref, outcome, reason, delivery, is_retried=delivery.attempts > 1)
        self._tell(ref, outcome, reason, delivery)

    def _tell(self, ref: DeliveryRef, outcome: Outcome, reason: str, ended: Ended, body: bytes = b"") -> None:
        if self._tap.is_open:
            self._tap.tell(ref, outcome, reason, ended, body, self._clock.now_ms())

    def _record(
        self, ref: DeliveryRef, outcome: Outcome, reason: str, of: Ended, version: str = "", *, is_retried: bool = False
    ) -> None:
        """`version` is the app's, where `of` does not tell it."""
        name = of.name if isinstance(of, RoutedEvent) else of.event_name
        version = version if isinstance(of, RetryRow) else of.app_version
        now = self._clock.now_ms()
        self.endings.count(ref, outcome, reason, of.event_type, name, now, version, is_retried=is_retried)
        self.totals[outcome] = self.totals.get(outcome, 0) + 1
        self._on_ending()

    def _is_exhausted(self, attempts: int, first_attempt_at: int) -> bool:
        return attempts > len(self._settings.retry_seconds) or self._is_over(first_attempt_at)

    def _is_over(self, first_attempt_at: int) -> bool:
        if first_attempt_at == 0:
            return False
        return self._clock.now_ms() - first_attempt_at >= self._settings.retry_window_seconds * 1000


def rung_for(settings: Settings, attempts: int, retry_after_seconds: float) -> int:
    """The rung of a delivery whose attempt number `attempts` failed: its own, or the first long enough, or the last."""
    rungs = settings.retry_seconds
    own = min(attempts - 1, len(rungs) - 1)
    if retry_after_seconds <= 0:
        return own
    return next((rung for rung in range(own, len(rungs)) if rungs[rung] >= retry_after_seconds), len(rungs) - 1)


def _ref(delivery: Delivery) -> DeliveryRef:
    return DeliveryRef(delivery.workspace_id, delivery.source_id, delivery.served.id, delivery.subscription_id)


def _outcome_of_discarded(attempts: int) -> Outcome:
    return Outcome.FAILED_DELIVERY if attempts else Outcome.FILTERED_AT_DESTINATION
