"""What the data plane reports upward: aggregates over an exact range of a stream, never one message per event.

Subject `facts.<role>.<shard>` in stream `FACTS`. A fact covers (from, to] of the stream that it counts and begins where
the one before it ended; the fold applies it only where `after` equals its watermark.
"""

import math
from typing import Any

import msgspec

from penstock.spec.findings import SeenProperty, ViolationSample
from penstock.spec.frame import Decoder, Kind, encode


class CountedOutcome(msgspec.Struct, array_like=True, frozen=True):
    """A count with everything that the Delivery Overview groups by."""

    workspace_id: str
    source_id: str
    destination_id: str
    subscription_id: str
    outcome: str
    reason: str
    event_type: str
    event_name: str
    minute: int
    """Minutes since the epoch: when the event was received (pipeline) or ended (delivery)."""
    count: int
    retries: int = 0
    """How many of `count` needed more than one attempt."""
    app_version: str = ""


class CountedLatency(msgspec.Struct, array_like=True, frozen=True):
    """How many deliveries of one minute took about so long, from when the event was received: histograms that add."""

    workspace_id: str
    source_id: str
    destination_id: str
    minute: int
    """Minutes since the epoch: when they ended."""
    bucket: int
    count: int


_PARTS = 4
"""Of each doubling: a bucket's end is 19 % above its beginning."""
_LATENCY_LIMIT_MS = 2**40


def latency_bucket(milliseconds: int) -> int:
    """0 to 160, the shorter the lower; what clocks that were set make negative is none at all."""
    return int(math.log2(min(max(milliseconds, 1), _LATENCY_LIMIT_MS)) * _PARTS)


def latency_limit(bucket: int) -> int:
    """The milliseconds that no latency in the bucket exceeds."""
    return math.ceil(2 ** ((bucket + 1) / _PARTS))


class CountedUsage(msgspec.Struct, array_like=True, frozen=True):
    """What one source has used on one day (UTC): calls, and sketches (`kit/sketch.py`) of who they were from."""

    workspace_id: str
    source_id: str
    day: int
    """Days since the epoch."""
    calls: int
    """Events received first-hand, less those that were filtered at the source."""
    users: bytes
    anonymous: bytes
    """Of all anonymous ids."""
    tied: bytes
    """Of the anonymous ids that came with a user id."""


class SeenOnDay(msgspec.Struct, array_like=True, frozen=True):
    """Events of one source with one type and name on one day (UTC), and what they held. Times are milliseconds."""

    workspace_id: str
    source_id: str
    day: int
    """Days since the epoch."""
    event_type: str
    event_name: str
    count: int
    first: int
    last: int
    properties: list[SeenProperty]


class ViolatedOnDay(msgspec.Struct, array_like=True, frozen=True):
    """How often events of one source violated one rule in one way on one day (UTC). Times are milliseconds."""

    workspace_id: str
    source_id: str
    day: int
    event_type: str
    event_name: str
    rule_type: str
    rule_key: str
    rule_version: float
    field: str
    kind: str
    count: int
    first: int
    last: int
    samples: list[ViolationSample]


class FactHead(msgspec.Struct, array_like=True, frozen=True):
    """One report of one role."""

    role: str
    shard: int
    stream: str
    after: int
    to: int
    outcomes: list[CountedOutcome] = []
    syncs: list[dict[str, Any]] = []
    """Sync records of warehousing (warehouses.md §13)."""
    usage: list[CountedUsage] = []
    seen: list[SeenOnDay] = []
    violated: list[ViolatedOnDay] = []


decoder = Decoder(Kind.FACT, FactHead)


def encode_fact(head: FactHead) -> bytes:
    return encode(Kind.FACT, head)


STREAM = "FACTS"


def subject(role: str, shard: int) -> str:
    return f"facts.{role}.{shard}"
