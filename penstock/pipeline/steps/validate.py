"""Stage 3: what an event must have, by type. Each lack has its code; what passes never surprises a later step."""

from typing import Any

import msgspec

from penstock.pipeline.judging.draft import FAILED, Draft, Ending, FrameView
from penstock.pipeline.judging.wire import ABSENT, WireEvent, is_object
from penstock.spec.event import MESSAGE_ID_LIMIT, TYPE_NUMBERS, EventType
from penstock.spec.outcome import IngestReason

CONSENT_EVENT = "Segment Consent Preference Updated"
_decode = msgspec.json.Decoder().decode


def validate(draft: Draft, frame: FrameView) -> Ending | None:
    del frame
    reason = _first_lack(draft)
    return None if reason is None else FAILED[reason]


def _first_lack(draft: Draft) -> IngestReason | None:
    event = draft.event
    kind = event.type
    if not isinstance(kind, str) or kind not in TYPE_NUMBERS:
        return IngestReason.UNKNOWN_TYPE
    if len(draft.row.message_id) > MESSAGE_ID_LIMIT:
        return IngestReason.MESSAGE_ID_TOO_LONG
    if (reason := _lack_of_id(event)) is not None:
        return reason
    if event.properties is not ABSENT and not is_object(event.properties):
        return IngestReason.PROPERTIES_NOT_OBJECT
    if event.traits is not ABSENT and not is_object(event.traits):
        return IngestReason.TRAITS_NOT_OBJECT
    return _lack_of_call(kind, event)


def _lack_of_id(event: WireEvent) -> IngestReason | None:
    """Zero, false and the empty string are ids that are wrong, not ids that are absent."""
    user, anonymous = event.user_id, event.anonymous_id
    if user is None and anonymous is None:
        return IngestReason.NO_USER_ANON_ID
    for identifier in (user, anonymous):
        if identifier is not None and (not isinstance(identifier, str) or identifier == ""):
            return IngestReason.ID_NOT_STRING
    return None


def _lack_of_call(kind: str, event: WireEvent) -> IngestReason | None:
    if kind == EventType.TRACK:
        return _lack_of_track(event)
    if kind in (EventType.PAGE, EventType.SCREEN):
        if not _is_text_or_absent(event.name):
            return IngestReason.NAME_NOT_STRING
        return None if _is_text_or_absent(event.category) else IngestReason.CATEGORY_NOT_STRING
    if kind == EventType.GROUP:
        event.group_id = _text_of(event.group_id)
        return None if event.group_id else IngestReason.GROUP_ID_REQUIRED
    if kind == EventType.ALIAS:
        event.previous_id = _text_of(event.previous_id)
        return None if event.previous_id and event.user_id else IngestReason.ALIAS_ID_REQUIRED
    return None


def _lack_of_track(event: WireEvent) -> IngestReason | None:
    if event.event is None or event.event == "":
        return IngestReason.EVENT_NOT_DEFINED
    if not isinstance(event.event, str):
        return IngestReason.EVENT_NOT_STRING
    return _lack_of_consent(event) if event.event == CONSENT_EVENT else None


def _is_text_or_absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value != "")


def _text_of(identifier: Any) -> str | None:
    """Group and previous ids that official SDKs send as numbers are taken as their digits; anything else is none."""
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        return str(identifier)
    return identifier if isinstance(identifier, str) else None


def _lack_of_consent(event: WireEvent) -> IngestReason | None:
    context = {} if event.context is ABSENT else _decode(event.context)
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
