"""A tree to text, so that `parse(show(tree)) == tree`. Mixed junctions always bear their parentheses."""

import math
import re
from decimal import Decimal

from penstock.spec.fql.errors import FqlUnwritable
from penstock.spec.fql.lexer import JUNCTIONS, KEYWORDS
from penstock.spec.fql.tree import All, Call, Comparison, Junction, ListOf, Literal, Node, Not, Path

_FIRST = re.compile(r"[A-Za-z_]")
_FURTHER = re.compile(r"[A-Za-z0-9_-]")


def show(node: Node | All) -> str:  # noqa: PLR0911 - one case per kind of node
    """Raises FqlUnwritable."""
    match node:
        case All():
            return "all"
        case Path(("all",)):
            return "\\all"  # the bare word would mean every event
        case Junction(operator, operands):
            return f" {operator} ".join(_joined(operand) for operand in operands)
        case Comparison(operator, left, right):
            return f"{_operand(left)} {operator} {_operand(right)}"
        case Not(operand):
            return f"!{_operand(operand)}"
        case Call(function, arguments):
            return f"{function}({', '.join(map(show, arguments))})"
        case ListOf(items):
            return f"[{', '.join(map(_operand, items))}]"
        case Path(keys):
            return path_text(keys)
        case Literal(value):
            return _literal(value)


def path_text(keys: tuple[str, ...]) -> str:
    """A path as it is written, with its escapes."""
    return ".".join(map(_name, keys))


def _joined(node: Node) -> str:
    return f"({show(node)})" if isinstance(node, Junction) else show(node)


def _operand(node: Node) -> str:
    return f"({show(node)})" if isinstance(node, Junction | Comparison) else show(node)


def _name(key: str) -> str:
    if not key:
        raise FqlUnwritable("a path has no way to name a field whose name is empty")
    is_kept = key in KEYWORDS or key.lower() in JUNCTIONS or key.lower() == "in"
    first = key[0] if _FIRST.match(key[0]) and not is_kept else f"\\{key[0]}"
    return first + "".join(each if _FURTHER.match(each) else f"\\{each}" for each in key[1:])


def _literal(value: str | float | bool | None) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case int():
            return str(value)
    if not math.isfinite(value):
        raise FqlUnwritable("a number must be finite")
    # The language has no exponents; without a point it would be read as an integer.
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"


def _string(value: str) -> str:
    if "'" not in value:
        return f"'{value}'"
    if '"' in value:
        raise FqlUnwritable("a string with both kinds of quote cannot be written")
    return f'"{value}"'
