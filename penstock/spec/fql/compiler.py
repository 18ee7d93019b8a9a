"""A tree to a closure over an event; everything that does not depend on the event is done here, once.

Invariant: an evaluation never raises. A type error inside it comes out as `TYPE_ERROR` or `Match.ERROR`, and whoever
asked fails closed.
"""

from collections.abc import Callable
from enum import Enum
from functools import partial
from operator import ge, gt, le, lt
from typing import Any, Final

from penstock.spec.fql.errors import FqlTypeError
from penstock.spec.fql.functions import FUNCTIONS
from penstock.spec.fql.glob import matcher_of
from penstock.spec.fql.known import Known, Undecided
from penstock.spec.fql.parser import parse, parse_condition
from penstock.spec.fql.tree import All, Call, Comparison, Junction, ListOf, Literal, Node, Not, Path, names_read
from penstock.spec.fql.values import NUMBERS, are_numbers, is_equal, type_name

Evaluate = Callable[[dict[str, Any]], Any]


class _TypeError(Enum):
    TYPE_ERROR = "type error"


TYPE_ERROR: Final = _TypeError.TYPE_ERROR
"""The value of an expression that has none."""


class Match(Enum):
    """What a condition says of an event."""

    YES = "yes"
    NO = "no"
    ERROR = "error"


_YES, _NO = Match.YES, Match.NO
UNANSWERED = (FqlTypeError, RecursionError)
"""What `evaluate` raises where an event gives an expression no value."""


class Expression:
    """A compiled expression of any type."""

    def __init__(self, text: str, tree: Node | All, evaluate: Evaluate) -> None:
        self.text = text
        self.names = names_read(tree)
        """Names at the top of an event: whatever else it holds does not count."""
        self.evaluate = evaluate
        """The closure itself, for those who ask many at once. It raises UNANSWERED."""

    def value(self, event: dict[str, Any]) -> Any:
        """A JSON value, or TYPE_ERROR."""
        try:
            return self.evaluate(event)
        except UNANSWERED:
            return TYPE_ERROR


class Condition(Expression):
    """A compiled expression that is asked for a yes."""

    def match(self, event: dict[str, Any]) -> Match:
        """Only `true` is a yes; null, and any other value, is a no."""
        try:
            return _YES if self.evaluate(event) is True else _NO
        except UNANSWERED:
            return Match.ERROR

    def settled(self, known: dict[str, Any]) -> bool | None:
        """Whether it is met by every event that has these values at its top, None for what it has not; None where that
        depends on what else the event holds.
        """
        try:
            return self.evaluate(Known(known)) is True
        except (Undecided, *UNANSWERED):
            return None


def compile_expression(text: str) -> Expression:
    """Raises FqlSyntaxError."""
    tree = parse(text)
    return Expression(text, tree, _compiled(tree))


def compile_condition(text: str) -> Condition:
    """As a filter has it: `all` is every event. Raises FqlSyntaxError."""
    tree = parse_condition(text)
    return Condition(text, tree, _constant(True) if isinstance(tree, All) else _compiled(tree))


def _compiled(node: Node) -> Evaluate:  # noqa: PLR0911 - one case per kind of node
    match node:
        case Literal(value):
            return _constant(value)
        case Path(keys):
            return _path(keys)
        case ListOf(items):
            evaluators = [_compiled(item) for item in items]
            return lambda event: [evaluate(event) for evaluate in evaluators]
        case Call(function, arguments):
            return _call(function, arguments)
        case Not(operand):
            return _negation(_compiled(operand))
        case Junction(operator, operands):
            return _junction([_compiled(operand) for operand in operands], decides=operator == "or")
        case Comparison("=", left, Literal(str() as text)):
            return _text_equality(_compiled(left), text)
        case Comparison("<" | "<=" | ">" | ">=" as operator, left, Literal(int() | float() as number)) if (
            type(number) is not bool
        ):
            return _number_ordering(_ORDERINGS[operator], _compiled(left), number)
        case Comparison(operator, left, right):
            return _COMPARISONS[operator](_compiled(left), _compiled(right))


