"""The order of the stages, written here alone. A new step is one folder or file in `steps/` and one line below.

Up to stage 4 an event is admitted: it counts as received and claims its message id when it has passed them all. What
ends it later (stages 5 and 7 to 9) is an outcome besides.
"""

import msgspec

from penstock.pipeline.judging.draft import Step
from penstock.pipeline.steps.deduplicate import deduplicate
from penstock.pipeline.steps.enforce_plan import enforce_plan
from penstock.pipeline.steps.filter_schema import filter_schema
from penstock.pipeline.steps.find_source import find_source
from penstock.pipeline.steps.hand_to_function import hand_to_function
from penstock.pipeline.steps.merge import merge
from penstock.pipeline.steps.normalise import normalise
from penstock.pipeline.steps.suppress import suppress
from penstock.pipeline.steps.transform import transform
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
    Stage(5, suppress),
    Stage(6, hand_to_function),
    Stage(7, enforce_plan),
    Stage(8, filter_schema),
    Stage(9, transform),
)

LAST_OF_ADMISSION = 4
ADMISSION: tuple[Step, ...] = tuple(stage.step for stage in STAGES if stage.number <= LAST_OF_ADMISSION)
OF_MADE: tuple[Step, ...] = (find_source, deduplicate)
"""Admission of an event that the judging of another made: it is whole and valid already."""
SHAPING: tuple[Step, ...] = tuple(stage.step for stage in STAGES if stage.number > LAST_OF_ADMISSION)
