"""Queries on destinations and their subscriptions."""

from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.errors import NotFound
from penstock.api.pagination import Page, in_page
from penstock.api.reach import Reach
from penstock.resources.destinations.table import destinations, subscriptions
from penstock.resources.sources import within_sources


class Destination(msgspec.Struct, frozen=True):
    """One row."""

    id: str
    workspace_id: str
    version: int
    source_id: str
    metadata_id: str
    name: str
    enabled: bool
    settings: str
    sealed_secrets: bytes
    created_at: int
    enabled_at: int
    consent_categories: str = "[]"
    blocked_events: str = "[]"


class Subscription(msgspec.Struct, frozen=True):
    """One row; `settings` is the mapping."""

    id: str
    workspace_id: str
    destination_id: str
    position: int
    name: str
    action: str
    trigger: str
    enabled: bool
    settings: str
    model_id: str
    schedule: str
    created_at: int


async def get_destination(connection: AsyncConnection, workspace_id: str, destination_id: str) -> Destination | None:
    where = (destinations.c.workspace_id == workspace_id, destinations.c.id == destination_id)
    row = (await connection.execute(select(destinations).where(*where))).one_or_none()
    return None if row is None else Destination(*row)


async def is_destination_within(
    connection: AsyncConnection, workspace_id: str, destination_id: str, reach: Reach
) -> bool:
    """Whether its source is."""
    where = (destinations.c.workspace_id == workspace_id, destinations.c.id == destination_id)
    query = select(destinations.c.id).where(*where, *within_sources(reach, destinations.c.source_id))
    return (await connection.execute(query)).first() is not None


async def require_destination(connection: AsyncConnection, workspace_id: str, destination_id: str) -> Destination:
    """Raises NotFound."""
    if (destination := await get_destination(connection, workspace_id, destination_id)) is None:
        raise NotFound(f"destination {destination_id} does not exist")
    return destination


async def select_destinations(
    connection: AsyncConnection, workspace_id: str, page: Page, reach: Reach, source_id: str = ""
) -> tuple[list[Destination], int]:
    """Up to `page.count` + 1 destinations as `in_page` orders them, and how many there are in all.

    Only those of sources that are within the reach; with `source_id` only those of that one.
    """
    where = [destinations.c.workspace_id == workspace_id, *within_sources(reach, destinations.c.source_id)]
    if source_id:
        where.append(destinations.c.source_id == source_id)
    query = in_page(select(destinations).where(*where), page, destinations.c.created_at, destinations.c.id)
    rows = (await connection.execute(query)).all()
    total = (await connection.execute(select(func.count()).select_from(destinations).where(*where))).scalar_one()
    return [Destination(*row) for row in rows], total


async def select_destinations_of(connection: AsyncConnection, workspace_id: str, source_id: str) -> list[Destination]:
    where = (destinations.c.workspace_id == workspace_id, destinations.c.source_id == source_id)
    query = select(destinations).where(*where).order_by(destinations.c.created_at, destinations.c.id)
    return [Destination(*row) for row in await connection.execute(query)]


async def select_destinations_with(
    connection: AsyncConnection, workspace_id: str, metadata_id: str
) -> list[Destination]:
    """All that are made of one entry."""
    where = (destinations.c.workspace_id == workspace_id, destinations.c.metadata_id == metadata_id)
    return [Destination(*row) for row in await connection.execute(select(destinations).where(*where))]


async def select_all_destinations(connection: AsyncConnection) -> list[Destination]:
    """Of all workspaces, for repairing what is published."""
    return [Destination(*row) for row in await connection.execute(select(destinations))]


async def insert_destination(connection: AsyncConnection, destination: Destination) -> None:
    await connection.execute(insert(destinations).values(msgspec.structs.asdict(destination)))


async def update_destination(connection: AsyncConnection, destination: Destination) -> None:
    values = msgspec.structs.asdict(destination)
    where = (destinations.c.workspace_id == destination.workspace_id, destinations.c.id == destination.id)
    await connection.execute(update(destinations).where(*where).values(values))


async def delete_destination(connection: AsyncConnection, workspace_id: str, destination_id: str) -> None:
    for table, column in ((subscriptions, subscriptions.c.destination_id), (destinations, destinations.c.id)):
        where = (table.c.workspace_id == workspace_id, column == destination_id)
        await connection.execute(delete(table).where(*where))


async def select_subscriptions(
    connection: AsyncConnection, workspace_id: str, destination_id: str
) -> list[Subscription]:
    """All of a destination, in mapping order: at most MAPPING_LIMIT."""
    where = (subscriptions.c.workspace_id == workspace_id, subscriptions.c.destination_id == destination_id)
    query = select(subscriptions).where(*where).order_by(subscriptions.c.position)
    return [Subscription(*row) for row in await connection.execute(query)]


async def select_all_subscriptions(connection: AsyncConnection) -> dict[str, list[Subscription]]:
    """Of all workspaces, by destination, in mapping order."""
    found: dict[str, list[Subscription]] = {}
    for row in await connection.execute(select(subscriptions).order_by(subscriptions.c.position)):
        found.setdefault(row.destination_id, []).append(Subscription(*row))
    return found


async def require_subscription(
    connection: AsyncConnection, workspace_id: str, destination_id: str, subscription_id: str
) -> Subscription:
    """Raises NotFound."""
    where = (
        subscriptions.c.workspace_id == workspace_id,
        subscriptions.c.destination_id == destination_id,
        subscriptions.c.id == subscription_id,
    )
    row = (await connection.execute(select(subscriptions).where(*where))).one_or_none()
    if row is None:
        raise NotFound(f"subscription {subscription_id} does not exist in destination {destination_id}")
    return Subscription(*row)


async def insert_subscriptions(connection: AsyncConnection, added: list[Subscription]) -> None:
    rows: list[dict[str, Any]] = [msgspec.structs.asdict(each) for each in added]
    await connection.execute(insert(subscriptions), rows)


async def update_subscription(connection: AsyncConnection, subscription: Subscription) -> None:
    where = (subscriptions.c.workspace_id == subscription.workspace_id, subscriptions.c.id == subscription.id)
    await connection.execute(update(subscriptions).where(*where).values(msgspec.structs.asdict(subscription)))


async def delete_subscription(connection: AsyncConnection, workspace_id: str, subscription_id: str) -> None:
    where = (subscriptions.c.workspace_id == workspace_id, subscriptions.c.id == subscription_id)
    await connection.execute(delete(subscriptions).where(*where))
