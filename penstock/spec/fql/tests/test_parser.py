import pytest

from penstock.spec.fql import TEXT_LIMIT, FqlSyntaxError, parse, parse_condition
from penstock.spec.fql.tree import All, Comparison, Junction, Literal, Not, Path


class TestPlaces:
    @pytest.mark.parametrize(
        ("text", "line", "column", "told"),
        [
            ("", 1, 1, "found the end"),
            ("event = 'oops", 1, 9, "has no end"),
            ("event == 'x'", 1, 7, "one ="),
            ("event = Order Completed", 1, 15, "found Completed"),
            ("a = b = c", 1, 7, "do not chain"),
            ("type = 'track' and", 1, 19, "found the end"),
            ("type = 'track'\n  and foo(event)", 2, 7, "there is no function foo"),
            ("contains(event)", 1, 1, "takes 2 arguments and has 1"),
            ("length()", 1, 1, "takes 1 argument and has 0"),
            ("(a or b", 1, 8, "expected for the ("),
            ("a in ['x', 'y'", 1, 15, "expected for the ["),
            ("properties.in = 1", 1, 12, "\\in"),
            ("properties.AND = 1", 1, 12, "\\AND"),
            ("properties.tags.0 = 1", 1, 17, "\\0"),
            ("properties. = 1", 1, 13, "name of a field"),
            ("properties.é = 1", 1, 12, "a backslash before it"),
            ("properties.products.$.sku = 'x'", 1, 21, "arrays cannot be entered"),
            ("a\\", 1, 2, "nothing to escape"),
            ("a & b", 1, 3, "means nothing here"),
            ("a = 42.", 1, 7, "an operator or the end"),
            ("a)", 1, 2, "an operator or the end"),
        ],
    )
    def test_an_error_names_its_place_and_what_is_wrong(self, text, line, column, told):
        with pytest.raises(FqlSyntaxError) as caught:
            parse(text)
        assert (caught.value.line, caught.value.column) == (line, column)
        assert told in str(caught.value)
        assert str(caught.value).startswith(f"line {line}, column {column}: ")


class TestBounds:
    def test_a_text_over_5_kib_is_refused_and_one_of_5_kib_is_not(self):
        text = "a = '{}'"
        parse(text.format("x" * (TEXT_LIMIT - 6)))
        with pytest.raises(FqlSyntaxError, match="longer than 5120 bytes"):
            parse(text.format("x" * (TEXT_LIMIT - 5)))

    def test_bytes_count_not_characters(self):
        with pytest.raises(FqlSyntaxError, match="longer than"):
            parse(f"a = '{'ü' * 2_600}'")

    @pytest.mark.parametrize("opening", ["(", "!", "[", "length("])
    def test_nesting_is_bounded(self, opening):
        with pytest.raises(FqlSyntaxError, match="nested deeper than 32"):
            parse(opening * 33 + "a")

    def test_a_number_is_bounded(self):
        with pytest.raises(FqlSyntaxError, match="at most 400"):
            parse("a = " + "9" * 401)
        for text in ("9" * 400, "9" * 390 + ".5"):
            with pytest.raises(FqlSyntaxError, match="too large"):
                parse(f"a = {text}")

    def test_a_thousand_conditions_in_a_row_are_read(self):
        assert len(parse(" or ".join(["a"] * 1_000)).operands) == 1_000


class TestMeaning:
    def test_and_binds_closer_than_or(self):
        assert parse("a or b and c") == parse("a or (b and c)")
        assert parse("a and b or c") == parse("(a and b) or c")

    def test_a_negation_binds_to_what_stands_next_to_it(self):
        assert parse("!a = b") == Comparison("=", Not(Path(("a",))), Path(("b",)))

    def test_junctions_are_read_in_any_case(self):
        assert parse("a AND b Or c IN [d]") == parse("a and b or c in [d]")

    def test_all_is_a_condition_of_its_own_and_elsewhere_a_field(self):
        assert parse_condition("  all \n") == All()
        assert parse("all") == Path(("all",))
        assert parse_condition("\\all") == Path(("all",))
        assert parse_condition("all = 1") == Comparison("=", Path(("all",)), Literal(1))

    def test_blanks_around_dots_and_before_parentheses_are_let_pass(self):
        assert parse("properties\t. total\r\n= length (a)") == parse("properties.total=length(a)")

    def test_a_backslash_in_a_string_is_an_ordinary_character(self):
        assert parse(r"'a\*d\'") == Literal("a\\*d\\")

    def test_literals_of_different_types_are_different_trees(self):
        assert len({Literal(1), Literal(1.0), Literal(True), Literal("1")}) == 4

    def test_a_junction_keeps_the_operands_that_stood_beside_each_other(self):
        assert len(parse("a and b and c").operands) == 3
        assert isinstance(parse("a and (b and c)").operands[1], Junction)
