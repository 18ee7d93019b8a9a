"""Queries on regulations and their subjects."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.resources.regulations.table import regulation_subjects as subjects
from penstock.resources.regulations.table import regulations

LISTED_MS = 90 * 24 * 3_600_000
"""Older regulations are told no more."""
SUPPRESSING = frozenset({"SUPPRESS_ONLY", "SUPPRESS_WITH_DELETE", "SUPPRESS_WITH_DELETE_INTERNAL"})
FORWARDED = frozenset({"SUPPRESS_WITH_DELETE", "DELETE_ONLY"})
"""Those that reach warehouses and destinations too."""
INTERNAL = frozenset(
    {"SUPPRESS_ONLY", "UNSUPPRESS", "SUPPRESS_WITH_DELETE_INTERNAL", "DELETE_INTERNAL", "DELETE_ARCHIVE_ONLY"}
)
AT_ONCE = frozenset({"SUPPRESS_ONLY", "UNSUPPRESS"})
"""Done when the data plane knows."""
DELETING = (FORWARDED | INTERNAL) - AT_ONCE
_ROWS_AT_ONCE = 500


class Regulation(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    source_id: str
    collection: str
    type: str
    subject_type: str
    subject_count: int
    subject_bytes: int
    status: str
    created_at: int
    finished_at: int


class Wanted(msgspec.Struct, frozen=True):
    """Which regulations a list tells: of one source, or those for the whole workspace (empty)."""

    source_id: str
    status: str | None
    types: Sequence[str]
    since: int


async def require_regulation(
    connection: AsyncConnection, workspace_id: str, regulation_id: str, since: int
) -> Regulation:
    """Raises NotFound."""
    where = (regulations.c.workspace_id == workspace_id, regulations.c.id == regulation_id)
    query = select(regulations).where(*where, regulations.c.created_at >= since)
    if (row := (await connection.execute(query)).one_or_none()) is None:
        raise NotFound(f"regulation {regulation_id} does not exist")
    return Regulation(*row)


async def select_regulations(
    connection: AsyncConnection, workspace_id: str, wanted: Wanted, page: Page
) -> tuple[list[Regulation], int]:
    """Up to `page.count` + 1 regulations, the newest first, and how many there are in all."""
    columns = regulations.c
    where = [
        columns.workspace_id == workspace_id,
        columns.source_id == wanted.source_id,
        columns.created_at >= wanted.since,
    ]
    if wanted.status is not None:
        where.append(columns.status == wanted.status)
    if wanted.types:
        where.append(columns.type.in_(wanted.types))
    query = in_page(select(regulations).where(*where), page, columns.created_at, columns.id, newest_first=True)
    found = [Regulation(*row) for row in await connection.execute(query)]
    total = select(func.count()).select_from(regulations).where(*where)
    return found, (await connection.execute(total)).scalar_one()


async def sum_subjects(connection: AsyncConnection, workspace_id: str, types: Sequence[str], since: int) -> int:
    """Subjects of all regulations of these types since then."""
    where = (regulations.c.workspace_id == workspace_id, regulations.c.created_at >= since)
    query = select(func.coalesce(func.sum(regulations.c.subject_count), 0)).where(*where, regulations.c.type.in_(types))
    return int((await connection.execute(query)).scalar_one())


async def insert_regulation(connection: AsyncConnection, added: Regulation, subject_ids: Sequence[str]) -> None:
    await connection.execute(insert(regulations).values(msgspec.structs.asdict(added)))
    rows = [
        {"regulation_id": added.id, "position": position, "subject_id": subject_id}
        for position, subject_id in enumerate(subject_ids)
    ]
    await connection.execute(insert(subjects), rows)


async def select_subjects(connection: AsyncConnection, found: Sequence[Regulation]) -> dict[str, list[str]]:
    """By regulation, as they were sent."""
    by_regulation: dict[str, list[str]] = {each.id: [] for each in found}
    columns = subjects.c
    for first in range(0, len(found), _ROWS_AT_ONCE):
        ids = [each.id for each in found[first : first + _ROWS_AT_ONCE]]
        query = select(columns.regulation_id, columns.subject_id).where(columns.regulation_id.in_(ids))
        for regulation_id, subject_id in await connection.execute(
            query.order_by(columns.regulation_id, columns.position)
        ):
            by_regulation[regulation_id].append(subject_id)
    return by_regulation


async def select_unfinished(connection: AsyncConnection, limit: int) -> list[Regulation]:
    """Those that delete nothing, of every workspace; the oldest first."""
    columns = regulations.c
    wanted = columns.type.in_(AT_ONCE)
    query = select(regulations).where(columns.finished_at == 0, wanted).order_by(columns.created_at, columns.id)
    return [Regulation(*row) for row in await connection.execute(query.limit(limit))]


async def select_new_deletions(connection: AsyncConnection, limit: int) -> list[Regulation]:
    """Those that nobody has begun, of every workspace; the oldest first."""
    columns = regulations.c
    wanted = columns.type.in_(DELETING) & (columns.status == "INITIALIZED")
    query = select(regulations).where(columns.finished_at == 0, wanted).order_by(columns.created_at, columns.id)
    return [Regulation(*row) for row in await connection.execute(query.limit(limit))]


async def get_regulation(connection: AsyncConnection, regulation_id: str) -> Regulation:
    """One that is there."""
    query = select(regulations).where(regulations.c.id == regulation_id)
    return Regulation(*(await connection.execute(query)).one())


async def update_status(connection: AsyncConnection, regulation_id: str, status: str, finished_at: int) -> None:
    values = {"status": status, "finished_at": finished_at}
    await connection.execute(update(regulations).where(regulations.c.id == regulation_id).values(values))
