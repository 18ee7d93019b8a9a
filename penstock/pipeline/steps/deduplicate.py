"""Stage 4: the first event of a (workspace, message id) passes; any other ends, whatever it holds.

The claim is made when the event has gone through all stages, so that one that could not be judged claims nothing.
"""

from penstock.pipeline.dedupe import key_of
from penstock.pipeline.judging.draft import FAILED, Draft, Ending, FrameView
from penstock.spec.outcome import IngestReason


def deduplicate(draft: Draft, frame: FrameView) -> Ending | None:
    source = draft.request.source
    assert source is not None  # noqa: S101 - stage 2 ends what has no source
    draft.key = key_of(frame.lap, source.workspace_id, draft.row.message_id)
    if draft.key in frame.claimed or draft.key in frame.known:
        return FAILED[IngestReason.DUPLICATE]
    return None
