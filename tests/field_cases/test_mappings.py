"""Cases about triggers and mappings: the official code's answer is the right one."""

import pytest

ABSENT = object()


def track(**properties):
    given = {name: value for name, value in properties.items() if value is not ABSENT}
    return {"type": "track", "event": "Order Completed", "userId": "u-1", "properties": given}


@pytest.mark.parametrize(
    ("value", "exists"),
    [(0, "then"), (False, "then"), ("", "then"), (None, "else"), (ABSENT, "else")],
)
async def test_if_exists_and_if_blank_follow_the_code_of_the_official_package(send, value, exists):
    path = {"@path": "$.properties.value"}
    data = {
        "exists": {"@if": {"exists": path, "then": "then", "else": "else"}},
        "blank": {"@if": {"blank": path, "then": "then", "else": "else"}},
    }
    assert await send(track(value=value), data=data) == {"exists": exists, "blank": "else"}


@pytest.mark.parametrize(
    ("products", "expected"),
    [
        ([{"sku": "A", "price": 1}, {"sku": "B"}], {"items": [{"id": "A"}, {"id": "B"}], "kept": "yes"}),
        ({"sku": "A", "price": 1}, {"items": [{"id": "A"}], "kept": "yes"}),
        ("A", {"items": "A", "kept": "yes"}),
        (ABSENT, {"kept": "yes"}),
    ],
)
async def test_an_array_path_shapes_lists_and_single_objects_and_leaves_the_rest(send, products, expected):
    data = {"items": {"@arrayPath": ["$.properties.products", {"id": {"@path": "$.sku"}}]}, "kept": "yes"}
    assert await send(track(products=products), data=data) == expected


@pytest.mark.parametrize(
    ("trigger", "quantity", "matches"),
    [
        ("properties.qty = 5", 5, True),
        ("properties.qty = 5", "5", False),
        ("properties.qty != 5", 6, True),
        ("properties.qty != 5", ABSENT, False),
    ],
)
async def test_a_number_in_a_trigger_is_compared_with_numbers_alone(send, trigger, quantity, matches):
    assert (await send(track(qty=quantity), trigger=trigger) is not None) is matches


@pytest.mark.parametrize(("trigger", "matches"), [('properties.plan = "pro"', False), ('traits.plan = "pro"', True)])
async def test_a_trigger_reads_exactly_the_path_that_is_written(send, trigger, matches):
    event = {"type": "identify", "userId": "u-1", "traits": {"plan": "pro"}}
    assert (await send(event, trigger=trigger) is not None) is matches
