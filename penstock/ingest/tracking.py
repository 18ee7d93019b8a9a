"""The Tracking API: one request from its body to its answer."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import msgspec
from xxhash import xxh64_intdigest

from penstock.infra.snapshots import SnapshotView
from penstock.ingest.answers import SUCCESS, Refusal, answer_headers, preflight_headers, unavailable
from penstock.ingest.body import BATCH_LIMIT, SINGLE_LIMIT, read_body
from penstock.ingest.frame_writer import FrameWriter
from penstock.ingest.keys import UnknownKeys, basic_key, plausible
from penstock.ingest.parse import ParsedRequest, parse_batch, parse_single
from penstock.ingest.peers import Peers
from penstock.ingest.rsgi import Exchange, Headers, Scope
from penstock.kit.clock import Clock
from penstock.spec.accepted import RequestRecord

BATCH = "batch"
_CALLS = {
    **{name: name for name in ("track", "identify", "page", "screen", "group", "alias", BATCH)},
    **{name[0]: name for name in ("track", "identify", "page", "screen", "group", "alias", BATCH)},
    "import": BATCH,
}
ROUTES = {f"/v1/{name}{slash}": call for name, call in _CALLS.items() for slash in ("", "/")}
"""Path to call."""
WAITING_LIMIT = 64 << 20
"""Bytes of requests that are being stored."""
_LONGEST_AGENT = 512
_ROW_WEIGHT = 64


class Tracking:
    """Answers tracking requests. One per process."""

    def __init__(
        self, writers: list[FrameWriter], view: SnapshotView, unknown: UnknownKeys, peers: Peers, clock: Clock
    ) -> None:
        self._writers = writers
        self._view = view
        self.unknown = unknown
        self._peers = peers
        self._clock = clock
        self._received_at = 0
        self.waiting_bytes = 0
        self.accepted = 0
        self.requests = 0
        self.refused: Counter[str] = Counter()

    async def answer(self, scope: Scope, exchange: Exchange, call: str) -> None:
        headers = scope.headers
        if scope.method != "POST":
            self._answer_other(scope.method, exchange, headers)
            return
        try:
            await self._take(scope, exchange, headers, call)
        except Refusal as refusal:
            self._refuse(refusal, exchange, headers)
        else:
            exchange.response_bytes(200, answer_headers(headers), SUCCESS)

    def _answer_other(self, method: str, exchange: Exchange, headers: Headers) -> None:
        if method == "OPTIONS":
            exchange.response_empty(204, preflight_headers(headers))
        else:
            self._refuse(Refusal(405, "method_not_allowed", "Use POST"), exchange, headers)

    def _refuse(self, refusal: Refusal, exchange: Exchange, headers: Headers) -> None:
        self.refused[refusal.code] += 1
        exchange.response_bytes(refusal.status, answer_headers(headers) + refusal.headers(), refusal.body())

    async def _take(self, scope: Scope, exchange: Exchange, headers: Headers, call: str) -> None:
        is_batch = call is BATCH
        body = await read_body(exchange, headers, BATCH_LIMIT if is_batch else SINGLE_LIMIT)
        size = len(body)
        if self.waiting_bytes + size > WAITING_LIMIT:
            raise unavailable("Too many events are being stored at the moment", 1)
        self.waiting_bytes += size
        try:
            parsed = parse_batch(body) if is_batch else parse_single(body)
            key = plausible(basic_key(headers.get("authorization")) or parsed.write_key)
            if self._view.source_by_write_key(key) is None:
                self.unknown.take(key, max(1, len(parsed.events)))
            await self._store(self._record(scope, headers, call, key, parsed), parsed, size)
        finally:
            self.waiting_bytes -= size
        self.requests += 1
        self.accepted += len(parsed.events)

    def _record(self, scope: Scope, headers: Headers, call: str, key: str, parsed: ParsedRequest) -> RequestRecord:
        self._received_at = max(self._received_at, self._clock.now_ms())
        return RequestRecord(
            self._received_at,
            key,
            call,
            self._peers.address_of(scope),
            (headers.get("user-agent") or "")[:_LONGEST_AGENT],
            parsed.sent_at,
            parsed.context,
            parsed.integrations,
            parsed.left_out,
            parsed.notes,
        )

    def _store(self, record: RequestRecord, parsed: ParsedRequest, size: int) -> Awaitable[Any]:
        weight = weight_of(record, len(parsed.events), size)
        if len(self._writers) == 1:
            return self._writers[0].submit(record, parsed.events, parsed.message_ids, parsed.made, weight)
        return asyncio.gather(*self._submit_to_shards(record, parsed, weight))

    def _submit_to_shards(self, record: RequestRecord, parsed: ParsedRequest, weight: int) -> list[Awaitable[None]]:
        count = len(self._writers)
        shards: dict[int, list[int]] = {}
        for index, key in enumerate(parsed.keys):
            shards.setdefault(shard_of(key, count), []).append(index)
        waiting: list[Awaitable[None]] = []
        for number, indexes in (shards or {0: []}).items():
            events = [parsed.events[index] for index in indexes]
            ids = [parsed.message_ids[index] for index in indexes]
            made = [parsed.made[index] for index in indexes]
            waiting.append(self._writers[number].submit(record, events, ids, made, weight))
            record = without_left_out(record)
        return waiting


def weight_of(record: RequestRecord, events: int, size: int) -> int:
    """At least half of what the request takes in a frame, whatever its sender does: many tiny events have a head that
    is far larger than they are. (The other half: ids stand in the event and in its row.)
    """
    return size + _ROW_WEIGHT * events + 4 * (len(record.user_agent) + len(record.write_key)) + _ROW_WEIGHT


def shard_of(key: bytes | str, count: int) -> int:
    return xxh64_intdigest(key.encode() if isinstance(key, str) else key) % count


def without_left_out(record: RequestRecord) -> RequestRecord:
    """For the further shards of a request: what was left out is told once."""
    return msgspec.structs.replace(record, left_out={}, notes={})
