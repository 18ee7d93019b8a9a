import asyncio
import json
import tracemalloc
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.infra.log import MAX_PAYLOAD
from penstock.ingest.answers import Refusal
from penstock.ingest.limits import Allowance
from penstock.ingest.parse import parse_batch, parse_single
from penstock.ingest.peers import Peers
from penstock.ingest.tracking import ROUTES, Tracking, shard_of, weight_of, without_left_out
from penstock.kit.clock import SystemClock
from penstock.kit.settings import Settings
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


class Reading:
    """A body whose reading ends when the test says so."""

    def add_done_callback(self, callback) -> None:
        self.end = lambda: callback(self)

    def cancel(self) -> bool:
        self.outcome = asyncio.CancelledError()
        return True

    def result(self) -> bytes:
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


class Exchange:
    def __init__(self) -> None:
        self.reading = Reading()
        self.status = 0

    def __call__(self) -> Reading:
        return self.reading

    def response_bytes(self, status, _headers, _body) -> None:
        self.status = status


def post(**headers: str):
    return SimpleNamespace(method="POST", path="/v1/track", headers=headers, client="127.0.0.1:1")


class TestWaiting:
    """A log that stores nothing for a while, and what may be held in memory meanwhile."""

    def test_batches_of_tiny_events_take_no_more_memory_than_may_wait(self):
        held = []
        writer = SimpleNamespace(submit=lambda *submission: held.append(submission))
        view = SimpleNamespace(source_by_write_key=lambda _key: None)
        settings, clock = Settings(waiting_megabytes=4, unknown_key_rate=1_000_000), SystemClock()
        tracking = Tracking([writer], view, Allowance(settings, clock), Peers(()), clock)
        body = b'{"writeKey":"' + b"k" * 32 + b'","batch":[' + b",".join([b"{}"] * 2_500) + b"]}"
        tracemalloc.start()
        with pytest.raises(Refusal) as raised:
            for _ in range(2_000):
                tracking.take(post(), Exchange(), {}, "batch", body)
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert raised.value.status == 503
        assert taken < 4 << 20
        for *_, reply in held:
            reply.stored()
        assert (tracking.waiting_bytes, tracking.waiting) == (0, 0)


class TestThePlainRoad:
    """Requests that are taken on the server's thread."""

    @pytest.fixture
    def tracking(self) -> Tracking:
        view = SimpleNamespace(source_by_write_key=lambda _key: None)
        clock = SystemClock()
        return Tracking([], view, Allowance(Settings(), clock), Peers(()), clock)

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"content-length": str(32 * 1024 + 1)},
            {"content-length": "9" * 7},
            {"content-length": "2", "content-encoding": "gzip"},
        ],
    )
    def test_a_body_that_may_be_large_is_left_to_a_task(self, tracking, headers):
        assert not tracking.begin(post(**headers), Exchange(), "track")

    def test_a_body_that_comes_too_late_is_refused(self, tracking):
        exchange = Exchange()
        assert tracking.begin(post(**{"content-length": "2"}), exchange, "track")
        exchange.reading.cancel()
        exchange.reading.end()
        assert exchange.status == 408
        assert tracking.refused == {"request_timeout": 1}

    def test_a_client_that_goes_ends_its_request_without_an_alarm(self, tracking):
        class RSGIProtocolClosed(Exception):
            pass

        exchange = Exchange()
        tracking.begin(post(**{"content-length": "2"}), exchange, "track")
        exchange.reading.outcome = RSGIProtocolClosed()
        exchange.reading.end()
        assert exchange.status == 400

    def test_what_goes_wrong_unforeseen_is_answered(self, tracking):
        exchange = Exchange()
        tracking.begin(post(**{"content-length": "2", "authorization": "Basic " + "a" * 20}), exchange, "track")
        exchange.reading.outcome = ValueError()
        exchange.reading.end()
        assert exchange.status == 500

    def test_the_headers_are_asked_for_once(self):
        class Scope:
            """As the server's: it copies all headers for each who asks."""

            method, path, client, asked = "POST", "/v1/track", "127.0.0.1:1", 0

            @property
            def headers(self):
                self.asked += 1
                return {"content-length": "2", "user-agent": "sdk"}

        records = []
        writer = SimpleNamespace(submit=lambda record, *_: records.append(record))
        view, clock = SimpleNamespace(source_by_write_key=lambda _key: None), SystemClock()
        tracking = Tracking([writer], view, Allowance(Settings(), clock), Peers(()), clock)
        scope, exchange = Scope(), Exchange()
        assert tracking.begin(scope, exchange, "track")
        exchange.reading.outcome = b'{"writeKey":"' + b"k" * 32 + b'"}'
        exchange.reading.end()
        assert [(record.peer, record.user_agent) for record in records] == [("127.0.0.1", "sdk")]
        assert scope.asked == 1
