"""The order of the stages, written here alone. A new step is one folder or file in `steps/` and one line below.

Up to stage 4 an event is admitted: it counts as received and claims its message id when it has passed them all. What
ends it later (stages 5 and 7 to 9) is an outcome besides.
"""

import msgspec

from penstock.pipeline.judging.draft import Step
from penstock.pipeline.steps.deduplicate import deduplicate
from penstock.pipeline.steps.find_source import find_source
from penstock.pipeline.steps.merge import merge
from penstock.pipeline.steps.normalise import normalise
from penstock.pipeline.steps.validate import validate


class Stage(msgspec.Struct, frozen=True):
    """A row of the order of processing and the step that does it."""

    number: int
    step: Step


STAGES = (
    Stage(2, find_source),
    Stage(3, merge),
    Stage(3, validate),
    Stage(3, normalise),
    Stage(4, deduplicate),
)

LAST_OF_ADMISSION = 4
ADMISSION: tuple[Step, ...] = tuple(stage.step for stage in STAGES if stage.number <= LAST_OF_ADMISSION)
SHAPING: tuple[Step, ...] = tuple(stage.step for stage in STAGES if stage.number > LAST_OF_ADMISSION)
