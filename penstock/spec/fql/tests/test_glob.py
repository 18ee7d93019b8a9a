import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.fql.glob import PATTERN_LIMIT, matcher_of


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "x", False),
        ("**a**", "bab", True),
        ("a*a", "a", False),
        ("a*ab", "aab", True),
        ("*ab*ba*", "aba", False),
        ("a*/*c", "a/b/c", True),
        ("?", "😀", True),
        ("?", "", False),
        ("[a-cx0-9]", "x", True),
        ("[a-cx0-9]", "d", False),
        ("[^a]", "b", True),
        ("[!a]", "!", True),
        ("[!a]", "b", False),
        ("[a^]", "^", True),
        ("[z-a]", "m", False),
        ("[^z-a]", "m", True),
        (r"[\]]", "]", True),
        (r"[\--0]", ".", True),
        (r"\[a", "[a", True),
        ("a]", "a]", True),
        ("-", "-", True),
        (".", "x", False),
        ("a+", "aa", False),
        ("a\n*", "a\nb\nc", True),
        ("[[a]", "[", True),
        ("[&&]", "&", True),
        ("*.example.com", "www.example.com", True),
    ],
)
def test_a_pattern_fits_a_whole_string(pattern, text, fits):
    assert matcher_of(pattern)(text) is fits


@pytest.mark.parametrize(
    "pattern", ["[", "[a", "[]", "[]a]", "[-x]", "[x-]", "[a-b-c]", "[^]", "[^-x]", "ab\\", "[\\", "x*[a"]
)
@pytest.mark.parametrize("text", ["", "a", "[", "]", "-", "ab", "x", pytest.param("x" * 10, id="xs")])
def test_a_malformed_pattern_fits_nothing(pattern, text):
    assert matcher_of(pattern)(text) is False


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_stars_and_question_marks_are_those_of_a_regular_expression(pattern, text):
    expression = "".join({"*": ".*", "?": "."}.get(each, each) for each in pattern)
    assert matcher_of(pattern)(text) is (re.fullmatch(expression, text) is not None)


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_pattern_raises(pattern, text):
    matcher_of(pattern)(text)


def test_a_pattern_beyond_the_limit_fits_nothing():
    assert matcher_of("?" * PATTERN_LIMIT)("x" * PATTERN_LIMIT)
    assert not matcher_of("*" * (PATTERN_LIMIT + 1))("x")


def test_no_pattern_takes_long():
    """What makes a backtracking engine run for years, and the worst for this one."""
    text = "a" * 32_000
    started = time.process_time()
    assert not matcher_of("*a" * 500 + "*b")(text)
    assert not matcher_of("*" + "?" * 500 + "[b-c]*")(text)
    assert time.process_time() - started < 2
