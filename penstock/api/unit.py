"""One operation's unit of work: its connection, and what it leaves behind in the same transaction.

A slice that must act when another's resource changes does not get called by name: it reacts (`Reactions`), so that a
source never knows its destinations.
"""

from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.audit import insert_audit_event
from penstock.api.auth import Principal
from penstock.api.outbox import Change, buried, insert_changes, published
from penstock.infra.secrets import Sealer
from penstock.kit.clock import Clock
from penstock.spec.snapshot import Snapshot, SnapshotKind


class Unit:
    """What a handler works with. `now` is one time for everything that the operation writes."""

    def __init__(self, connection: AsyncConnection, principal: Principal, operation: str, services: "Services") -> None:
        self.connection = connection
        self.principal = principal
        self.workspace_id = principal.workspace_id
        self.sealer = services.sealer
        self.now = services.clock.now_ms()
        self._operation = operation
        self._reactions = services.reactions
        self._changes: dict[tuple[str, str], Change] = {}

    async def audit(self, type_: str, resource_type: str, resource_id: str, name: str) -> None:
        resource = (resource_type, resource_id, name)
        await insert_audit_event(self.connection, self.principal, self._operation, self.now, type_, resource)

    def publish(self, kind: SnapshotKind, snapshot: Snapshot) -> None:
        """Let the data plane know this snapshot once the transaction has committed; the last of a resource counts."""
        self._changes[kind, snapshot.id] = published(kind, snapshot)

    def bury(self, kind: SnapshotKind, resource_id: str, version: int) -> None:
        self._changes[kind, resource_id] = buried(kind, self.workspace_id, resource_id, version)

    async def react(self, happening: str, resource_id: str) -> None:
        """Let the slices that registered for it act, in this transaction."""
        for reaction in self._reactions.get(happening, ()):
            await reaction(self, resource_id)

    async def flush(self) -> int:
        """Write the outbox rows; returns the number of the last, 0 where nothing changed for the data plane."""
        return await insert_changes(self.connection, list(self._changes.values()))


Reaction = Callable[[Unit, str], Awaitable[None]]
Reactions = Mapping[str, tuple[Reaction, ...]]


class Services:
    """What every unit of work is given."""

    def __init__(self, sealer: Sealer, clock: Clock, reactions: Reactions) -> None:
        self.sealer = sealer
        self.clock = clock
        self.reactions = reactions
