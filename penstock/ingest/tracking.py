"""The Tracking API: one request from its body to its answer."""

import asyncio
from collections import Counter
from functools import partial

import msgspec
from xxhash import xxh64_intdigest

from penstock.infra.snapshots import SnapshotView
from penstock.ingest.answers import (
    Refusal,
    Respond,
    failed,
    late,
    preflight_headers,
    respond,
    unavailable,
    wrong_method,
)
from penstock.ingest.body import BATCH_LIMIT, SINGLE_LIMIT, is_plain, overdue, plain_limit, read_body
from penstock.ingest.frame_writer import FrameWriter
from penstock.ingest.keys import StrictKeys, key_of
from penstock.ingest.limits import Allowance
from penstock.ingest.parse import ParsedRequest, parse_batch, parse_single
from penstock.ingest.peers import Peers
from penstock.ingest.rsgi import Exchange, Headers, Reading, Scope
from penstock.kit.clock import Clock
from penstock.spec.accepted import RequestRecord

BATCH = "batch"
SINGLE_CALLS = ("track", "identify", "page", "screen", "group", "alias")
_CALLS = {
    **{name: name for name in (*SINGLE_CALLS, BATCH)},
    **{name[0]: name for name in (*SINGLE_CALLS, BATCH)},
    "import": BATCH,
}
ROUTES = {f"/v1/{name}{slash}": call for name, call in _CALLS.items() for slash in ("", "/")}
"""Path to call."""
_PLAIN_LIMITS = {call: plain_limit(BATCH_LIMIT if call is BATCH else SINGLE_LIMIT) for call in _CALLS.values()}
_LONGEST_AGENT = 512
_ROW_WEIGHT = 64
_HELD_FOR_EVENT = 160
"""Bytes of memory that an event takes while it waits, beside its own: tiny ones take fifty times their size."""


