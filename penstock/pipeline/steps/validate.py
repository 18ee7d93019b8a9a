"""Stage 3: what an event must have, by type. Each lack has its code; what passes never surprises a later step."""

from collections.abc import Callable
from typing import Any

import msgspec

from penstock.pipeline.judging.draft import FAILED, Draft, Ending, FrameView
from penstock.pipeline.judging.wire import NO_OBJECT, WireEvent
from penstock.spec.event import MESSAGE_ID_LIMIT, EventType
from penstock.spec.outcome import IngestReason

CONSENT_EVENT = "Segment Consent Preference Updated"
_decode = msgspec.json.Decoder().decode


def validate(draft: Draft, frame: FrameView) -> Ending | None:
    del frame
    reason = _first_lack(draft)
    return None if reason is None else FAILED[reason]


def _first_lack(draft: Draft) -> IngestReason | None:
    event = draft.event
    lack_of_call = _LACKS.get(event.type) if isinstance(event.type, str) else None
    if lack_of_call is None:
        return IngestReason.UNKNOWN_TYPE
    if len(draft.row.message_id) > MESSAGE_ID_LIMIT:
        return IngestReason.MESSAGE_ID_TOO_LONG
    user, anonymous = event.user_id, event.anonymous_id
    if user is None and anonymous is None:
        return IngestReason.NO_USER_ANON_ID
    if not (_is_text_or_absent(user) and _is_text_or_absent(anonymous)):
        # Zero, false and the empty string are ids that are wrong, not ids that are absent.
        return IngestReason.ID_NOT_STRING
    if event.properties is NO_OBJECT or event.traits is NO_OBJECT:
        is_first = event.properties is NO_OBJECT
        return IngestReason.PROPERTIES_NOT_OBJECT if is_first else IngestReason.TRAITS_NOT_OBJECT
    return lack_of_call(event)


def _lack_of_track(event: WireEvent) -> IngestReason | None:
    if event.event is None or event.event == "":
        return IngestReason.EVENT_NOT_DEFINED
    if not isinstance(event.event, str):
        return IngestReason.EVENT_NOT_STRING
    return _lack_of_consent(event) if event.event == CONSENT_EVENT else None


def _lack_of_identify(event: WireEvent) -> None:
    del event


def _lack_of_page(event: WireEvent) -> IngestReason | None:
    if not _is_text_or_absent(event.name):
        return IngestReason.NAME_NOT_STRING
    return None if _is_text_or_absent(event.category) else IngestReason.CATEGORY_NOT_STRING


def _lack_of_group(event: WireEvent) -> IngestReason | None:
    event.group_id = _text_of(event.group_id)
    return None if event.group_id else IngestReason.GROUP_ID_REQUIRED


def _lack_of_alias(event: WireEvent) -> IngestReason | None:
    event.previous_id = _text_of(event.previous_id)
    return None if event.previous_id and event.user_id else IngestReason.ALIAS_ID_REQUIRED


def _is_text_or_absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value != "")


def _text_of(identifier: Any) -> str | None:
    """Group and previous ids that official SDKs send as numbers are taken as their digits; anything else is none."""
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        return str(identifier)
    return identifier if isinstance(identifier, str) else None


def _lack_of_consent(event: WireEvent) -> IngestReason | None:
    context = _decode(event.context)
    consent = context.get("consent")
    if not isinstance(consent, dict) or consent.get("categoryPreferences") is None:
        return IngestReason.CONSENT_SHOULD_EXIST
    preferences = consent["categoryPreferences"]
    if not isinstance(preferences, dict):
        return IngestReason.CONSENT_SHOULD_BE_OBJECT
    if not all(isinstance(preference, bool) for preference in preferences.values()):
        return IngestReason.CONSENT_SHOULD_BE_BOOL
    device = context.get("device")
    advertising = device.get("advertisingId") if isinstance(device, dict) else None
    if advertising is not None and not isinstance(advertising, str):
        return IngestReason.ADVERTISING_ID_NOT_STRING
    version = consent.get("version")
    is_number = isinstance(version, int | float) and not isinstance(version, bool)
    return None if version is None or is_number else IngestReason.CONSENT_VERSION_NOT_NUMBER


_LACKS: dict[str, Callable[[WireEvent], IngestReason | None]] = {
    EventType.TRACK.value: _lack_of_track,
    EventType.IDENTIFY.value: _lack_of_identify,
    EventType.PAGE.value: _lack_of_page,
    EventType.SCREEN.value: _lack_of_page,
    EventType.GROUP.value: _lack_of_group,
    EventType.ALIAS.value: _lack_of_alias,
}
