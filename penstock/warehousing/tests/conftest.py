"""An installation without edge and pipeline: tests write ROUTED themselves, and the role loads it."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest

from penstock.catalog.warehouses.port import QueryLimits
from penstock.infra.calls import CallClient
from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.infra.snapshots import SnapshotStore, SnapshotView
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
from penstock.kit.time import format_iso
from penstock.spec import routed, streams
from penstock.spec.calls import SyncReport, SyncWarehouses
from penstock.spec.event import TYPE_NUMBERS
from penstock.spec.routed import RoutedHead, RoutedRow, SourceRef
from penstock.spec.snapshot import SnapshotKind, SourceSnapshot, WarehouseSnapshot
from penstock.warehousing import WarehousingRole, serve_calls

WORKSPACE = "ws1"
LIMITS = QueryLimits(10_000, 20.0, 256)
RECEIVED_MS = 1_893_578_400_000


class Opener:
    def open(self, sealed):
        return sealed


def source(identifier, schema=None, version=1):
    return SourceSnapshot(
        identifier, WORKSPACE, version, identifier, identifier, True, [identifier], 0, schema or identifier
    )


def warehouse(identifier="W1", version=1, **changes):
    fields = {"slug": "duckdb", "name": identifier, "enabled": True, "created_at": 1, "sealed_settings": b""}
    return WarehouseSnapshot(identifier, WORKSPACE, version, **{**fields, **changes})


def event(message_id, kind="track", **fields):
    times = dict.fromkeys(("originalTimestamp", "sentAt", "receivedAt", "timestamp"), format_iso(RECEIVED_MS))
    own = {"event": "Order Done"} if kind == "track" else {}
    return {"type": kind, "messageId": message_id, "userId": "u1", **times, **own, **fields}


class Installation:
    def __init__(self, log, settings, store):
        self.log = log
        self.settings = settings
        self.store = store
        self.accepted = 0

    async def publish(self, snapshot):
        kind = SnapshotKind.SOURCE if isinstance(snapshot, SourceSnapshot) else SnapshotKind.WAREHOUSE
        assert await self.store.publish(kind, snapshot)

    async def route(self, *events, source_id="shop", fate=0, shard=0, workspace=WORKSPACE):
        raw = [msgspec.json.encode(event) for event in events]
        rows, offset = [], 0
        for body, one in zip(raw, events, strict=True):
            rows.append(RoutedRow(offset, len(body), 0, TYPE_NUMBERS[one["type"]], one["messageId"], fate))
            offset += len(body)
        self.accepted += 1
        head = RoutedHead("w", self.accepted, 1, 1, 1, [SourceRef(workspace, source_id)], rows, [], [])
        return await self.log.append(streams.routed_subject(shard), routed.encode_routed(head, raw))

    async def replace_routed(self, shard=0):
        """The stream is lost and made anew, as where someone removes it."""
        await self.log.request_core(f"$JS.API.STREAM.DELETE.{streams.routed(shard)}", b"", seconds=5)
        await ensure_streams(self.log, 2)
        self.accepted = 0

    @asynccontextmanager
    async def role(self, **changes):
        """A running role that answers calls and has made its first round; after that only calls make it sync."""
        view = await SnapshotView.open(self.log)
        settings = msgspec.structs.replace(self.settings, **changes)
        role = WarehousingRole(settings, self.log, view, SystemClock(), Opener())
        calls = await serve_calls(role)
        running = asyncio.create_task(role.run())
        try:
            await self.sync()
            yield role
        finally:
            role.stop()
            await running
            await calls.close()
            await view.close()

    async def sync(self, warehouse_id=""):
        return await CallClient(self.log).ask(SyncWarehouses(warehouse_id), SyncReport, deadline_seconds=30)

    async def ask(self, call, reply, role=None):
        return await CallClient(self.log).ask(call, reply, deadline_seconds=10, role=role)

    async def query(self, role, statement, warehouse_id="W1"):
        result = await role.syncs[warehouse_id].target.query(statement, LIMITS)
        assert result.error == ""
        return result.rows


@pytest.fixture
async def installation(own_nats_server, tmp_path):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    await ensure_streams(log, 2)
    settings = Settings(
        data=str(tmp_path / "data"),
        nats_url=own_nats_server.url,
        nats_token=own_nats_server.token,
        sync_seconds=3_600.0,
        sql_megabytes=256,
    )
    store = SnapshotStore(await log.bucket(streams.SNAPSHOTS))
    made = Installation(log, settings, store)
    await made.publish(source("shop"))
    await made.publish(warehouse())
    yield made
    await log.close()
