import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.delivery.settling.endings import Endings, weight_of
from penstock.delivery.settling.ledger import rung_for
from penstock.delivery.settling.settle import _cuts, _early, _fitting
from penstock.kit.settings import Settings
from penstock.spec import delivery
from penstock.spec.delivery import DeliveryRef, QuarantineRow, RetryRow
from penstock.spec.event import EVENT_TYPES
from penstock.spec.facts import CountedLatency, CountedOutcome, latency_bucket, latency_limit
from penstock.spec.outcome import Outcome

LADDER = Settings()
REF = DeliveryRef("w", "web", "d", "s")


class TestRungs:
    @pytest.mark.parametrize(
        ("attempts", "retry_after", "rung"),
        [
            (1, 0, 0),
            (2, 0, 1),
            (9, 0, 8),
            (1, 30, 0),
            (1, 31, 1),
            (1, 3600, 7),
            (1, 9999, 8),
            (5, 10, 4),
            (9, 1, 8),
            (9, 9999, 8),
        ],
    )
    def test_a_delivery_takes_its_own_rung_or_the_first_that_is_long_enough(self, attempts, retry_after, rung):
        assert rung_for(LADDER, attempts, retry_after) == rung


class TestEndings:
    def test_equal_outcomes_are_one_count(self):
        endings = Endings()
        for attempt in range(3):
            endings.count(REF, Outcome.DELIVERED, "", 0, "e", 60_000, is_retried=attempt == 2)
        (counted,) = endings.counted(EVENT_TYPES)
        assert counted == CountedOutcome("w", "web", "d", "s", "SUCCESSFUL_DELIVERY", "", "track", "e", 1, 3, 1)

    def test_names_are_bounded(self):
        endings = Endings()
        for number in range(1_200):
            endings.count(REF, Outcome.DELIVERED, "", 0, f"e{number}", 0)
        counted = {one.event_name: one.count for one in endings.counted(EVENT_TYPES)}
        assert len(counted) == 1_001
        assert counted["other"] == 200

    def test_a_name_with_an_address_is_other(self):
        endings = Endings()
        for name in ("e", "of ada@mail.example", "3 @ 5.0"):
            endings.count(REF, Outcome.DELIVERED, "", 0, name, 0)
        assert {one.event_name for one in endings.counted(EVENT_TYPES)} == {"e", "other", "3 @ 5.0"}

    def test_app_versions_are_bounded(self):
        endings = Endings()
        for number in range(30):
            endings.count(REF, Outcome.DELIVERED, "", 0, "e", 0, f"1.{number}")
        counted = {one.app_version: one.count for one in endings.counted(EVENT_TYPES)}
        assert (len(counted), counted["1.0"], counted["other"]) == (20, 1, 11)

    @given(st.lists(st.integers(-5, 1 << 50), min_size=1))
    def test_latencies_are_a_histogram_whose_limits_hold_them(self, durations: list[int]):
        endings = Endings()
        for each in durations:
            endings.measure(REF, 1_000, 1_000 + each)
        counted = endings.measured()
        assert sum(one.count for one in counted) == len(durations)
        for each in durations:
            bucket, known = latency_bucket(each), min(max(each, 1), 1 << 40)
            assert known <= latency_limit(bucket) <= known * 1.2 + 1

    def test_readers_wait_when_many_latencies_are_told_apart(self):
        endings = Endings()
        number = 0
        while not endings.is_full():
            endings.measure(DeliveryRef("w" * 22, "s" * 22, f"{number:022}", "p"), 0, 60_000_000)
            number += 1
        head = delivery.SettledHead("owner", 1, 1, 0, [], [], [], [], [], 0, endings.measured())
        assert len(delivery.encode_settled(head)) < 1 << 20

    def test_rows_point_to_their_events(self):
        endings = Endings()
        for number in range(3):
            body = b"x" * (number + 1)
            endings.retry(0, REF, RetryRow(0, 0, 0, 0, "", "m", 1, 5, "500", b"r" * 9_999), body)
            endings.keep("d", REF, QuarantineRow(0, 0, "s", 0, "", "m", "", "FAILED_DELIVERY", "500"), body)
        assert [(row.offset, row.length) for row in endings.retries[0].rows] == [(0, 1), (1, 2), (3, 3)]
        assert [(row.offset, row.length) for row in endings.quarantine["d"].quarantined] == [(0, 1), (1, 2), (3, 3)]
        assert len(endings.retries[0].rows[0].response) == delivery.RESPONSE_LIMIT

    def test_counts_fit_into_one_message_however_many_destinations_and_names_there_are(self):
        endings = Endings()
        number = 0
        while not endings.is_full():
            ref = DeliveryRef("w" * 22, "s" * 22, f"{number % 30_000:022}", "p" * 22)
            endings.count(
                ref, Outcome.FILTERED_AT_DESTINATION, "FILTERED_BY_INTEGRATIONS_OBJECT", 0, "é" * 100, 0, "é" * 64
            )
            number += 1
        counted = endings.counted(EVENT_TYPES)
        assert sum(one.count for one in counted) == number
        head = delivery.SettledHead("owner", 1, 1, 0, [], [], [], [], counted)
        assert len(delivery.encode_settled(head)) < 3 << 20

    def test_readers_wait_when_much_has_ended(self):
        endings = Endings()
        body = b"x" * (1 << 20)
        for _ in range(9):
            assert not endings.is_full()
            endings.keep("d", REF, QuarantineRow(0, 0, "s", 0, "", "m", "", "FAILED_DELIVERY", "500"), body)
        assert endings.is_full()


