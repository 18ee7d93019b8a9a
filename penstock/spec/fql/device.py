"""The form of an expression that browser and mobile SDKs evaluate: JSON, where a bare string is a path."""

from typing import Any

import msgspec

from penstock.spec.fql.parser import parse_condition
from penstock.spec.fql.tree import All, Call, Comparison, Junction, ListOf, Literal, Node, Not, Path


def to_device_form(node: Node) -> Any:  # noqa: PLR0911 - one case per kind of node
    match node:
        case Path(keys):
            return ".".join(key.replace(".", "\\.") for key in keys)
        case Literal(value):
            return {"value": value}
        case ListOf(items):
            return {"value": [to_device_form(item) for item in items]}
        case Not(operand):
            return ["!", to_device_form(operand)]
        case Junction(operator, operands):
            return [operator, *map(to_device_form, operands)]
        case Comparison(operator, left, right):
            return [operator, to_device_form(left), to_device_form(right)]
        case Call(function, arguments):
            return [function, *map(to_device_form, arguments)]


def matcher_of(condition: str) -> dict[str, Any]:
    """The matcher of a routing rule, whose `ir` is JSON inside of JSON. Raises FqlSyntaxError."""
    tree = parse_condition(condition)
    if isinstance(tree, All):
        return {"type": "all", "ir": ""}
    return {
        "type": "fql",
        "ir": msgspec.json.encode(to_device_form(tree)).decode(),
        "config": {"expr": condition},
    }
