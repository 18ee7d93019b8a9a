import json

import pytest

from penstock.spec.objects import ID_LIMIT, ObjectKey, ObjectRefused, key_of, read_key, written


def call(**changes):
    return {"type": "set", "collection": "rooms", "id": "r1", "properties": {"a": 1}} | changes


def text_of(message):
    return written(message, key_of(message), "m1", "2030-01-02T10:00:00.000Z")


def test_what_is_written_is_what_is_read():
    assert json.loads(text_of(call())) == {
        "messageId": "m1",
        "receivedAt": "2030-01-02T10:00:00.000Z",
        "collection": "rooms",
        "id": "r1",
        "properties": {"a": 1},
    }
    assert read_key(text_of(call(id=17))) == ObjectKey("rooms", "17")
    assert json.loads(text_of(call(properties=None)))["properties"] == {}


@pytest.mark.parametrize("collection", [None, 7, "", "Rooms", "my rooms", "1st", "_own", "räume", "x\n", "a" * 128])
def test_a_collection_that_names_no_table_is_refused(collection):
    with pytest.raises(ObjectRefused, match="collection"):
        text_of(call(collection=collection))


@pytest.mark.parametrize("identifier", [None, True, 1.5, "", {}, "a\0b", "x" * (ID_LIMIT + 1)])
def test_an_id_that_no_target_holds_whole_is_refused(identifier):
    with pytest.raises(ObjectRefused, match="id"):
        text_of(call(id=identifier))


@pytest.mark.parametrize(
    ("properties", "reason"), [([1], "object"), ("text", "object"), ({"a": "x" * 33_000}, "too large")]
)
def test_properties_that_are_none_or_too_many_are_refused(properties, reason):
    with pytest.raises(ObjectRefused, match=reason):
        text_of(call(properties=properties))
