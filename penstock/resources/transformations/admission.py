"""Whether a transformation can act: each part is compiled as it will be, and parts that exclude each other are told.

The rules are those of transformations-and-filters.md §2.2.
"""

from collections.abc import Iterator
from typing import Any

from penstock.api.errors import InputInvalid
from penstock.api.unit import Unit
from penstock.resources.transformations.schemas import Operations
from penstock.spec.edits.paths import split_path
from penstock.spec.edits.transformations import Transformations
from penstock.spec.event import HOLDERS, EventType
from penstock.spec.fql import FqlSyntaxError, compile_condition, doubt_of
from penstock.spec.snapshot import HashSnapshot, TransformationSnapshot

Part = tuple[str, dict[str, Any]]
_KINDS = {
    "drop": "drop",
    "new_event_name": "newEventName",
    "property_renames": "propertyRenames",
    "property_value_transformations": "propertyValueTransformations",
    "fql_defined_properties": "fqlDefinedProperties",
    "allow_properties": "allowProperties",
    "hash_properties_configuration": "hashPropertiesConfiguration",
}
LEVELS_LIMIT = 4
"""Of a path, below the object that holds what senders write."""
_HOLDING = frozenset({"context", *HOLDERS.values()})
_NOT_BESIDE_FQL = ("newEventName", "propertyRenames", "propertyValueTransformations")


def kinds_of(operations: Operations) -> list[str]:
    """The wire names of what the transformation does."""
    return [name for field, name in _KINDS.items() if getattr(operations, field)]


def require_fit(condition: str, operations: Operations) -> None:
    """Raises InputInvalid with the field of the first part that cannot act."""
    try:
        compiled = compile_condition(condition)
    except FqlSyntaxError as error:
        raise InputInvalid(f'"if" is not FQL: {error}', field="if") from error
    if operations.new_event_name and compiled.settled({"type": EventType.TRACK.value}) is False:
        message = '"newEventName" is for tracked events, and "if" is met by none'
        raise InputInvalid(message, field="newEventName")
    for field, part in _parts(operations):
        broken = Transformations([TransformationSnapshot("part", "all", **part)]).broken
        if reason := broken.get("part"):
            raise InputInvalid(f'"{field}" {reason}', field=field)
    kinds = kinds_of(operations)
    if "fqlDefinedProperties" in kinds and (others := [name for name in _NOT_BESIDE_FQL if name in kinds]):
        message = f'"fqlDefinedProperties" cannot stand beside {", ".join(others)}'
        raise InputInvalid(message, field="fqlDefinedProperties")
    _require_one_author(operations)


def warn_of(unit: Unit, sent: Operations, condition: str | None, within: str = "") -> None:
    """Of what can be read and its author cannot mean. `within` is what the names of fields begin with."""
    texts = {} if condition is None else {"if": condition}
    texts |= {f"fqlDefinedProperties.{number}": each.fql for number, each in enumerate(sent.fql_defined_properties)}
    for field, text in texts.items():
        if doubt := doubt_of(text):
            unit.warn(f'"{within}{field}" {doubt}')


def require_levels(sent: Operations) -> None:
    """Of what is sent anew: what was saved before there was a limit acts on. Raises InputInvalid with the field."""
    for field, part in _parts(sent):
        for path in _paths(part):
            keys = split_path(path)
            if len(keys) - len(_HOLDING.intersection(keys[:1])) > LEVELS_LIMIT:
                message = f'"{field}" has {path}, which goes deeper than {LEVELS_LIMIT} levels'
                raise InputInvalid(message, field=field)


def _paths(part: dict[str, Any]) -> Iterator[str]:
    """Those of which a part reads or where it writes."""
    yield from (name for both in part.get("renames", ()) for name in both)
    yield from (path for path, _ in (*part.get("values", ()), *part.get("expressions", ())))
    yield from part.get("allowed", ())
    yield from part["hashed"].paths if "hashed" in part else ()


def _parts(operations: Operations) -> Iterator[Part]:
    """Each by its field, as delivery is told of it."""
    for number, rename in enumerate(operations.property_renames):
        yield f"propertyRenames.{number}", {"renames": [(rename.old_name, rename.new_name)]}
    for number, value in enumerate(operations.property_value_transformations):
        written = [(path, value.property_value) for path in value.property_paths]
        yield f"propertyValueTransformations.{number}.propertyPaths", {"values": written}
    for number, each in enumerate(operations.fql_defined_properties):
        yield f"fqlDefinedProperties.{number}", {"expressions": [(each.property_name, each.fql)]}
    yield "allowProperties", {"allowed": operations.allow_properties}
    if (wanted := operations.hash_properties_configuration) is not None:
        hashed = HashSnapshot(wanted.algorithm, wanted.paths, wanted.encoding)
        yield "hashPropertiesConfiguration", {"hashed": hashed}


def _require_one_author(operations: Operations) -> None:
    """No path is written twice. Raises InputInvalid."""
    renamed = {name for each in operations.property_renames for name in (each.old_name, each.new_name)}
    seen: set[str] = set()
    for number, value in enumerate(operations.property_value_transformations):
        field = f"propertyValueTransformations.{number}.propertyPaths"
        for path in value.property_paths:
            if path in seen:
                raise InputInvalid(f'"{field}" has {path}, which has a value already', field=field)
            if path in renamed or path.removeprefix("properties.").removeprefix("traits.") in renamed:
                raise InputInvalid(f'"{field}" has {path}, which is renamed', field=field)
            seen.add(path)
