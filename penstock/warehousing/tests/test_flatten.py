import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.warehouses.batch import COLUMN_LIMIT, TABLE_LIMIT, SourceBatch
from penstock.spec.event import EVENT_TYPES, TYPE_NUMBERS
from penstock.warehousing.flatten import decode_event, flatten
from penstock.warehousing.selection import is_for_warehouse


def flattened(*events):
    batch = SourceBatch("src", "shop")
    for number, event in enumerate(events):
        made = {"type": "track", "event": "A", "messageId": f"m{number}", "userId": "u1", **event}
        flatten(batch, made, made["messageId"], TYPE_NUMBERS[made["type"]])
    return batch


def values(batch, table):
    """The values of the last row."""
    found = batch.tables[table]
    last = len(found.ids) - 1
    return {
        name: column.values[-1] for name, column in found.columns.items() if column.rows and column.rows[-1] == last
    }


def own(batch, table="a"):
    return {
        key: value for key, value in values(batch, table).items() if key not in {"id", "user_id", "event", "event_text"}
    }


def discarded(batch):
    return [(found.column, found.value, found.kind) for found in batch.discards.kept]


class TestDecodeEvent:
    def test_integers_are_exact(self):
        assert decode_event(b'{"a": 123456789012345678901234567890}') == {"a": 123456789012345678901234567890}

    def test_a_number_beyond_a_double_is_read_too(self):
        assert decode_event(b'{"a": 1e400}') == {"a": float("inf")}

    def test_half_of_a_surrogate_pair_can_be_stored(self):
        event = decode_event(b'{"a": "x\\ud800y", "b": 1e400, "c": "\\ud83d\\ude42"}')
        assert (event["a"], event["b"], event["c"]) == ("x?y", float("inf"), "🙂")

    @pytest.mark.parametrize(
        "raw", [b"", b"[]", b"1", b"{", b"\xff", b'{"a": ' + b"[" * 100_000, b'{"a": ' + b"1" * 5_000 + b"}"]
    )
    def test_what_is_no_event_is_a_value_error(self, raw):
        with pytest.raises(ValueError):
            decode_event(raw)


