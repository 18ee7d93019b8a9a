import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.mentions import mentioned_in


def request(body="", *, url="http://x/fn?b=k", headers=(), is_form=False):
    given = {"messageId": "r", "receivedAt": "", "url": url, "headers": list(headers), "body": body, "isForm": is_form}
    return json.dumps(given).encode()


@pytest.mark.parametrize(
    "asked",
    [
        request('{"user":{"id":"u-1"}}'),
        request('["a",["u-1"]]'),
        request('{"u-1":true}'),
        request('"u-1"'),
        request('{"event":"{\\"user\\":\\"u-1\\"}"}'),
        request('{"text":"from u-1, today"}'),
        request('{"key":"user:u-1"}'),
        request("u-1"),
        request('{"broken":"u-1"'),
        request("a=b&who=u-1", is_form=True),
        request("payload=%7B%22user%22%3A%22u-1%22%7D", is_form=True),
        request("{}", url="http://x/fn?b=k&user=u-1"),
        request("{}", headers=[("x-user", "u-1")]),
        request("{}", url="http://[/fn?b=k&user=u-1"),
        request("[" * 200 + '"u-1"' + "]" * 200),
    ],
)
def test_an_id_is_found_wherever_it_stands(asked):
    assert "u-1" in mentioned_in(asked)


def test_an_id_of_digits_and_one_with_an_at_sign_are_found():
    found = mentioned_in(request('{"id":417,"is":true,"mail":"Ada <ada@mail.example>"}'))
    assert {"417", "ada@mail.example"} <= found
    assert "True" not in found


@pytest.mark.parametrize("other", [request('{"user":"u-10"}'), request('{"user":"au-1"}'), request("{}")])
def test_another_id_is_not_taken_for_it(other):
    assert "u-1" not in mentioned_in(other)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"userId":"u-1"}', b"\xff"])
def test_what_is_no_request_mentions_nobody(text):
    assert mentioned_in(text) == frozenset()


json_values = st.recursive(
    st.text() | st.integers(-(2**53), 2**53) | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values, st.from_regex(r"[a-z0-9@._-]+", fullmatch=True))
def test_an_id_is_found_beside_any_value(value, subject):
    assert subject in mentioned_in(request(json.dumps([value, {"id": [subject]}])))


@given(st.binary() | st.text().map(request))
def test_no_request_is_too_strange_to_be_read(text):
    mentioned_in(text)
