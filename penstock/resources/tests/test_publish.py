import asyncio

import msgspec
import pytest

from penstock.api.outbox import outbox
from penstock.infra.log import Log
from penstock.infra.snapshots import SnapshotStore, SnapshotView
from penstock.resources.publish import Publisher
from penstock.resources.slices import select_snapshots
from penstock.spec.snapshot import SnapshotKind

HTTP_API = "iUM16Md8P2"
WEBHOOK = "614a3c7d791c91c41bae7599"


@pytest.fixture
async def log(own_nats_server):
    connected = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="test")
    yield connected
    await connected.close()


@pytest.fixture
async def publisher(control, log):
    """Runs, and is what the API waits for."""
    made = Publisher(control.database, log, control.sealer, select_snapshots)
    control.api._published = made.published
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def view(log):
    opened = await SnapshotView.open(log)
    yield opened
    await opened.close()


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def make_source(control, slug="shop"):
    return (await control.data("POST", "/sources", {"slug": slug, "metadataId": HTTP_API}))["source"]


async def test_what_is_answered_is_in_the_bucket(control, publisher, view):
    await until(lambda: publisher.is_current)
    for number in range(20):
        source = await make_source(control, f"s{number}")
        await view.refresh()
        assert view.source_by_write_key(source["writeKeys"][0]).id == source["id"]


async def test_the_first_run_and_everything_after_it_is_published_and_the_outbox_is_empty(control, publisher, view):
    await until(lambda: publisher.is_current)
    source = await make_source(control)
    body = {"sourceId": source["id"], "metadataId": WEBHOOK, "enabled": True}
    destination = (await control.data("POST", "/destinations", body))["destination"]
    await view.refresh()
    assert {each.slug for each in view.sources.values()} == {"my-first-source", "shop"}
    assert [each.id for each in view.destinations_of(source["id"])] == [destination["id"]]
    assert [each.slug for each in view.warehouses.values()] == ["duckdb"]
    await control.data("DELETE", f"/sources/{source['id']}")
    await view.refresh()
    assert source["id"] not in view.sources
    assert view.destinations == {}
    await until(lambda: publisher.is_current)
    async with control.database.reading() as connection:
        assert (await connection.execute(outbox.select())).all() == []


async def test_the_api_goes_on_while_the_log_is_down_and_the_publisher_catches_up(control, publisher, own_nats_server):
    await until(lambda: publisher.is_current)
    await own_nats_server.kill()
    started = asyncio.get_running_loop().time()
    source = await make_source(control)
    took = asyncio.get_running_loop().time() - started
    assert 0.9 < took < 5
    assert not publisher.is_current
    assert publisher.behind_seconds() > 0.9
    await own_nats_server.start()
    log = await Log.connect(own_nats_server.url, token=own_nats_server.token, name="other")
    view = await SnapshotView.open(log)
    await until(lambda: source["id"] in view.sources)
    await until(lambda: publisher.is_current)
    assert publisher.behind_seconds() == 0.0
    await view.close()
    await log.close()


async def test_a_bucket_that_differs_from_the_rows_is_repaired(control, log):
    store = SnapshotStore(await log.bucket("snapshots"))
    source = await make_source(control)
    (snapshot,) = [each for envelope, each in await control.outbox() if envelope.id == source["id"]]
    async with control.database.writing() as connection:
        await connection.execute(outbox.delete())
    left_over = msgspec.structs.replace(snapshot, id="left-over", version=4)
    await store.publish(SnapshotKind.SOURCE, left_over)
    publisher = Publisher(control.database, log, control.sealer, select_snapshots)
    running = asyncio.create_task(publisher.run())
    await until(lambda: publisher.is_current)
    running.cancel()
    view = await SnapshotView.open(log)
    assert {each.slug for each in view.sources.values()} == {"my-first-source", "shop"}
    assert "left-over" not in view.sources
    assert await store.version_of(SnapshotKind.SOURCE, snapshot.workspace_id, "left-over") == 5
    assert len(view.warehouses) == 1
    await view.close()


async def test_what_another_release_made_of_the_same_row_is_replaced_at_the_start_and_nothing_else(control, log, view):
    bucket = await log.bucket("snapshots")
    source = await make_source(control)
    settings = {"sharedSecret": "hush"}
    body = {"sourceId": source["id"], "metadataId": WEBHOOK, "settings": settings, "enabled": True}
    identifier = (await control.data("POST", "/destinations", body))["destination"]["id"]

    async def restart():
        publisher = Publisher(control.database, log, control.sealer, select_snapshots)
        running = asyncio.create_task(publisher.run())
        await until(lambda: publisher.is_current)
        running.cancel()
        await view.refresh()

    await restart()
    made = view.destinations[identifier]
    other = msgspec.structs.replace(made, integration_names=["What it was called once"])
    await SnapshotStore(bucket).publish(SnapshotKind.DESTINATION, other, is_other=True)
    await restart()
    assert view.destinations[identifier].integration_names == made.integration_names
    last = await bucket.last_revision()
    await restart()
    assert await bucket.last_revision() == last


async def test_an_older_change_never_replaces_a_newer_one(control, log, publisher):
    await until(lambda: publisher.is_current)
    source = await make_source(control)
    path = f"/sources/{source['id']}"
    await asyncio.gather(*(control.data("PATCH", path, {"name": str(number)}) for number in range(10)))
    view = await SnapshotView.open(log)
    name = (await control.data("GET", path))["source"]["name"]
    assert (view.sources[source["id"]].version, view.sources[source["id"]].name) == (11, name)
    await view.close()


@pytest.mark.parametrize("turns", range(5))
async def test_a_publisher_that_is_woken_as_it_is_told_to_end_ends(control, log, turns):
    publisher = Publisher(control.database, log, control.sealer, select_snapshots)
    running = asyncio.create_task(publisher.run())
    await until(lambda: publisher.is_current)
    await asyncio.sleep(0.1)  # it waits now, whatever it did last
    publisher._wake.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    _, unended = await asyncio.wait([running], timeout=30)
    running.cancel()
    assert not unended
