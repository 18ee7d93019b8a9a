"""The events that judging by a plan makes for other sources (protocols.md §5.3, §7).

Their message ids are derived from the original's, so that a frame that is judged twice makes the same ones.
"""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Raw

from penstock.pipeline.judging.draft import Draft, Made
from penstock.pipeline.judging.wire import write_event
from penstock.pipeline.steps.normalise import VERSION
from penstock.spec.event import EventType
from penstock.spec.plans import Plan, Violation, second_id
from penstock.spec.snapshot import SourceSnapshot

JsonObject = dict[str, Any]
VIOLATION_GENERATED = "Violation Generated"
_USER_ID = "schema-violations"
"""One for all, so that forwarding costs one tracked user."""


def violation_events(
    event: JsonObject, violations: Iterable[Violation], source: SourceSnapshot, plan: Plan
) -> list[Made]:
    """One for each violation, for the source that the settings name."""
    about, told = _about(event, source, plan), Counter[tuple[str, str]]()
    made = []
    for violation in violations:
        kind = violation.type, violation.field
        made.append(_violation_event(event, {**about, **_told(violation)}, source, (*kind, str(told[kind]))))
        told[kind] += 1
    return made


def _about(event: JsonObject, source: SourceSnapshot, plan: Plan) -> JsonObject:
    app = _context_of(event).get("app")
    name = event.get("event" if event["type"] == EventType.TRACK else "name")
    return {
        "appVersion": app.get("version") or "" if isinstance(app, dict) else "",
        "eventMessageID": event["messageId"],
        "eventName": name if isinstance(name, str) else "",
        "eventSentAt": event.get("sentAt"),
        "eventTimestamp": event.get("timestamp"),
        "eventType": event["type"],
        "sourceID": source.id,
        "sourceName": source.name,
        "sourceSlug": source.slug,
        "trackingPlanID": second_id(plan.id),
        "trackingPlanName": plan.name,
    }


def _told(violation: Violation) -> JsonObject:
    return {
        "violationType": violation.type,
        "violationField": violation.field,
        "violationDescription": violation.description,
    }


def _violation_event(event: JsonObject, properties: JsonObject, source: SourceSnapshot, own: tuple[str, ...]) -> Made:
    """`own` tells it from the others of the event, whatever else was found."""
    target, context, now = source.controls.violations_to, _context_of(event), event["receivedAt"]
    message_id = "sch-" + _derived(event["messageId"], source.id, *own)
    made = {
        "type": EventType.TRACK.value,
        "event": VIOLATION_GENERATED,
        "userId": _USER_ID,
        "messageId": message_id,
        "channel": "server",
        "context": {"app": context.get("app"), "library": context.get("library")},
        "integrations": {},
        "forwardedFromProject": source.id,
        "properties": properties,
        "receivedAt": now,
        "sentAt": now,
        "originalTimestamp": now,
        "timestamp": now,
        "version": VERSION,
        "projectId": target,
    }
    return Made(target, message_id, msgspec.json.encode(made))


def blocked_event(draft: Draft, source: SourceSnapshot, target: str) -> Made:
    """The whole event as it was admitted, for the source that the settings name."""
    event = draft.event
    message_id = "fwd-" + _derived(event.message_id, source.id)
    forwarded = msgspec.structs.replace(event, message_id=message_id, project_id=target)
    whence = {"forwardedFromProject": Raw(msgspec.json.encode(source.id))}
    return Made(target, message_id, write_event(forwarded, {**(draft.unknown or {}), **whence}))


def _derived(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _context_of(event: JsonObject) -> JsonObject:
    context = event.get("context")
    return context if isinstance(context, dict) else {}
