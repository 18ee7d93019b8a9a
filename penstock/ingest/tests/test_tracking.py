import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.infra.log import MAX_PAYLOAD
from penstock.ingest.parse import parse_batch, parse_single
from penstock.ingest.tracking import ROUTES, shard_of, weight_of, without_left_out
from penstock.spec.accepted import AcceptedHead, AcceptedRow, RequestRecord, encode_accepted


def stored_size(record: RequestRecord, parsed) -> int:
    rows = [
        AcceptedRow(1 << 22, len(event), 9_999, identifier, True)
        for event, identifier in zip(parsed.events, parsed.message_ids, strict=True)
    ]
    return len(encode_accepted(AcceptedHead("w" * 16, 1, [record], rows), parsed.events))


class TestWeight:
    def test_a_batch_of_tiny_events_weighs_what_its_head_does(self):
        body = b'{"batch":[' + b",".join([b"{}"] * 2500) + b"]}"
        parsed = parse_batch(body)
        record = RequestRecord(1 << 41, "k" * 32, "batch", "255.255.255.255", "\U0001f600" * 512)
        assert stored_size(record, parsed) <= 2 * weight_of(record, 2500, len(body))

    def test_a_single_with_long_names_weighs_what_it_takes(self):
        body = json.dumps({"messageId": "m" * 30_000}).encode()
        parsed = parse_single(body)
        record = RequestRecord(1 << 41, "\u00e9" * 256, "track", "255.255.255.255", "\U0001f600" * 512)
        assert stored_size(record, parsed) <= 2 * weight_of(record, 1, len(body))

    def test_the_largest_frame_fits_into_a_message(self):
        from penstock.ingest.frame_writer import _LARGEST_FRAME
        from penstock.ingest.parse import MERGED_LIMIT

        assert 2 * _LARGEST_FRAME < MAX_PAYLOAD
        assert 2 * MERGED_LIMIT <= MAX_PAYLOAD


class TestShards:
    @given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 256))
    def test_the_same_key_is_in_the_same_shard_as_text_or_bytes(self, key, count):
        assert 0 <= shard_of(key, count) < count
        assert shard_of(key, count) == shard_of(key.encode(), count)

    def test_the_choice_is_the_one_that_every_release_makes(self):
        assert [shard_of(key, 16) for key in ("", "a", "user-1", "user-2")] == [9, 11, 8, 9]

    def test_what_was_left_out_is_told_in_one_shard_alone(self):
        record = RequestRecord(1, "k", "batch", left_out={"event_too_large": 2}, notes={"lone_surrogate": 1})
        assert without_left_out(record) == RequestRecord(1, "k", "batch")


class TestRoutes:
    def test_short_paths_are_first_letters_and_a_slash_may_follow(self):
        assert ROUTES["/v1/s"] == ROUTES["/v1/screen/"] == "screen"
        assert ROUTES["/v1/b"] == ROUTES["/v1/import/"] == "batch"
        assert len(ROUTES) == 30
