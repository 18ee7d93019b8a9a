"""Stage 6: what a function of the source takes leaves the path here, and comes back by a second lap."""

from penstock.pipeline.judging.draft import FOR_LAP, Draft, Ending, FrameView
from penstock.spec.laps import INSERT_SOURCE


def hand_to_function(draft: Draft, frame: FrameView) -> Ending | None:
    """A source insert function takes every event once; a source function takes requests alone, which are no events."""
    del frame
    return FOR_LAP if draft.request.lap == INSERT_SOURCE else None
