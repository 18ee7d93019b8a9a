"""Reads ROUTED with a decoder of its own, so that a mistake in Penstock's cannot hide itself."""

import asyncio
import json
import struct
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import google_crc32c
import msgspec
import nats
import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import ServiceUnavailableError

PATIENCE_SECONDS = 60.0
PREFIX = struct.Struct("<4sBBHIIII")


def log_address(pid: int) -> tuple[str, str]:
    """URL and token of the log engine, from the environment of a role process."""
    variables = dict(
        entry.partition("=")[::2] for entry in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in entry
    )
    return variables["PENSTOCK_NATS_URL"], variables["PENSTOCK_NATS_TOKEN"]


def messages_of(address: tuple[str, str], stream: str) -> list[tuple[str, int, bytes]]:
    """Every message of a stream: (subject, sequence, payload). A cluster that has just lost a server is asked again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return asyncio.run(_messages_of(address, stream))
        except (nats.errors.TimeoutError, ServiceUnavailableError):
            if time.monotonic() > deadline:
                raise


async def _messages_of(address: tuple[str, str], stream: str) -> list[tuple[str, int, bytes]]:
    url, token = address
    connection = await nats.connect(url.split(","), token=token)
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


def count_in(address: tuple[str, str], stream: str) -> int:
    """How many messages a stream holds; none of them is read."""
    return asyncio.run(_count_in(address, stream))


async def _count_in(address: tuple[str, str], stream: str) -> int:
    url, token = address
    connection = await nats.connect(url.split(","), token=token)
    try:
        found: int = (await connection.jetstream().stream_info(stream)).state.messages
        return found
    finally:
        await connection.close()


def forget_all_but(address: tuple[str, str], stream: str, kept: int) -> None:
    """Purge it at once, as whole blocks go where much comes after them."""
    asyncio.run(_forget_all_but(address, stream, kept))


async def _forget_all_but(address: tuple[str, str], stream: str, kept: int) -> None:
    url, token = address
    connection = await nats.connect(url.split(","), token=token)
    try:
        await connection.jetstream().purge_stream(stream, keep=kept)
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


def routed_events(address: tuple[str, str], shard: int = 0, fate: int | None = None) -> list[dict[str, Any]]:
    """The JSON of every routed event, or of those with this fate (`spec.routed`), in log order."""
    events = []
    for _, _, payload in messages_of(address, f"ROUTED-{shard}"):
        head, body = decode(payload)
        for row in head[6]:
            if fate is not None and row[5] != fate:
                continue
            offset, length = row[0], row[1]
            event = json.loads(body[offset : offset + length])
            assert event["messageId"] == row[4]
            events.append(event)
    return events


def writers(address: tuple[str, str], shard: int = 0) -> dict[str, list[int]]:
    """The numbers of the ACCEPTED frames of each writer, in log order."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for subject, _, payload in messages_of(address, f"ACCEPTED-{shard}"):
        head, _ = decode(payload)
        assert subject == f"accepted.{shard}.{head[0]}"
        numbers[head[0]].append(head[1])
    return numbers


def covered_twice(address: tuple[str, str], shard: int = 0) -> list[int]:
    """ACCEPTED sequences that more than one group of ROUTED messages covers: must be none."""
    parts: dict[int, list[int]] = defaultdict(list)
    for _, _, payload in messages_of(address, f"ROUTED-{shard}"):
        head, _ = decode(payload)
        parts[head[1]].append(head[2])
    return [covers for covers, numbers in parts.items() if len(set(numbers)) != len(numbers)]
