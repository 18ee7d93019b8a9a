"""Calls between roles: request and reply structs. `VERB` and `ROLE` make the subject `call.<role>.<verb>`.

A call has a deadline and is never retried by the machinery. A role that is down answers nothing, which the asker sees
as `RoleDown`.
"""

from typing import Any, ClassVar

import msgspec


class Call(msgspec.Struct, frozen=True):
    """Base of all requests."""

    ROLE: ClassVar[str] = ""
    VERB: ClassVar[str] = ""


class SyncWarehouses(Call, frozen=True):
    """Load everything routed until now into the warehouses (all, or one). Answered when loaded."""

    ROLE: ClassVar[str] = "warehousing"
    VERB: ClassVar[str] = "sync"
    warehouse_id: str = ""


class SyncReport(msgspec.Struct, frozen=True):
    """`rows` loaded by the syncs that this call started or waited for; `errors` by warehouse id."""

    rows: int
    events: int
    errors: dict[str, str] = {}


class QueryWarehouse(Call, frozen=True):
    """One read-only SQL statement on the embedded warehouse, bounded in rows, time and memory."""

    ROLE: ClassVar[str] = "warehousing"
    VERB: ClassVar[str] = "query"
    statement: str
    row_limit: int
    seconds_limit: float


class QueryResult(msgspec.Struct, frozen=True):
    """Values are JSON-able; `is_truncated` where the limit on rows cut the result."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    is_truncated: bool
    error: str = ""


class RoleStatus(Call, frozen=True):
    """What a role says of itself; every role answers `call.<role>.status`."""

    VERB: ClassVar[str] = "status"


class StatusReport(msgspec.Struct, frozen=True):
    """`state` is `ready`, `starting` or `failing`; `lag` counts unread messages per stream; counts are since start."""

    role: str
    state: str
    reasons: list[str]
    pid: int
    started_at: int
    lag: dict[str, int] = {}
    counts: dict[str, int] = {}
    details: dict[str, Any] = {}
