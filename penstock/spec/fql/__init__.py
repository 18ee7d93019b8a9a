"""FQL, the language of conditions on events: parse, print, compile to a function, and the form that SDKs evaluate.

Text becomes a tree (`parse`), a tree becomes text (`show`) or a closure (`compile_expression`, `compile_condition`).
Everything that a text implies is worked out once; evaluation walks closures and never raises.
"""

from penstock.spec.fql.compiler import (
    TYPE_ERROR,
    UNANSWERED,
    Condition,
    Expression,
    Match,
    compile_condition,
    compile_expression,
)
from penstock.spec.fql.device import matcher_of, to_device_form
from penstock.spec.fql.doubts import doubt_of
from penstock.spec.fql.errors import FqlError, FqlSyntaxError
from penstock.spec.fql.lexer import TEXT_LIMIT
from penstock.spec.fql.parser import parse, parse_condition
from penstock.spec.fql.printer import show

__all__ = [
    "TEXT_LIMIT",
    "TYPE_ERROR",
    "UNANSWERED",
    "Condition",
    "Expression",
    "FqlError",
    "FqlSyntaxError",
    "Match",
    "compile_condition",
    "compile_expression",
    "doubt_of",
    "matcher_of",
    "parse",
    "parse_condition",
    "show",
    "to_device_form",
]
