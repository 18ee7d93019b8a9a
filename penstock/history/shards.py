"""Quarantine of all shards as one: an engine answers for its own, and asks those of others for theirs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec

from penstock.history.quarantine import Quarantine
from penstock.infra.calls import CallClient, CallServer
from penstock.infra.log import Log
from penstock.spec.quarantine import (
    EndedHeld,
    EndHeld,
    FindAnonymous,
    FindHeld,
    FoundAnonymous,
    HeldEvent,
    HeldEvents,
)

_SECONDS = 60.0


class Shards:
    """Answers for the whole installation. `own` are the shards of this process, of `count` in all."""

    def __init__(self, log: Log, own: Mapping[int, Quarantine], count: int) -> None:
        self._log = log
        self._own = own
        self._count = count
        self._calls = CallClient(log)

    @asynccontextmanager
    async def answering(self, server: CallServer) -> AsyncIterator[None]:
        """Answer calls to `server`'s role, and those that other engines ask for a shard of this process."""
        servers = []
        try:
            for shard, quarantine in self._own.items():
                servers.append(CallServer(self._log, _role_of(shard)))
                await servers[-1].answer(FindHeld, quarantine.find)
                await servers[-1].answer(EndHeld, quarantine.end)
                await servers[-1].answer(FindAnonymous, quarantine.anonymous)
            await server.answer(FindHeld, self.find)
            await server.answer(EndHeld, self.end)
            await server.answer(FindAnonymous, self.anonymous)
            yield
        finally:
            for one in servers:
                await one.close()

    async def find(self, call: FindHeld) -> HeldEvents:
        """Shard by shard, in their order. Raises LogError, CallError."""
        began, _, _ = call.after.partition("-")
        first = int(began) if began.isdecimal() else 0
        found: list[HeldEvent] = []
        for shard in range(first, self._count):
            page = await self._find(shard, msgspec.structs.replace(call, limit=call.limit - len(found)))
            found += page.events
            if page.next or (len(found) == call.limit and shard + 1 < self._count):
                return HeldEvents(found, page.next or f"{shard + 1}-")
        return HeldEvents(found)

    async def end(self, call: EndHeld) -> EndedHeld:
        """Raises LogError, CallError."""
        total = EndedHeld(0)
        for shard in range(self._count):
            ended = await self._end(shard, msgspec.structs.replace(call, limit=call.limit - total.count))
            total = EndedHeld(total.count + ended.count, total.kept + ended.kept, ended.has_more)
            if total.has_more:
                break
        return total

    async def anonymous(self, call: FindAnonymous) -> FoundAnonymous:
        """Of all shards. Raises LogError, CallError."""
        found = FoundAnonymous()
        for shard in range(self._count):
            own = self._own.get(shard)
            asked = own.anonymous(call) if own is not None else self._ask(shard, call)
            found = FoundAnonymous(found.found | (await asked).found)
        return found

    async def _ask(self, shard: int, call: FindAnonymous) -> FoundAnonymous:
        return await self._calls.ask(call, FoundAnonymous, role=_role_of(shard), deadline_seconds=_SECONDS)

    async def _find(self, shard: int, call: FindHeld) -> HeldEvents:
        if (own := self._own.get(shard)) is not None:
            return await own.find(call)
        return await self._calls.ask(call, HeldEvents, role=_role_of(shard), deadline_seconds=_SECONDS)

    async def _end(self, shard: int, call: EndHeld) -> EndedHeld:
        if (own := self._own.get(shard)) is not None:
            return await own.end(call)
        return await self._calls.ask(call, EndedHeld, role=_role_of(shard), deadline_seconds=_SECONDS)


def _role_of(shard: int) -> str:
    return f"engine-{shard}"
