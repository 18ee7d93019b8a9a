"""Stage 3: the batch's `context` and `integrations` merged into the event. The event wins; null counts as absent."""

import msgspec
from msgspec import Raw

from penstock.pipeline.judging.draft import FAILED, Draft, Ending, FrameView
from penstock.pipeline.judging.wire import ABSENT, fields_of, is_null, is_object, object_of
from penstock.spec.outcome import IngestReason


def merge(draft: Draft, frame: FrameView) -> Ending | None:
    del frame
    event, request = draft.event, draft.request
    if event.context is not ABSENT and not is_object(event.context):
        return FAILED[IngestReason.CONTEXT_NOT_OBJECT]
    if event.integrations is not ABSENT and not is_object(event.integrations):
        return FAILED[IngestReason.INTEGRATIONS_NOT_OBJECT]
    if request.context is not None:
        whole = request.context_text
        event.context = whole if event.context is ABSENT else merged(request.context, event.context, is_deep=True)
    if request.integrations is not None:
        whole = request.integrations_text
        own = event.integrations
        event.integrations = whole if own is ABSENT else merged(request.integrations, own, is_deep=False)
    return None


def merged(base: dict[str, Raw], own: Raw, *, is_deep: bool) -> Raw:
    """`own` over `base`; where `is_deep`, objects that stand in both are merged likewise."""
    result = dict(base)
    for key, value in fields_of(own).items():
        below = base.get(key)
        if below is None:
            result[key] = value
        elif is_null(value):
            continue
        elif is_deep and is_object(value) and is_object(below):
            result[key] = merged(fields_of(below), value, is_deep=True)
        else:
            result[key] = value
    return object_of(result)


def batch_object(text: bytes) -> tuple[dict[str, Raw] | None, Raw]:
    """A batch-level object in parts and whole; (None, absent) where there is none. Raises msgspec.ValidationError."""
    if text in (b"", b"null"):
        return None, ABSENT
    whole = Raw(text)
    if not is_object(whole):
        raise msgspec.ValidationError("not an object")
    return fields_of(whole), whole
