"""What is turned off gets nothing new and loses nothing that is there."""

from penstock.spec.snapshot import SelectionSnapshot

from .conftest import event, warehouse


async def turn_off(installation, version=2, **off):
    await installation.publish(warehouse(version=version, selections=[SelectionSnapshot("shop", **off)]))


class TestSelection:
    async def test_a_property_that_is_off_stays_as_it_is(self, installation):
        async with installation.role() as role:
            await installation.route(event("m1", properties={"email": "a", "n": 1}))
            await installation.sync()
            await turn_off(installation, properties={"order_done": ["email", "id", "received_at"]})
            await installation.route(event("m2", properties={"email": "b", "n": 2}))
            await installation.sync()
            found = await installation.query(
                role, "SELECT id, email, n, received_at IS NULL FROM shop.order_done ORDER BY 1"
            )
            assert found == [["m1", "a", 1, False], ["m2", None, 2, False]]
            await installation.publish(warehouse(version=3))
            await installation.route(event("m3", properties={"email": "c"}))
            await installation.sync()
            found = await installation.query(role, "SELECT id, email FROM shop.order_done ORDER BY 1")
            assert found == [["m1", "a"], ["m2", None], ["m3", "c"]]

    async def test_a_collection_that_is_off_gets_no_rows_and_makes_no_table(self, installation):
        async with installation.role() as role:
            await turn_off(installation, collections=["order_done", "pages"])
            await installation.route(event("m1"), event("m2", "page"), event("m3", "screen"))
            await installation.sync()
            tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop' ORDER BY 1"
            assert await installation.query(role, tables) == [["screens"], ["tracks"]]
            assert await installation.query(role, "SELECT id FROM shop.tracks") == [["m1"]]

    async def test_users_follow_identifies_and_identifies_stand_alone(self, installation):
        async with installation.role() as role:
            await turn_off(installation, collections=["identifies"])
            await installation.route(event("m1", "identify", traits={"plan": "a"}), event("m2"))
            await installation.sync()
            tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop' ORDER BY 1"
            assert await installation.query(role, tables) == [["order_done"], ["tracks"]]
            await turn_off(installation, version=3, collections=["users"])
            await installation.route(event("m3", "identify", traits={"plan": "a"}))
            await installation.sync()
            assert await installation.query(role, tables) == [["identifies"], ["order_done"], ["tracks"]]

    async def test_a_trait_that_is_off_in_identifies_is_off_in_users(self, installation):
        async with installation.role() as role:
            await turn_off(installation, properties={"identifies": ["plan", "context_ip", "user_id"], "users": ["age"]})
            traits = {"plan": "a", "age": 3, "name": "n"}
            await installation.route(event("m1", "identify", traits=traits, context={"ip": "::1", "x": 1}))
            await installation.sync()
            names = "SELECT column_name FROM information_schema.columns WHERE table_name = 'users' ORDER BY 1"
            found = [name for (name,) in await installation.query(role, names)]
            assert found == ["context_x", "id", "name", "received_at", "uuid_ts"]
            assert await installation.query(role, "SELECT user_id, age FROM shop.identifies") == [["u1", 3]]
