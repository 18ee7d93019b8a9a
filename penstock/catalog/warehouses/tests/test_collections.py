"""Objects of collections (`Segment.set`): one row for each id, which each call changes as far as it names columns."""

import pytest

from penstock.catalog.warehouses.batch import SourceBatch
from penstock.catalog.warehouses.port import Load
from penstock.warehousing.flatten import flatten_object

MINUTE = "2024-05-01T10:{:02}:00.000Z"


def told(identifier, minute=0, collection="rooms", **properties):
    return {
        "collection": collection,
        "id": identifier,
        "receivedAt": MINUTE.format(minute),
        "properties": properties,
    }


def load(target, *objects, events=(), schema="shop"):
    batch = target.batch(events, schema)
    for each in objects:
        flatten_object(batch, each)
    target.sequence += 1
    return target.warehouse.load(
        Load("W1", 0, target.sequence - 1, target.sequence, 1_714_557_600_000, 1_714_557_601_000, [batch])
    )


def rooms(target, columns="id, name, beds", table="shop.rooms"):
    return target.rows(f"SELECT {columns} FROM {table} ORDER BY id")


def test_a_table_is_named_after_its_collection_and_has_the_columns_of_an_object(target):
    report = load(target, told("r1", name="Sea", beds=2, size={"width": 3.5}, tags=["a"], gone=None))
    assert (report.rows, report.records[0].collections) == (1, {"rooms": 1})
    assert target.columns("rooms") == {
        "id": "varchar",
        "received_at": "timestamp",
        "uuid_ts": "timestamp",
        "name": "varchar",
        "beds": "integer",
        "size_width": "float",
        "tags": "varchar",
    }
    assert target.tables() == {"rooms"}
    assert target.one("SELECT received_at, uuid_ts, tags FROM shop.rooms") == [
        "2024-05-01T10:00:00",
        "2024-05-01T10:00:01",
        '["a"]',
    ]


@pytest.mark.parametrize("is_split", [True, False])
def test_each_call_changes_the_columns_that_it_names_in_the_order_of_the_log(target, is_split):
    calls = [told("r1", 30, name="Sea", beds=2), told("r2", 1, beds=1), told("r1", 10, name="Lake", beds=None)]
    for part in [[each] for each in calls] if is_split else [calls]:
        load(target, *part)
    assert rooms(target) == [["r1", "Lake", 2], ["r2", None, 1]]
    # A function's run may be late: what it tells is the latest all the same.
    assert target.one("SELECT received_at FROM shop.rooms WHERE id = 'r1'") == ["2024-05-01T10:10:00"]


def test_to_load_a_part_of_the_log_again_up_to_its_end_changes_nothing(target):
    calls = [told("r1", 1, name="Sea"), told("r1", 2, name="Lake", beds=1), told("r1", 3, beds=2)]
    load(target, *calls)
    before = rooms(target, "id, name, beds, received_at")
    load(target, *calls[1:])
    assert rooms(target, "id, name, beds, received_at") == before


def test_columns_of_every_object_are_not_its_properties(target):
    load(target, told("r1", id="own", received_at="never", user_id="u-1", event="E"))
    assert rooms(target, "id, _id, user_id, event") == [["r1", "own", "u-1", "E"]]
    assert target.discards() == [("rooms", "received_at", "r1", "never", "reserved_name")]


def test_a_collection_named_like_a_system_table_has_its_own(target):
    identify = {"type": "identify", "userId": "u1", "messageId": "m1", "traits": {"plan": "a"}}
    load(target, told("u1", collection="users", plan="b"), events=[identify])
    assert target.one("SELECT plan FROM shop.users") == ["a"]
    assert target.one("SELECT plan FROM shop._users") == ["b"]


def test_long_names_are_told_apart(target):
    long = "room_" * 25
    load(target, told("r1", collection=long + "a"), told("r1", collection=long + "b"))
    load(target, told("r1", collection=long + "b", beds=1))
    found = sorted(target.tables())
    assert len(found) == 2
    counts = [target.one(f'SELECT count(*) FROM shop."{name}"') for name in found]
    assert counts == [[1], [1]]


def test_a_table_whose_ids_are_of_another_type_is_written_all_the_same(target):
    load(target, told("1", name="Sea"))
    target.change("ALTER TABLE shop.rooms ALTER COLUMN id TYPE BIGINT USING id::BIGINT")
    load(target, told("1", name="Lake"), told("2", name="Hill"), told("x", name="nowhere"))
    assert rooms(target, "id, name") == [[1, "Lake"], [2, "Hill"]]
    assert [(row[1], row[3], row[4]) for row in target.discards()] == [("id", "x", "cast_failed")]


def test_a_view_in_its_place_is_left_alone_and_told(target):
    load(target, told("r0", collection="others"))
    target.change("CREATE VIEW shop.rooms AS SELECT 1 AS id")
    assert load(target, told("r1")).rows == 0
    assert [row[2:] for row in target.discards()] == [("r1", "1 calls", "not_a_table")]
    assert target.warehouse.forget_objects(["r1"], "", ["other"]) == {}
    assert len(target.discards()) == 1
    assert target.warehouse.forget_objects(["r1"], "", ["shop"]) == {}
    assert target.discards() == []


def test_tables_of_one_load_are_bounded(monkeypatch):
    monkeypatch.setattr("penstock.catalog.warehouses.batch.TABLE_LIMIT", 1)
    batch = SourceBatch("s", "shop")
    for collection in ("rooms", "cats", "rooms"):
        flatten_object(batch, told("o1", collection=collection))
    assert [len(each.calls) for each in batch.objects.values()] == [2]
    assert batch.discards.total == 1


class TestForgetting:
    @pytest.fixture
    def loaded(self, target):
        done = {"type": "track", "event": "Done", "userId": "u-1", "messageId": "o-1"}
        objects = [told("o-1", name="Sea", user_id="u-7"), told("o-2"), told("o-1", collection="cats")]
        load(target, *objects, events=[done])
        load(target, *objects, schema="other")
        return target

    def left(self, target):
        places = ("shop.rooms", "shop.cats", "other.rooms", "other.cats")
        return {place: [row[0] for row in rooms(target, "id", place)] for place in places}

    def test_an_object_goes_from_every_collection_of_every_source_and_no_event_with_it(self, loaded):
        gone = {f"{schema}.{name}": 1 for schema in ("shop", "other") for name in ("rooms", "cats")}
        assert loaded.warehouse.forget_objects(["o-1", "nothing"], "", None) == gone
        assert self.left(loaded) == {"shop.rooms": ["o-2"], "shop.cats": [], "other.rooms": ["o-2"], "other.cats": []}
        assert loaded.one("SELECT id FROM shop.done") == ["o-1"]
        assert loaded.warehouse.forget_objects(["o-1"], "", None) == {}

    def test_one_of_a_collection_goes_from_that_of_its_source_alone(self, loaded):
        assert loaded.warehouse.forget_objects(["o-1"], "rooms", ["shop"]) == {"shop.rooms": 1}
        left = self.left(loaded)
        assert (left["shop.rooms"], left["shop.cats"], left["other.rooms"]) == (["o-2"], ["o-1"], ["o-1", "o-2"])

    def test_an_object_that_names_a_person_goes_with_them(self, loaded):
        assert loaded.warehouse.forget(["u-7"], ["shop"]) == {"shop.rooms": 1}

    def test_a_target_that_holds_nothing_has_none(self, target):
        assert target.warehouse.forget_objects(["o-1"], "", None) == {}
        assert target.warehouse.forget_objects(["o-1"], "rooms", ["shop"]) == {}
