"""Tells the live view how deliveries end, and how each attempt did; while nobody watches, one test per ending."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from penstock.delivery.reading.frames import RoutedEvent
from penstock.delivery.served import Delivery
from penstock.kit.time import format_iso
from penstock.spec.delivery import DeliveryRef, RetryRow
from penstock.spec.event import EVENT_TYPES
from penstock.spec.outcome import Outcome
from penstock.spec.snapshot import DestinationSnapshot
from penstock.spec.tail import TailLine, TailStep, Tap, shown

Ended: TypeAlias = RoutedEvent | Delivery | RetryRow


class _Person(msgspec.Struct, rename="camel"):
    user_id: Any = None
    anonymous_id: Any = None


_person = msgspec.json.Decoder(_Person)


class DeliveryTap:
    """What delivery hands to a tap. `destinations` are those of the moment, for their names."""

    def __init__(self, tap: Tap, destinations: Callable[[], Mapping[str, DestinationSnapshot]]) -> None:
        self._tap = tap
        self._destinations = destinations

    @property
    def is_open(self) -> bool:
        return self._tap.is_open

    def tell(self, ref: DeliveryRef, outcome: Outcome, reason: str, ended: Ended, body: bytes, now_ms: int) -> None:
        """One ending, or one attempt after which another follows. `body` is the event, where `ended` has none."""
        person = _person_of(body if isinstance(ended, RetryRow) else ended.body)
        destination = self._destinations().get(ref.destination_id)
        attempt, status = _try_of(ended)
        line = TailLine(
            step=TailStep.DESTINATION,
            time=format_iso(now_ms),
            workspace_id=ref.workspace_id,
            source_id=ref.source_id,
            message_id=shown(ended.message_id),
            event_type=EVENT_TYPES[ended.event_type].value,
            event_name=ended.name if isinstance(ended, RoutedEvent) else ended.event_name,
            user_id=shown(person.user_id),
            anonymous_id=shown(person.anonymous_id),
            outcome=outcome.value,
            reason=str(reason),
            destination_id=ref.destination_id,
            destination="" if destination is None else shown(destination.name),
            subscription_id=ref.subscription_id,
            attempt=attempt,
            status=status,
        )
        self._tap.offer([line])


def _try_of(ended: Ended) -> tuple[int, int]:
    """The number of the attempt and the status that it was answered with; 0 where there was none."""
    if isinstance(ended, Delivery):
        return ended.attempts, ended.status
    return (ended.attempt, 0) if isinstance(ended, RetryRow) else (0, 0)


def _person_of(body: bytes) -> _Person:
    try:
        return _person.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Person()
