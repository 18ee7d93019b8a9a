"""Snapshots from publisher to view, over a real server."""

import asyncio
import random
import shutil

import pytest

from penstock.infra.log import Log, LogTimeout
from penstock.infra.log.server import EmbeddedServer
from penstock.infra.snapshots import SnapshotStore, SnapshotTooLargeError, SnapshotView, pack
from penstock.spec.frame import Kind, encode
from penstock.spec.snapshot import (
    DestinationSnapshot,
    SnapshotEnvelope,
    SnapshotKind,
    SourceSnapshot,
    WarehouseSnapshot,
    encode_snapshot,
)
from penstock.spec.streams import SNAPSHOTS

SOURCE, DESTINATION, WAREHOUSE = SnapshotKind.SOURCE, SnapshotKind.DESTINATION, SnapshotKind.WAREHOUSE


def source(identifier, version=1, keys=(), name="a"):
    return SourceSnapshot(identifier, "w1", version, "http-api", name, True, list(keys) or ["k" + identifier], 0, "s")


def destination(identifier, source_id, version=1):
    return DestinationSnapshot(identifier, "w1", version, source_id, "m", "d", [], [], True, 0, 0, b"", [])


@pytest.fixture
async def bucket(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    yield await log.bucket(SNAPSHOTS, storage="memory")
    await log.close()


@pytest.fixture
async def view(bucket):
    opened = await SnapshotView.open(bucket._log)
    yield opened
    await opened.close()


async def test_a_view_has_what_was_published_before_it_opened(bucket):
    store = SnapshotStore(bucket)
    assert await store.publish(SOURCE, source("s1", keys=["one", "two"]))
    assert await store.publish(DESTINATION, destination("d1", "s1"))
    assert await store.publish(WAREHOUSE, WarehouseSnapshot("h1", "w1", 1, "duckdb", "h", True, 0, b""))
    view = await SnapshotView.open(bucket._log)
    assert view.is_ready
    assert view.source_by_write_key("two").id == "s1"
    assert [found.id for found in view.destinations_of("s1")] == ["d1"]
    assert list(view.warehouses) == ["h1"]
    assert view.version == await bucket.last_revision()
    await view.close()


async def test_a_frozen_view_does_not_change(bucket, view):
    store = SnapshotStore(bucket)
    await store.publish(SOURCE, source("s1"))
    await view.refresh()
    frozen = view.frozen()
    await store.publish(SOURCE, source("s2"))
    await store.publish(SOURCE, source("s1", version=2, keys=["other"]))
    await view.refresh()
    assert list(frozen.sources) == ["s1"]
    assert frozen.source_by_write_key("ks1").version == 1
    assert view.source_by_write_key("ks1") is None
    assert view.source_by_write_key("other").version == 2
    assert view.frozen().version > frozen.version
    assert view.frozen() is view.frozen()


async def test_a_deleted_resource_disappears_and_stays_away(bucket, view):
    store = SnapshotStore(bucket)
    await store.publish(SOURCE, source("s1", version=3))
    await store.publish(DESTINATION, destination("d1", "s1"))
    await store.publish(DESTINATION, destination("d2", "s1"))
    assert await store.bury(DESTINATION, "w1", "d1", 2)
    assert await store.bury(SOURCE, "w1", "s1", 4)
    assert not await store.publish(SOURCE, source("s1", version=3))
    await view.refresh()
    assert view.source_by_write_key("ks1") is None
    assert not view.sources
    assert [found.id for found in view.destinations_of("s1")] == ["d2"]


async def test_a_lower_version_never_replaces_a_higher(bucket):
    store = SnapshotStore(bucket)
    assert await store.publish(SOURCE, source("s1", version=5))
    assert not await store.publish(SOURCE, source("s1", version=4))
    assert await store.publish(SOURCE, source("s1", version=5))
    assert await store.version_of(SOURCE, "w1", "s1") == 5
    assert await store.version_of(SOURCE, "w1", "s2") is None


async def test_racing_publishers_end_at_the_highest_version(bucket, view):
    versions = list(range(1, 41))
    seen = []
    view.subscribe(lambda kind, identifier: seen.append(view.sources[identifier].version))

    async def publish(mine):
        for version in mine:
            await SnapshotStore(bucket).publish(SOURCE, source("s1", version=version))

    shuffled = random.sample(versions, len(versions))
    await asyncio.gather(publish(shuffled[:20]), publish(shuffled[20:]))
    await view.refresh()
    assert view.sources["s1"].version == 40
    assert seen == sorted(seen)


async def test_a_snapshot_of_an_unknown_release_leaves_the_last_good_one(bucket, view):
    store = SnapshotStore(bucket)
    await store.publish(SOURCE, source("s1", version=1))
    await view.refresh()
    future = bytearray(encode_snapshot(SOURCE, source("s1", version=2)))
    future[4] = 99
    await bucket.put("w1.source.s1", pack(bytes(future)))
    await view.refresh()
    assert view.sources["s1"].version == 1
    assert "w1.source.s1" in view.unreadable
    assert not await store.publish(SOURCE, source("s1", version=3))


async def test_an_unknown_kind_is_an_alarm_and_nothing_else(bucket, view):
    envelope = SnapshotEnvelope("galaxy", "g1", "w1", 1, False)
    await bucket.put("w1.galaxy.g1", pack(encode(Kind.SNAPSHOT, envelope, [b"\x90"])))
    await bucket.put("w1.galaxy.g2", pack(encode(Kind.SNAPSHOT, SnapshotEnvelope("galaxy", "g2", "w1", 1, True))))
    await SnapshotStore(bucket).publish(SOURCE, source("s1"))
    await view.refresh()
    assert set(view.unreadable) == {"w1.galaxy.g1", "w1.galaxy.g2"}
    assert list(view.sources) == ["s1"]


async def test_a_damaged_value_is_replaced(bucket, view):
    await bucket.put("w1.source.s1", b"rubbish")
    assert await SnapshotStore(bucket).publish(SOURCE, source("s1"))
    await view.refresh()
    assert not view.unreadable
    assert list(view.sources) == ["s1"]


async def test_a_snapshot_above_the_limit_is_refused_with_its_size(bucket):
    with pytest.raises(SnapshotTooLargeError) as caught:
        await SnapshotStore(bucket).publish(SOURCE, source("s1", name=random.randbytes(5 << 20).hex()))
    assert caught.value.size > 4 << 20


async def test_listeners_hear_of_changes_until_they_stop(bucket, view):
    heard = []
    stop = view.subscribe(lambda kind, identifier: heard.append((kind, identifier)))
    await SnapshotStore(bucket).publish(SOURCE, source("s1"))
    await view.refresh()
    stop()
    await SnapshotStore(bucket).publish(SOURCE, source("s2"))
    await view.refresh()
    assert heard == [(SOURCE, "s1")]


async def test_two_sources_with_one_key_do_not_undo_each_other(bucket, view):
    store = SnapshotStore(bucket)
    await store.publish(SOURCE, source("s1", keys=["k"]))
    await store.publish(SOURCE, source("s2", keys=["k"]))
    await store.bury(SOURCE, "w1", "s1", 2)
    await view.refresh()
    assert view.source_by_write_key("k").id == "s2"


async def test_many_sources_are_read_in_one_go(bucket):
    values = [(f"w1.source.s{n}", pack(encode_snapshot(SOURCE, source(f"s{n}")))) for n in range(5_000)]
    for at in range(0, len(values), 500):
        part = [(f"$KV.{SNAPSHOTS}.{key}", value) for key, value in values[at : at + 500]]
        await bucket._log.append_batch(part)
    async with asyncio.timeout(30):  # one by one, with a round trip each, they would take longer
        view = await SnapshotView.open(bucket._log)
    assert len(view.sources) == 5_000
    await view.close()


async def test_a_view_goes_on_after_the_server_was_killed(tmp_path):
    server = EmbeddedServer(tmp_path / "nats")
    await server.start()
    log = await Log.connect(server.url, token=server.token)
    store = SnapshotStore(await log.bucket(SNAPSHOTS))
    view = await SnapshotView.open(log)
    await store.publish(SOURCE, source("s1"))
    await server.kill()
    await server.start()
    await log.wait_connected(5)
    await store.publish(SOURCE, source("s2"))
    await view.refresh()
    assert set(view.sources) == {"s1", "s2"}
    await view.close()
    await log.close()
    await server.kill()


async def test_a_view_of_a_lost_log_is_built_anew_and_tells_what_went(tmp_path):
    server = EmbeddedServer(tmp_path / "nats")
    await server.start()
    log = await Log.connect(server.url, token=server.token)
    store = SnapshotStore(await log.bucket(SNAPSHOTS))
    for identifier in ("s1", "s2", "s3"):
        await store.publish(SOURCE, source(identifier))
    view = await SnapshotView.open(log)
    heard = set()
    view.subscribe(lambda _kind, identifier: heard.add(identifier))
    await server.kill()
    shutil.rmtree(server.directory / "jetstream")
    await server.start()
    await log.wait_connected(5)
    store = SnapshotStore(await log.bucket(SNAPSHOTS))
    await store.publish(SOURCE, source("s9"))
    async with asyncio.timeout(60):
        while set(view.sources) != {"s9"}:
            await asyncio.sleep(0.01)
    assert heard == {"s1", "s2", "s3", "s9"}
    assert view.is_ready
    await view.close()
    await log.close()
    await server.kill()


async def test_a_view_that_cannot_be_read_in_time_says_so(own_nats_server):
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token)
    await log.bucket(SNAPSHOTS)
    with pytest.raises(LogTimeout):
        await SnapshotView.open(log, seconds=0.0)
    await log.close()


async def test_a_listener_that_fails_does_not_stop_the_view(bucket, view):
    def fail(_kind, _identifier):
        raise ValueError("no")

    view.subscribe(fail)
    await SnapshotStore(bucket).publish(SOURCE, source("s1"))
    await SnapshotStore(bucket).publish(SOURCE, source("s2"))
    await view.refresh()
    assert set(view.sources) == {"s1", "s2"}
