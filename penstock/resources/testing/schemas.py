"""What `echo` is asked and answers. A query tells numbers and booleans as text."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from penstock.api.schema import Answer, Input, JsonObject

DELAY_LIMIT = 10_000
"""Milliseconds."""
_TRUTHS = {"true": True, "false": False}
_LONGEST_NUMBER = 9


def _number(value: object) -> object:
    is_number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER
    return int(str(value)) if is_number else value


def _truth(value: object) -> object:
    return _TRUTHS.get(value, value) if isinstance(value, str) else value


Truth = Annotated[bool, BeforeValidator(_truth)]
Number = Annotated[int, BeforeValidator(_number)]


class Echo(Input):
    message: Annotated[str, Field(max_length=8_192)]
    delay: Annotated[Number, Field(ge=0, le=DELAY_LIMIT)] = 0
    trigger_error: Truth = False
    trigger_multiple_errors: Truth = False
    trigger_unexpected_error: Truth = False
    status_code: Annotated[Number, Field(ge=200, le=599)] = 0
    """0 where none was asked for."""


class EchoAnswer(Answer):
    method: str
    message: str
    headers: JsonObject
