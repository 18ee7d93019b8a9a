"""The functions of the language, on values. What an argument of another type gives is part of each one's meaning."""

import math
import re
from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import msgspec

from penstock.spec.fql.errors import FqlTypeError
from penstock.spec.fql.glob import matcher_of
from penstock.spec.fql.values import type_name

_INTEGER = re.compile(r"[+-]?[0-9]{1,300}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(?P<rest>(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?)")
_VERSION_COMPARISONS = {"=": eq, "!=": ne, ">": gt, ">=": ge, "<": lt, "<=": le}
_VERSION_PARTS = 3
_EXACT_AS_FLOAT = 1e21


class Function(msgspec.Struct, frozen=True):
    arity: int
    apply: Callable[..., Any]


def contains(text: Any, part: Any) -> bool:
    return type(text) is str and type(part) is str and part in text


def match(text: Any, pattern: Any) -> bool:
    return type(text) is str and type(pattern) is str and matcher_of(pattern)(text)


def length(value: Any) -> int:
    """Elements of a list, UTF-8 bytes of a string. Raises FqlTypeError."""
    if type(value) is str:
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    if type(value) is list:
        return len(value)
    if value is None:
        return 0
    raise FqlTypeError(f"length of a value of type {type_name(value)}")


def _on_text(change: Callable[[str], str]) -> Function:
    return Function(1, lambda value: change(value) if type(value) is str else None)


def titlecase(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def to_bool(value: Any) -> bool:
    """Raises FqlTypeError for an object."""
    if type(value) is str:
        return value.lower() not in ("", "false")
    if type(value) is dict:
        raise FqlTypeError("bool of a value of type object")
    return bool(value)


def to_string(value: Any) -> str:
    """Raises FqlTypeError for an object."""
    match value:
        case str():
            return value
        case None:
            return ""
        case float() if value.is_integer() and abs(value) < _EXACT_AS_FLOAT:
            return str(int(value))
        case dict():
            raise FqlTypeError("string of a value of type object")
    return msgspec.json.encode(value).decode()


def to_number(value: Any) -> int | float | None:
    if type(value) in (int, float):
        return value  # type: ignore[no-any-return]
    found = _NUMBER.fullmatch(value.strip()) if type(value) is str else None
    if found is None:
        return None
    number = float(found[0]) if found["rest"] else int(found[0])
    return number if math.isfinite(number) else None


def semver(left: Any, comparison: Any, right: Any) -> bool:
    """Compare versions of one to three numbers; what stands behind the number of a part counts nothing."""
    if not (type(left) is type(comparison) is type(right) is str) or comparison not in _VERSION_COMPARISONS:
        return False
    first, second = _version(left), _version(right)
    return first is not None and second is not None and _VERSION_COMPARISONS[comparison](first, second)


def _version(text: str) -> list[int] | None:
    parts = text.split(".")
    found = [_INTEGER.match(part.strip()) for part in parts[:_VERSION_PARTS]]
    if len(parts) > _VERSION_PARTS or None in found:
        return None
    numbers = [int(each[0]) for each in found if each is not None]
    return numbers + [0] * (_VERSION_PARTS - len(numbers))


FUNCTIONS = {
    "contains": Function(2, contains),
    "match": Function(2, match),
    "length": Function(1, length),
    "lowercase": _on_text(str.lower),
    "uppercase": _on_text(str.upper),
    "snakecase": _on_text(lambda text: text.replace(" ", "_")),
    "kebabcase": _on_text(lambda text: text.replace(" ", "-")),
    "titlecase": _on_text(titlecase),
    "typeof": Function(1, type_name),
    "bool": Function(1, to_bool),
    "string": Function(1, to_string),
    "number": Function(1, to_number),
    "semver": Function(3, semver),
}
