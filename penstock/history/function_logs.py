"""Answers for the log of functions: shows the newest lines, and drops those of a workspace."""

import asyncio

import msgspec
import structlog

from penstock.functions.logs import LogQueue
from penstock.infra.log import Log, LogError, Message
from penstock.spec.function_logs import DropLogs, DroppedLogs, FindLogs, FoundLogs, LogLine
from penstock.spec.streams import FUNCTION_LOGS, function_logs_subject

logger = structlog.get_logger(__name__)

AGAIN_SECONDS = 15.0
"""By then every run that began before a deletion has ended, in whatever process, and what it printed is written."""
_line_of = msgspec.json.Decoder(LogLine).decode


class FunctionLogs:
    """One per process that answers."""

    def __init__(self, log: Log, queue: LogQueue) -> None:
        self._log = log
        self._queue = queue
        self._side: set[asyncio.Task[None]] = set()

    async def find(self, call: FindLogs) -> FoundLogs:
        """Raises LogError."""
        subject = function_logs_subject(call.workspace_id, call.function_id)
        found: list[Message] = []
        if not await self._is_there():
            return FoundLogs([])
        start = 1
        while messages := await self._log.get_batch(FUNCTION_LOGS, start, subject=subject):
            found += messages
            start = messages[-1].sequence + 1
        return FoundLogs([_line_of(message.payload) for message in found[-call.limit :]])

    async def drop(self, call: DropLogs) -> DroppedLogs:
        """At once, and once more for what runs meanwhile. Raises LogError."""
        self._queue.forget(call.workspace_id)
        dropped = await self._drop(call.workspace_id)
        task = asyncio.create_task(self._drop_later(call.workspace_id))
        self._side.add(task)
        task.add_done_callback(self._side.discard)
        return DroppedLogs(dropped)

    async def close(self) -> None:
        for task in self._side:
            task.cancel()
        await asyncio.gather(*self._side, return_exceptions=True)

    async def _is_there(self) -> bool:
        """The stream is made with the first line."""
        return FUNCTION_LOGS in await self._log.stream_names()

    async def _drop_later(self, workspace_id: str) -> None:
        await asyncio.sleep(AGAIN_SECONDS)
        try:
            await self._drop(workspace_id)
        except LogError as error:
            logger.warning("What functions printed is not dropped again; it expires.", reason=str(error))

    async def _drop(self, workspace_id: str) -> int:
        subject = function_logs_subject(workspace_id, "*")
        if not await self._is_there():
            return 0
        state = await self._log.state(FUNCTION_LOGS)
        return await self._log.purge(FUNCTION_LOGS, below=state.last + 1, subject=subject)
