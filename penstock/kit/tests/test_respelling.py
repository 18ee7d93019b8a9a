import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit import respelling
from penstock.kit.respelling import Spellings, respelled

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=5)


def changed(text, change):
    before = msgspec.json.decode(text)
    return respelled(text, before, change(before)).decode()


def test_what_was_not_changed_keeps_its_spelling():
    text = b'{"a":1e5,"b":{"c":0.10,"d":0.12345678901234567890},"e":"\\u0041"}'
    assert changed(text, lambda event: {**event, "new": 1}) == text.decode()[:-1] + ',"new":1}'


def test_beside_what_was_changed_inside_an_object_the_rest_keeps_its_spelling():
    text = b'{"b":{"c":0.10,"d":1,"x":{"y":1.50}}}'
    assert changed(text, lambda event: {"b": {**event["b"], "d": 2}}) == '{"b":{"c":0.10,"d":2,"x":{"y":1.50}}}'


def test_beside_what_was_changed_inside_the_objects_of_an_array_the_rest_keeps_its_spelling():
    text = b'{"b":[{"c":0.10,"d":1},1e5,[0.10],{"c":1.50}]}'

    def without_d(event):
        return {"b": [{"c": item["c"]} if type(item) is dict and "d" in item else item for item in event["b"]]}

    assert changed(text, without_d) == '{"b":[{"c":0.10},1e5,[0.10],{"c":1.50}]}'


def test_a_value_that_was_moved_keeps_its_spelling():
    text = b'{"rev":12.50,"cur":"eur"}'
    assert (
        changed(text, lambda event: {"cur": event["cur"], "revenue": event["rev"]}) == '{"cur":"eur","revenue":12.50}'
    )


def test_objects_and_arrays_that_change_places_keep_their_spelling():
    text = b'{"a":{"x":0.10},"b":{"x":1e5},"c":[0.10],"d":[1e5]}'

    def swapped(event):
        return {name: event[other] for name, other in zip("abcd", "badc", strict=True)}

    assert changed(text, swapped) == '{"a":{"x":1e5},"b":{"x":0.10},"c":[1e5],"d":[0.10]}'


def test_decimals_that_move_to_another_level_keep_their_spelling():
    text = b'{"rev":12.50,"cart":{"tax":[0.10,{"vat":0.12345678901234567890}]}}'

    def moved(event):
        cart = event["cart"]
        return {"cart": {"rev": event["rev"]}, "vat": {"all": [cart["tax"][1]["vat"]]}, "deep": {"tax": cart["tax"]}}

    assert changed(text, moved) == (
        '{"cart":{"rev":12.50},"vat":{"all":[0.12345678901234567890]},'
        '"deep":{"tax":[0.10,{"vat":0.12345678901234567890}]}}'
    )


@given(OBJECTS, OBJECTS)
def test_the_values_are_those_of_the_changed_object(before, other):
    text = msgspec.json.encode(before)
    read = msgspec.json.decode(text)
    after = {**{name: value for number, (name, value) in enumerate(read.items()) if number % 2}, **other}
    after |= {name: [*value[:-1], other] for name, value in read.items() if type(value) is list and value}
    assert msgspec.json.decode(respelled(text, read, after)) == msgspec.json.decode(msgspec.json.encode(after))


@given(OBJECTS, OBJECTS, st.booleans())
def test_what_is_spelled_as_we_spell_it_comes_out_as_if_it_had_been_looked_up(before, other, is_moved):
    text = msgspec.json.encode(before)
    read = msgspec.json.decode(text)
    after = {**{name: value for number, (name, value) in enumerate(read.items()) if number % 2}, **other}
    if is_moved:
        after |= {"moved": {"within": [*read.values()]}}
    told = respelled(text, read, after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(respelling, "spellings_of", Spellings)
        assert respelled(text, read, after) == told
