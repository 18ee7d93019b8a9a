import asyncio
import base64
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.infra.log import LogUnavailable
from penstock.ingest.answers import Refusal
from penstock.ingest.keys import StrictKeys, basic_key, key_of, plausible


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

    @pytest.mark.parametrize("header", ["", "Basic", "Basic ", "Basic Og==", "Bearer abc", "Basic %%%", "Basic /w=="])
    def test_what_holds_no_key_leaves_the_body_to_decide(self, header):
        assert basic_key(header) is None

    @given(st.text())
    def test_no_header_raises(self, header):
        basic_key("Basic " + header)

    @given(st.text(st.characters(blacklist_characters=":", blacklist_categories=["Cs"]), min_size=1, max_size=100))
    def test_what_a_client_encodes_is_what_is_read(self, key):
        assert basic_key(basic(key + ":")) == key


class TestKeyOf:
    KEY, OTHER = "k" * 32, "o" * 32

    def test_the_header_comes_before_the_body(self):
        assert key_of(basic(self.KEY + ":"), self.OTHER) == self.KEY

    @pytest.mark.parametrize("header", [None, "", "Basic Og==", "Bearer abc", basic("k" * 32 + ":" + "p" * 1_024)])
    def test_without_a_key_in_the_header_that_of_the_body_counts(self, header):
        assert key_of(header, self.OTHER) == self.OTHER

    @pytest.mark.parametrize(("header", "code"), [(None, "missing_write_key"), (basic("short:"), "invalid_write_key")])
    def test_what_is_no_key_is_refused_each_time(self, header, code):
        for _ in range(2):
            with pytest.raises(Refusal) as refused:
                key_of(header, None)
            assert refused.value.code == code


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


class View:
    """A view in which a look finds what was published meanwhile."""

    def __init__(self, *, published=(), error=None):
        self.known, self.published, self.error = set(), set(published), error
        self.looks = 0

    def source_by_write_key(self, key):
        return key if key in self.known else None

    async def refresh(self):
        self.looks += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        self.known |= self.published


class TestStrictKeys:
    async def judged(self, view, *keys):
        """What became of each key: `stored`, or the status of its refusal."""
        strict, found, done = StrictKeys(view), {}, asyncio.Event()

        def note(key, outcome):
            found[key] = outcome
            if len(found) == len(keys):
                done.set()

        for key in keys:
            strict.judge(key, partial(note, key, "stored"), lambda refusal, key=key: note(key, refusal.status))
        async with asyncio.timeout(30):
            await done.wait()
        return found

    async def test_a_source_made_a_moment_ago_is_found_and_a_mistyped_key_is_refused(self):
        view = View(published={"new"})
        assert await self.judged(view, "new", "typo") == {"new": "stored", "typo": 401}
        assert view.looks == 1

    async def test_while_nobody_can_look_clients_are_told_to_come_again(self):
        assert await self.judged(View(error=LogUnavailable("gone")), "new") == {"new": 503}
