"""Reads ROUTED with a decoder of its own, so that a mistake in Penstock's cannot hide itself."""

import asyncio
import json
import struct
from collections import defaultdict
from pathlib import Path
from typing import Any

import google_crc32c
import msgspec
import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

PREFIX = struct.Struct("<4sBBHIIII")


def log_address(pid: int) -> tuple[str, str]:
    """URL and token of the log engine, from the environment of a role process."""
    variables = dict(
        entry.partition("=")[::2] for entry in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in entry
    )
    return variables["PENSTOCK_NATS_URL"], variables["PENSTOCK_NATS_TOKEN"]


def messages_of(address: tuple[str, str], stream: str) -> list[tuple[str, int, bytes]]:
    """Every message of a stream: (subject, sequence, payload)."""
    return asyncio.run(_messages_of(address, stream))


async def _messages_of(address: tuple[str, str], stream: str) -> list[tuple[str, int, bytes]]:
    url, token = address
    connection = await nats.connect(url, token=token)
    try:
        context = connection.jetstream()
        last = (await context.stream_info(stream)).state.last_seq
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE)
        subscription = await context.pull_subscribe("", durable=None, stream=stream, config=config)
        found: list[tuple[str, int, bytes]] = []
        while not found or found[-1][1] < last:
            if last == 0:
                break
            batch = await subscription.fetch(200, timeout=5)
            found += [(message.subject, message.metadata.sequence.stream, message.data) for message in batch]
        return found
    finally:
        await connection.close()


def decode(payload: bytes) -> tuple[list[Any], bytes]:
    """(head as plain lists, body) of a frame; an AssertionError where it is damaged."""
    magic, version, _kind, zero, _count, head_length, body_length, checksum = PREFIX.unpack_from(payload)
    assert (magic, version, zero) == (b"PSTK", 1, 0)
    head, body = payload[PREFIX.size : PREFIX.size + head_length], payload[PREFIX.size + head_length :]
    assert len(body) == body_length
    assert google_crc32c.value(payload[: PREFIX.size - 4] + head + body) == checksum
    return msgspec.msgpack.decode(head), body


def routed_events(address: tuple[str, str], shard: int = 0) -> list[dict[str, Any]]:
    """The JSON of every routed event, in log order."""
    events = []
    for _, _, payload in messages_of(address, f"ROUTED-{shard}"):
        head, body = decode(payload)
        for row in head[6]:
            offset, length = row[0], row[1]
            event = json.loads(body[offset : offset + length])
            assert event["messageId"] == row[4]
            events.append(event)
    return events


def covered_twice(address: tuple[str, str], shard: int = 0) -> list[int]:
    """ACCEPTED sequences that more than one group of ROUTED messages covers: must be none."""
    parts: dict[int, list[int]] = defaultdict(list)
    for _, _, payload in messages_of(address, f"ROUTED-{shard}"):
        head, _ = decode(payload)
        parts[head[1]].append(head[2])
    return [covers for covers, numbers in parts.items() if len(set(numbers)) != len(numbers)]
