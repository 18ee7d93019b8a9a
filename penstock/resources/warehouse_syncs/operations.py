"""Operations of the tag Selective Sync that tell of past syncs."""

from typing import Any

import msgspec

from penstock.api.operation import Nothing, RateLimit, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import Pagination
from penstock.api.unit import Unit
from penstock.kit.time import format_iso
from penstock.resources.warehouse_syncs.repository import Sync, delete_reports_of, select_syncs
from penstock.resources.warehouse_syncs.schemas import Notice, SyncsAnswer
from penstock.resources.warehouse_syncs.schemas import Sync as SyncView
from penstock.resources.warehouses import warehouse_of

_LIMIT = RateLimit(2)
_notices = msgspec.json.Decoder(list[dict[str, str]])


@operation(
    "listSyncsFromWarehouse",
    "GET",
    "/warehouses/{warehouseId}/syncs",
    permission=Permission.WAREHOUSE_READ,
    answer=schemas(SyncsAnswer),
    is_paged=True,
    limit=_LIMIT,
)
async def list_syncs_from_warehouse(request: Request[Nothing]) -> dict[str, Any]:
    """The syncs of the last 30 days that had rows or went wrong, the newest first: one report for each source.

    `sourceId` is empty where a sync failed before it came to any source.
    """
    return await _reports(request)


@operation(
    "listSyncsFromWarehouseAndSource",
    "GET",
    "/warehouses/{warehouseId}/connected-sources/{sourceId}/syncs",
    permission=Permission.WAREHOUSE_READ,
    answer=schemas(SyncsAnswer),
    is_paged=True,
    limit=_LIMIT,
)
async def list_syncs_from_warehouse_and_source(request: Request[Nothing]) -> dict[str, Any]:
    """Those of one source. A source that was deleted keeps its reports."""
    return await _reports(request, request.path["sourceId"])


async def _reports(request: Request[Nothing], source_id: str = "") -> dict[str, Any]:
    warehouse = await warehouse_of(request)
    found, total = await select_syncs(request.unit.connection, warehouse.id, request.page, source_id)
    shown, page = answer_page(request.page, found, total, lambda each: (each.started_at, each.id))
    return {"reports": [_view(each) for each in shown], "pagination": Pagination.of(page)}


def _view(row: Sync) -> SyncView:
    return SyncView(
        source_id=row.source_id,
        start=format_iso(row.started_at),
        end=format_iso(row.ended_at),
        status=row.status,
        duration=row.duration,
        human_duration=human_duration(row.duration),
        count=row.row_count,
        notices=[
            Notice(level=each.get("level", ""), message=each.get("message", ""), created_at=each.get("createdAt", ""))
            for each in _notices.decode(row.notices)
        ],
    )


def human_duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 m 5 s`, `2 h 10 m`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} m" if hours else f"{minutes} m {rest} s"


async def forget_reports_of(unit: Unit, warehouse_id: str) -> None:
    """What happens here when a warehouse is deleted."""
    await delete_reports_of(unit.connection, warehouse_id)
