"""The stages that an event passes for one destination, in the order of pipeline-order.md §1.

D1 to D5 are judged here, when the destination reads the event. D8 (trigger), D11 (mapping) and the validation of D12
are the official code's and run in the attempt; a trigger that does not match comes back as `not subscribed`. Stages
whose configuration does not exist yet (D2 consent categories, D4 toggles, D6, D7, D9, D10) take their line here when
it does.
"""

from collections.abc import Callable
from typing import Any

from penstock.delivery.reading.frames import RoutedEvent
from penstock.spec.event import EVENT_TYPES
from penstock.spec.outcome import DestinationReason
from penstock.spec.snapshot import DestinationSnapshot

Stage = Callable[[RoutedEvent, DestinationSnapshot], bool]
"""True lets the event pass."""


def was_not_delivered_on_device(event: RoutedEvent, destination: DestinationSnapshot) -> bool:
    """D1: the browser lists in `_metadata.bundled` what it delivered itself."""
    return not event.bundled or event.bundled.isdisjoint(destination.integration_names)


def integrations_allow(event: RoutedEvent, destination: DestinationSnapshot) -> bool:
    """D3: an explicit value for one of the destination's names decides, else `All` (tracking-api.md §11)."""
    integrations = event.integrations
    if not integrations:
        return True
    for name in destination.integration_names:
        if (value := integrations.get(name)) is not None:
            return _is_enabled(value)
    return _is_enabled(integrations.get("All", True))


def type_is_supported(event: RoutedEvent, destination: DestinationSnapshot) -> bool:
    """D5: the destination names the event types that it takes."""
    return EVENT_TYPES[event.event_type] in destination.supported_types


def _is_enabled(value: Any) -> bool:
    return value is not False


STAGES: tuple[tuple[Stage, DestinationReason], ...] = (
    (was_not_delivered_on_device, DestinationReason.MESSAGE_SENT_CLIENT_SIDE),
    (integrations_allow, DestinationReason.FILTERED_BY_INTEGRATIONS_OBJECT),
    (type_is_supported, DestinationReason.UNSUPPORTED_EVENT_TYPE),
)


def judge(event: RoutedEvent, destination: DestinationSnapshot) -> DestinationReason | None:
    """Why the event ends before any subscription of this destination; None: it goes on."""
    for lets_pass, reason in STAGES:
        if not lets_pass(event, destination):
            return reason
    return None
