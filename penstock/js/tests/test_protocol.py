import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.js.protocol import Operation, RunnerRequest, decode_answer, encode_request

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


class TestEncodeRequest:
    @given(st.text(), st.text(), values, st.lists(values, max_size=4))
    def test_any_request_is_one_line_of_json_that_says_the_same(self, action, trigger, mapping, events):
        request = RunnerRequest(
            operation=Operation.BATCH,
            action=action,
            trigger=trigger,
            mapping=json.dumps(mapping, indent=2).encode(),
            events=[json.dumps(event, indent=1).encode() for event in events],
        )
        line = encode_request(7, request)
        assert line.count(b"\n") == 1
        decoded = json.loads(line)
        assert decoded["action"] == action
        assert decoded["subscription"]["subscribe"] == trigger
        assert decoded["subscription"]["mapping"] == mapping
        assert decoded["events"] == events

    def test_the_id_stands_first_so_that_it_is_found_in_a_broken_line(self):
        assert encode_request(12, RunnerRequest(operation=Operation.PING)).startswith(b'{"id":12,')

    def test_events_are_spliced_byte_for_byte(self):
        event = b'{"n":9007199254740993,"f":1.10,"k":"\\u00e9"}'
        line = encode_request(1, RunnerRequest(operation=Operation.EVENT, events=[event]))
        assert b'"events":[' + event + b"]" in line

    def test_oauth_is_null_where_there_is_none(self):
        assert json.loads(encode_request(1, RunnerRequest(operation=Operation.EVENT)))["oauth"] is None


class TestDecodeAnswer:
    def test_an_answer_without_optional_parts_is_read(self):
        answer = decode_answer(b'{"id":3,"ok":true,"results":[{"output":"not subscribed"}],"ms":0.4}')
        assert answer.results[0].output == "not subscribed"
        assert answer.data() is None

    @pytest.mark.parametrize("line", [b"", b"{}", b"hello", b'{"id":"x","ok":true}', b'{"id":1}'])
    def test_a_line_of_something_else_is_refused(self, line):
        with pytest.raises(msgspec.MsgspecError):
            decode_answer(line)
