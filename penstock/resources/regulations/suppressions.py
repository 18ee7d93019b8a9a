"""The suppressions that stand: whose events are taken no more, of all sources or of one."""

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.pagination import Page, in_page
from penstock.resources.regulations.repository import Regulation
from penstock.resources.regulations.table import regulation_subjects, suppressions

_AT_ONCE = 500


class Suppression(msgspec.Struct, frozen=True):
    """One that stands, with the id that the regulation holds."""

    created_at: int
    digest: str
    subject_type: str
    subject_id: str


async def begin(connection: AsyncConnection, regulation: Regulation, digests: Sequence[int]) -> None:
    """Those that are suppressed already stay as they are."""
    standing = await select_standing(connection, regulation, regulation.source_id, digests)
    rows = [
        {
            "workspace_id": regulation.workspace_id,
            "source_id": regulation.source_id,
            "subject_type": regulation.subject_type,
            "digest": written(digest),
            "regulation_id": regulation.id,
            "position": position,
            "created_at": regulation.created_at,
        }
        for position, digest in enumerate(digests)
        if digest not in standing
    ]
    if rows:
        await connection.execute(insert(suppressions), rows)


async def end(connection: AsyncConnection, regulation: Regulation, digests: Sequence[int]) -> set[int]:
    """Of the regulation's scope alone: a suppression of the workspace is not ended for one source.

    Answers those that stood.
    """
    standing = await select_standing(connection, regulation, regulation.source_id, digests)
    for chosen in _chosen(regulation, regulation.source_id, digests):
        await connection.execute(delete(suppressions).where(*chosen))
    return standing


async def select_standing(
    connection: AsyncConnection, regulation: Regulation, source_id: str, digests: Sequence[int]
) -> set[int]:
    """Those of the regulation's subjects that are suppressed in a source, or (empty) in the whole workspace."""
    found: set[int] = set()
    for chosen in _chosen(regulation, source_id, digests):
        rows = await connection.execute(select(suppressions.c.digest).where(*chosen))
        found.update(int(digest, 16) for digest in rows.scalars())
    return found


def _chosen(
    regulation: Regulation, source_id: str, digests: Sequence[int]
) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """Conditions that find these suppressions, a few at a time."""
    columns = suppressions.c
    for first in range(0, len(digests), _AT_ONCE):
        yield (
            columns.workspace_id == regulation.workspace_id,
            columns.source_id == source_id,
            columns.subject_type == regulation.subject_type,
            columns.digest.in_(list(map(written, digests[first : first + _AT_ONCE]))),
        )


def written(digest: int) -> str:
    """As it stands in a row."""
    return f"{digest:016x}"


async def select_suppressions(
    connection: AsyncConnection, workspace_id: str, page: Page
) -> tuple[list[Suppression], int]:
    """Up to `page.count` + 1 of them, the oldest first, and how many there are in all."""
    columns, where = suppressions.c, suppressions.c.workspace_id == workspace_id
    chosen = (columns.created_at, columns.digest, columns.subject_type, regulation_subjects.c.subject_id)
    joined = (regulation_subjects.c.regulation_id == columns.regulation_id) & (
        regulation_subjects.c.position == columns.position
    )
    query = select(*chosen).join(regulation_subjects, joined).where(where)
    rows = await connection.execute(in_page(query, page, columns.created_at, columns.digest))
    total = (await connection.execute(select(func.count()).select_from(suppressions).where(where))).scalar_one()
    return [Suppression(*row) for row in rows], total


async def delete_suppressions_of(connection: AsyncConnection, workspace_id: str, source_id: str) -> None:
    where = (suppressions.c.workspace_id == workspace_id, suppressions.c.source_id == source_id)
    await connection.execute(delete(suppressions).where(*where))
