import contextlib
import json
from typing import Annotated
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from penstock.api.errors import InputInvalid
from penstock.api.query import listed, number_to, parse_query


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


@given(
    st.dictionaries(
        st.text("abxü'\"/{}[]: \n\x01\u2028", max_size=8),
        st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(['it\'s "so"', "None", "\\", "\\x41"]),
        min_size=1,
        max_size=3,
    )
)
def test_what_python_prints_is_read_like_json_text(value):
    assert parse_query(f"p={quote(str(value))}".encode()) == {"p": value}


@given(st.binary(max_size=200))
def test_no_query_breaks_the_parser(query):
    with contextlib.suppress(InputInvalid):
        parse_query(query)


@pytest.mark.parametrize("query", ["a=1&a=2", "a.0=1&a.1=2", "a[1]=2&a[0]=1", 'a=["1","2"]'])
def test_a_list_is_read_however_it_is_written(query):
    assert listed(parse_query(query.encode())["a"]) == ["1", "2"]


def test_one_value_is_a_list_of_one():
    assert listed("1") == ["1"]
    assert listed({"type": "TRACK"}) == [{"type": "TRACK"}]


@pytest.mark.parametrize("text", ["0", "-1", "1001", "1.5", "", "many", "\u0661", "9" * 5_000])
def test_what_is_no_number_that_can_be_is_told_in_words(text):
    number = TypeAdapter(Annotated[str, number_to(1_000)])
    assert [number.validate_python(each) for each in ("1", "1000")] == ["1", "1000"]
    with pytest.raises(ValidationError, match="must be a whole number from 1 to 1000"):
        number.validate_python(text)
