import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ingest.answers import Refusal
from penstock.ingest.parse import COUNT_LIMIT, ELEMENT_LIMIT, parse_batch, parse_single
from penstock.kit.json import NESTING_LIMIT, decode_lenient

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def refusal_of(parse, body: bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        parse(body)
    return refused.value


class TestParseSingle:
    def test_the_event_stays_the_bytes_that_were_sent(self):
        body = b'{ "messageId":"m1", "userId" : "u", "n": 9007199254740993, "f":1.50 }'
        parsed = parse_single(body)
        assert parsed.events == [body]
        assert parsed.message_ids == ["m1"]
        assert parsed.made == [False]

    @pytest.mark.parametrize(
        "sent", ["", ', "messageId":""', ', "messageId":null', ', "messageId":5', ', "messageId":{"a":1}']
    )
    def test_a_message_id_that_is_none_is_made(self, sent):
        first, second = (parse_single(f'{{"userId":"u"{sent}}}'.encode()) for _ in range(2))
        assert first.made == [True]
        assert first.message_ids != second.message_ids

    def test_a_long_message_id_is_kept_for_the_pipeline_to_judge(self):
        parsed = parse_single(json.dumps({"messageId": "m" * 101}).encode())
        assert parsed.message_ids == ["m" * 101]

    @pytest.mark.parametrize(
        ("event", "key"),
        [
            ({"anonymousId": "a", "userId": "u", "messageId": "m"}, "a"),
            ({"anonymousId": None, "userId": "u", "messageId": "m"}, "u"),
            ({"userId": None, "messageId": "m"}, "m"),
            ({"anonymousId": 5, "userId": "u", "messageId": "m"}, b"5"),
            ({"anonymousId": "a", "userId": 7, "messageId": "m"}, "a"),
            ({"userId": 7, "messageId": "m"}, b"7"),
        ],
    )
    def test_the_shard_is_picked_by_anonymous_user_or_message_id(self, event, key):
        assert parse_single(json.dumps(event).encode()).keys == [key]

    @pytest.mark.parametrize("sent", ["null", "5", '""', "[]"])
    def test_a_write_key_that_is_no_string_is_none(self, sent):
        assert not parse_single(f'{{"userId":"u","writeKey":{sent}}}'.encode()).write_key

    @pytest.mark.parametrize(
        "body",
        [b"", b" ", b"[]", b"5", b'"x"', b"null", b"{", b'{"a":}', b'{"a":1}}', b'{"a":nan}', b"\x00", b'{"a":"\\x"}'],
    )
    def test_what_is_no_object_is_invalid(self, body):
        refusal = refusal_of(parse_single, body)
        assert (refusal.status, refusal.code) == (400, "invalid_json")

    def test_a_lone_surrogate_is_mended_and_noted(self):
        parsed = parse_single(b'{"userId":"u","properties":{"a":"x\\ud83d"},"messageId":"m"}')
        assert json.loads(parsed.events[0])["properties"] == {"a": "x\N{REPLACEMENT CHARACTER}"}
        assert parsed.notes == {"lone_surrogate": 1}

    def test_a_float_that_json_cannot_hold_costs_its_value_not_the_batch(self):
        parsed = parse_batch(b'{"batch":[{"userId":"u","properties":{"a":NaN}},{"userId":"u"}]}')
        assert json.loads(parsed.events[0])["properties"] == {"a": None}
        assert len(parsed.events) == 2
        assert parsed.notes == {"number_out_of_range": 1}

    def test_a_byte_order_mark_is_passed_over(self):
        assert parse_single(b'\xef\xbb\xbf{"messageId":"m"}').message_ids == ["m"]

    def test_bytes_that_are_no_text_in_an_id_are_mended(self):
        parsed = parse_single(b'{"userId":"u\xff","messageId":"m\xff"}')
        assert parsed.message_ids == ["m\N{REPLACEMENT CHARACTER}"]
        assert sum(parsed.notes.values()) > 0

    def test_the_last_of_duplicate_keys_counts(self):
        assert parse_single(b'{"messageId":"a","messageId":"b"}').message_ids == ["b"]

    def test_an_escaped_name_is_the_same_name(self):
        assert parse_single(b'{"message\\u0049d":"b"}').message_ids == ["b"]

    @pytest.mark.parametrize("depth", [200, 5_000, 15_000])
    def test_nesting_is_bounded(self, depth):
        body = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
        assert refusal_of(parse_single, body).code == "invalid_json"
        assert refusal_of(parse_single, b'{"a":' + b"[" * depth).code == "invalid_json"

    @pytest.mark.parametrize(
        "deepest",
        [
            b'{"":' * (NESTING_LIMIT - 1) + b"{}" + b"}" * (NESTING_LIMIT - 1),
            b'{"":[' * (NESTING_LIMIT // 2) + b"]}" * (NESTING_LIMIT // 2),
            b'{"":' + b"[" * (NESTING_LIMIT - 1) + b"]" * (NESTING_LIMIT - 1) + b"}",
        ],
    )
    def test_the_shortest_text_of_the_deepest_event_is_taken_and_one_level_more_is_not(self, deepest):
        assert parse_single(deepest).events == [deepest]
        assert refusal_of(parse_single, b'{"":' + deepest + b"}").code == "invalid_json"

    @given(st.binary(max_size=300))
    def test_any_bytes_are_read_or_refused(self, body):
        try:
            parsed = parse_single(body)
        except Refusal as refusal:
            assert refusal.status == 400
        else:
            assert isinstance(decode_lenient(parsed.events[0])[0], dict)

    @given(st.dictionaries(st.sampled_from(["messageId", "userId", "anonymousId", "writeKey", "x"]), json_values))
    def test_members_of_any_type_are_read(self, event):
        parsed = parse_single(msgspec.json.encode(event))
        sent = event.get("messageId")
        assert parsed.made == [not (isinstance(sent, str) and sent)]


class TestParseBatch:
    def test_elements_and_what_they_share_stay_raw(self):
        parsed = parse_batch(
            b'{"writeKey":"wk","sentAt":"2030","context":{"a": 1},"integrations":{"All":false},'
            b'"batch":[{"messageId":"1"}, {"messageId":"2","x": 1.0}]}'
        )
        assert parsed.events == [b'{"messageId":"1"}', b'{"messageId":"2","x": 1.0}']
        assert parsed.message_ids == ["1", "2"]
        assert (parsed.write_key, parsed.sent_at) == ("wk", b'"2030"')
        assert (parsed.context, parsed.integrations) == (b'{"a": 1}', b'{"All":false}')

    def test_null_counts_as_absent(self):
        parsed = parse_batch(b'{"writeKey":null,"sentAt":null,"context":null,"integrations":null,"batch":[{}]}')
        assert (parsed.write_key, parsed.sent_at, parsed.context, parsed.integrations) == (None, b"", b"", b"")

    def test_twelve_events_without_ids_get_twelve(self):
        parsed = parse_batch(json.dumps({"batch": [{"userId": "u"}] * 12}).encode())
        assert len(set(parsed.message_ids)) == 12
        assert all(parsed.made)

    def test_an_element_that_is_too_large_is_left_out_alone(self):
        large = {"messageId": "large", "a": "x" * 33 * 1024}
        parsed = parse_batch(json.dumps({"batch": [{"messageId": "1"}, large, {"messageId": "2"}]}).encode())
        assert parsed.message_ids == ["1", "2"]
        assert parsed.left_out == {"event_too_large": 1}

    def test_the_limit_of_an_element_is_inclusive(self):
        frame = len('{"a":""}')
        body = b'{"batch":[%b,%b]}' % tuple(
            b'{"a":"' + b"x" * (ELEMENT_LIMIT - frame + more) + b'"}' for more in (0, 1)
        )
        parsed = parse_batch(body)
        assert [len(event) for event in parsed.events] == [ELEMENT_LIMIT]
        assert parsed.left_out == {"event_too_large": 1}

    def test_what_exceeds_the_count_is_left_out(self):
        parsed = parse_batch(json.dumps({"batch": [{"a": n} for n in range(COUNT_LIMIT + 3)]}).encode())
        assert len(parsed.events) == COUNT_LIMIT
        assert parsed.left_out == {"batch_limit_exceeded": 3}

    def test_an_empty_batch_is_taken_and_told(self):
        parsed = parse_batch(b'{"batch":[]}')
        assert parsed.events == []
        assert parsed.left_out == {"empty_batch": 1}

    @pytest.mark.parametrize("name", ["context", "integrations"])
    def test_what_makes_the_merged_batch_too_large_is_refused(self, name):
        shared = {"a": "x" * 100_000}
        assert len(parse_batch(json.dumps({name: shared, "batch": [{}] * 40}).encode()).events) == 40
        body = json.dumps({name: shared, "batch": [{}] * 42}).encode()
        assert refusal_of(parse_batch, body).code == "payload_too_large"

    def test_elements_that_are_no_objects_are_left_to_the_pipeline(self):
        parsed = parse_batch(b'{"batch":[5,null,"x",[1],{"messageId":"m"}]}')
        assert parsed.events == [b"5", b"null", b'"x"', b"[1]", b'{"messageId":"m"}']
        assert parsed.made == [True, True, True, True, False]

    def test_one_bad_character_does_not_cost_the_batch(self):
        parsed = parse_batch(b'{"batch":[{"messageId":"1","a":"\\udc00"},{"messageId":"2\xff"},{"userId":"\xff"}]}')
        assert len(parsed.events) == 3
        assert sum(parsed.notes.values()) >= 2
        assert all(isinstance(decode_lenient(event)[0], dict) for event in parsed.events)

    @pytest.mark.parametrize("body", [b"{}", b'{"batch":null}', b'{"batch":{}}', b"[]", b"", b'{"batch":[{]}'])
    def test_without_an_array_it_is_invalid(self, body):
        assert refusal_of(parse_batch, body).code == "invalid_json"

    def test_a_write_key_of_another_type_is_invalid(self):
        assert refusal_of(parse_batch, b'{"writeKey":5,"batch":[]}').code == "invalid_write_key"

    @given(st.lists(json_values, max_size=8), json_values)
    def test_elements_of_any_kind_are_kept_in_order(self, elements, context):
        parsed = parse_batch(msgspec.json.encode({"batch": elements, "context": context}))
        assert [msgspec.json.decode(event) for event in parsed.events] == elements

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, body):
        for whole in (body, b'{"batch":[' + body + b"]}"):
            try:
                parse_batch(whole)
            except Refusal as refusal:
                assert refusal.status == 400
