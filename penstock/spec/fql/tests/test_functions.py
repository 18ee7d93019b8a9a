import pytest

from penstock.spec.fql import TYPE_ERROR, compile_expression

EVENT = {
    "s": "big red hat",
    "n": 3,
    "f": 3.0,
    "half": 0.5,
    "huge": 1e300,
    "t": True,
    "l": [1, "a", None],
    "o": {"a": 1},
    "empty": [],
    "digits": "9" * 400,
    "pattern": "b*t",
}


def value(text):
    return compile_expression(text).value(EVENT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bool(missing)", False),
        ("bool(n)", True),
        ("bool(0)", False),
        ("bool('')", False),
        ("bool('FALSE')", False),
        ("bool('no')", True),
        ("bool(l)", True),
        ("bool(empty)", False),
        ("bool(t)", True),
        ("bool(o)", TYPE_ERROR),
        ("string(n)", "3"),
        ("string(f)", "3"),
        ("string(half)", "0.5"),
        ("string(t)", "true"),
        ("string(missing)", ""),
        ("string(l)", '[1,"a",null]'),
        ("string(s)", "big red hat"),
        ("string(o)", TYPE_ERROR),
        ("number('42')", 42),
        ("number(' -4.5 ')", -4.5),
        ("number('1e3')", 1000.0),
        ("number('1e999')", None),
        ("number(digits)", None),
        ("number('4x')", None),
        ("number('')", None),
        ("number(half)", 0.5),
        ("number(t)", None),
        ("number(l)", None),
        ("number(o)", None),
        ("length(t)", TYPE_ERROR),
        ("length(n)", TYPE_ERROR),
        ("titlecase('ab  cD e')", "Ab  CD E"),
        ("snakecase(n)", None),
        ("uppercase(o)", None),
        ("typeof(o)", "object"),
        ("match(s, pattern)", True),
        ("match(s, n)", False),
        ("contains(s, n)", False),
        ("semver('1.x', '=', '1')", False),
        ("semver('1.2', '~', '1.2')", False),
        ("semver('1. 2', '<', '1.10')", True),
        ("semver('3-beta', '!=', '3')", False),
        ("semver(n, '=', '3')", False),
    ],
)
def test_a_function_gives_what_its_table_says(text, expected):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t = 1", False),
        ("1 = true", False),
        ("[true] = [1]", False),
        ("[1] = [1.0]", True),
        ("t in [1]", False),
        ("t < 2", False),
        ("o = o", True),
        ("o != l", True),
        ("huge > 99999999999999999999", True),
        ("n in l", False),
        ("null in l", True),
        ("1 in o", False),
        ("missing.a.b", None),
        ("s.a", None),
        ("l.a", None),
        ("missing and n", False),
        ("t or n", True),
        ("t and n", TYPE_ERROR),
        ("!n", TYPE_ERROR),
        ("missing or missing", False),
        ("!missing", True),
    ],
)
def test_an_operator_converts_nothing(text, expected):
    assert value(text) is expected


def test_objects_are_equal_with_their_keys_in_order():
    is_equal = compile_expression("a = b")
    assert is_equal.value({"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}}) is True
    assert is_equal.value({"a": {"x": 1, "y": 2}, "b": {"y": 2, "x": 1}}) is False


def test_a_value_nested_beyond_the_stack_is_a_type_error_and_no_crash():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    copy = []
    for _ in range(100_000):
        copy = [copy]
    assert compile_expression("a = b").value({"a": deep, "b": copy}) is TYPE_ERROR
    while deep:
        deep, copy = deep[0], copy[0]
