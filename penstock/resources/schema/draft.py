"""A tracking plan proposed from what was seen: rules as `PUT /tracking-plans/{id}/rules` takes them. Pure.

What a proposal holds to: a property is required where all events of a name had it and there were enough of them; every
type that was seen is allowed. Pages and screens get one rule for all of their names, which are often made up.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.resources.schema.inventory import KnownProperty, Properties, decode_properties, grow, types_of
from penstock.resources.schema.repository import KnownEvent
from penstock.spec.event import HOLDERS, EventType
from penstock.spec.findings import EACH_ITEM, OTHER, PROPERTIES_LIMIT, VALUE_TYPES

JsonObject = dict[str, Any]
_CUT_FROM = 200
"""Events from which on `other` may stand for what the limits of a frame or of a source have cut off."""
_DIALECT = "http://json-schema.org/draft-07/schema#"


class DraftRule(msgspec.Struct, frozen=True):
    """One rule."""

    type: str
    key: str
    schema: JsonObject


def draft_rules(events: Sequence[KnownEvent], required_from: int) -> list[DraftRule]:
    """Of all events but those past the limits; `required_from` are enough to tell that a name is required."""
    is_cut = len(events) >= _CUT_FROM
    counts: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], Properties] = {}
    for event in events:
        if event.event_type not in HOLDERS or (is_cut and event.event_name == OTHER):
            continue
        key = (event.event_type, event.event_name if event.event_type == EventType.TRACK else "")
        counts[key] = counts.get(key, 0) + event.count
        properties = found.setdefault(key, {})
        for path, known in decode_properties(event.properties).items():
            grow(properties, path, known)
    return [
        DraftRule(kind.upper(), name, _schema(HOLDERS[kind], found[kind, name], counts[kind, name], required_from))
        for kind, name in sorted(found)
    ]


def _schema(holder: str, properties: Properties, count: int, required_from: int) -> JsonObject:
    inner: JsonObject = {"type": "object", "properties": {}}
    nodes = {"": inner}
    for path in sorted(properties):
        if path != OTHER or len(properties) < PROPERTIES_LIMIT:
            nodes[path] = _placed(path, properties, nodes)
            if types := _types(properties[path]):
                nodes[path]["type"] = types[0] if len(types) == 1 else types
    required = [
        name
        for name, known in sorted(properties.items())
        if name in inner["properties"] and known.count >= count >= required_from
    ]
    told: JsonObject = {"$schema": _DIALECT, "type": "object", "properties": {"context": {}, "traits": {}}}
    told["properties"] |= {"properties": {}, holder: inner | ({"required": required} if required else {})}
    return told | ({"required": [holder]} if required else {})


def _placed(path: str, properties: Properties, nodes: dict[str, JsonObject]) -> JsonObject:
    """The schema of a path, empty, put into that of what holds it. Names may have dots and be `$` themselves: what is
    before a dot holds the rest only if an object or an array was seen there; it comes first in the order of paths.
    """
    at = path.rfind(".")
    while at > 0:
        above, name = path[:at], path[at + 1 :]
        if above in nodes and name == EACH_ITEM and _has(properties[above], "array"):
            return _member(nodes[above], "items")
        if above in nodes and _has(properties[above], "object"):
            return _member(_member(nodes[above], "properties"), name)
        at = path.rfind(".", 0, at)
    return _member(_member(nodes[""], "properties"), path)


def _has(known: KnownProperty, kind: str) -> bool:
    return bool(known.types[VALUE_TYPES.index(kind)])


def _member(schema: JsonObject, name: str) -> JsonObject:
    found: JsonObject = schema.setdefault(name, {})
    return found


def _types(known: KnownProperty) -> list[str]:
    """A whole number is a number too; null comes last. What was only ever null may be anything."""
    seen = list(types_of(known))
    if "number" in seen and "integer" in seen:
        seen.remove("integer")
    return [] if seen == ["null"] else seen
