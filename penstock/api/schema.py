"""Request and answer schemas: strict on what comes in, exact in what goes out; wire names by rename.

An answer is built once, as the widest shape that any contract knows. Each contract's schema then takes what it
declares: a field that is declared nowhere never leaves, and one that was not set is left out.
"""

from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from penstock.api.errors import InputInvalid
from penstock.api.pagination import PageAnswer

JsonObject = dict[str, Any]
_DEPTH_LIMIT = 32


class Input(BaseModel):
    """Base of request bodies: no coercion, nothing unknown."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)

    def sent(self) -> JsonObject:
        """The fields that the request holds, also those that are null."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Answer(BaseModel):
    """Base of everything in answers. Made with the Python names."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)


class Pagination(Answer):
    current: str
    next: str | None = None
    previous: str | None = None
    total_entries: int = 0

    @classmethod
    def of(cls, page: PageAnswer) -> "Pagination":
        others = {name: found for name in ("next", "previous") if (found := getattr(page, name))}
        return cls(current=page.current, total_entries=page.total_entries, **others)


class Deleted(Answer):
    """The answer to a delete: `SUCCESS`, spelled like this for ever."""

    status: str = "SUCCESS"


DELETED = Deleted(status="SUCCESS")
B = TypeVar("B", bound=BaseModel)


def read_body(raw: bytes, schema: type[B]) -> B:
    """The body by its schema. Raises InputInvalid with every problem and its field."""
    try:
        value = msgspec.json.decode(raw or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputInvalid(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputInvalid("the body must be a JSON object")
    if _is_deeper(value, _DEPTH_LIMIT):
        raise InputInvalid(f"the body is nested deeper than {_DEPTH_LIMIT} levels")
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise InputInvalid.of([_problem(found) for found in error.errors(include_url=False)]) from error


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [item for items in inner for item in items]
        if not level:
            return False
    return any(isinstance(each, dict | list) for each in level)


_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not allowed",
    "string_type": "must be a string",
    "bool_type": "must be a boolean",
    "int_type": "must be an integer",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be an array",
}


def _problem(found: Any) -> tuple[str, str]:
    field = ".".join(str(part) for part in found["loc"])
    message = _MESSAGES.get(found["type"], found["msg"][:1].lower() + found["msg"][1:])
    return field, f'"{field}" {message}'


def write_answer(answer: dict[str, Any], schema: type[BaseModel]) -> bytes:
    """`{"data": …}` holding exactly what `schema` declares and `answer` has."""
    return b'{"data":%s}' % schema.model_validate(answer).model_dump_json(exclude_unset=True).encode()
