"""Stage 2: whose event it is. The write key was looked up once for the request; here its events end or go on."""

from penstock.pipeline.judging.draft import FAILED, Draft, Ending, FrameView
from penstock.spec.outcome import IngestReason
from penstock.spec.snapshot import SourceSnapshot


def refusal_of(source: SourceSnapshot | None) -> Ending | None:
    """Why no event of `source` is taken."""
    if source is None:
        return FAILED[IngestReason.UNKNOWN_SOURCE]
    if source.is_workspace_locked:
        return FAILED[IngestReason.LOCKED_WORKSPACE]
    if not source.enabled:
        return FAILED[IngestReason.SOURCE_DISABLED]
    return None


def find_source(draft: Draft, frame: FrameView) -> Ending | None:
    del frame
    return draft.request.ending
