"""Says of suppressions that they are in force, or cannot be ended. Deletions: `deleting`."""

import structlog

from penstock.api.outbox import is_waiting
from penstock.infra.db import DATABASE_DOWN, Database, reason_of
from penstock.infra.secrets import Sealer
from penstock.kit.clock import Clock
from penstock.resources.regulations.repository import (
    Regulation,
    select_subjects,
    select_unfinished,
    update_status,
)
from penstock.resources.regulations.segments import get_key
from penstock.resources.regulations.suppressions import select_standing

logger = structlog.get_logger(__name__)
ROUND_SECONDS = 0.5
AT_ONCE = 100


class Execution:
    """Runs beside the API, on its database. Every round may be the last: the next begins from the rows."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.round()
            except DATABASE_DOWN as error:
                logger.warning("Regulations wait for the next round.", reason=reason_of(error))
            await self._clock.sleep(ROUND_SECONDS)

    async def round(self) -> None:
        """Bring everything that is not done as far as it goes, the oldest first."""
        async with self._database.reading() as connection:
            waiting = await select_unfinished(connection, AT_ONCE)
        for regulation in waiting:
            if status := await self._status_of(regulation):
                async with self._database.writing() as connection:
                    await update_status(connection, regulation.id, status, self._clock.now_ms())

    async def _status_of(self, regulation: Regulation) -> str:
        """Its last one; empty while it is not known."""
        async with self._database.reading() as connection:
            if await is_waiting(connection, regulation.id):
                return ""
            if regulation.type == "UNSUPPRESS" and regulation.source_id:
                return await self._status_of_ending(regulation)
        return "FINISHED"

    async def _status_of_ending(self, regulation: Regulation) -> str:
        """A suppression of the whole workspace wins over what is asked for one source."""
        async with self._database.reading() as connection:
            subject_ids = (await select_subjects(connection, [regulation]))[regulation.id]
            key = await get_key(connection, regulation.workspace_id, self._sealer)
            digests = key.digests(regulation.subject_type, subject_ids)
            standing = await select_standing(connection, regulation, "", digests)
        if not standing:
            return "FINISHED"
        return "FAILED" if len(standing) == len(digests) else "PARTIAL_SUCCESS"
