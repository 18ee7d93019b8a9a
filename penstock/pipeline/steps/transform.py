"""Stage 9: the transformations of the source, for all that it is connected to."""

import structlog

from penstock.pipeline.judging.draft import Draft, Ending, FrameView
from penstock.spec.outcome import Outcome, SourceReason

logger = structlog.get_logger(__name__)
DROPPED = Ending(Outcome.FILTERED_AT_SOURCE, SourceReason.TRANSFORMATION)


def transform(draft: Draft, frame: FrameView) -> Ending | None:
    """A transformation whose condition has no answer for an event leaves it as it is."""
    del frame
    rules = draft.request.rules
    if rules is None or rules.transformations is None:
        return None
    event = draft.event
    if not draft.is_opened and not rules.transformations.may_act_on(event.type, event.event):
        return None
    transformed = rules.transformations.apply(draft.document)
    if transformed.event is None:
        return DROPPED
    draft.change(transformed.event)
    return None
