import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.names import IDENTIFIER_LIMIT, identifier, snakecase

VECTORS = json.loads((Path(__file__).parent / "snakecase.json").read_text())


class TestSnakecase:
    @pytest.mark.parametrize(("name", "expected"), VECTORS)
    def test_the_published_vectors_hold(self, name, expected):
        assert snakecase(name) == expected

    def test_every_vector_is_here(self):
        assert len(VECTORS) == 53

    @given(st.text())
    def test_a_result_is_its_own_result(self, name):
        once = snakecase(name)
        assert snakecase(once) == once

    @given(st.text())
    def test_a_result_is_empty_or_lower_case_words_joined_by_single_underscores(self, name):
        assert re.fullmatch(r"([a-z0-9]+(_[a-z0-9]+)*)?", snakecase(name))

    @given(st.text(alphabet=st.sampled_from("aZ9_ -é.")))
    def test_letters_and_digits_survive_in_their_order(self, name):
        kept = "".join(re.findall("[a-zA-Z0-9]", name)).lower()
        assert snakecase(name).replace("_", "") == kept

    @given(st.from_regex(r"[a-z0-9]+(_[a-z0-9]+)*", fullmatch=True))
    def test_a_finished_name_is_returned_unchanged(self, name):
        assert snakecase(name) == name

    @given(st.text(), st.text())
    def test_what_separates_words_separates_them_whatever_it_is(self, left, right):
        assert snakecase(f"{left} {right}") == snakecase(f"{left}-é-{right}")


class TestIdentifier:
    def test_a_short_name_stays(self):
        assert identifier("a" * IDENTIFIER_LIMIT) == "a" * IDENTIFIER_LIMIT

    def test_two_long_names_with_one_beginning_stay_two(self):
        first, second = identifier("a" * 300 + "x"), identifier("a" * 300 + "y")
        assert first != second
        assert len(first) == len(second) == IDENTIFIER_LIMIT
