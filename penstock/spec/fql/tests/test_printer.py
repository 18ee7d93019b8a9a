import pytest

from penstock.spec.fql import parse, parse_condition, show
from penstock.spec.fql.errors import FqlUnwritable
from penstock.spec.fql.tree import All, Comparison, Junction, Literal, Not, Path


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("type='track'and event=\"x\"", "type = 'track' and event = 'x'"),
        ("a or b and c", "a or (b and c)"),
        ("((a))", "a"),
        ("!( type = 'page' )", "!(type = 'page')"),
        ("'vip'in properties.tags", "'vip' in properties.tags"),
        ("x IN [1,+2,-3.50]", "x in [1, 2, -3.5]"),
        ("contains( lowercase(a),'b' )", "contains(lowercase(a), 'b')"),
        (r"properties.product\ 1.a\.b.\in = null", r"properties.product\ 1.a\.b.\in = null"),
        ('"it\'s" = true', '"it\'s" = true'),
        ("[(a = b), !c]", "[(a = b), !c]"),
        (" all ", "all"),
        ("\\all", "\\all"),
    ],
)
def test_the_text_is_as_one_would_write_it(text, printed):
    assert show(parse_condition(text)) == printed


@pytest.mark.parametrize("value", [1e22, 1e-7, -0.5, 123456789.125, 10**25])
def test_numbers_are_written_without_exponents(value):
    text = show(Literal(value))
    assert "e" not in text
    assert parse(text) == Literal(value)


@pytest.mark.parametrize("tree", [Literal("'\""), Literal(float("inf")), Path(("a", ""))])
def test_what_no_text_says_is_refused(tree):
    with pytest.raises(FqlUnwritable):
        show(tree)


def test_all_stands_alone():
    assert show(All()) == "all"
    assert show(Junction("or", (Path(("a",)), Not(Comparison("<", Path(("b",)), Literal(1)))))) == "a or !(b < 1)"