class TestFlatten:
    def test_objects_are_joined_and_arrays_are_json(self):
        properties = {"a": {"bC": {"d": 1}}, "list": [{"x": 2**70}, "é", None], "empty": {}, "none": None, "text": ""}
        assert own(flattened({"properties": properties})) == {
            "a_b_c_d": 1,
            "list": '[{"x":1180591620717411303424},"é",null]',
            "text": "",
        }

    def test_of_two_properties_with_one_column_the_later_wins_and_the_other_is_recorded(self):
        batch = flattened({"properties": {"orderId": "first", "order_id": "second"}})
        assert own(batch) == {"order_id": "second"}
        assert discarded(batch) == [("order_id", "first", "collision")]

    def test_two_properties_with_one_column_and_one_value_lose_nothing(self):
        assert discarded(flattened({"properties": {"orderId": "same", "order_id": "same"}})) == []

    def test_context_has_its_prefix_and_cannot_be_forged(self):
        batch = flattened(
            {"context": {"userAgent": "real", "page": {"url": "/"}}, "properties": {"context_user_agent": "no"}}
        )
        assert own(batch) == {"context_user_agent": "real", "context_page_url": "/", "_context_user_agent": "no"}

    @pytest.mark.parametrize(
        "name", ["user_id", "userId", "anonymousId", "event", "event_text", "Timestamp", "sentAt", "receivedAt"]
    )
    def test_a_message_level_name_is_discarded(self, name):
        batch = flattened({"properties": {name: "forged"}})
        assert own(batch) == {}
        assert [kind for _, _, kind in discarded(batch)] == ["reserved_name"]

    @pytest.mark.parametrize(
        ("name", "column"), [("id", "_id"), ("UUID", "_uuid"), ("uuid_ts", "_uuid_ts"), ("loadedAt", "_loaded_at")]
    )
    def test_a_name_of_the_loader_gets_a_prefix(self, name, column):
        assert own(flattened({"properties": {name: 1}})) == {column: 1}

    def test_group_and_previous_id_are_reserved_in_their_own_tables_only(self):
        assert own(flattened({"properties": {"group_id": 1, "previous_id": 2}})) == {"group_id": 1, "previous_id": 2}
        batch = flattened({"type": "group", "groupId": "g1", "traits": {"group_id": "forged"}})
        assert values(batch, "groups")["group_id"] == "g1"

    @pytest.mark.parametrize("event", ["Users", "pages", "TRACKS", "accounts"])
    def test_an_event_named_like_a_system_table_has_a_table_beside_it(self, event):
        batch = flattened({"event": event})
        assert set(batch.tables) == {"tracks", f"_{event.lower()}"}
        assert values(batch, f"_{event.lower()}")["event"] == event.lower()

    def test_a_page_name_in_both_places_is_one_value(self):
        batch = flattened({"type": "page", "name": "Home", "properties": {"name": "Home", "category": "Docs"}})
        found = values(batch, "pages")
        assert (found["name"], found["category"]) == ("Home", "Docs")
        assert discarded(batch) == []

    def test_a_page_name_that_differs_is_the_message_s_own(self):
        batch = flattened({"type": "page", "name": "Home", "properties": {"name": "Other"}})
        assert values(batch, "pages")["name"] == "Home"
        assert discarded(batch) == [("name", "Other", "reserved_name")]

    def test_a_message_id_counts_once(self):
        batch = flattened({"messageId": "m"}, {"messageId": "m"})
        assert batch.tables["tracks"].ids == ["m"]
        assert batch.events == 1

    def test_traits_without_an_id_make_no_object(self):
        assert flattened({"type": "identify", "userId": None, "traits": {"a": 1}}).objects == {}

    def test_deep_nesting_ends_as_text(self):
        deep = 1
        for _ in range(200):
            deep = {"k": deep}
        (name,) = own(flattened({"properties": deep}))
        assert name == "_".join(["k"] * 65)

    def test_an_array_of_any_depth_that_can_be_read_breaks_nothing(self):
        for depth in range(700, 1_100, 7):
            raw = b'{"type":"track","properties":{"deep":' + b"[" * depth + b"]" * depth + b',"n":1}}'
            try:
                event = decode_event(raw)
            except ValueError:
                continue
            assert own(flattened(event))["n"] == 1

    def test_columns_and_tables_are_bounded(self):
        batch = flattened({"properties": {f"p{number}": 1 for number in range(COLUMN_LIMIT + 100)}})
        assert len(batch.tables["a"].columns) == COLUMN_LIMIT
        assert batch.discards.total == 100 + len(batch.tables["tracks"].declared)
        batch = flattened(*({"event": f"event {number}"} for number in range(TABLE_LIMIT + 1)))
        assert len(batch.tables) == TABLE_LIMIT
        assert {found.kind for found in batch.discards.kept} == {"too_many_tables"}

    @given(
        st.sampled_from([str(kind) for kind in EVENT_TYPES]),
        st.dictionaries(
            st.sampled_from(
                ["event", "name", "groupId", "userId", "previousId", "properties", "traits", "context", "messageId"]
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                max_leaves=8,
            ),
        ),
    )
    def test_anything_is_flattened_and_every_row_has_its_id(self, kind, fields):
        event = msgspec.json.decode(msgspec.json.encode({**fields, "type": kind}))
        batch = SourceBatch("src", "shop")
        flatten(batch, event, "m1", TYPE_NUMBERS[kind])
        for table in batch.tables.values():
            assert table.ids == ["m1"]
            assert table.name
            assert all(table.columns)
            assert table.columns["id"].values == ["m1"]


class TestSelection:
    @pytest.mark.parametrize(
        ("integrations", "expected"),
        [
            (None, True),
            ({}, True),
            ({"All": False}, True),
            ({"All": False, "Warehouses": {"all": True}}, True),
            ({"All": True, "Warehouses": {"all": False}}, False),
            ({"Warehouses": False}, False),
            ({"Warehouses": True}, True),
            ({"Warehouses": {"warehouseIds": ["W1", "W2"]}}, True),
            ({"All": False, "Warehouses": {"warehouseIds": ["W2"]}}, False),
            ({"Warehouses": {"warehouseIds": []}}, False),
            ({"Warehouses": {}}, True),
            ({"Warehouses": "x"}, True),
            ("x", True),
        ],
    )
    def test_the_key_decides_alone(self, integrations, expected):
        assert is_for_warehouse({"integrations": integrations}, "W1") is expected
