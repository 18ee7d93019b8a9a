"""What If: What a change would do to the events that were accepted, before it is made. Beside the contract.

Written by `make docs`; edits here are lost.
"""

from typing import Any, NotRequired, TypedDict

from penstock.client.asking import Ask
from penstock.client.public_api.shared import (
    FqlProperty,
    Hash,
    PreviewedFilter,
    PropertyRename,
    PropertyValue,
    RuleInput,
    UpdateSchemaFilters,
    UpdateSchemaSettings,
)

AskedTransformation = TypedDict(
    "AskedTransformation",
    {
        "drop": NotRequired[bool],
        "newEventName": NotRequired[str],
        "propertyRenames": NotRequired[list[PropertyRename]],
        "propertyValueTransformations": NotRequired[list[PropertyValue]],
        "fqlDefinedProperties": NotRequired[list[FqlProperty]],
        "allowProperties": NotRequired[list[str]],
        "hashPropertiesConfiguration": NotRequired[Hash | None],
        "if": str,
    },
)


class WhatIf(TypedDict):
    """What is sent stands in the place of what there is; what is not sent stays as it is."""

    sourceId: str
    since: str
    until: str
    rules: NotRequired[list[RuleInput] | None]
    settings: NotRequired[UpdateSchemaSettings | None]
    schemaFilters: NotRequired[UpdateSchemaFilters | None]
    transformations: NotRequired[list[AskedTransformation] | None]
    destinationId: NotRequired[str]
    filters: NotRequired[list[PreviewedFilter] | None]
    destinationTransformations: NotRequired[list[AskedTransformation] | None]
    limit: NotRequired[int]
    after: NotRequired[str]


class Difference(TypedDict):
    messageId: str
    eventType: str
    eventName: str
    beforeEnding: str
    afterEnding: str
    before: NotRequired[dict[str, Any] | None]
    after: NotRequired[dict[str, Any] | None]


class WhatIfAnswer(TypedDict):
    events: int
    before: dict[str, int]
    after: dict[str, int]
    changed: int
    samples: list[Difference]
    next: NotRequired[str]


class WhatIfApi:
    """What a change would do to the events that were accepted, before it is made. Beside the contract."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def what_if(self, body: WhatIf) -> WhatIfAnswer:
        """What would become of a source's accepted events of a time range, were its rules, settings, filters by
        name, transformations or a destination's filters these. Nothing is changed.

        `before` and `after` count events by how they end; those under an empty name go on. `next`, where it is
        there, goes into `after` of the next request.
        """
        answer: WhatIfAnswer = self._ask("POST", "/penstock/what-if", body=body)
        return answer
