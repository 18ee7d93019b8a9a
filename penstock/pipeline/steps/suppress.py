"""Stage 5: nothing is taken of people who are suppressed. Their client is answered as ever; the event ends by name."""

from penstock.pipeline.judging.draft import Draft, Ending, FrameView
from penstock.spec.outcome import Outcome, SourceReason

SUPPRESSED = Ending(Outcome.FILTERED_AT_SOURCE, SourceReason.SUPPRESSED)
DELETED = Ending(Outcome.FILTERED_AT_SOURCE, SourceReason.DELETED)


def suppress(draft: Draft, frame: FrameView) -> Ending | None:
    """By the user id alone, as it was sent: who is anonymous cannot be told from anybody.

    What came before its person was deleted, and is judged only now, goes with all that was there. What came before the
    end of a suppression, and is judged after it, is not taken either.
    """
    del frame
    request, event = draft.request, draft.event
    if request.suppressed is not None and event.user_id is not None and event.user_id in request.suppressed:
        return SUPPRESSED
    about = request.project_id, event.user_id, event.anonymous_id, request.received_at
    if request.unsuppressed is not None and request.unsuppressed.covers(*about):
        return SUPPRESSED
    return DELETED if request.deleted is not None and request.deleted.covers(*about) else None
