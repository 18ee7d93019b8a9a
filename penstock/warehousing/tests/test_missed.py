"""A source that is connected again gets what it has missed, once, and nothing else is loaded twice."""

from penstock.spec.snapshot import SelectionSnapshot
from penstock.warehousing.missed import SourcePositions, lane_of

from .conftest import event, source, warehouse
from .test_role import facts_of

IDS = "SELECT id FROM blog.tracks ORDER BY 1"


async def route(installation, *numbers, source_id="blog", **options):
    for number in numbers:
        await installation.route(event(f"m{number}"), source_id=source_id, **options)


async def ids(installation, role):
    return [row[0] for row in await installation.query(role, IDS)]


async def positions(installation, role):
    return await installation.query(role, "SELECT source_id, shard, sequence FROM penstock_meta.sources ORDER BY 1, 2")


async def disconnect(installation, version=2):
    await installation.publish(warehouse(version=version, excluded=["blog"]))


async def connect(installation, version=3):
    await installation.publish(warehouse(version=version))


class TestReconnected:
    async def test_it_gets_what_it_missed_and_loses_its_position(self, installation):
        await installation.publish(source("blog"))
        async with installation.role() as role:
            await route(installation, 1)
            await installation.sync()
            await disconnect(installation)
            await route(installation, 2, 3)
            await route(installation, 4, source_id="shop")
            await installation.sync()
            assert await ids(installation, role) == ["m1"]
            assert await positions(installation, role) == [["blog", 0, 1]]
            await connect(installation)
            await route(installation, 5)
            report = await installation.sync()
            assert await ids(installation, role) == ["m1", "m2", "m3", "m5"]
            assert report.events == 3
            assert await positions(installation, role) == []
            assert (await installation.sync()).rows == 0

    async def test_a_restart_between_forgets_nothing(self, installation):
        await installation.publish(source("blog"))
        async with installation.role():
            await route(installation, 1)
            await installation.sync()
            await disconnect(installation)
            await route(installation, 2)
            await route(installation, 3, source_id="shop")
            await installation.sync()
        await connect(installation)
        async with installation.role() as role:
            assert await ids(installation, role) == ["m1", "m2"]

    async def test_what_was_missed_by_one_that_was_never_connected_comes_as_far_as_the_log_reaches(self, installation):
        await installation.publish(source("blog"))
        await disconnect(installation)
        async with installation.role() as role:
            await route(installation, 1, 2)
            await route(installation, 3, source_id="shop")
            await installation.sync()
            await connect(installation)
            await installation.sync()
            assert await ids(installation, role) == ["m1", "m2"]

    async def test_a_source_that_was_turned_off_is_like_one_that_was_disconnected(self, installation):
        await installation.publish(source("blog"))
        await installation.publish(warehouse(version=2, selections=[SelectionSnapshot("blog", is_off=True)]))
        async with installation.role() as role:
            await route(installation, 1)
            await route(installation, 2, source_id="shop")
            await installation.sync()
            await connect(installation)
            await installation.sync()
            assert await ids(installation, role) == ["m1"]

    async def test_each_shard_has_its_own(self, installation):
        await installation.publish(source("blog"))
        await disconnect(installation)
        async with installation.role(shards=2) as role:
            await route(installation, 1, shard=0)
            await route(installation, 2, shard=1)
            await route(installation, 3, source_id="shop")
            await installation.sync()
            await connect(installation)
            await installation.sync()
            assert await ids(installation, role) == ["m1", "m2"]

    async def test_a_long_absence_is_loaded_in_several_transactions(self, installation, monkeypatch):
        monkeypatch.setattr("penstock.warehousing.reading.STEP_BYTES", 2_000)
        await installation.publish(source("blog"))
        await disconnect(installation)
        async with installation.role() as role:
            for number in range(12):
                await installation.route(event(f"m{number:02}", properties={"text": "x" * 500}), source_id="blog")
            await route(installation, 99, source_id="shop")
            await installation.sync()
            before = role.syncs["W1"].totals.syncs
            await connect(installation)
            await installation.sync()
            assert await ids(installation, role) == [f"m{number:02}" for number in range(12)]
            assert role.syncs["W1"].totals.syncs - before > 2

    async def test_one_that_was_deleted_meanwhile_brings_nothing(self, installation):
        await installation.publish(source("blog"))
        await disconnect(installation)
        async with installation.role() as role:
            await route(installation, 1)
            await route(installation, 2, source_id="shop")
            await installation.sync()
            assert await installation.store.bury("source", "ws1", "blog", 2)
            await connect(installation)
            await installation.sync()
            found = await installation.query(role, "SELECT count(*) FROM information_schema.schemata")
            names = "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '%blog%'"
            assert found[0][0] > 0
            assert await installation.query(role, names) == []

    async def test_the_loads_are_reported_once_also_after_a_restart(self, installation):
        await installation.publish(source("blog"))
        await disconnect(installation)
        async with installation.role():
            await route(installation, 1)
            await route(installation, 2, source_id="shop")
            await installation.sync()
            await connect(installation)
            await installation.sync()
        async with installation.role():
            await route(installation, 3)
            await installation.sync()
        facts = await facts_of(installation.log, 3)
        assert [[record["sourceId"] for record in syncs] for *_, syncs in facts] == [["shop"], ["blog"], ["blog"]]
        assert facts[1][1] == 0

    async def test_a_log_that_was_replaced_is_read_from_its_beginning(self, installation):
        await installation.publish(source("blog"))
        await disconnect(installation)
        async with installation.role() as role:
            await route(installation, 1, 2)
            await route(installation, 3, source_id="shop")
            await installation.sync()
            await installation.replace_routed()
            await route(installation, 4)
            await route(installation, 5, source_id="shop")
            await installation.sync()
            await connect(installation)
            await installation.sync()
            assert "m4" in await ids(installation, role)


class TestPositions:
    def test_what_is_not_committed_counts_in_memory_and_is_told_to_the_target(self):
        positions = SourcePositions()
        positions.read({}, is_other=False)
        positions.exclude(0, 5, ["a"])
        positions.exclude(0, 9, ["a"])
        positions.exclude(1, 7, ["a"])
        assert (positions.of(0), positions.of(1)) == ({"a": 5}, {"a": 7})
        assert positions.changes(0) == {(0, "a"): 5}
        positions.commit(positions.changes(0))
        assert (positions.changes(0), positions.of(0)) == ({}, {"a": 5})

    def test_a_position_that_the_target_never_held_is_dropped_without_a_word_to_it(self):
        positions = SourcePositions()
        positions.exclude(0, 5, ["a", "b"])
        positions.commit({(0, "b"): 5})
        positions.move(0, {"a": None, "b": None})
        assert positions.of(0) == {}
        assert positions.changes(0) == {(0, "b"): None}

    def test_a_target_that_is_not_as_it_was_left_is_believed(self):
        positions = SourcePositions()
        positions.exclude(0, 5, ["a"])
        positions.read({(0, "b"): 2}, is_other=True)
        assert positions.of(0) == {"b": 2}

    def test_in_a_target_of_a_release_without_positions_all_may_have_been_missed(self):
        positions = SourcePositions()
        positions.read(None, is_other=False)
        positions.exclude(0, 5, ["a"])
        assert positions.of(0) == {"a": 0}

    def test_lanes_are_their_own_inverse_and_no_shard(self):
        assert [lane_of(lane_of(shard)) for shard in range(4)] == list(range(4))
        assert all(lane_of(shard) < 0 for shard in range(4))
