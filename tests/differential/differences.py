"""Why the official evaluator on devices answers otherwise than we do, for one expression and one event.

The notes are those of the language's description: T1 to T9, and `own` for what it says of paths. A difference that no
note names is a defect, of ours or of the description.
"""

from collections.abc import Iterator
from typing import Any

from penstock.spec.fql.tree import Call, Comparison, Junction, ListOf, Literal, Node, Not, Path

NOTES = {
    "T1": "a missing field is `undefined` there, and null here",
    "T2": "a type error is false there, and fails closed here",
    "T3": "`in` does not look into a list of the event, and throws where there is none",
    "T4": "elements of a literal list are wrapped and never equal a list of the event",
    "T5": "the result of a function is not evaluated inside of another function, or of `in`",
    "T6": "the function is not implemented there",
    "T7": "UTF-16 units are counted instead of bytes or code points",
    "T8": "`typeof` tells the names of JavaScript",
    "T9": "a key with a dot in it cannot be reached",
    "own": "paths lead into arrays and strings there, and through own keys of objects alone here",
}
KNOWN = {"contains", "match", "lowercase", "typeof", "length", "semver"}


def nodes(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Not(operand):
            yield from nodes(operand)
        case Junction(_, operands):
            for operand in operands:
                yield from nodes(operand)
        case Comparison(_, left, right):
            yield from nodes(left)
            yield from nodes(right)
        case Call(_, arguments):
            for argument in arguments:
                yield from nodes(argument)
        case ListOf(items):
            for item in items:
                yield from nodes(item)


def notes_of(tree: Node, event: dict[str, Any], *, is_type_error: bool) -> set[str]:
    """Every note that may be the reason."""
    found = {"T2"} if is_type_error else set()
    for node in nodes(tree):
        found |= _notes_of_node(node, event)
    return found


def _notes_of_node(node: Node, event: dict[str, Any]) -> set[str]:
    match node:
        case Path(keys):
            return _notes_of_path(keys, event)
        case Call(function, arguments):
            return _notes_of_call(function, arguments, event)
        case Comparison("in", left, right):
            is_nested = any(isinstance(side, Call) for side in (left, right, *_items(right)))
            return ({"T5"} if is_nested else set()) | (_notes_of_list(left, right))
        case Comparison(_, left, right) if isinstance(left, ListOf) or isinstance(right, ListOf):
            return {"T4"}
    return set()


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, ListOf) else ()


def _notes_of_list(left: Node, right: Node) -> set[str]:
    if not isinstance(right, ListOf):
        return {"T3"}
    return {"T4"} if any(isinstance(one, ListOf | Path) for one in (left, *right.items)) else set()


def _notes_of_path(keys: tuple[str, ...], event: dict[str, Any]) -> set[str]:
    found = {"T9"} if any("." in key for key in keys) else set()
    value: Any = event
    for key in keys:
        if isinstance(value, list | str) and (key.isdigit() or key == "length"):
            return found | {"own"}
        if not isinstance(value, dict) or key not in value:
            return found | {"T1"}
        value = value[key]
    return found


def _notes_of_call(function: str, arguments: tuple[Node, ...], event: dict[str, Any]) -> set[str]:
    found = set()
    if function not in KNOWN:
        found.add("T6")
    if function == "typeof":
        found.add("T8")
    if any(isinstance(each, Call) for each in arguments):
        found.add("T5")
    if any(isinstance(each, ListOf) for each in arguments):
        found.add("T4")
    if function in ("length", "match") and not _is_ascii(arguments, event):
        found.add("T7")
    return found


def _is_ascii(arguments: tuple[Node, ...], event: dict[str, Any]) -> bool:
    texts = [node.value for each in arguments for node in nodes(each) if isinstance(node, Literal)]
    return str(event).isascii() and str(texts).isascii()
