"""Stage 4: the first event of a (workspace, message id) passes; any other ends, whatever it holds.

The claim is made when the event has gone through all stages, so that one that could not be judged claims nothing.
"""

from penstock.pipeline.judging.draft import FAILED, Draft, Ending, FrameView
from penstock.spec.outcome import IngestReason


def deduplicate(draft: Draft, frame: FrameView) -> Ending | None:
    key = draft.key
    return FAILED[IngestReason.DUPLICATE] if key in frame.claimed or key in frame.known else None
