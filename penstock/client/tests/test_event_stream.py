"""Server-sent events as any server may write them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.client.event_stream import read_events


def read(text):
    return list(read_events(text.encode().splitlines(keepends=True)))


def test_names_and_data_are_read_and_comments_passed_over():
    text = ': hello\n\nid: 1\nevent: line\ndata: {"a":1}\n\n: still here\n\ndata: 2\n\n'
    assert read(text) == [("line", {"a": 1}), ("message", 2)]


def test_an_event_that_is_cut_off_is_none():
    assert read('event: line\ndata: {"a":1}\n') == []


def test_carriage_returns_and_a_missing_space_are_no_part_of_the_data():
    assert read('event:line\r\ndata:{"a":1}\r\n\r\n') == [("line", {"a": 1})]


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none())))
def test_what_is_written_is_what_is_read(values):
    lines = [
        part for value in values for part in (b"event: line\n", b"data: " + json.dumps(value).encode() + b"\n", b"\n")
    ]
    assert list(read_events(lines)) == [("line", value) for value in values]
