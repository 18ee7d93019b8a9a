"""Request and answer schemas: strict on what comes in, exact in what goes out; wire names by rename.

An answer is built once, as the widest shape that any contract knows. Each contract's schema then takes what it
declares: a field that is declared nowhere never leaves, and one that was not set is left out.
"""

from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from penstock.api.errors import InputInvalid
from penstock.api.kept_views import ReadyList
from penstock.api.pagination import PageAnswer

JsonObject = dict[str, Any]
_DEPTH_LIMIT = 32
_AT_FIRST_USE = True
"""There are some 300 schemas; to build them all would take longer than all else that a control process begins with."""


class Input(BaseModel):
    """Base of request bodies: no coercion, nothing unknown."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, alias_generator=to_camel, defer_build=_AT_FIRST_USE
    )

    def sent(self) -> JsonObject:
        """The fields that the request holds, also those that are null."""
        return {name: getattr(self, name) for name in self.model_fields_set}


FORM = "application/x-www-form-urlencoded"


def _said_of_any(schema: JsonObject) -> None:
    """Documents say of it that it is an object of any fields."""
    del schema["required"], schema["additionalProperties"]
    schema["properties"] = {}


class RawBody(Input):
    """A body that is handed on as it came, for operations that others' requests are sent to: JSON, or a form."""

    model_config = ConfigDict(json_schema_extra=_said_of_any)
    url: str
    """Whole, as it was asked."""
    content: bytes


class Answer(BaseModel):
    """Base of everything in answers. Made with the Python names."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        serialize_by_alias=True,
        defer_build=_AT_FIRST_USE,
    )


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
    return _validated(value, schema)


def read_parameters(parameters: JsonObject, schema: type[B]) -> B:
    """A query by its schema; what the schema does not know is passed over. Raises InputInvalid like `read_body`."""
    known = {field.alias for field in schema.model_fields.values()}
    return _validated({name: value for name, value in parameters.items() if name in known}, schema)


def _validated(value: JsonObject, schema: type[B]) -> B:
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
    "float_type": "must be a number",
    "too_long": "must have at most {max_length} items",
}


def _problem(found: Any) -> tuple[str, str]:
    field = ".".join(str(part) for part in found["loc"])
    said = found["msg"].removeprefix("Value error, ")
    known = _MESSAGES.get(found["type"])
    message = known.format(**found.get("ctx", {})) if known else said[:1].lower() + said[1:]
    return field, f'"{field}" {message}'


def write_answer(answer: dict[str, Any], schema: type[BaseModel]) -> bytes:
    """`{"data": …}` holding exactly what `schema` declares and `answer` has; what is JSON already stands first."""
    ready = {name: value for name, value in answer.items() if isinstance(value, ReadyList)}
    if not ready:
        return b'{"data":%s}' % schema.model_validate(answer).model_dump_json(exclude_unset=True).encode()
    others = schema.model_validate({**answer, **dict.fromkeys(ready, ())}).model_dump_json(
        exclude_unset=True, exclude=set(ready)
    )
    parts = [_ready_field(schema, name, value) for name, value in ready.items()]
    if others != "{}":
        parts.append(others[1:-1].encode())
    return b'{"data":{%s}}' % b",".join(parts)


def _ready_field(schema: type[BaseModel], name: str, found: ReadyList) -> bytes:
    field = schema.model_fields[name]
    if field.annotation != list[found.schema]:  # type: ignore[name-defined]
        raise TypeError(f"{name} of {schema.__name__} is no list of {found.schema.__name__}")
    return b'"%s":[%s]' % ((field.alias or name).encode(), b",".join(found.items))
