"""What an operation declares. From the declarations follow router, permissions, limits and contract tests."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel

from penstock.api.auth import Principal
from penstock.api.pagination import Page
from penstock.api.permissions import Permission
from penstock.api.schema import Input
from penstock.api.unit import Unit
from penstock.api.versions import OFFICIAL, Contract

B = TypeVar("B", bound=BaseModel)


class Nothing(Input):
    """The body of an operation that takes none."""


class Request(msgspec.Struct, Generic[B], frozen=True):
    """What a handler is given: everything parsed, the caller known and allowed."""

    body: B
    path: dict[str, str]
    page: Page
    unit: Unit

    @property
    def workspace_id(self) -> str:
        return self.unit.workspace_id

    @property
    def principal(self) -> Principal:
        return self.unit.principal


Handler = Callable[[Any], Awaitable[dict[str, Any]]]
Schemas = Mapping[Contract, type[BaseModel]]


class RateLimit(msgspec.Struct, frozen=True):
    """A stated limit, per token."""

    requests: int
    seconds: int = 60


UNSTATED_LIMIT = RateLimit(600)
"""Where the contract states none. The original has a default too, which it does not tell."""


class Operation(msgspec.Struct, frozen=True):
    """One public API call."""

    id: str
    method: str
    paths: tuple[str, ...]
    """The official path, then the seed's where it differs; both lead here."""
    permission: Permission
    bodies: Schemas
    answers: Schemas
    handler: Handler
    created: bool
    """Whether the official success is 201; the seed's is always 200."""
    changes: bool
    """Whether it writes: a transaction of its own, and an answer after its outbox rows are published."""
    is_paged: bool
    audit_events: tuple[str, ...]
    limit: RateLimit
    offered: tuple[Contract, ...]

    def status(self, contract: Contract) -> int:
        return 201 if self.created and contract.is_official else 200


def schemas(official: type[BaseModel], **others: type[BaseModel]) -> dict[Contract, type[BaseModel]]:
    """Schemas by contract: `official` for all but those that are named (`seed=`, `alpha=`)."""
    found = dict.fromkeys(Contract, official)
    return found | {Contract[name.upper()]: schema for name, schema in others.items()}


def operation(
    identifier: str,
    method: str,
    path: str,
    *,
    permission: Permission,
    answer: Schemas,
    body: Schemas | None = None,
    seed_path: str = "",
    created: bool = False,
    is_paged: bool = False,
    audit: Sequence[str] = (),
    limit: RateLimit = UNSTATED_LIMIT,
    offered: Sequence[Contract] = OFFICIAL,
) -> Callable[[Handler], Operation]:
    """Declare the function below as the handler of this operation."""

    def declare(handler: Handler) -> Operation:
        return Operation(
            id=identifier,
            method=method,
            paths=(path, seed_path) if seed_path else (path,),
            permission=permission,
            bodies=body or schemas(Nothing),
            answers=answer,
            handler=handler,
            created=created,
            changes=method != "GET",
            is_paged=is_paged,
            audit_events=tuple(audit),
            limit=limit,
            offered=tuple(offered),
        )

    return declare
