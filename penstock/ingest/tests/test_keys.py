import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ingest.answers import Refusal
from penstock.ingest.keys import UnknownKeys, basic_key, plausible
from penstock.kit.clock import ManualClock


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


class TestBasicKey:
    def test_the_user_name_is_the_key(self):
        assert basic_key(basic("key:")) == "key"
        assert basic_key(basic("key:password")) == "key"

    def test_a_key_without_colon_is_taken(self):
        assert basic_key(basic("key")) == "key"

    def test_missing_padding_and_another_case_of_the_scheme_are_taken(self):
        assert basic_key("basic " + base64.b64encode(b"key1:").decode().rstrip("=")) == "key1"

    @pytest.mark.parametrize(
        "header", [None, "", "Basic", "Basic ", "Basic Og==", "Bearer abc", "Basic %%%", "Basic /w=="]
    )
    def test_what_holds_no_key_leaves_the_body_to_decide(self, header):
        assert basic_key(header) is None

    @given(st.text())
    def test_no_header_raises(self, header):
        basic_key("Basic " + header)

    @given(st.text(st.characters(blacklist_characters=":", blacklist_categories=["Cs"]), min_size=1, max_size=100))
    def test_what_a_client_encodes_is_what_is_read(self, key):
        assert basic_key(basic(key + ":")) == key


class TestPlausible:
    def test_keys_as_they_are_made_pass(self):
        assert plausible("a" * 32) == "a" * 32

    @pytest.mark.parametrize("key", [None, ""])
    def test_no_key_is_missing(self, key):
        with pytest.raises(Refusal) as refused:
            plausible(key)
        assert (refused.value.status, refused.value.code) == (400, "missing_write_key")

    @pytest.mark.parametrize("key", ["abc123", "a" * 9, "a" * 257, "a" * 20 + "\n"])
    def test_keys_that_nobody_makes_are_invalid(self, key):
        with pytest.raises(Refusal) as refused:
            plausible(key)
        assert (refused.value.status, refused.value.code) == (400, "invalid_write_key")


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
