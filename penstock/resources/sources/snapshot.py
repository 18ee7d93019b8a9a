"""What the data plane is told of a source, with what other slices keep of it."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.schema import JsonObject
from penstock.catalog.sources import load_source_catalog
from penstock.resources.sources.repository import Source, select_all_sources
from penstock.spec.snapshot import (
    CommonControl,
    ControlSnapshot,
    SchemaControlsSnapshot,
    SchemaFiltersSnapshot,
    Snapshot,
    SnapshotKind,
    SourceSnapshot,
    TransformationSnapshot,
)

_COMMON: dict[str, CommonControl] = {
    "ALLOW": "ALLOW",
    "BLOCK": "BLOCK",
    "OMIT_PROPERTIES": "OMIT",
    "OMIT_TRAITS": "OMIT",
}


def snapshot_of(source: Source, plan_id: str, transformations: Sequence[TransformationSnapshot]) -> SourceSnapshot:
    entry = load_source_catalog().get(source.metadata_id)
    return SourceSnapshot(
        id=source.id,
        workspace_id=source.workspace_id,
        version=source.version,
        slug=source.slug,
        name=source.name or source.slug,
        enabled=source.enabled,
        write_keys=list(source.write_keys),
        created_at=source.created_at,
        schema_name=source.schema_name,
        platform=entry.platform if entry else "",
        event_rate=source.event_rate,
        ip=source.ip,
        plan_id=plan_id,
        controls=controls_of(msgspec.json.decode(source.schema_settings)),
        transformations=list(transformations),
        filters=filters_of(msgspec.json.decode(source.schema_filters)),
        keeps_blocked=source.keep_blocked_events,
    )


def filters_of(filters: JsonObject) -> SchemaFiltersSnapshot:
    """Of what was set, by wire names."""
    properties = [(each["type"], each["name"], each["property"]) for each in filters.get("omittedProperties", ())]
    traits = [(each["type"], "", each["trait"]) for each in filters.get("omittedTraits", ())]
    return SchemaFiltersSnapshot(
        blocked=[(each["type"], each["name"]) for each in filters.get("blockedEvents", ())],
        omitted=[*properties, *traits],
    )


def controls_of(settings: JsonObject) -> SchemaControlsSnapshot:
    """Of what was set; all else is allowed."""
    return SchemaControlsSnapshot(
        track=_control(settings.get("track", {})),
        identify=_control(settings.get("identify", {})),
        group=_control(settings.get("group", {})),
        violations_to=settings.get("forwardingViolationsTo", ""),
        blocked_to=settings.get("forwardingBlockedEventsTo", ""),
    )


def _control(settings: JsonObject) -> ControlSnapshot:
    """Properties of a track and traits of the others are members alike, so one name or the other is there."""
    of_members = {"allowUnplannedTraits": True, "allowTraitsOnViolations": True} | settings
    return ControlSnapshot(
        allows_unplanned_events=settings.get("allowUnplannedEvents", True),
        allows_unplanned_members=settings.get("allowUnplannedEventProperties", of_members["allowUnplannedTraits"]),
        allows_events_on_violations=settings.get("allowEventOnViolations", True),
        allows_members_on_violations=settings.get("allowPropertiesOnViolations", of_members["allowTraitsOnViolations"]),
        common=_COMMON[settings.get("commonEventOnViolations", "ALLOW")],
    )


async def select_snapshots(
    connection: AsyncConnection,
    plan_ids: Mapping[str, str],
    transformations: Mapping[str, Sequence[TransformationSnapshot]],
) -> Iterable[tuple[SnapshotKind, Snapshot]]:
    """`plan_ids` and `transformations` are those of all sources, by id."""
    return [
        (SnapshotKind.SOURCE, snapshot_of(each, plan_ids.get(each.id, ""), transformations.get(each.id, ())))
        for each in await select_all_sources(connection)
    ]
