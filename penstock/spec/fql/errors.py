"""What can be wrong with FQL.

Errors:
    FqlError
    ├── FqlSyntaxError    the text is no FQL; it names line and column, counted from 1
    ├── FqlTypeError      a value has a type that its place does not take; raised and caught inside an evaluation
    └── FqlUnwritable     a tree holds a text that the language cannot spell
"""


class FqlError(ValueError):
    """Base of all."""


class FqlSyntaxError(FqlError):
    """Tells where: a user must find the place in a text that may have many lines."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


class FqlTypeError(FqlError):
    """Cannot be known before there is an event; who evaluates fails closed."""


class FqlUnwritable(FqlError):  # noqa: N818 - it is the tree that cannot be written
    """No text of the language has this meaning: a string with both kinds of quote, a number that is not finite."""
