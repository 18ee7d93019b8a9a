"""The worked examples of the behaviour document, for every driver. No case is left out.

E14 to E16 and E23 are sequences: each of their events is a load of its own ("first type wins" speaks of what is there).
"""

import json
from datetime import datetime
from pathlib import Path

import pytest

EXAMPLES = json.loads((Path(__file__).parent / "examples.json").read_text())
IN_SEPARATE_LOADS = {"E14", "E15", "E16", "E23"}
OPEN_VALUES = {"…", "load time", "2 or 3 (precision lost)"}


def shown(value, kind, text_limit):
    """The value of an example, as the query answers it."""
    if value.startswith("NULL"):
        return None
    if kind == "integer":
        return int(value)
    if kind == "float":
        return float(value)
    if kind == "boolean":
        return value == "true"
    if kind == "timestamp":
        text = value.removesuffix(" (before skew correction)").removesuffix("Z")
        return datetime.fromisoformat(text).isoformat()
    return value[:text_limit] if text_limit else value


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["id"] for example in EXAMPLES])
def test_the_example_is_loaded_as_it_is_documented(target, example):
    loads = [[event] for event in example["events"]] if example["id"] in IN_SEPARATE_LOADS else [example["events"]]
    text_limit = target.warehouse.engine.capabilities.text_limit
    for events in loads:
        target.load(*events)
    for expected in example["expect"]:
        table = expected["table"].split(" (")[0]
        if "columns" not in expected:
            assert table not in target.tables()
            continue
        columns = target.columns(table)
        wanted = {column["name"]: column for column in expected["columns"]}
        names = ", ".join(f'"{name}"' for name in wanted)
        found = target.one(
            f"SELECT {names} FROM shop.\"{table}\" WHERE id = '{wanted.get('id', {}).get('value', 'm1')}'"
        )
        for (name, column), value in zip(wanted.items(), found, strict=True):
            assert columns[name] == column["type"], name
            if column["value"] in OPEN_VALUES:
                assert value is not None
            else:
                assert value == shown(column["value"], column["type"], text_limit), name


def test_every_example_is_here():
    assert [example["id"] for example in EXAMPLES] == [f"E{number:02}" for number in range(1, 31)]


def test_a_null_property_makes_no_column(target):
    target.load(*EXAMPLES[0]["events"])
    assert "coupon" not in target.columns("order_completed")


def test_tracks_has_no_properties(target):
    target.load(*EXAMPLES[0]["events"])
    assert not {"order_id", "total", "currency"} & target.columns("tracks").keys()


def test_users_has_only_the_columns_of_a_user(target):
    target.load(*EXAMPLES[20]["events"])
    assert set(target.columns("users")) == {
        "id",
        "received_at",
        "uuid_ts",
        "context_ip",
        "email",
        "first_name",
        "address_postal_code",
        "address_city",
        "created_at",
    }


def test_nothing_that_the_documents_leave_out_is_stored(target):
    target.load(
        {
            "type": "track",
            "event": "A",
            "messageId": "m1",
            "userId": "u1",
            "channel": "server",
            "version": 2,
            "projectId": "p",
            "integrations": {"All": True},
        }
    )
    base = {"id", "received_at", "sent_at", "timestamp", "original_timestamp", "anonymous_id", "user_id", "uuid_ts"}
    assert set(target.columns("a")) == base | {"event", "event_text"}


def test_a_precision_that_is_lost_is_recorded(target):
    for event in EXAMPLES[13]["events"]:
        target.load(event)
    assert target.discards() == [("scored", "value", "m2", "2.7", "precision_lost")]
