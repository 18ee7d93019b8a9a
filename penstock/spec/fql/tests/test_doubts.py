"""What can be read and nobody can mean."""

import pytest

from penstock.spec.fql import doubt_of


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("form", ["receivedAt {} '2024-01-01'", "'2024-01-01' {} receivedAt"])
def test_ordering_a_text_is_doubted_with_the_comparison(operator, form):
    text = form.format(operator)
    for whole in (text, f"event = 'x' and !(({text}) or [1] = properties.a)", f"bool({text})"):
        assert text.replace("'", '"') in doubt_of(whole).replace("'", '"')
        assert f"{operator} compares numbers" in doubt_of(whole)


@pytest.mark.parametrize(
    "text", ["all", "properties.total > 1", "event = '2024'", "event in ['a', '<']", "'a' != event"]
)
def test_what_may_be_meant_is_not_doubted(text):
    assert doubt_of(text) == ""
