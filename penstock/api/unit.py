"""One operation's unit of work: its connection, and what it leaves behind in the same transaction.

A slice that must act when another's resource changes does not get called by name: it reacts (`Reactions`), so that a
source never knows its destinations. One that has a part in what the data plane is told of another's resource adds it
in the same manner (`Contributions`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import copy
from typing import Any, Protocol, Self, TypeVar

import structlog
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.api.audit import insert_audit_event
from penstock.api.auth import Principal
from penstock.api.errors import RoleUnavailable
from penstock.api.outbox import Change, buried, insert_changes, published
from penstock.api.reach import WHOLE
from penstock.api.scope import Scopes
from penstock.infra.calls import CallError, RoleDown
from penstock.infra.mail import Letter, MailError
from penstock.infra.secrets import Sealer
from penstock.kit.clock import Clock
from penstock.spec.calls import Call
from penstock.spec.snapshot import Snapshot, SnapshotKind

logger = structlog.get_logger(__name__)
R = TypeVar("R")


class Unit:
    """What a handler works with."""

    def __init__(self, connection: AsyncConnection, principal: Principal, operation: str, services: "Services") -> None:
        self.connection = connection
        self.principal = principal
        self.workspace_id = principal.workspace_id
        self.sealer = services.sealer
        self._now = services.clock.now_ms()
        self.is_repeatable = True
        """Whether the same request finds the same answer while nothing is written."""
        self._operation = operation
        self._reactions = services.reactions
        self._contributions = services.contributions
        self._scopes = services.scopes
        self.public_url = services.public_url
        self.function_batch_events = services.function_batch_events
        self.mail = services.mail
        self.letters: list[Letter] = []
        """What is sent to people once the transaction has committed."""
        self.headers: dict[str, str] = {}
        """Of the answer, over those that every answer has; of operations that change something."""
        self._changes: dict[tuple[str, str], Change] = {}

    @property
    def now(self) -> int:
        """One time for everything that the operation writes; a read that looks at it is not repeatable."""
        self.is_repeatable = False
        return self._now

    def in_workspace(self, workspace_id: str) -> Self:
        """This unit of work in another workspace, for what the installation does there."""
        other = copy(self)
        other.principal = structs.replace(self.principal, workspace_id=workspace_id)
        other.workspace_id = workspace_id
        return other

    def warn(self, message: str) -> None:
        """Say it beside the answer, in `Warning` as RFC 7234 has it, which says nothing of texts beyond ASCII."""
        plain = message.encode("ascii", "replace").decode().replace("\\", "/").replace('"', "'")
        told = f'299 - "{" ".join(plain.split())}"'
        self.headers["Warning"] = f"{self.headers['Warning']}, {told}" if "Warning" in self.headers else told

    async def audit(self, type_: str, resource_type: str, resource_id: str, name: str) -> None:
        resource = (resource_type, resource_id, name)
        await insert_audit_event(self.connection, self.principal, self._operation, self._now, type_, resource)

    def publish(self, kind: SnapshotKind, snapshot: Snapshot) -> None:
        """Let the data plane know this snapshot once the transaction has committed; the last of a resource counts."""
        self._changes[kind, snapshot.id] = published(kind, snapshot)

    def bury(self, kind: SnapshotKind, resource_id: str, version: int) -> None:
        self._changes[kind, resource_id] = buried(kind, self.workspace_id, resource_id, version)

    async def react(self, happening: str, resource_id: str) -> None:
        """Let the slices that registered for it act, in this transaction."""
        for reaction in self._reactions.get(happening, ()):
            await reaction(self, resource_id)

    async def contributed(self, part: str, resource_id: str) -> list[Any]:
        """What the slice that has it adds to the snapshot of a resource; nothing where none does."""
        contribution = self._contributions.get(part)
        return await contribution(self.connection, self.workspace_id, resource_id) if contribution else []

    async def has(self, kind: str, resource_id: str) -> bool:
        """Whether the workspace has such a thing: a `source`, a `warehouse`, a `function`."""
        is_within = self._scopes.get(kind)
        return is_within is not None and await is_within(self.connection, self.workspace_id, resource_id, WHOLE)

    async def flush(self) -> int:
        """Write the outbox rows; returns the number of the last, 0 where nothing changed for the data plane."""
        return await insert_changes(self.connection, list(self._changes.values()))


Reaction = Callable[[Unit, str], Awaitable[None]]
Reactions = Mapping[str, tuple[Reaction, ...]]
Contribution = Callable[[AsyncConnection, str, str], Awaitable[list[Any]]]
"""By workspace and resource."""
Contributions = Mapping[str, Contribution]


class Roles(Protocol):
    """Whom operations can ask."""

    async def ask(self, call: Call, reply_type: type[R], *, deadline_seconds: float) -> R:
        """Raises CallError."""
        ...


class Nobody:
    """Where no role runs."""

    async def ask(self, call: Call, reply_type: type[R], *, deadline_seconds: float) -> R:
        del reply_type, deadline_seconds
        raise RoleDown(call.ROLE)


class Mail(Protocol):
    """How letters are sent, and where those who get them reach the installation."""

    public_url: str

    async def send(self, letter: Letter) -> None:
        """Raises MailError."""
        ...


class Services:
    """What every unit of work is given."""

    def __init__(
        self,
        sealer: Sealer,
        clock: Clock,
        reactions: Reactions,
        contributions: Contributions,
        scopes: Scopes,
        roles: Roles | None = None,
        mail: Mail | None = None,
        public_url: str = "http://localhost",
        function_batch_events: int = 0,
    ) -> None:
        self.sealer = sealer
        self.clock = clock
        self.reactions = reactions
        self.contributions = contributions
        self.scopes = scopes
        self._roles = roles or Nobody()
        self.mail = mail
        self.public_url = public_url
        """Where clients reach the installation, without a slash at the end."""
        self.function_batch_events = function_batch_events
        """What a batch of a destination function was raised to; 0: it was not."""
        self._sending: set[asyncio.Task[None]] = set()

    def post(self, letters: Iterable[Letter]) -> None:
        """Send them, without waiting: whoever has not got one can be handed what it says."""
        for letter in letters:
            task = asyncio.ensure_future(self._send(letter))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, letter: Letter) -> None:
        try:
            if self.mail is not None:
                await self.mail.send(letter)
        except MailError as error:
            logger.warning("A letter was not sent.", reason=str(error))

    async def ask(self, call: Call, reply_type: type[R], seconds: float) -> R:
        """Raises RoleUnavailable, which names the role."""
        try:
            return await self._roles.ask(call, reply_type, deadline_seconds=seconds)
        except CallError as error:
            raise RoleUnavailable(str(error), data={"role": error.role}) from error
