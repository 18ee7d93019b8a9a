"""Stage 3: the batch's `context` and `integrations` merged into the event. The event wins; null counts as absent."""

from penstock.pipeline.judging.draft import FAILED, Draft, Ending, FrameView
from penstock.pipeline.judging.overlay import laid_over
from penstock.pipeline.judging.wire import ABSENT, EMPTY_OBJECT, NO_OBJECT
from penstock.spec.outcome import IngestReason


def merge(draft: Draft, frame: FrameView) -> Ending | None:
    del frame
    event, request = draft.event, draft.request
    if event.context is NO_OBJECT:
        return FAILED[IngestReason.CONTEXT_NOT_OBJECT]
    if event.integrations is NO_OBJECT:
        return FAILED[IngestReason.INTEGRATIONS_NOT_OBJECT]
    context = request.contexts.of(event.context)
    event.context, event.channel = context.text, context.channel
    integrations = laid_over(request.integrations, event.integrations, is_deep=False)
    event.integrations = EMPTY_OBJECT if integrations is ABSENT else integrations
    return None
