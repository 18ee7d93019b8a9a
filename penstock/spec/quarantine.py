"""What is asked of quarantine, and what it tells. A shard of the engine answers for what stands in its own stream."""

from typing import ClassVar, Literal

import msgspec

from penstock.spec.calls import Call

Visitors = frozenset[tuple[str, str]]
"""Pairs of source and anonymous id."""


class QuarantineFilter(msgspec.Struct, frozen=True):
    """Which events are meant: those for which all that is set holds. Times are milliseconds, `until` not included."""

    workspace_id: str
    source_id: str = ""
    destination_id: str = ""
    reason: str = ""
    event: str = ""
    """Name of a tracked event."""
    user: str = ""
    users: frozenset[str] = frozenset()
    """Any of these; empty: anybody."""
    objects: frozenset[str] = frozenset()
    """Where there are some, requests to source functions that name one of them anywhere."""
    anonymous: Visitors = frozenset()
    """Where there are some, events of one of these sources and anonymous ids besides."""
    message_id: str = ""
    since: int = 0
    until: int = 0
    ids: list[str] = []


class HeldEvent(msgspec.Struct, frozen=True):
    """One event in quarantine. `event` is its JSON, told where one is asked for by its id."""

    id: str
    """Where it stands: shard, sequence, index. It is another one after its neighbours have left."""
    source_id: str
    destination_id: str
    """Empty for an event that was blocked before any destination."""
    subscription_id: str
    event_type: str
    event_name: str
    message_id: str
    user_id: str
    outcome: str
    reason: str
    attempts: int
    first_attempt_at: int
    held_at: int
    response: str
    event: bytes = b""


class HeldEvents(msgspec.Struct, frozen=True):
    """`next` is the id behind which there is more; empty where there is not."""

    events: list[HeldEvent]
    next: str = ""


class FindHeld(Call, frozen=True):
    """The oldest events that are meant, at most `limit`, behind the id `after`."""

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "find_held"
    wanted: QuarantineFilter
    limit: int
    after: str = ""
    is_whole: bool = False


class FindAnonymous(Call, frozen=True):
    """Which anonymous ids stand beside these users in quarantine, of one source or (empty) of all of a workspace.

    With `among`: which of those stand beside anybody else.
    """

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "find_anonymous"
    workspace_id: str
    source_id: str
    users: frozenset[str]
    among: Visitors | None = None


class FindAnonymousRows(FindAnonymous, frozen=True):
    """The same of the rows of a warehouse."""

    ROLE: ClassVar[str] = "warehousing"
    warehouse_id: str = ""


class FoundAnonymous(msgspec.Struct, frozen=True):
    found: Visitors = frozenset()


class EndHeld(Call, frozen=True):
    """Bring events back (to be judged again, or delivered again), or drop them; at most `limit`, the oldest first."""

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "end_held"
    wanted: QuarantineFilter
    action: Literal["replay", "drop"]
    limit: int


class EndedHeld(msgspec.Struct, frozen=True):
    """`count` events have left quarantine; `has_more` where the limit kept others from it.

    `kept` could not be brought back: their source takes no events, or their destination or mapping is gone or off.
    """

    count: int
    kept: int = 0
    has_more: bool = False
