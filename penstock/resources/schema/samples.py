"""The operation that shows what properties hold: values of the last events, looked up in the log and kept nowhere."""

from collections.abc import Iterator
from typing import Any

import msgspec

from penstock.api.operation import Question, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.resources.schema import schemas as wire
from penstock.resources.schema.operations import PATH
from penstock.resources.sources import require_source
from penstock.spec.event import HOLDERS
from penstock.spec.findings import EACH_ITEM
from penstock.spec.samples import FindSamples, SampledEvents

VALUES = 5
"""Different ones of a property."""
PATHS = 300
TEXT_LENGTH = 200
_ITEMS = 3
_DEPTH = 4
_SECONDS = 20.0


async def _ask(request: Request[wire.GetSchemaSamples]) -> Question:
    body, unit = request.body, request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    call = FindSamples(unit.workspace_id, source.id, body.type, body.name, int(body.count))
    return Question(call, SampledEvents, _SECONDS)


@operation(
    "getSchemaSamples",
    "GET",
    PATH + "/samples",
    permission=Permission.EVENT_READ,
    also=(Permission.SOURCE_READ,),
    body=schemas(wire.GetSchemaSamples),
    answer=schemas(wire.SamplesAnswer),
    asks=_ask,
)
async def get_schema_samples(request: Request[wire.GetSchemaSamples]) -> dict[str, Any]:
    """Up to five values of each property or trait, from the last events of one type and name as they were routed.

    They are looked up in the log when they are asked for and kept nowhere else; what people sent who were deleted is
    passed over. An event that has not come for long may not be found. Without a name, all events of the type count.
    """
    reply: SampledEvents = request.reply
    found: dict[str, list[Any]] = {}
    for text in reply.events:
        members = msgspec.json.decode(text).get(HOLDERS.get(request.body.type, ""))
        for path, value in _values(members, "", _DEPTH):
            values = found.setdefault(path, []) if len(found) < PATHS else found.get(path, [None] * VALUES)
            if len(values) < VALUES and value not in values:
                values.append(value)
    samples = [wire.PropertySamples(path=path, values=values) for path, values in sorted(found.items())]
    return {"source_id": request.path["sourceId"], "events": len(reply.events), "samples": samples}


def _values(members: Any, way: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Plain values by their paths."""
    if not isinstance(members, dict) or not depth:
        return
    for name, value in members.items():
        here, items = f"{way}{name}", [value]
        if isinstance(value, list):
            here, items = f"{here}.{EACH_ITEM}", value[:_ITEMS]
        for item in items:
            if isinstance(item, dict):
                yield from _values(item, f"{here}.", depth - 1)
            elif not isinstance(item, list):
                yield here, item[:TEXT_LENGTH] if isinstance(item, str) else item
