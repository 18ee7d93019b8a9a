"""Operations of the tag Selective Sync on the hours at which a warehouse is loaded."""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from penstock.api.errors import InputInvalid
from penstock.api.operation import Nothing, Request, operation, schemas
from penstock.api.permissions import Permission
from penstock.resources.selective_sync.operations import LIMIT
from penstock.resources.selective_sync.repository import Schedule, put_schedule, select_schedules
from penstock.resources.selective_sync.schemas import ReplaceSchedule, ScheduleAnswer, ScheduleView, TimeView
from penstock.resources.warehouses import MODIFIED, RESOURCE, title_of, touch, warehouse_of

_PATH = "/warehouses/{warehouseId}/advanced-sync-schedule"


@operation(
    "getAdvancedSyncScheduleFromWarehouse",
    "GET",
    _PATH,
    permission=Permission.WAREHOUSE_READ,
    answer=schemas(ScheduleAnswer),
    limit=LIMIT,
)
async def get_advanced_sync_schedule_from_warehouse(request: Request[Nothing]) -> dict[str, Any]:
    """The hours at which the warehouse is loaded. Where `enabled` is false, it is loaded at the interval."""
    warehouse = await warehouse_of(request)
    found = await select_schedules(request.unit.connection, warehouse.id)
    return _view(found[0] if found else Schedule(warehouse.id, enabled=False))


@operation(
    "replaceAdvancedSyncScheduleForWarehouse",
    "PUT",
    _PATH,
    permission=Permission.WAREHOUSE_ADMIN,
    body=schemas(ReplaceSchedule),
    answer=schemas(ScheduleAnswer),
    audit=(MODIFIED,),
    limit=LIMIT,
)
async def replace_advanced_sync_schedule_for_warehouse(request: Request[ReplaceSchedule]) -> dict[str, Any]:
    """Load at these hours of the day in this time zone. `enabled: false` goes back to the interval.

    A schedule that is enabled needs its hours; one that is disabled without hours keeps those that it had.
    """
    unit, body = request.unit, request.body
    warehouse = await warehouse_of(request)
    if body.schedule is not None:
        _require_timezone(body.schedule.timezone)
        times = msgspec.json.encode([each.model_dump(by_alias=True) for each in body.schedule.times]).decode()
        replaced = Schedule(warehouse.id, body.enabled, times, body.schedule.timezone)
    else:
        present = await select_schedules(unit.connection, warehouse.id)
        replaced = Schedule(warehouse.id, body.enabled, *(_kept(present[0]) if present else ()))
    if replaced.enabled and not replaced.timezone:
        raise InputInvalid('"schedule" is required where it is enabled', field="schedule")
    await put_schedule(unit.connection, replaced)
    await touch(unit, warehouse)
    await unit.audit(MODIFIED, RESOURCE, warehouse.id, title_of(warehouse))
    return _view(replaced)


def _kept(schedule: Schedule) -> tuple[str, str]:
    return schedule.times, schedule.timezone


def _require_timezone(name: str) -> None:
    """Raises InputInvalid naming the field."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # a path, or the name of a folder, is no zone either
        raise InputInvalid(f'"schedule.timezone" {name} is no time zone', field="schedule.timezone") from error


def _view(schedule: Schedule) -> dict[str, Any]:
    if not schedule.timezone:
        return {"enabled": schedule.enabled}
    times = [
        TimeView(hour_of_day=each["hourOfDay"], enabled=each["enabled"]) for each in msgspec.json.decode(schedule.times)
    ]
    return {"enabled": schedule.enabled, "schedule": ScheduleView(times=times, timezone=schedule.timezone)}
