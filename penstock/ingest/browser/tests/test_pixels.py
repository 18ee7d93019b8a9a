import base64
import json
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ingest.answers import Refusal
from penstock.ingest.body import SINGLE_LIMIT
from penstock.ingest.browser.pixels import GIF, event_of, pixel_body

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
EVENTS = st.dictionaries(TEXT, JSON, max_size=5)


def scope(query, **headers):
    return SimpleNamespace(query_string=query, headers=headers)


def written(event, alphabet, has_padding, encoding):
    raw = json.dumps(event).encode()
    text = (base64.urlsafe_b64encode if alphabet == "safe" else base64.b64encode)(raw).decode()
    text = text if has_padding else text.rstrip("=")
    # What is not escaped turns a plus into a blank.
    return text if encoding == "bare" else quote(text, safe="")


class TestData:
    @given(EVENTS, st.sampled_from(["safe", "plain"]), st.booleans(), st.sampled_from(["bare", "quoted"]))
    def test_every_way_of_writing_base64_is_read(self, event, alphabet, has_padding, encoding):
        assert event_of("data=" + written(event, alphabet, has_padding, encoding)) == event

    @given(EVENTS)
    def test_plain_json_is_read(self, event):
        assert event_of(urlencode({"data": json.dumps(event)})) == event

    @pytest.mark.parametrize("data", ["", "!", "AA", "W10=", "bnVsbA==", "{", "{" * 5_000, quote("[" * 10_000)])
    def test_what_is_no_object_is_refused(self, data):
        with pytest.raises(Refusal):
            event_of("data=" + data)

    def test_the_key_may_stand_beside_the_data(self):
        assert event_of("data=e30=&writeKey=wk") == {"writeKey": "wk"}
        assert event_of("data=eyJ3cml0ZUtleSI6ImluIn0&writeKey=out") == {"writeKey": "in"}

    @given(st.text(st.characters(codec="utf-8"), max_size=200) | st.binary(max_size=100).map(quote))
    def test_whatever_comes_is_an_event_or_refused(self, query):
        try:
            pixel_body(scope(query))
        except Refusal as refusal:
            assert refusal.status == 400


class TestDottedParameters:
    def test_a_name_is_a_path(self):
        query = "writeKey=wk&userId=u1&event=Seen&properties.subject=Hi+there&context.page.url=http%3A%2F%2Fa"
        assert event_of(query) == {
            "writeKey": "wk",
            "userId": "u1",
            "event": "Seen",
            "properties": {"subject": "Hi there"},
            "context": {"page": {"url": "http://a"}},
        }

    def test_what_goes_through_a_text_or_too_deep_is_left_out(self):
        assert event_of("a=1&a.b=2&c.d=3&c=4&" + "x." * 40 + "y=5&.=6")["a"] == "1"
        assert event_of("c.d=3&c=4") == {"c": {"d": "3"}}

    def test_too_many_are_refused(self):
        with pytest.raises(Refusal):
            event_of("&".join(f"a{number}=1" for number in range(1_001)))


class TestBody:
    def test_the_server_adds_what_the_client_says_of_itself(self):
        found = json.loads(pixel_body(scope("userId=u1", **{"user-agent": "Mail/1"})))
        assert found["context"] == {"userAgent": "Mail/1"}

    def test_what_was_sent_stays(self):
        found = json.loads(pixel_body(scope("context.userAgent=x", **{"user-agent": "Mail/1"})))
        assert found["context"] == {"userAgent": "x"}

    def test_a_context_that_is_no_object_is_left_to_the_pipeline(self):
        assert json.loads(pixel_body(scope("context=x")))["context"] == "x"

    def test_an_event_is_no_larger_than_one_that_is_posted(self):
        rest = len(pixel_body(scope("userId=u1&event=")))
        assert len(pixel_body(scope("userId=u1&event=" + "x" * (SINGLE_LIMIT - rest)))) == SINGLE_LIMIT
        garbage = base64.urlsafe_b64encode(b'{"event":"' + b"\xff" * 20_000 + b'"}').decode()
        for query in ("userId=u1&event=" + "x" * (SINGLE_LIMIT - rest + 1), "data=" + garbage):
            with pytest.raises(Refusal) as raised:
                pixel_body(scope(query))
            assert raised.value.code == "payload_too_large"


def test_the_image_is_one_transparent_pixel():
    assert len(GIF) == 43
    assert GIF.startswith(b"GIF89a\x01\x00\x01\x00")