def _constant(value: Any) -> Evaluate:
    return lambda _: value


def _path(keys: tuple[str, ...]) -> Evaluate:
    first, rest = keys[0], keys[1:]
    if not rest:
        return lambda event: event.get(first)
    if len(rest) == 1:
        return _member(first, rest[0])

    def walk(event: dict[str, Any]) -> Any:
        value = event.get(first)
        for key in rest:
            if type(value) is not dict:
                return None
            value = value.get(key)
        return value

    return walk


def _member(first: str, second: str) -> Evaluate:
    def member(event: dict[str, Any]) -> Any:
        value = event.get(first)
        return value.get(second) if type(value) is dict else None

    return member


def _call(name: str, arguments: tuple[Any, ...]) -> Evaluate:
    apply = FUNCTIONS[name].apply
    if name == "match" and isinstance(arguments[1], Literal) and isinstance(arguments[1].value, str):
        return _fixed_match(_compiled(arguments[0]), arguments[1].value)
    evaluators = [_compiled(argument) for argument in arguments]
    if len(evaluators) == 1:
        (only,) = evaluators
        return lambda event: apply(only(event))
    if len(evaluators) == 2 and isinstance(arguments[1], Literal):
        return _call_beside(apply, evaluators[0], arguments[1].value)
    return lambda event: apply(*[evaluate(event) for evaluate in evaluators])


def _call_beside(apply: Callable[..., Any], left: Evaluate, right: Any) -> Evaluate:
    return lambda event: apply(left(event), right)


def _fixed_match(subject: Evaluate, pattern: str) -> Evaluate:
    fits = matcher_of(pattern)

    def matches(event: dict[str, Any]) -> bool:
        value = subject(event)
        return type(value) is str and fits(value)

    return matches


def _negation(operand: Evaluate) -> Evaluate:
    return lambda event: not _as_condition(operand(event))


def _junction(operands: list[Evaluate], *, decides: bool) -> Evaluate:
    """The first operand that is `decides` settles it."""

    def junction(event: dict[str, Any]) -> bool:
        for operand in operands:
            if _as_condition(operand(event)) is decides:
                return decides
        return not decides

    return junction


def _as_condition(value: Any) -> bool:
    if value is None:
        return False
    if type(value) is bool:
        return value
    raise FqlTypeError(f"a value of type {type_name(value)} stands where a condition must")


def _text_equality(left: Evaluate, text: str) -> Evaluate:
    """What most conditions are: nothing but a string is equal to a string, so Python's answer is right."""
    return lambda event: left(event) == text


def _equality(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda event: is_equal(left(event), right(event))


def _inequality(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda event: not is_equal(left(event), right(event))


def _ordering(compare: Callable[[Any, Any], bool], left: Evaluate, right: Evaluate) -> Evaluate:
    def ordered(event: dict[str, Any]) -> bool:
        first, second = left(event), right(event)
        return are_numbers(first, second) and compare(first, second)

    return ordered


def _number_ordering(compare: Callable[[Any, Any], bool], left: Evaluate, number: float) -> Evaluate:
    def ordered(event: dict[str, Any]) -> bool:
        value = left(event)
        return type(value) in NUMBERS and compare(value, number)

    return ordered


def _membership(left: Evaluate, right: Evaluate) -> Evaluate:
    def is_member(event: dict[str, Any]) -> bool:
        value, items = left(event), right(event)
        return type(items) is list and any(is_equal(item, value) for item in items)

    return is_member


_ORDERINGS = {"<": lt, "<=": le, ">": gt, ">=": ge}
_COMPARISONS: dict[str, Callable[[Evaluate, Evaluate], Evaluate]] = {
    "=": _equality,
    "!=": _inequality,
    **{sign: partial(_ordering, compare) for sign, compare in _ORDERINGS.items()},
    "in": _membership,
}
