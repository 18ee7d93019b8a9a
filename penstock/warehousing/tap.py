"""Tells the live view which events a sync has loaded; while nobody watches, one test per frame."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from penstock.kit.time import format_iso
from penstock.spec.event import EVENT_TYPES
from penstock.spec.outcome import Outcome
from penstock.spec.routed import RoutedRow
from penstock.spec.snapshot import WarehouseSnapshot
from penstock.spec.tail import NAME_LIMIT, TailLine, TailStep, shown


class LoadedEvent(msgspec.Struct, frozen=True):
    """What a line says of one event, kept until its step is committed."""

    source_id: str
    message_id: str
    event_type: int
    event_name: str
    user_id: str
    anonymous_id: str


def loaded(source_id: str, row: RoutedRow, event: Mapping[str, Any]) -> LoadedEvent:
    return LoadedEvent(
        source_id,
        shown(row.message_id),
        row.event_type,
        shown(event.get("event"), NAME_LIMIT),
        shown(event.get("userId")),
        shown(event.get("anonymousId")),
    )


def lines_of(warehouse: WarehouseSnapshot, events: Iterable[LoadedEvent], now_ms: int) -> Iterator[TailLine]:
    time = format_iso(now_ms)
    for event in events:
        yield TailLine(
            step=TailStep.WAREHOUSE,
            time=time,
            workspace_id=warehouse.workspace_id,
            source_id=event.source_id,
            message_id=event.message_id,
            event_type=EVENT_TYPES[event.event_type].value,
            event_name=event.event_name,
            user_id=event.user_id,
            anonymous_id=event.anonymous_id,
            outcome=Outcome.DELIVERED.value,
            warehouse_id=warehouse.id,
        )
