"""What the data plane reports upward: aggregates over an exact range of a stream, never one message per event.

Subject `facts.<role>.<shard>` in stream `FACTS`. A fact covers (from, to] of the stream that it counts and begins where
the one before it ended; the fold applies it only where `after` equals its watermark.
"""

from typing import Any

import msgspec

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


decoder = Decoder(Kind.FACT, FactHead)


def encode_fact(head: FactHead) -> bytes:
    return encode(Kind.FACT, head)


STREAM = "FACTS"


def subject(role: str, shard: int) -> str:
    return f"facts.{role}.{shard}"
