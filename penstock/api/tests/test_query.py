import contextlib
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.api.errors import InputInvalid
from penstock.api.query import parse_query


@pytest.mark.parametrize(
    "query",
    [
        "pagination%5Bcursor%5D=MjA%3D%26x&pagination%5Bcount%5D=2",
        "pagination[count]=2&pagination[cursor]=MjA%3D%26x",
        "pagination.count=2&pagination.cursor=MjA%3D%26x",
    ],
)
def test_brackets_and_dots_say_the_same(query):
    assert parse_query(query.encode()) == {"pagination": {"count": "2", "cursor": "MjA=&x"}}


def test_json_text_says_the_same_with_a_number():
    query = "pagination=%7B%22cursor%22%3A%20%22MjA%3D%26x%22%2C%20%22count%22%3A%202%7D"
    assert parse_query(query.encode()) == {"pagination": {"count": 2, "cursor": "MjA=&x"}}


def test_an_empty_value_says_that_the_parameter_is_absent():
    assert parse_query(b"pagination=&x=1") == {"x": "1"}


@pytest.mark.parametrize("query", [b"a=" + b"x" * 20_000, b"&".join(b"a%d=1" % n for n in range(300))])
def test_a_query_out_of_bounds_is_refused(query):
    with pytest.raises(InputInvalid):
        parse_query(query)


@given(st.dictionaries(st.text(st.characters(categories=["L", "N"]), min_size=1), st.text(min_size=1), max_size=5))
def test_json_text_is_read_whatever_it_holds(value):
    assert parse_query(f"p={quote(json.dumps(value))}".encode()) == {"p": value}


@given(st.binary(max_size=200))
def test_no_query_breaks_the_parser(query):
    with contextlib.suppress(InputInvalid):
        parse_query(query)
