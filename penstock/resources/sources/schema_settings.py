"""The schema settings of a source: what becomes of events that are not as its tracking plan has them.

They need a plan: without one, those that it would judge by are refused (400, naming them) and read back as defaults.
"""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BeforeValidator

from penstock.api.errors import BadRequest, InputInvalid
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.schema import Answer, Input, JsonObject
from penstock.api.unit import Unit
from penstock.resources.sources.repository import Source, get_source, require_source
from penstock.resources.sources.service import touch
from penstock.resources.sources.snapshot import controls_of
from penstock.spec.snapshot import SchemaControlsSnapshot

_PATH = "/sources/{sourceId}/settings"
_OF_PLANS = ("track", "identify", "group", "forwardingViolationsTo")
_FORWARDING = ("forwardingViolationsTo", "forwardingBlockedEventsTo")
_TRAITS = {"allowUnplannedTraits": True, "allowTraitsOnViolations": True, "commonEventOnViolations": "ALLOW"}
DEFAULTS: dict[str, JsonObject] = {
    "track": {
        "allowUnplannedEvents": True,
        "allowUnplannedEventProperties": True,
        "allowEventOnViolations": True,
        "allowPropertiesOnViolations": True,
        "commonEventOnViolations": "ALLOW",
    },
    "identify": _TRAITS,
    "group": _TRAITS,
}


def _upper(value: Any) -> Any:
    """Published examples spell the choices in both cases."""
    return value.upper() if isinstance(value, str) else value


class TrackInput(Input):
    allow_unplanned_events: bool = True
    allow_unplanned_event_properties: bool = True
    allow_event_on_violations: bool = True
    allow_properties_on_violations: bool = True
    common_event_on_violations: Annotated[Literal["ALLOW", "BLOCK", "OMIT_PROPERTIES"], BeforeValidator(_upper)] = (
        "ALLOW"
    )


class TraitsInput(Input):
    allow_unplanned_traits: bool = True
    allow_traits_on_violations: bool = True
    common_event_on_violations: Annotated[Literal["ALLOW", "BLOCK", "OMIT_TRAITS"], BeforeValidator(_upper)] = "ALLOW"


class UpdateSchemaSettings(Input):
    track: TrackInput = TrackInput()
    identify: TraitsInput = TraitsInput()
    group: TraitsInput = TraitsInput()
    forwarding_violations_to: str | None = None
    forwarding_blocked_events_to: str | None = None


class Track(Answer):
    allow_unplanned_events: bool
    allow_unplanned_event_properties: bool
    allow_event_on_violations: bool
    allow_properties_on_violations: bool
    common_event_on_violations: str


class Traits(Answer):
    allow_unplanned_traits: bool
    allow_traits_on_violations: bool
    common_event_on_violations: str


class SchemaSettings(Answer):
    track: Track
    identify: Traits
    group: Traits
    forwarding_violations_to: str = ""
    forwarding_blocked_events_to: str = ""


class SchemaSettingsAnswer(Answer):
    source_id: str
    settings: SchemaSettings


@operation(
    "listSchemaSettingsInSource",
    "GET",
    _PATH,
    permission=Permission.SOURCE_READ,
    answer=schemas(SchemaSettingsAnswer),
)
async def list_schema_settings_in_source(request: Request[Nothing]) -> dict[str, Any]:
    """What becomes of events that are not as the source's tracking plan has them. Without a plan, the defaults."""
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    return _view(source, has_plan=await _has_plan(unit, source.id))


@operation(
    "updateSchemaSettingsInSource",
    "PATCH",
    _PATH,
    permission=Permission.SOURCE_ADMIN,
    body=schemas(UpdateSchemaSettings),
    answer=schemas(SchemaSettingsAnswer),
    audit=("Source Modified",),
)
async def update_schema_settings_in_source(request: Request[UpdateSchemaSettings]) -> dict[str, Any]:
    """Change what is sent; a forwarding that is left out ends.

    What a tracking plan judges by is refused (400, naming the fields) while the source has none.
    """
    unit = request.unit
    source = await require_source(unit.connection, unit.workspace_id, request.path["sourceId"])
    sent = request.body.model_dump(by_alias=True, exclude_unset=True)
    if not (has_plan := await _has_plan(unit, source.id)):
        _refuse_of_plans(sent)
    await _require_targets(unit, source, sent)
    settings = msgspec.json.encode(_merged(msgspec.json.decode(source.schema_settings), sent)).decode()
    changed = await touch(unit, msgspec.structs.replace(source, schema_settings=settings))
    await unit.audit("Source Modified", "SOURCE", source.id, source.slug)
    return _view(changed, has_plan=has_plan)


def controls_with(source: Source, asked: UpdateSchemaSettings) -> SchemaControlsSnapshot:
    """What the data plane would be told, were this asked of the source."""
    sent = asked.model_dump(by_alias=True, exclude_unset=True)
    return controls_of(_merged(msgspec.json.decode(source.schema_settings), sent))


async def _has_plan(unit: Unit, source_id: str) -> bool:
    return bool(await unit.contributed("tracking_plan", source_id))


def _refuse_of_plans(sent: JsonObject) -> None:
    """Raises BadRequest with every field that needs a plan."""
    names = [
        f"{name}.{member}" if members else name
        for name in _OF_PLANS
        if sent.get(name) is not None
        for members in [sent[name] if isinstance(sent[name], dict) else {}]
        for member in members or [""]
    ]
    if names:
        raise BadRequest.of([(name, f'"{name}" needs a tracking plan, and the source has none') for name in names])


async def _require_targets(unit: Unit, source: Source, sent: JsonObject) -> None:
    """Raises InputInvalid for a forwarding to a source that is not there, or to this one."""
    for name in _FORWARDING:
        target = sent.get(name)
        if not target:
            continue
        if target == source.id:
            raise InputInvalid(f'"{name}" is the source itself', field=name)
        if await get_source(unit.connection, unit.workspace_id, target) is None:
            raise InputInvalid(f'"{name}" {target} does not exist', field=name)


def _merged(stored: JsonObject, sent: JsonObject) -> JsonObject:
    controls = {name: stored.get(name, {}) | sent.get(name, {}) for name in DEFAULTS}
    return controls | {name: sent[name] for name in _FORWARDING if sent.get(name)}


def _view(source: Source, *, has_plan: bool) -> JsonObject:
    stored: JsonObject = msgspec.json.decode(source.schema_settings)
    if not has_plan:
        stored = {name: value for name, value in stored.items() if name not in DEFAULTS}
    return {"source_id": source.id, "settings": settings_of(stored)}


def settings_of(stored: JsonObject) -> JsonObject:
    """All of them, by wire names; a forwarding that is off is left out."""
    return stored | {name: defaults | stored.get(name, {}) for name, defaults in DEFAULTS.items()}