class TestFrames:
    def test_heads_count_too_where_events_are_small(self):
        endings = Endings()
        for number in range(20_000):
            row = RetryRow(0, 0, 0, 0, "é" * 100, f"m{number}", 1, 5, "500", b"r" * delivery.RESPONSE_LIMIT)
            endings.retry(0, REF, row, b"{}")
        rows = endings.retries[0]
        frames = [
            delivery.encode_retry(delivery.RetryHead(0, 5, 1.0, [REF], rows.rows[first:last]), rows.bodies[first:last])
            for first, last in _cuts([weight_of(row) for row in rows.rows])
        ]
        assert max(map(len, frames)) <= 4 << 20
        assert len(frames) > 10


class TestBatches:
    @given(st.lists(st.integers(0, 3 << 20), max_size=30))
    def test_frames_hold_all_rows_once_and_fit(self, lengths: list[int]):
        cuts = list(_cuts(lengths))
        assert list(itertools.chain.from_iterable(range(*cut) for cut in cuts)) == list(range(len(lengths)))
        assert all(last - first == 1 or sum(lengths[first:last]) <= 4 << 20 for first, last in cuts)

    def test_what_fits_goes_in_one_batch(self):
        messages = [("delivery.0.quarantine.d", b"x"), ("delivery.0.settled", b"y")]
        assert list(_early(messages)) == []
        assert _fitting(messages) == messages

    def test_quarantine_of_very_many_holders_goes_before_the_batch(self):
        quarantine = [(f"delivery.0.quarantine.d{number}", b"x") for number in range(2_000)]
        rest = [("delivery.0.retry.0", b"r"), ("delivery.0.settled", b"s")]
        early = list(_early([*quarantine, *rest]))
        assert list(itertools.chain.from_iterable(early)) == quarantine
        assert all(len(part) <= 900 for part in early)
        assert _fitting([*quarantine, *rest]) == rest


class TestSpec:
    def test_a_settled_record_reads_as_it_was_written(self):
        head = delivery.SettledHead(
            "owner",
            7,
            12,
            3,
            [delivery.Behind("d", 4, 5)],
            [1, 0],
            [delivery.OpenEvent("d", 3, 1, ["s"], True)],
            [(9, 2)],
            [CountedOutcome("w", "web", "d", "s", "SUCCESSFUL_DELIVERY", "", "track", "e", 1, 3)],
            99,
            [CountedLatency("w", "web", "d", 1, 40, 3)],
        )
        assert delivery.settled_decoder.frame(delivery.encode_settled(head))[0] == head

    def test_a_retry_reads_as_it_was_written(self):
        head = delivery.RetryHead(2, 5, 0.7, [REF], [RetryRow(0, 2, 0, 1, "e", "m", 3, 4, "500", b"r")])
        read, body = delivery.retry_decoder.frame(delivery.encode_retry(head, [b"{}"]))
        assert (read, bytes(body)) == (head, b"{}")
