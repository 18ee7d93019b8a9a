"""What tables forget: rows older than their table keeps them, and details sooner, a few at a time, as the API goes on.

A slice declares `KEPT` for each of its tables that grows with time and not with what people make; one job goes round
all of them. Several API processes may do so at once: what one has deleted, the other does not find.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
from sqlalchemy import Column, Table, delete, select

from penstock.infra.db import DATABASE_DOWN, Database, reason_of
from penstock.kit.clock import Clock

logger = structlog.get_logger(__name__)
ROUND_SECONDS = 3600.0
_AT_ONCE = 500
_DAY_MS = 24 * 3_600_000


Condense = Callable[[Database, int], Awaitable[int]]
"""Makes fewer rows of those before a moment; answers how many went."""


class Kept(msgspec.Struct, frozen=True):
    """For how long the rows of a table stay. Its key is one column."""

    age: Column[int]
    """When a row is of, in units of `unit_ms`."""
    days: int
    unit_ms: int = 1
    condense: Condense | None = None
    condensed_days: int = 0
    """After which rows are condensed, where they are."""

    @property
    def table(self) -> Table:
        return self.age.table

    def oldest(self, now_ms: int) -> int:
        """What is before this goes."""
        return self._moment(now_ms, self.days)

    async def tidy(self, database: Database, now_ms: int) -> int:
        """Returns how many rows went."""
        gone = await forget_before(database, self, self.oldest(now_ms))
        if self.condense is not None:
            gone += await self.condense(database, self._moment(now_ms, self.condensed_days))
        return gone

    def _moment(self, now_ms: int, days: int) -> int:
        return (now_ms - days * _DAY_MS) // self.unit_ms


async def forget_old(database: Database, clock: Clock, kept: Sequence[Kept]) -> None:
    """Run for ever."""
    while True:
        for each in kept:
            try:
                forgotten = await each.tidy(database, clock.now_ms())
            except DATABASE_DOWN as error:
                logger.warning("Old rows stay until the next round.", table=each.table.name, reason=reason_of(error))
            else:
                logger.debug("Old rows are forgotten.", table=each.table.name, rows=forgotten)
        await clock.sleep(ROUND_SECONDS)


async def forget_before(database: Database, kept: Kept, moment: int) -> int:
    """Returns how many rows went. Found while reading, so that writers wait for one small delete at most."""
    (key,) = kept.table.primary_key.columns
    forgotten = 0
    while True:
        async with database.reading(is_long=True) as connection:
            found = (await connection.execute(select(key).where(kept.age < moment).limit(_AT_ONCE))).scalars().all()
        if not found:
            return forgotten
        async with database.writing() as connection:
            await connection.execute(delete(kept.table).where(key.in_(found)))
        forgotten += len(found)
