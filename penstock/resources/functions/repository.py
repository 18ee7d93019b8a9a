"""Queries on functions and their versions. A function is read together with its newest version."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.api.reach import Reach
from penstock.resources.functions.table import function_versions as versions
from penstock.resources.functions.table import functions


class Function(msgspec.Struct, frozen=True):
    """One row, with code and settings of its newest version."""

    id: str
    workspace_id: str
    version: int
    resource_type: str
    display_name: str
    description: str | None
    logo_url: str | None
    catalog_id: str
    latest_id: str
    deployed_id: str
    deployed_at: int | None
    created_by: str
    created_at: int
    code: str
    settings: str

    @property
    def title(self) -> str:
        """What it is called where something must be."""
        return self.display_name or self.id


class Version(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    function_id: str
    number: int
    code: str
    settings: str
    author: str
    created_at: int
    updated_at: int
    deployed_at: int | None


_NAMES = [column.name for column in functions.columns]


def _joined() -> Select[Any]:
    newest = versions.c.id == functions.c.latest_id
    return select(functions, versions.c.code, versions.c.settings).join(versions, newest)


async def find_function(connection: AsyncConnection, workspace_id: str, identifiers: Sequence[str]) -> Function | None:
    """The one that has one of these ids."""
    query = _joined().where(functions.c.workspace_id == workspace_id, functions.c.id.in_(identifiers))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Function(*row)


async def require_function(connection: AsyncConnection, workspace_id: str, function_id: str) -> Function:
    """Raises NotFound."""
    if (found := await find_function(connection, workspace_id, [function_id])) is None:
        raise NotFound(f"function {function_id} does not exist")
    return found


async def select_functions(
    connection: AsyncConnection, workspace_id: str, kinds: Sequence[str], page: Page, reach: Reach
) -> tuple[list[Function], int]:
    """Up to `page.count` + 1 functions of these kinds as `in_page` orders them, and how many there are in all.

    Only those that are within the reach.
    """
    where = [functions.c.workspace_id == workspace_id, functions.c.resource_type.in_(kinds)]
    if not reach.is_whole:
        where.append(functions.c.id.in_(sorted(reach.ids)))
    query = in_page(_joined().where(*where), page, functions.c.created_at, functions.c.id)
    rows = await connection.execute(query)
    total = (await connection.execute(select(func.count()).select_from(functions).where(*where))).scalar_one()
    return [Function(*row) for row in rows], total


async def find_by_metadata_id(connection: AsyncConnection, workspace_id: str, metadata_id: str) -> Function | None:
    """By its catalog id, or its own: the plain contract tells no other."""
    is_named = or_(functions.c.catalog_id == metadata_id, functions.c.id == metadata_id)
    where = (functions.c.workspace_id == workspace_id, is_named)
    row = (await connection.execute(_joined().where(*where))).one_or_none()
    return None if row is None else Function(*row)


async def select_all_functions(connection: AsyncConnection) -> list[Function]:
    """Of all workspaces."""
    return [Function(*row) for row in await connection.execute(_joined())]


async def select_deployed_versions(connection: AsyncConnection) -> dict[str, Version]:
    """Of all workspaces, by their ids."""
    query = select(versions).join(functions, functions.c.deployed_id == versions.c.id)
    found = [Version(*row) for row in await connection.execute(query)]
    return {version.id: version for version in found}


async def count_functions(connection: AsyncConnection, workspace_id: str) -> int:
    query = select(func.count()).select_from(functions).where(functions.c.workspace_id == workspace_id)
    return int((await connection.execute(query)).scalar_one())


async def insert_function(connection: AsyncConnection, function: Function, version: Version) -> None:
    await connection.execute(insert(functions).values(_row(function)))
    await insert_version(connection, version)


async def update_function(connection: AsyncConnection, function: Function) -> None:
    where = (functions.c.workspace_id == function.workspace_id, functions.c.id == function.id)
    await connection.execute(update(functions).where(*where).values(_row(function)))


def _row(function: Function) -> dict[str, Any]:
    return {name: getattr(function, name) for name in _NAMES}


async def delete_function(connection: AsyncConnection, function: Function) -> None:
    """With its versions."""
    where = (versions.c.workspace_id == function.workspace_id, versions.c.function_id == function.id)
    await connection.execute(delete(versions).where(*where))
    await connection.execute(
        delete(functions).where(functions.c.workspace_id == function.workspace_id, functions.c.id == function.id)
    )


async def find_version(connection: AsyncConnection, function: Function, version_id: str) -> Version | None:
    where = (
        versions.c.workspace_id == function.workspace_id,
        versions.c.function_id == function.id,
        versions.c.id == version_id,
    )
    row = (await connection.execute(select(versions).where(*where))).one_or_none()
    return None if row is None else Version(*row)


async def running_settings(connection: AsyncConnection, function: Function) -> str:
    """What instances can set: of the version that was deployed, of a function that never was of the newest."""
    running = await find_version(connection, function, function.deployed_id) if function.deployed_id else None
    return function.settings if running is None else running.settings


async def select_versions(connection: AsyncConnection, function: Function, page: Page) -> tuple[list[Version], int]:
    """Up to `page.count` + 1 versions as `in_page` orders them, the newest first, and how many there are in all."""
    where = (versions.c.workspace_id == function.workspace_id, versions.c.function_id == function.id)
    query = in_page(select(versions).where(*where), page, versions.c.created_at, versions.c.id, newest_first=True)
    rows = await connection.execute(query)
    total = (await connection.execute(select(func.count()).select_from(versions).where(*where))).scalar_one()
    return [Version(*row) for row in rows], total


async def last_number(connection: AsyncConnection, function: Function) -> int:
    query = select(func.max(versions.c.number)).where(versions.c.function_id == function.id)
    return int((await connection.execute(query)).scalar_one())


async def insert_version(connection: AsyncConnection, version: Version) -> None:
    await connection.execute(insert(versions).values(msgspec.structs.asdict(version)))


async def mark_deployed(connection: AsyncConnection, workspace_id: str, version_id: str, now: int) -> None:
    where = (versions.c.workspace_id == workspace_id, versions.c.id == version_id)
    await connection.execute(update(versions).where(*where).values(deployed_at=now))
