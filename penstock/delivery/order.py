"""The stages that an event passes for one destination, in the order of pipeline-order.md §1.

D1 to D7 are judged here, when the destination reads the event. D8 (trigger), D11 (mapping) and the validation of D12
are the official code's and run in the attempt; a trigger that does not match comes back as `not subscribed`. Stages
whose configuration does not exist (D10, the encryption of fields) take their line here when it does.
"""

from collections.abc import Callable
from typing import Any

from penstock.delivery.editing import Editing
from penstock.delivery.reading.frames import RoutedEvent, routed_event
from penstock.spec.edits.transformations import Open
from penstock.spec.event import EVENT_TYPES, EventType
from penstock.spec.outcome import DestinationReason
from penstock.spec.routed import RoutedRow
from penstock.spec.snapshot import DestinationSnapshot

Stage = Callable[[RoutedEvent, DestinationSnapshot], bool]
"""True lets the event pass."""


def was_not_delivered_on_device(event: RoutedEvent, destination: DestinationSnapshot) -> bool:
    """D1: the browser lists in `_metadata.bundled` what it delivered itself."""
    return not event.bundled or event.bundled.isdisjoint(destination.integration_names)


def consent_allows(event: RoutedEvent, destination: DestinationSnapshot) -> bool:
    """D2: all categories of the destination are consented to, where the event tells of consent (privacy.md §9)."""
    categories = destination.consent_categories
    if not categories or (preferences := event.consent) is None:
        return True
    return all(preferences.get(category) is True for category in categories)


def integrations_allow(event: RoutedEvent, destination: DestinationSnapshot) -> bool:
    """D3: an explicit value for one of the destination's names decides, else `All` (tracking-api.md §11).

    D4: where none decides, also the switch of this event for this destination.
    """
    if integrations := event.integrations:
        for name in destination.integration_names:
            if (value := integrations.get(name)) is not None:
                return _is_enabled(value)
        if not _is_enabled(integrations.get("All", True)):
            return False
    return not destination.blocked_events or _named(event) not in destination.blocked_events


def _named(event: RoutedEvent) -> tuple[str, Any]:
    kind = EVENT_TYPES[event.event_type]
    return (kind.value, event.full_name if kind is EventType.TRACK else "")


def type_is_supported(event: RoutedEvent, destination: DestinationSnapshot) -> bool:
    """D5: the destination names the event types that it takes."""
    return EVENT_TYPES[event.event_type] in destination.supported_types


def _is_enabled(value: Any) -> bool:
    return value is not False


STAGES: tuple[tuple[Stage, DestinationReason], ...] = (
    (was_not_delivered_on_device, DestinationReason.MESSAGE_SENT_CLIENT_SIDE),
    (consent_allows, DestinationReason.FILTERED_BY_END_USER_CONSENT),
    (integrations_allow, DestinationReason.FILTERED_BY_INTEGRATIONS_OBJECT),
    (type_is_supported, DestinationReason.UNSUPPORTED_EVENT_TYPE),
)


def judge(event: RoutedEvent, destination: DestinationSnapshot, editing: Editing) -> RoutedEvent | DestinationReason:
    """The event as the subscriptions of this destination get it, or why it ends before any of them."""
    for lets_pass, reason in STAGES:
        if not lets_pass(event, destination):
            return reason
    # D6 and D7 also change the event, so they are no stages that only let pass.
    return editing.apply(event) or DestinationReason.FILTERED_BY_RULES


def gate_of(destination: DestinationSnapshot, open_key: Open) -> Callable[[RoutedRow, bytes], tuple[str, bytes]]:
    """What the stages leave of an event of ROUTED: why it ends (empty: it goes on), and its JSON if it goes on."""
    editing = Editing(destination, open_key)

    def gate(row: RoutedRow, body: bytes) -> tuple[str, bytes]:
        found = judge(routed_event(row, body), destination, editing)
        return (found.value, b"") if isinstance(found, DestinationReason) else ("", found.body)

    return gate
