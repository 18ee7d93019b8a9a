"""The operation: it puts together what the data plane would be told, and has the engine judge by it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.api.errors import InputInvalid, NotFound
from penstock.api.operation import Question, RateLimit, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.api.times import milliseconds
from penstock.api.unit import Unit
from penstock.resources.destination_filters import snapshot_of_previewed, warn_of_condition
from penstock.resources.destinations import destination_snapshot, find_destination
from penstock.resources.sources import Source, controls_with, filters_with, require_source, source_snapshot
from penstock.resources.tracking_plans import rule_snapshots
from penstock.resources.transformations import AskedTransformation, snapshot_of_asked, warn_of
from penstock.resources.what_if import schemas as wire
from penstock.spec.snapshot import DestinationSnapshot, PlanSnapshot, SourceSnapshot, TransformationSnapshot
from penstock.spec.what_if import WhatIf, WhatIfReport

_SECONDS = 300.0
_PLAN_ID = "what-if"
_CHANGES = ("rules", "settings", "schema_filters", "transformations", "filters", "destination_transformations")


async def _question(request: Request[wire.WhatIf]) -> Question:
    body, unit = request.body, request.unit
    if all(getattr(body, name) is None for name in _CHANGES):
        raise InputInvalid(
            '"rules", "settings", "schemaFilters", "transformations", "filters" or "destinationTransformations" must '
            "say what is tried out",
            field="rules",
        )
    if milliseconds(body.until) <= milliseconds(body.since):
        raise InputInvalid('"until" must be after "since"', field="until")
    source = await require_source(unit.connection, unit.workspace_id, body.source_id)
    plan = None
    if body.rules is not None:
        plan = PlanSnapshot(_PLAN_ID, unit.workspace_id, 1, "What if", rule_snapshots(body.rules))
    call = WhatIf(
        source=await _source(unit, source, body, plan),
        since=milliseconds(body.since),
        until=milliseconds(body.until),
        limit=body.limit,
        after=body.after,
        plan=plan,
        destination=await _destination(unit, source, body),
    )
    return Question(call, WhatIfReport, _SECONDS)


async def _source(unit: Unit, source: Source, body: wire.WhatIf, plan: PlanSnapshot | None) -> SourceSnapshot:
    changes: dict[str, Any] = {}
    if plan is not None:
        changes["plan_id"] = plan.id
    if body.settings is not None:
        changes["controls"] = controls_with(source, body.settings)
    if body.schema_filters is not None:
        changes["filters"] = filters_with(source, body.schema_filters)
    if body.transformations is not None:
        changes["transformations"] = _transformations(unit, body.transformations, "transformations")
    return msgspec.structs.replace(await source_snapshot(unit, source), **changes)


async def _destination(unit: Unit, source: Source, body: wire.WhatIf) -> DestinationSnapshot | None:
    """Raises InputInvalid where filters have no destination, NotFound where the source has no such one."""
    changes: dict[str, Any] = {}
    if body.filters is not None:
        changes["filters"] = [snapshot_of_previewed(each, f"filters.{n}") for n, each in enumerate(body.filters)]
    if body.destination_transformations is not None:
        changes["transformations"] = _transformations(
            unit, body.destination_transformations, "destinationTransformations"
        )
    if not body.destination_id:
        if changes:
            raise InputInvalid('"destinationId" must say for which destination', field="destinationId")
        return None
    found = await find_destination(unit.connection, unit.workspace_id, body.destination_id)
    if found is None or found.source_id != source.id:
        raise NotFound(f"source {source.id} has no destination {body.destination_id}")
    return msgspec.structs.replace(await destination_snapshot(unit, found), **changes)


def _transformations(unit: Unit, asked: Sequence[AskedTransformation], field: str) -> list[TransformationSnapshot]:
    """Raises InputInvalid, which tells the place in `field`."""
    found = []
    for number, each in enumerate(asked):
        try:
            found.append(snapshot_of_asked(each, f"{number}", unit.sealer))
        except InputInvalid as error:
            raise error.within(f"{field}.{number}") from error
    return found


@operation(
    "whatIf",
    "POST",
    "/penstock/what-if",
    permission=Permission.EVENT_READ,
    also=(Permission.SOURCE_READ,),
    body=schemas(wire.WhatIf),
    answer=schemas(wire.WhatIfAnswer),
    limit=RateLimit(10),
    body_limit=16 << 20,
    asks=_question,
)
async def what_if(request: Request[wire.WhatIf]) -> dict[str, Any]:
    """What would become of a source's accepted events of a time range, were its rules, settings, filters by name,
    transformations or a destination's filters these. Nothing is changed.

    `before` and `after` count events by how they end; those under an empty name go on. `next`, where it is there, goes
    into `after` of the next request.
    """
    _warn(request.unit, request.body)
    report: WhatIfReport = request.reply
    samples = []
    for each in report.samples:
        told = msgspec.structs.asdict(each)
        samples.append({**told, "before": _document(each.before), "after": _document(each.after)})
    found = {"events": report.events, "before": report.before, "after": report.after, "changed": report.changed}
    return {**found, "samples": samples, **({"next": report.next} if report.next else {})}


def _warn(unit: Unit, body: wire.WhatIf) -> None:
    """Of what can be read and nobody can mean."""
    for number, each in enumerate(body.filters or ()):
        warn_of_condition(unit, each.condition, f"filters.{number}.if")
    of_all = {"transformations": body.transformations, "destinationTransformations": body.destination_transformations}
    for field, transformations in of_all.items():
        for number, asked in enumerate(transformations or ()):
            warn_of(unit, asked, asked.condition, f"{field}.{number}.")


def _document(text: bytes) -> Any:
    return msgspec.json.decode(text) if text else None
