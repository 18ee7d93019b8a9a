import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import field_validator

from penstock.api.errors import InputInvalid
from penstock.api.kept_views import KeptViews, ReadyList
from penstock.api.schema import Answer, Input, read_body, write_answer


class Inner(Input):
    some_name: str = ""


class Body(Input):
    slug: str
    enabled: bool = True
    inner: Inner = Inner()
    settings: dict = {}


class Narrow(Answer):
    some_name: str


class Wide(Narrow):
    more: int


class Holder(Answer):
    inner: Narrow
    items: list[Narrow]


class OnlyItems(Answer):
    items: list[Narrow]


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        (b"", [("slug", '"slug" is required')]),
        (b'{"slug": 1}', [("slug", '"slug" must be a string')]),
        (b'{"slug": "a", "enabled": "true"}', [("enabled", '"enabled" must be a boolean')]),
        (b'{"slug": "a", "enabled": null}', [("enabled", '"enabled" must be a boolean')]),
        (b'{"slug": "a", "x": 1}', [("x", '"x" is not allowed')]),
        (b'{"slug": "a", "inner": {"someName": 1}}', [("inner.someName", '"inner.someName" must be a string')]),
        (b'{"slug": "a", "inner": {"some_name": ""}}', [("inner.some_name", '"inner.some_name" is not allowed')]),
        (b'{"slug": "a", "settings": []}', [("settings", '"settings" must be an object')]),
        (b'{"x": 1}', [("slug", '"slug" is required'), ("x", '"x" is not allowed')]),
    ],
)
def test_every_problem_is_told_with_its_field(raw, problems):
    with pytest.raises(InputInvalid) as refused:
        read_body(raw, Body)
    assert [(each.field, each.message) for each in refused.value.problems] == problems


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"null", b"1", b"\xff", b'{"slug": "a", "settings": ' + b'{"a":' * 40 + b"1" + b"}" * 41]
)
def test_what_is_no_object_of_bounded_depth_is_refused(raw):
    with pytest.raises(InputInvalid):
        read_body(raw, Body)


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000])
def test_nesting_without_end_is_refused(deep):
    with pytest.raises(InputInvalid):
        read_body(deep, Body)


def test_a_rule_of_ours_is_told_in_its_own_words():
    class Ruled(Input):
        since: str

        @field_validator("since")
        @classmethod
        def _refuse(cls, value: str) -> str:
            raise ValueError("must be a time")

    with pytest.raises(InputInvalid) as refused:
        read_body(b'{"since": "x"}', Ruled)
    assert [problem.message for problem in refused.value.problems] == ['"since" must be a time']


def test_only_what_was_sent_is_told_as_sent():
    assert read_body(b'{"slug": "a", "settings": {}}', Body).sent() == {"slug": "a", "settings": {}}


def test_an_answer_holds_what_its_schema_declares_and_nothing_else():
    wide = Wide(some_name="a", more=1)
    answer = {"inner": wide, "items": [wide], "undeclared": 1}
    assert write_answer(answer, Holder) == b'{"data":{"inner":{"someName":"a"},"items":[{"someName":"a"}]}}'


@given(st.binary(max_size=100))
def test_no_body_breaks_the_reader(raw):
    with contextlib.suppress(InputInvalid):
        read_body(raw, Body)


class TestWhatIsJsonAlready:
    def test_it_stands_in_the_answer_as_its_schema_would_have_it(self):
        items = [Narrow(some_name="a"), Narrow(some_name='"]}')]
        views = KeptViews()
        ready = ReadyList(Narrow, [views.keep(number, view) for number, view in enumerate(items)])
        written = write_answer({"items": ready, "inner": items[0]}, Holder)
        plain = write_answer({"items": items, "inner": items[0]}, Holder)
        assert msgspec.json.decode(written) == msgspec.json.decode(plain)

    def test_a_list_alone_is_an_answer(self):
        assert write_answer({"items": ReadyList(Narrow, [])}, OnlyItems) == b'{"data":{"items":[]}}'

    def test_a_list_of_another_schema_is_refused(self):
        with pytest.raises(TypeError, match="no list of Wide"):
            write_answer({"items": ReadyList(Wide, [])}, OnlyItems)
