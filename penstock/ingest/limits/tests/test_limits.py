import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ingest.answers import Refusal
from penstock.ingest.limits import Allowance, Quotas, UnknownKeys
from penstock.ingest.limits.bucket import Bucket
from penstock.kit.clock import ManualClock
from penstock.kit.settings import Settings
from penstock.spec.snapshot import SourceSnapshot


def source(identifier="s1", workspace="w1", rate=0):
    return SourceSnapshot(identifier, workspace, 1, "shop", "Shop", True, ["k"], 0, "shop", event_rate=rate)


def passed(take, count):
    """How many of so many are taken."""
    taken = 0
    for _ in range(count):
        try:
            take()
        except Refusal as refusal:
            assert (refusal.status, refusal.code) == (429, "rate_limited")
        else:
            taken += 1
    return taken


class TestBucket:
    @given(st.floats(0.5, 10_000), st.lists(st.tuples(st.integers(1, 500), st.floats(0, 2)), max_size=60))
    def test_over_any_time_no_more_passes_than_the_rate_a_second_and_one_request(self, rate, requests):
        now = spent = 0.0
        largest = 0
        bucket = Bucket(rate, now)
        for events, wait in requests:
            now += wait
            if not bucket.seconds_to_wait(now):
                bucket.spend(events)
                spent += events
                largest = max(largest, events)
        assert spent <= rate * (now + 1) + largest + 1e-6

    @given(st.floats(0.5, 1_000), st.integers(1, 5_000))
    def test_who_waits_as_long_as_he_is_told_passes(self, rate, events):
        bucket = Bucket(rate, 0.0)
        bucket.spend(events)
        wait = bucket.seconds_to_wait(0.0)
        assert bucket.seconds_to_wait(float(wait)) == 0


class TestUnknownKeys:
    def test_the_rate_holds_over_time(self):
        clock = ManualClock()
        bucket = UnknownKeys(100, clock)
        passed = 0
        for _ in range(500):
            try:
                bucket.take("k" * 20, 1)
                passed += 1
            except Refusal as refusal:
                assert refusal.status == 429
            clock.advance(0.001)
        assert 100 + 45 <= passed <= 100 + 55

    def test_a_batch_larger_than_the_bucket_passes_and_is_paid_for(self):
        clock = ManualClock()
        bucket = UnknownKeys(100, clock)
        bucket.take("k" * 20, 600)
        with pytest.raises(Refusal) as refused:
            bucket.take("k" * 20, 1)
        assert refused.value.retry_after == 6
        assert ("retry-after", "6") in refused.value.headers()
        assert ("x-ratelimit-reset", "6") in refused.value.headers()
        clock.advance(refused.value.retry_after)
        bucket.take("k" * 20, 1)

    def test_each_key_is_counted_and_their_number_is_bounded(self):
        bucket = UnknownKeys(10_000, ManualClock())
        for number in range(300):
            bucket.take(f"key-{number:020}", 2)
        assert len(bucket.counts) == 100
        assert bucket.counts[f"key-{299:020}"] == 2


class TestQuotas:
    def test_none_is_in_force_unless_it_is_set(self):
        quotas = Quotas(Settings(), ManualClock())
        assert passed(lambda: quotas.take(source(), 1), 5_000) == 5_000

    def test_a_source_has_its_own_rate_before_the_installations(self):
        quotas = Quotas(Settings(source_event_rate=10), ManualClock())
        assert passed(lambda: quotas.take(source("a"), 1), 50) == 10
        assert passed(lambda: quotas.take(source("b", rate=20), 1), 50) == 20

    def test_a_source_may_be_without_a_rate_where_the_installation_has_one(self):
        quotas = Quotas(Settings(source_event_rate=10), ManualClock())
        assert passed(lambda: quotas.take(source("a", rate=-1), 1), 5_000) == 5_000
        quotas = Quotas(Settings(source_event_rate=10, workspace_event_rate=20), ManualClock())
        assert passed(lambda: quotas.take(source("a", rate=-1), 1), 5_000) == 20

    def test_sources_of_a_workspace_share_its_rate(self):
        quotas = Quotas(Settings(workspace_event_rate=10), ManualClock())
        assert passed(lambda: quotas.take(source("a"), 1), 6) == 6
        assert passed(lambda: quotas.take(source("b"), 1), 50) == 4
        assert passed(lambda: quotas.take(source("c", "w2"), 1), 50) == 10

    def test_what_the_workspace_refuses_is_not_charged_to_the_source(self):
        clock = ManualClock()
        quotas = Quotas(Settings(source_event_rate=10, workspace_event_rate=1), clock)
        assert passed(lambda: quotas.take(source(), 1), 50) == 1
        clock.advance(1)
        assert passed(lambda: quotas.take(source(), 1), 50) == 1

    def test_a_changed_rate_is_in_force_at_once(self):
        quotas = Quotas(Settings(), ManualClock())
        assert passed(lambda: quotas.take(source(rate=5), 1), 50) == 5
        assert passed(lambda: quotas.take(source(rate=7), 1), 50) == 7

    def test_their_memory_is_bounded(self):
        quotas = Quotas(Settings(source_event_rate=1), ManualClock())
        for number in range(50_000):
            quotas.take(source(str(number)), 1)
        assert len(quotas._buckets) <= 20_000


class TestAllowance:
    def test_a_known_source_does_not_use_up_what_unknown_keys_may_send(self):
        allowance = Allowance(Settings(unknown_key_rate=1), ManualClock())
        assert passed(lambda: allowance.take("k", source(), 1), 50) == 50
        assert passed(lambda: allowance.take("k", None, 1), 50) == 1
