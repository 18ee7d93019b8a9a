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
    IS_FOR_EACH: ClassVar[bool] = False
    """Whether every process of a role may be asked at once, where there are several."""


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


class ValidateWarehouse(Call, frozen=True):
    """Connect to a warehouse as it is, or may be, configured. `warehouse_id` is empty where it is not stored."""

    ROLE: ClassVar[str] = "warehousing"
    VERB: ClassVar[str] = "validate"
    slug: str
    sealed_settings: bytes
    warehouse_id: str = ""


class ValidationReport(msgspec.Struct, frozen=True):
    """`step` says where the way in ends; it is empty where everything went well."""

    step: str = ""
    reason: str = ""

    @property
    def is_connected(self) -> bool:
        return not self.step


class ForgetPeople(Call, frozen=True):
    """Delete people from one warehouse, of one source or (empty) of all. Asking again changes nothing.

    With `is_last` the target is written anew, where it keeps the bytes of what was deleted.
    """

    ROLE: ClassVar[str] = "warehousing"
    VERB: ClassVar[str] = "forget"
    warehouse_id: str
    user_ids: list[str]
    source_id: str = ""
    is_last: bool = True
    has_left: bool = False
    """Also from files that it loads into no more."""


class ForgetObjects(Call, frozen=True):
    """The same of objects, of one source or (empty) of all, and of one collection or (empty) of all."""

    ROLE: ClassVar[str] = "warehousing"
    VERB: ClassVar[str] = "forget_objects"
    warehouse_id: str
    object_ids: list[str]
    source_id: str = ""
    collection: str = ""
    is_last: bool = True
    has_left: bool = False


class ForgetReport(msgspec.Struct, frozen=True):
    """Rows deleted by table; `error` says why nothing was."""

    rows: dict[str, int] = {}
    error: str = ""


class ForwardDeletions(Call, frozen=True):
    """Tell one destination that these people are deleted, in their order. Asking again is harmless."""

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "forward_deletions"
    destination_id: str
    user_ids: list[str]
    timestamp: int
    """Milliseconds: when the deletion was asked for."""


class ForwardReport(msgspec.Struct, frozen=True):
    """The destination took the deletion of some and refused that of others, from the first on.

    `error` says why it is to be asked again for the rest; `refusal` is what it said of the last whom it refused.
    """

    taken: int = 0
    refused: int = 0
    error: str = ""
    refusal: str = ""
    is_supported: bool = True
    without_handler: list[str] = []
    """Names of the functions that events pass on their way there and deletions do not, for want of an `onDelete`."""


class ParseFunction(Call, frozen=True):
    """Whether the code of a function is a script. It is parsed, and nothing of it runs."""

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "parse_function"
    code: str


class ParseReport(msgspec.Struct, frozen=True):
    """The first problem and its place, counted from 1; no `problem` where the code is a script."""

    problem: str = ""
    line: int = 0
    column: int = 0


class FindHandlers(Call, frozen=True):
    """Which handlers the code of a function has. It is loaded, and none of them runs."""

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "find_handlers"
    kind: str
    code: str


class FoundHandlers(msgspec.Struct, frozen=True):
    """`problem` says why it cannot be loaded."""

    handlers: list[str] = []
    problem: str = ""


class TryFunction(Call, frozen=True):
    """Run a handler once, for somebody who looks on. What it is given and its settings are JSON text."""

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "try_function"
    kind: str
    code: str
    handler: str
    given: bytes
    settings: bytes = b"{}"
    seconds: float = 5.0


class TriedRequest(msgspec.Struct, frozen=True):
    """One request that the code made; `error` in the place of a status."""

    method: str
    url: str
    status: int = 0
    error: str = ""


class TrialReport(msgspec.Struct, frozen=True):
    """How the run ended, and all that it did. `consequence` is `done`, `retried`, `refused` or `dropped`."""

    consequence: str = "done"
    code: str = ""
    message: str = ""
    stack: str = ""
    value: bytes = b"null"
    logs: list[str] = []
    messages: list[str] = []
    requests: list[TriedRequest] = []
    milliseconds: float = 0.0


class RoleStatus(Call, frozen=True):
    """What a role says of itself; every role answers `call.<role>.status`."""

    IS_FOR_EACH: ClassVar[bool] = True
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


class Stream(msgspec.Struct, frozen=True):
    """Base of requests that every process which serves them answers with items, for as long as the asker renews them.

    `VERB` makes the subject `stream.<verb>`. Nothing of it is stored, and nothing is promised to arrive.
    """

    VERB: ClassVar[str] = ""

    def admits(self, item: Any) -> bool:
        """Whether the asker wants this item."""
        return item is not None
