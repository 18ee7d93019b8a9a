"""Judged apart from events: requests to source functions, and what functions tell of objects (`Segment.set`).

Neither is an event: no plan or filter looks at it, and it is counted only where it ends here. What passes has its own
fate in ROUTED, and has its message id, so that a run that is repeated after a kill brings nothing twice.
"""

from collections.abc import Callable

import msgspec

from penstock.pipeline.judging.draft import FAILED, Ending, RequestView
from penstock.pipeline.steps.suppress import DELETED, SUPPRESSED
from penstock.spec.accepted import FUNCTION_CALL, OBJECT_CALL
from penstock.spec.laps import SOURCE
from penstock.spec.objects import read_key
from penstock.spec.outcome import IngestReason
from penstock.spec.routed import FOR_FUNCTION, FOR_WAREHOUSES


class Apart(msgspec.Struct, frozen=True):
    """How those of one call are judged."""

    fate: int
    ending_of: Callable[[RequestView, bytes], Ending | None]
    is_repeated_by_us: bool
    """Whether a duplicate is our own doing, which nobody sent twice and which is counted nowhere."""


def _of_request(request: RequestView, text: bytes) -> Ending | None:
    if request.lap != SOURCE:
        return FAILED[IngestReason.INVALID_SETTINGS]
    if request.deleted is not None and request.deleted.covers_request(request.project_id, text, request.received_at):
        return DELETED
    return None


def _of_object(request: RequestView, text: bytes) -> Ending | None:
    try:
        key = read_key(text)
    except msgspec.MsgspecError:
        return FAILED[IngestReason.BAD_REQUEST]
    if request.suppressed is not None and request.suppressed.holds_object(key.collection, key.id):
        return SUPPRESSED
    about = request.project_id, key.collection, key.id, request.received_at
    if request.unsuppressed is not None and request.unsuppressed.covers_object(*about):
        return SUPPRESSED
    return DELETED if request.deleted is not None and request.deleted.covers_object(*about) else None


APART = {
    FUNCTION_CALL: Apart(FOR_FUNCTION, _of_request, is_repeated_by_us=False),
    OBJECT_CALL: Apart(FOR_WAREHOUSES, _of_object, is_repeated_by_us=True),
}
"""By the call of a request."""
