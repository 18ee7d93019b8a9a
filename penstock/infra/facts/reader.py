"""Reading the facts of all roles in the order in which they were written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from penstock.infra.log import Log
from penstock.spec.facts import STREAM, FactHead, decoder
from penstock.spec.frame import FrameError

logger = structlog.get_logger(__name__)


async def read_facts(log: Log, start: int) -> AsyncGenerator[tuple[int, FactHead], None]:
    """(sequence, fact) from `start` on, for ever. One that cannot be read is an alarm, and what follows it a gap."""
    async with aclosing(log.read(STREAM, start)) as messages:
        async for message in messages:
            try:
                head, _ = decoder.frame(message.payload)
            except FrameError as error:
                logger.error("A fact cannot be read.", sequence=message.sequence, reason=str(error))  # noqa: TRY400
                continue
            yield message.sequence, head