class Tracking:
    """Answers tracking requests. One per process."""

    def __init__(
        self,
        writers: list[FrameWriter],
        view: SnapshotView,
        allowance: Allowance,
        peers: Peers,
        clock: Clock,
        strict: StrictKeys | None = None,
    ) -> None:
        self._writers = writers
        self._view = view
        self.allowance = allowance
        self._strict = strict
        self._peers = peers
        self._clock = clock
        self._received_at = 0
        self.waiting = 0
        """Requests that are being stored."""
        self._settled: asyncio.Event | None = None
        self.waiting_bytes = 0
        self.accepted = 0
        self.requests = 0
        self.refused: Counter[str] = Counter()

    def begin(self, scope: Scope, exchange: Exchange, call: str) -> bool:
        """Take a request of known, small size without a task of its own; False leaves it to `answer`.

        Runs on the server's thread, with the interpreter's lock: it starts the reading and changes nothing else.
        """
        headers = scope.headers
        if scope.method != "POST" or not is_plain(headers, _PLAIN_LIMITS[call]):
            return False
        body = exchange()
        overdue.watch(body)
        body.add_done_callback(Request(self, scope, exchange, headers, call).has_read)
        return True

    async def answer(self, scope: Scope, exchange: Exchange, call: str) -> None:
        headers = scope.headers
        if scope.method != "POST":
            self._answer_other(scope.method, exchange, headers)
            return
        try:
            self.take(scope, exchange, headers, call, await read_body(exchange, headers, _limit_of(call)))
        except Refusal as refusal:
            self.refuse(refusal, exchange, headers)

    def _answer_other(self, method: str, exchange: Exchange, headers: Headers) -> None:
        if method == "OPTIONS":
            exchange.response_empty(204, preflight_headers(headers))
        else:
            self.refuse(wrong_method("POST"), exchange, headers)

    def refuse(self, refusal: Refusal, exchange: Exchange, headers: Headers) -> None:
        self.refused[refusal.code] += 1
        respond(exchange, headers, refusal)

    def take(
        self,
        scope: Scope,
        exchange: Exchange,
        headers: Headers,
        call: str,
        body: bytes,
        respond: Respond = respond,
        *,
        is_client: bool = False,
    ) -> None:
        """Have the events of a body stored; `respond` is called once they are. Raises Refusal: it is then not.

        `headers` are those of `scope`, which copies them all for each who asks.
        """
        self.take_body(Request(self, scope, exchange, headers, call, respond, is_client), body)

    def take_body(self, request: "Request", body: bytes) -> None:
        """As `take`."""
        parsed = parse_batch(body) if request.call is BATCH else parse_single(body)
        key = key_of(request.headers.get("authorization"), parsed.write_key)
        self.take_parsed(request, key, parsed, len(body))

    def take_parsed(self, request: "Request", key: str, parsed: ParsedRequest, size: int) -> None:
        """Have these events stored for the source of `key`; `size` is that of the body. Raises Refusal."""
        source = self._view.source_by_write_key(key)
        events = len(parsed.events)
        held = size + _HELD_FOR_EVENT * events
        if self.waiting_bytes + held > self.allowance.waiting_bytes:
            raise unavailable("Too many events are being stored at the moment", 1)
        self.allowance.take(key, source, events or 1)
        self.waiting_bytes += held
        self.waiting += 1
        request.held = held
        request.events = events
        record = self._record(request, key, parsed)
        weight = weight_of(record, events, size)
        if source is not None or self._strict is None:
            self._submit(record, parsed, weight, request)
        else:
            self._strict.judge(key, partial(self._submit, record, parsed, weight, request), request.refused)

    def settle(self, request: "Request", refusal: Refusal | None) -> None:
        """A request that was taken has its answer."""
        self.waiting_bytes -= request.held
        self.waiting -= 1
        if refusal is None:
            self.requests += 1
            self.accepted += request.events
        else:
            self.refused[refusal.code] += 1
        if self._settled is not None and not self.waiting:
            self._settled.set()

    async def settled(self) -> None:
        """Return when no request that was taken waits for its answer; for the stop, when no more are taken."""
        self._settled = asyncio.Event()
        if self.waiting:
            await self._settled.wait()

    def _record(self, request: "Request", key: str, parsed: ParsedRequest) -> RequestRecord:
        self._received_at = max(self._received_at, self._clock.now_ms())
        return RequestRecord(
            self._received_at,
            key,
            request.call,
            self._peers.address_of(request.scope),
            (request.headers.get("user-agent") or "")[:_LONGEST_AGENT],
            parsed.sent_at,
            parsed.context,
            parsed.integrations,
            parsed.left_out,
            parsed.notes,
            request.is_client,
        )

    def _submit(self, record: RequestRecord, parsed: ParsedRequest, weight: int, request: "Request") -> None:
        if len(self._writers) == 1:
            self._writers[0].submit(record, parsed.events, parsed.message_ids, parsed.made, weight, request)
        else:
            self._submit_to_shards(record, parsed, weight, request)

    def _submit_to_shards(self, record: RequestRecord, parsed: ParsedRequest, weight: int, request: "Request") -> None:
        count = len(self._writers)
        shards: dict[int, list[int]] = {}
        for index, key in enumerate(parsed.keys):
            shards.setdefault(shard_of(key, count), []).append(index)
        shards = shards or {0: []}
        request.parts = len(shards)
        for number, indexes in shards.items():
            events = [parsed.events[index] for index in indexes]
            ids = [parsed.message_ids[index] for index in indexes]
            made = [parsed.made[index] for index in indexes]
            self._writers[number].submit(record, events, ids, made, weight, request)
            record = without_left_out(record)


class Request(msgspec.Struct, gc=False):
    """A tracking request, and its answer when all its parts are stored, or one of them is not.

    One object for all that becomes of a request: on the plain road each more costs as much as reading the JSON does.
    """

    tracking: Tracking
    scope: Scope
    exchange: Exchange
    headers: Headers
    call: str
    respond: Respond = respond
    is_client: bool = False
    held: int = 0
    events: int = 0
    parts: int = 1
    """One per shard."""
    refusal: Refusal | None = None

    def has_read(self, body: Reading) -> None:
        """Its body is there, or will not come."""
        try:
            try:
                content = body.result()
            except asyncio.CancelledError:
                raise late() from None
            finally:
                overdue.forget(body)
            self.tracking.take_body(self, content)
        except Refusal as refusal:
            self.tracking.refuse(refusal, self.exchange, self.headers)
        except Exception as error:  # noqa: BLE001 - the outermost place of a request
            failed(error, self.scope, self.exchange)
        finally:
            # A reading that failed holds its error, and that this frame: a ring that would keep the connection open.
            del body

    def stored(self) -> None:
        self.parts -= 1
        if not self.parts:
            self.tracking.settle(self, self.refusal)
            self.respond(self.exchange, self.headers, self.refusal)

    def refused(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.stored()


def _limit_of(call: str) -> int:
    return BATCH_LIMIT if call is BATCH else SINGLE_LIMIT


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
