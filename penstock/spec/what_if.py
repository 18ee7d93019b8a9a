"""What would become of events under another configuration: asked of the engine, which judges them without effect."""

from typing import ClassVar

import msgspec

from penstock.spec.calls import Call
from penstock.spec.snapshot import DestinationSnapshot, PlanSnapshot, SourceSnapshot


class WhatIf(Call, frozen=True):
    """Judge the accepted events of a source twice: as things are, and with these snapshots in place of the published.

    With a destination, what is left is edited for it twice as well. Times are milliseconds, `until` not included.
    """

    ROLE: ClassVar[str] = "engine"
    VERB: ClassVar[str] = "what_if"
    source: SourceSnapshot
    since: int
    until: int
    limit: int
    after: str = ""
    """`next` of the report before."""
    plan: PlanSnapshot | None = None
    destination: DestinationSnapshot | None = None


class Difference(msgspec.Struct, frozen=True):
    """One event that would fare differently. An ending is empty where the event goes on, and so is the JSON else."""

    message_id: str
    event_type: str
    event_name: str
    before_ending: str
    after_ending: str
    before: bytes
    after: bytes


class WhatIfReport(msgspec.Struct, frozen=True):
    """`before` and `after` count events by how they end (empty: they go on); `changed` go on with other content.

    `next` says where to go on; empty where the whole range was judged.
    """

    events: int
    before: dict[str, int]
    after: dict[str, int]
    changed: int
    samples: list[Difference]
    next: str = ""
