"""The schema filters of a source without a tracking plan: events and names that do not pass. Beside the contract.

The original has them as switches of its interface, with no operation in its API (protocols.md §8).
"""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from penstock.api.errors import BadRequest
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import Answer, Input, JsonObject
from penstock.resources.sources.repository import Source, require_source
from penstock.resources.sources.service import touch
from penstock.resources.sources.snapshot import filters_of
from penstock.spec.snapshot import SchemaFiltersSnapshot

_PATH = "/penstock/sources/{sourceId}/schema-filters"
FILTERS_LIMIT = 1_000
"""Of each kind."""
Name = Annotated[str, Field(max_length=255)]
Named = Annotated[str, Field(min_length=1, max_length=255)]
_LISTS = ("blockedEvents", "omittedProperties", "omittedTraits")


class EventFilter(Input):
    """Pages and screens may have no name."""

    type: Literal["track", "page", "screen"]
    name: Name


class PropertyFilter(EventFilter):
    property: Named


class TraitFilter(Input):
    type: Literal["identify", "group"]
    trait: Named


class UpdateSchemaFilters(Input):
    blocked_events: Annotated[list[EventFilter], Field(max_length=FILTERS_LIMIT)] = Field(default=[])
    omitted_properties: Annotated[list[PropertyFilter], Field(max_length=FILTERS_LIMIT)] = Field(default=[])
    omitted_traits: Annotated[list[TraitFilter], Field(max_length=FILTERS_LIMIT)] = Field(default=[])


class SchemaFilters(Answer):
    source_id: str
    is_active: bool
    blocked_events: list[EventFilter]
    omitted_properties: list[PropertyFilter]
    omitted_traits: list[TraitFilter]


class SchemaFiltersAnswer(Answer):
    filters: SchemaFilters


@operation("getSchemaFilters", "GET", _PATH, permission=Permission.SOURCE_READ, answer=schemas(SchemaFiltersAnswer))
async def get_schema_filters(request: Request[Nothing]) -> dict[str, Any]:
    """Which events of the source are blocked by name, and which properties and traits are left out.

    They act while the source has no tracking plan.
    """
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    has_plan = bool(await unit.contributed("tracking_plan", source.id))
    return {"filters": _view(source, is_active=not has_plan)}


@operation(
    "updateSchemaFilters",
    "PATCH",
    _PATH,
    permission=Permission.SOURCE_ADMIN,
    body=schemas(UpdateSchemaFilters),
    answer=schemas(SchemaFiltersAnswer),
    audit=("Source Modified",),
)
async def update_schema_filters(request: Request[UpdateSchemaFilters]) -> dict[str, Any]:
    """Replace the lists that are sent. Refused (400) while the source has a tracking plan, which then judges alone.

    A blocked event ends as filtered at its source (`event_setting`); it stands in quarantine, and goes to the source
    of `forwardingBlockedEventsTo`. Names are compared as they are written; properties and traits are those of the first
    level.
    """
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    if await unit.contributed("tracking_plan", source.id):
        raise BadRequest(f"source {source.id} has a tracking plan, and so no schema filters")
    sent = request.body.model_dump(by_alias=True, exclude_unset=True)
    filters = msgspec.json.encode(_stored(source) | sent).decode()
    changed = await touch(unit, msgspec.structs.replace(source, schema_filters=filters))
    await unit.audit("Source Modified", "SOURCE", source.id, source.slug)
    return {"filters": _view(changed, is_active=True)}


def filters_with(source: Source, asked: UpdateSchemaFilters) -> SchemaFiltersSnapshot:
    """What the data plane would be told, were this asked of the source."""
    return filters_of(_stored(source) | asked.model_dump(by_alias=True, exclude_unset=True))


def _stored(source: Source) -> JsonObject:
    stored: JsonObject = msgspec.json.decode(source.schema_filters)
    return stored


def _view(source: Source, *, is_active: bool) -> JsonObject:
    stored = _stored(source)
    return {"source_id": source.id, "is_active": is_active, **{name: stored.get(name, []) for name in _LISTS}}
