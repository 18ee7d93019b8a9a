"""The counters' retention: what is older than KEPT_DAYS is forgotten, a few rows at a time.

The fold is untouched by it: its watermarks stay, and a late report makes its old counter again, which goes at the next
round.
"""

import structlog
from sqlalchemy.exc import OperationalError

from penstock.infra.db import Database
from penstock.kit.clock import Clock
from penstock.resources.delivery_overview.repository import delete_counts, select_counts_before

logger = structlog.get_logger(__name__)
KEPT_DAYS = 30
ROUND_SECONDS = 3600.0
_AT_ONCE = 500


async def forget_old_counts(database: Database, clock: Clock) -> None:
    """Run for ever."""
    while True:
        try:
            forgotten = await forget_before(database, clock.now_ms() // 60_000 - KEPT_DAYS * 24 * 60)
        except OperationalError as error:
            logger.warning("Old counters stay until the next round.", reason=str(error.orig))
        else:
            logger.debug("Old counters are forgotten.", rows=forgotten)
        await clock.sleep(ROUND_SECONDS)


async def forget_before(database: Database, minute: int) -> int:
    """Returns how many counters went. Found while reading, so that writers wait for one small delete at most."""
    forgotten = 0
    while True:
        async with database.reading() as connection:
            found = await select_counts_before(connection, minute, _AT_ONCE)
        if not found:
            return forgotten
        async with database.writing() as connection:
            await delete_counts(connection, found)
        forgotten += len(found)
