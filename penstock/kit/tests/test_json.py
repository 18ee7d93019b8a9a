import contextlib
import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.json import (
    INVALID_UTF8,
    LONE_SURROGATE,
    NESTING_LIMIT,
    NUMBER_OUT_OF_RANGE,
    JsonError,
    decode_lenient,
    is_too_deep,
    mended,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_clean_text_is_decoded_without_notes():
    assert decode_lenient(b'{"a":[1,2.5,"x",null,true]}') == ({"a": [1, 2.5, "x", None, True]}, {})


def test_integers_stay_exact_at_any_length_that_a_reader_takes():
    number = int("7" * 4000)
    assert decode_lenient(b'{"a":%d,"b":9223372036854775808}' % number) == ({"a": number, "b": 2**63}, {})


def test_an_integer_that_no_reader_takes_becomes_null_with_a_note():
    assert decode_lenient(b"[" + b"7" * 4301 + b"]") == ([None], {NUMBER_OUT_OF_RANGE: 1})


def test_numbers_beyond_a_float_become_null_with_a_note():
    text = b'{"a":1e400,"b":-1E+999,"c":"1e400","d":1e-400,"e":1.5e3}'
    assert decode_lenient(text) == (
        {"a": None, "b": None, "c": "1e400", "d": 0.0, "e": 1500.0},
        {NUMBER_OUT_OF_RANGE: 2},
    )


def test_lone_surrogates_become_replacement_characters():
    text = rb'{"\ud800":"a\uDC00b","pair":"\ud83d\ude00","escaped":"\\ud800","wrong order":"\udc00\ud800"}'
    value, notes = decode_lenient(text)
    assert value == {"�": "a�b", "pair": "😀", "escaped": "\\ud800", "wrong order": "��"}
    assert notes == {LONE_SURROGATE: 4}


def test_surrogates_encoded_as_bytes_are_joined_or_replaced():
    pair = "\ud83d\ude00".encode("utf-8", "surrogatepass")
    assert decode_lenient(b'"%s"' % pair)[0] == "😀"
    assert decode_lenient(b'"a\xed\xa0\x80"') == ("a�", {LONE_SURROGATE: 1})


def test_bytes_that_are_no_utf8_do_not_cost_a_batch():
    assert decode_lenient(b'{"a":"caf\xe9"}') == ({"a": "caf�"}, {INVALID_UTF8: 1})


@pytest.mark.parametrize("spelling", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_python_writes_for_a_float_that_json_cannot_hold_becomes_null(spelling):
    text = b'{"NaN":"NaN, -Infinity","a":[%s,1]}' % spelling
    assert decode_lenient(text) == ({"NaN": "NaN, -Infinity", "a": [None, 1]}, {NUMBER_OUT_OF_RANGE: 1})


def test_nul_is_kept():
    assert decode_lenient(rb'"a\u0000b"') == ("a\0b", {})


def test_a_byte_order_mark_is_passed_over():
    assert decode_lenient(b"\xef\xbb\xbf{}")[0] == {}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"a":}',
        b"NaNa",
        b"[+Infinity]",
        b"-Inf",
        b"01",
        b"[1,]",
        b"{'a':1}",
        b'"x',
        b'"a\nb"',
        b"{}x",
        b"1.2.3",
        b"-",
    ],
)
def test_malformed_text_is_refused(text):
    with pytest.raises(JsonError):
        decode_lenient(text)


@pytest.mark.parametrize("bracket", [b"[]", b"{}"])
def test_nesting_is_bounded_by_levels_not_by_brackets(bracket):
    opening = b"[" if bracket == b"[]" else b'{"a":'
    closing = bracket[1:]
    deep = opening * NESTING_LIMIT + b"1" + closing * NESTING_LIMIT
    assert not is_too_deep(deep, NESTING_LIMIT)
    assert is_too_deep(opening + deep + closing, NESTING_LIMIT)
    assert not is_too_deep(b"[" + b",".join([bracket] * 5000) + b"]", 2)
    assert not is_too_deep(b'"' + b"[" * 5000 + b'"', NESTING_LIMIT)


def test_objects_and_arrays_in_turn_count_as_levels_each():
    assert not is_too_deep(b'[{"a":' * 64 + b"1" + b"}]" * 64, 128)
    assert is_too_deep(b'[{"a":' * 64 + b"[]" + b"}]" * 64, 128)


def test_brackets_that_do_not_pair_are_too_deep_or_malformed():
    for text in (b"[" * 500_000, b'{"a":' * 100_000, b"[}" * 1000, b"]" * 1000 + b"[" * 1000):
        with pytest.raises(JsonError):
            decode_lenient(text)


@pytest.mark.parametrize(
    "text",
    [
        b'"' + rb"\"" * 250_000,
        b'["\xff' + b'","' * 160_000,
        b"1" * 500_000,
        b"[" * 250_000 + b"]" * 250_000,
        b"-" * 500_000,
    ],
)
def test_hostile_text_takes_no_long_time(text):
    began = time.process_time()
    with contextlib.suppress(JsonError):
        decode_lenient(text)
    assert time.process_time() - began < 20


@given(values)
def test_mending_leaves_clean_text_as_it_is(value):
    text = msgspec.json.encode(value)
    assert mended(text) == (text, {})
    assert decode_lenient(text)[0] == json.loads(text)


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_make_it_raise_anything_else(data):
    with contextlib.suppress(JsonError):
        decode_lenient(data)


@given(values, st.binary(min_size=1, max_size=3), st.integers(min_value=0))
def test_damaged_json_is_refused_or_decoded_to_what_can_be_encoded(value, damage, place):
    text = msgspec.json.encode(value)
    at = place % (len(text) + 1)
    try:
        decoded, _ = decode_lenient(text[:at] + damage + text[at:])
    except JsonError:
        return
    msgspec.json.encode(decoded)
