"""What values are to FQL: JSON values without any conversion between types. A missing field is null."""

from typing import Any

NUMBERS = frozenset({int, float})
"""`bool` is a class of its own here: a number is never equal to `true`."""
_TYPE_NAMES = {str: "string", int: "number", float: "number", bool: "bool", list: "list", dict: "object"}


def type_name(value: Any) -> str:
    return _TYPE_NAMES.get(type(value), "null")


def is_equal(left: Any, right: Any) -> bool:
    """Same type and same value; lists element by element, objects also in the order of their keys."""
    kind = type(left)
    if kind is not type(right):
        return kind in NUMBERS and type(right) in NUMBERS and bool(left == right)
    if kind is list:
        return len(left) == len(right) and all(map(is_equal, left, right))
    if kind is dict:
        return list(left) == list(right) and all(map(is_equal, left.values(), right.values()))
    return bool(left == right)


def are_numbers(left: Any, right: Any) -> bool:
    return type(left) in NUMBERS and type(right) in NUMBERS
