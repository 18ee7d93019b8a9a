"""Warehouse load: routed events into DuckDB, beside a bare Arrow insert of the same finished rows in the same run.

What is compared is all that the role does for rows (decode, flatten, choose types, evolve, drop duplicates, load, write
the position) with an insert of Arrow tables that are finished. Runs alternate; medians are printed.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import duckdb
import msgspec

from bench.report import Figure, at_most
from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.duckdb.driver import DuckDBFile
from penstock.catalog.warehouses.port import Load, Site
from penstock.infra.http import OutboundPolicy
from penstock.infra.log import Log
from penstock.infra.log.installation import ensure_streams
from penstock.infra.log.server import EmbeddedServer
from penstock.infra.secrets import Sealer
from penstock.infra.snapshots import SnapshotStore, SnapshotView
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
from penstock.spec import streams
from penstock.spec.event import TYPE_NUMBERS
from penstock.spec.snapshot import SnapshotKind, SourceSnapshot, WarehouseSnapshot
from penstock.warehousing import WarehousingRole
from penstock.warehousing.flatten import decode_event, flatten

LOAD_EVENTS = 20_000
_EVENTS = 40_000
_RUNS = 5
_IDLE_SYNCS = 50
MEGABYTES = 512


def event_of(number: int, run: int) -> dict[str, object]:
    """An e-commerce event as the browser SDK sends it; one in eight identifies its user."""
    moment = f"2030-01-02T10:{number // 60 % 60:02}:{number % 60:02}.{number % 1000:03}Z"
    made: dict[str, object] = {
        "anonymousId": f"a-{number % 5_000}",
        "userId": f"u-{number % 5_000}",
        "messageId": f"ajs-next-{run}-{number:012}-6f9c3b2a",
        "originalTimestamp": moment,
        "sentAt": moment,
        "receivedAt": moment,
        "timestamp": moment,
        "projectId": "src",
        "version": 2,
        "integrations": {},
        "context": {
            "ip": "203.0.113.9",
            "locale": "en-GB",
            "library": {"name": "analytics.js", "version": "next-1.84.3"},
            "page": {"path": "/cart", "referrer": "", "search": "", "title": "Cart", "url": "https://x.test/cart"},
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Example/1.0",
        },
    }
    if number % 8 == 0:
        traits = {"email": f"u{number}@example.test", "plan": "pro", "logins": number}
        return made | {"type": "identify", "traits": traits}
    properties = {
        "order_id": f"o-{number}",
        "total": number / 8,
        "quantity": number % 9,
        "currency": "EUR",
        "is_gift": number % 2 == 0,
        "products": [{"sku": "A-1", "price": 9.5}],
    }
    return made | {"type": "track", "event": f"Order Step {number % 5}", "properties": properties}


def load_through_penstock(raw: list[bytes], file: Path) -> float:
    """Seconds of wall time."""
    warehouse = DuckDBFile(file, Site("W1", str(file.parent), MEGABYTES, OutboundPolicy())).open()
    begun = time.perf_counter()
    for after in range(0, len(raw), LOAD_EVENTS):
        batch = SourceBatch("src", "shop")
        for body in raw[after : after + LOAD_EVENTS]:
            event = decode_event(body)
            flatten(batch, event, event["messageId"], TYPE_NUMBERS[event["type"]])
        now = time.time_ns() // 1_000_000
        warehouse.load(Load("W1", 0, after, after + LOAD_EVENTS, now, now, [batch]))
    seconds = time.perf_counter() - begun
    warehouse.close()
    return seconds


def finished_tables(file: Path) -> dict[str, object]:
    """The rows that Penstock has loaded, as Arrow tables."""
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'"
        ).fetchall()
        return {name: connection.sql(f'SELECT * FROM shop."{name}"').to_arrow_table() for (name,) in names}


def insert_bare(tables: dict[str, object], file: Path) -> float:
    with duckdb.connect(str(file), config={"threads": 2, "memory_limit": f"{MEGABYTES}MB"}) as connection:
        for name, table in tables.items():
            connection.register("finished", table)
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM finished LIMIT 0')
        begun = time.perf_counter()
        for name, table in tables.items():
            connection.register("finished", table)
            connection.execute(f'INSERT INTO "{name}" SELECT * FROM finished')
        return time.perf_counter() - begun


def load_beside_rows(raw: list[bytes], file: Path, rows: int) -> float:
    """Seconds of one load where `tracks` and one event table hold `rows` rows already."""
    load_through_penstock(raw[:100], file)
    with duckdb.connect(str(file)) as connection:
        for name in ("tracks", "order_step_1"):
            connection.execute(
                f"INSERT INTO shop.{name} (id, received_at) "
                f"SELECT md5(i::VARCHAR), TIMESTAMP '2029-01-01' + INTERVAL (i) SECOND FROM range({rows}) t(i)"
            )
    return load_through_penstock(raw[100:], file)


def idle_sync(sources: int) -> float:
    """Milliseconds of a sync in which nothing was routed, with that many sources."""
    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(_idle_sync(Path(name), sources))


async def _idle_sync(directory: Path, sources: int) -> float:
    server = EmbeddedServer(directory / "nats")
    await server.start()
    log = await Log.connect(server.url, token=server.token, name="bench")
    try:
        await ensure_streams(log, 1)
        store = SnapshotStore(await log.bucket(streams.SNAPSHOTS))
        await store.publish(
            SnapshotKind.WAREHOUSE,
            WarehouseSnapshot("W1", "ws", 1, "duckdb", "W1", True, 1, b""),
        )
        for number in range(sources):
            key = f"source{number}"
            snapshot = SourceSnapshot(key, "ws", 1, key, key, True, [key], 0, key)
            await store.publish(SnapshotKind.SOURCE, snapshot)
        view = await SnapshotView.open(log)
        role = WarehousingRole(Settings(data=str(directory)), log, view, SystemClock(), Sealer(bytes(32)))
        await role.sync()
        times = []
        for _ in range(_IDLE_SYNCS):
            begun = time.perf_counter()
            await role.sync()
            times.append(time.perf_counter() - begun)
        await view.close()
        return statistics.median(times) * 1000
    finally:
        await log.close()
        await server.kill()


def run() -> list[Figure]:
    raw = [msgspec.json.encode(event_of(number, 1)) for number in range(_EVENTS)]
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for number in range(_RUNS):
            file = directory / f"penstock-{number}.duckdb"
            ours.append(len(raw) / load_through_penstock(raw, file))
            bare.append(len(raw) / insert_bare(finished_tables(file), directory / f"bare-{number}.duckdb"))
            file.unlink()
        many = load_beside_rows(raw[:LOAD_EVENTS], directory / "penstock-many.duckdb", 1_000_000)
        few = load_beside_rows(raw[:LOAD_EVENTS], directory / "penstock-few.duckdb", 0)
    ratio = statistics.median(own / other for own, other in zip(ours, bare, strict=True))
    idle = [(idle_sync(0), idle_sync(1_000)) for _ in range(_RUNS)]
    none, thousand = (statistics.median(taken) for taken in zip(*idle, strict=True))
    return [
        Figure("warehouse load", statistics.median(ours), "events/s"),
        Figure("bare Arrow insert of the same rows", statistics.median(bare), "events/s"),
        Figure("warehouse load / bare insert", ratio, ""),
        Figure("load beside 1 M rows in two tables", many, "s", note=f"{LOAD_EVENTS} events; {few:.2f} s beside none"),
        Figure("sync with nothing routed, no source", none, "ms"),
        at_most("same with 1,000 sources", thousand / none, 1.2, "x"),
    ]
