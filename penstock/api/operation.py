"""What an operation declares. From the declarations follow router, permissions, limits and contract tests."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel

from penstock.api.auth import Principal
from penstock.api.pagination import Page
from penstock.api.permissions import Permission
from penstock.api.schema import Input
from penstock.api.scope import Need
from penstock.api.unit import Unit
from penstock.api.versions import OFFICIAL, Contract
from penstock.spec.calls import Call

B = TypeVar("B", bound=BaseModel)


class Nothing(Input):
    """The body of an operation that takes none."""


class Request(msgspec.Struct, Generic[B], frozen=True):
    """What a handler is given: everything parsed, the caller known and allowed."""

    body: B
    path: dict[str, str]
    page: Page
    headers: Mapping[str, str]
    answer: type[BaseModel]
    """The schema of the answer in the contract that was asked."""
    unit: Unit
    reply: Any = None
    """What the role has answered that the operation asks; None where nothing was asked, or the answer is not needed."""

    @property
    def workspace_id(self) -> str:
        return self.unit.workspace_id

    @property
    def principal(self) -> Principal:
        return self.unit.principal

    def wants(self, name: str) -> bool:
        """Whether the answer holds a field at all: what nobody is told need not be looked up."""
        return name in self.answer.model_fields


Handler = Callable[[Any], Awaitable[dict[str, Any]]]
Schemas = Mapping[Contract, type[BaseModel]]


class Question(msgspec.Struct, frozen=True):
    """What an operation has a role answer. It is asked while no transaction is open, for it may take long."""

    call: Call
    reply: type[Any]
    seconds: float
    is_needed: bool = True
    """Where it is not, the handler gets None of a role that does not answer."""


Asks = Callable[[Any], Awaitable[Question | None]]
"""Reads what there is to ask (None: nothing this time); the reply stands in the handler's request."""


class RateLimit(msgspec.Struct, frozen=True):
    """A stated limit, per token."""

    requests: int
    seconds: int = 60


BODY_LIMIT = 1 << 20
UNSTATED_LIMIT = RateLimit(600)
"""Where the contract states none. The original has a default too, which it does not tell."""


class Operation(msgspec.Struct, frozen=True):
    """One public API call."""

    id: str
    method: str
    paths: tuple[str, ...]
    """The official path, then the seed's where it differs; both lead here."""
    needs: tuple[Need, ...]
    bodies: Schemas
    """Of what GET and DELETE are asked by their query, which is read like a body."""
    answers: Schemas
    handler: Handler
    created: bool
    """Whether the official success is 201; the seed's is always 200."""
    changes: bool
    """Whether it writes: a transaction of its own, and an answer after its outbox rows are published."""
    is_paged: bool
    audit_events: tuple[str, ...]
    limit: RateLimit
    body_limit: int
    offered: tuple[Contract, ...]
    asks: Asks | None = None
    is_in_seed: bool = True
    """Where it is not, the official answer is everybody's."""

    @property
    def is_ours(self) -> bool:
        """Beside the contract: an extension of our own."""
        return self.paths[0].startswith("/penstock/")

    def status(self, contract: Contract) -> int:
        return 201 if self.created and (contract.is_official or not self.is_in_seed) else 200


def schemas(official: type[BaseModel], **others: type[BaseModel]) -> dict[Contract, type[BaseModel]]:
    """Schemas by contract: `official` for all but those that are named (`seed=`, `alpha=`)."""
    found = dict.fromkeys(Contract, official)
    return found | {Contract[name.upper()]: schema for name, schema in others.items()}


def operation(
    identifier: str,
    method: str,
    path: str,
    *,
    permission: Permission | Need,
    answer: Schemas,
    also: Sequence[Permission | Need] = (),
    body: Schemas | None = None,
    seed_path: str = "",
    created: bool = False,
    is_paged: bool = False,
    audit: Sequence[str] = (),
    limit: RateLimit = UNSTATED_LIMIT,
    body_limit: int = BODY_LIMIT,
    offered: Sequence[Contract] = OFFICIAL,
    asks: Asks | None = None,
    is_in_seed: bool = True,
) -> Callable[[Handler], Operation]:
    """Declare the function below as the handler of this operation. `also` are further permissions that it needs."""

    def declare(handler: Handler) -> Operation:
        return Operation(
            id=identifier,
            method=method,
            paths=(path, seed_path) if seed_path else (path,),
            needs=tuple(each if isinstance(each, Need) else Need(each) for each in (permission, *also)),
            bodies=body or schemas(Nothing),
            answers=answer,
            handler=handler,
            created=created,
            changes=method != "GET",
            is_paged=is_paged,
            audit_events=tuple(audit),
            limit=limit,
            body_limit=body_limit,
            offered=tuple(offered),
            asks=asks,
            is_in_seed=is_in_seed,
        )

    return declare
