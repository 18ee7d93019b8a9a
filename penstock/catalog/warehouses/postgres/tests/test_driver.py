"""What is Postgres's own: the ways in that are shut, a schema that Segment's loader made, and a ghost of a killed load."""

import threading

import pytest

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.port import Load, QueryLimits, Site, Step, WarehouseError, WarehouseUnreachable
from penstock.catalog.warehouses.postgres import driver, engine
from penstock.infra.http import OutboundPolicy
from penstock.kit.ports import free_port
from penstock.spec.event import TYPE_NUMBERS
from penstock.warehousing.flatten import flatten

LIMITS = QueryLimits(10, 0.5, 64)


@pytest.fixture
def database(postgres_server):
    return postgres_server.database()


def place(settings, policy=None):
    return driver.place(settings, Site("W1", "", 64, policy or OutboundPolicy()))


def load(*events, after=0):
    batch = SourceBatch("source-1", "shop")
    for event in events:
        flatten(batch, event, event["messageId"], TYPE_NUMBERS[event["type"]])
    return Load("W1", 0, after, after + 1, 0, 0, [batch])


def sold(message_id, **properties):
    received = "2024-05-01T10:00:05.000Z"
    event = {"type": "track", "event": "Sold", "messageId": message_id, "receivedAt": received}
    return {**event, "properties": properties}


class TestCheck:
    def step(self, settings, policy=None):
        with pytest.raises(WarehouseUnreachable) as refused:
            place(settings, policy).check()
        return refused.value.step

    def test_a_database_that_may_be_loaded_passes_and_is_left_as_it_was(self, postgres_server, database):
        place(postgres_server.settings(database)).check()
        with postgres_server.connect(database) as connection:
            found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'penstock%'").fetchall()
        assert found == []

    @pytest.mark.parametrize(
        ("changes", "step"),
        [
            ({"hostname": ""}, Step.SETTINGS),
            ({"port": "x"}, Step.SETTINGS),
            ({"hostname": "no-such-host.invalid"}, Step.NAME),
            ({"hostname": "\ud800"}, Step.NAME),
            ({"password": "wrong"}, Step.LOGIN),
            ({"database": "absent"}, Step.LOGIN),
            ({"username": "nobody"}, Step.LOGIN),
        ],
    )
    def test_each_step_is_named(self, postgres_server, database, changes, step):
        assert self.step(postgres_server.settings(database) | changes) is step

    def test_a_port_where_nobody_listens_is_the_network(self, postgres_server, database):
        assert self.step(postgres_server.settings(database) | {"port": str(free_port())}) is Step.NETWORK

    def test_an_address_that_the_policy_refuses_is_not_connected_to(self, postgres_server, database):
        closed = OutboundPolicy(listens_on_loopback=False)
        assert self.step(postgres_server.settings(database), closed) is Step.NETWORK

    def test_a_user_who_may_not_make_schemas_is_told(self, postgres_server, database):
        with postgres_server.connect(database) as connection:
            connection.execute("CREATE ROLE reader LOGIN PASSWORD 'r'")
        assert self.step(postgres_server.settings(database) | {"username": "reader", "password": "r"}) is (
            Step.PERMISSION
        )


class TestQuery:
    def test_nothing_can_be_written_and_nothing_runs_for_ever(self, postgres_server, database):
        opened = place(postgres_server.settings(database)).open()
        for statement in ("CREATE TABLE t (a int)", "SELECT 1; SELECT 2", "SELECT pg_sleep(30)", "COMMIT"):
            assert opened.query(statement, LIMITS).error
        result = opened.query("SELECT g, g::numeric FROM generate_series(1, 50) g", LIMITS)
        assert (result.columns, result.types, len(result.rows)) == (["g", "g"], ["int4", "numeric"], 10)
        assert result.is_truncated
        opened.close()


class TestSegmentsOwnSchema:
    def test_its_types_count_as_ours(self, postgres_server, database):
        with postgres_server.connect(database) as connection:
            connection.execute("CREATE SCHEMA shop")
            connection.execute(
                "CREATE TABLE shop.sold (id varchar(512) PRIMARY KEY, received_at timestamptz, uuid_ts timestamptz, "
                "event varchar(512), event_text varchar(512), price numeric, note varchar(512), short varchar(3))"
            )
        opened = place(postgres_server.settings(database)).open()
        report = opened.load(load(sold("m1", price=9.5, note="x" * 600, short="abcdef")))
        assert report.records[0].discards == 2
        result = opened.query("SELECT id, received_at, price, length(note), short FROM shop.sold", LIMITS)
        assert result.rows == [["m1", "2024-05-01T10:00:05+00:00", "9.5", 512, "abc"]]
        opened.close()


class TestGhost:
    def test_a_load_waits_for_one_that_is_about_to_commit_and_repeats_nothing(self, postgres_server, database):
        settings = postgres_server.settings(database)
        ghost, heir = place(settings).open(), place(settings).open()
        ghost.load(load(sold("m0")))
        about_to_commit, may_commit = threading.Event(), threading.Event()

        def commit():
            about_to_commit.set()
            may_commit.wait(20)
            ghost.engine.execute("COMMIT")

        ghost.engine.commit = commit
        first = threading.Thread(target=ghost.load, args=(load(sold("m1"), after=1),))
        first.start()
        assert about_to_commit.wait(20)
        second = threading.Thread(target=heir.load, args=(load(sold("m1"), after=1),))
        second.start()
        with postgres_server.connect(database) as connection:
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while connection.execute(waiting).fetchone() == (0,):
                assert second.is_alive()
        may_commit.set()
        first.join(20)
        second.join(20)
        assert heir.query("SELECT id FROM shop.sold ORDER BY id", LIMITS).rows == [["m0"], ["m1"]]
        assert heir.positions() == {0: 2}
        ghost.close()
        heir.close()

    def test_one_that_never_ends_is_reported(self, postgres_server, database, monkeypatch):
        monkeypatch.setattr(engine, "_LOCK_SECONDS", 1)
        settings = postgres_server.settings(database)
        ghost, heir = place(settings).open(), place(settings).open()
        ghost.engine.begin()
        with pytest.raises(WarehouseError, match="lock timeout"):
            heir.load(load(sold("m1")))
        ghost.engine.roll_back()
        assert heir.load(load(sold("m1"))).events == 1
        ghost.close()
        heir.close()

    def test_another_installation_in_the_same_database_has_its_own_position(self, postgres_server, database):
        settings = postgres_server.settings(database)
        mine = place(settings).open()
        mine.load(load(sold("m1"), after=40))
        other = driver.place(settings, Site("W2", "", 64, OutboundPolicy())).open()
        assert (mine.positions(), other.positions()) == ({0: 41}, {})
        mine.close()
        other.close()
