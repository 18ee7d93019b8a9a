"""Rotating the installation key: every secret that rows hold is sealed anew, and everything is published once more.

Both happen in one transaction. Until it has committed, and until the data plane has what was published, the keys before
the new one open what they have sealed (`infra/secrets`).
"""

import msgspec
import structlog
from sqlalchemy import BigInteger, Column, Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.outbox import insert_changes, published
from penstock.api.router import Published
from penstock.infra.db import Database, metadata
from penstock.infra.secrets import Sealer
from penstock.resources.publish import SelectSnapshots

logger = structlog.get_logger(__name__)
_SEALED = "sealed_"
"""How columns begin that hold what was sealed."""


class Rotated(msgspec.Struct, frozen=True, rename="camel"):
    """What came of it."""

    secrets: int
    published: int


async def rotate_key(database: Database, sealer: Sealer, rows: SelectSnapshots, done: Published) -> Rotated:
    """A key that is set from outside is not made here, but used. `done` waits for what is published.

    Raises SealError where a secret was sealed with a key that is not known any more; the rows stay as they were then.
    """
    async with database.writing() as connection:
        if sealer.is_in_file:
            sealer.rotate()
        count = 0
        for table in metadata.sorted_tables:
            for column in _sealed(table):
                count += await _seal_anew(connection, sealer, table, column)
        for table in metadata.sorted_tables:
            if _has_version(table):
                await connection.execute(update(table).values(version=table.c.version + 1))
        changes = [published(kind, snapshot) for kind, snapshot in await rows(connection, sealer)]
        number = await insert_changes(connection, changes)
    sealer.forget_oldest()
    logger.info("The installation key was rotated.", secrets=count, published=len(changes))
    await done(number)
    return Rotated(count, len(changes))


def _sealed(table: Table) -> list[Column[bytes]]:
    return [column for column in table.columns if column.name.startswith(_SEALED)]


def _has_version(table: Table) -> bool:
    """Whether rows of it are published: their versions say which is the newer. A rule's own version is a number."""
    return "version" in table.c and isinstance(table.c.version.type, BigInteger)


async def _seal_anew(connection: AsyncConnection, sealer: Sealer, table: Table, column: Column[bytes]) -> int:
    keys = list(table.primary_key.columns)
    found = (await connection.execute(select(*keys, column).where(column.is_not(None)))).all()
    held = [row for row in found if row[-1]]
    for row in held:
        where = [key == value for key, value in zip(keys, row[:-1], strict=True)]
        await connection.execute(update(table).where(*where).values({column: sealer.seal(sealer.open(row[-1]))}))
    return len(held)
