"""A tracking plan, compiled: which rules judge an event, what of it is not planned, and what is wrong with it.

Invariants:
- A rule is compiled when the first event comes for it: a plan of 2,000 costs at its publishing next to nothing.
- Names are compared as they are written: case and spacing count. Only rules of TRACK have versions, and an event that
  asks for none that exists is judged by the lowest (protocols.md §3).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

import msgspec

from penstock.spec.event import EventType
from penstock.spec.plans.json_schema import SchemaError, compile_schema
from penstock.spec.plans.violations import Violation, violations_of
from penstock.spec.snapshot import PlanSnapshot, RuleSnapshot

JsonObject = Mapping[str, Any]
_TRACK = EventType.TRACK.value
_OF_PEOPLE = frozenset({EventType.IDENTIFY.value, EventType.GROUP.value})
_STAND_INS = {EventType.PAGE.value: "Page Viewed", EventType.SCREEN.value: "Screen Viewed"}
"""Rules of TRACK that judge what no rule of its own type is for."""
_NAMED = frozenset({"TRACK", "PAGE", "SCREEN"})
"""Types of rules that may be for one name; the others are for all events of their kind."""
_ITEMS = "$"
_ABOUT_NAMED = frozenset(
    {
        "$schema",
        "$id",
        "$comment",
        "labels",
        "title",
        "description",
        "default",
        "examples",
        "type",
        "properties",
        "required",
    }
)
"""Keywords that say nothing of members which they do not name."""


_ID, _SECOND_ID = "tp_", "rs_"


def second_id(plan_id: str) -> str:
    """By which forwarded violations name a plan (protocols.md §1.1)."""
    return _SECOND_ID + plan_id.removeprefix(_ID)


def plan_id(named: str) -> str:
    """The id of a plan that is named by either."""
    return _ID + named.removeprefix(_SECOND_ID) if named.startswith(_SECOND_ID) else named


def spoken(version: float) -> int | float:
    """A rule's version as people write it: a whole one without a fraction."""
    return int(version) if version.is_integer() else version


class Rule:
    """One rule. `broken` tells why it judges nothing, if so."""

    def __init__(self, snapshot: RuleSnapshot) -> None:
        self.type = snapshot.type
        self.key = snapshot.key
        self.version = snapshot.version
        self.broken = ""
        self._text = snapshot.json_schema

    @cached_property
    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self._text)
        return found

    @cached_property
    def _validator(self) -> Any:
        try:
            return compile_schema(self.schema)
        except SchemaError as error:
            self.broken = str(error)
            return compile_schema({})

    def violations(self, event: JsonObject) -> list[Violation]:
        return [] if self.allows(event) else violations_of(self._validator, self.schema, event)

    @cached_property
    def allows(self) -> Callable[[JsonObject], bool]:
        """Whether an event has no violations."""
        return self._allows_member() or (lambda event: bool(self._validator.is_valid(self._judged_part(event))))

    def _allows_member(self) -> Callable[[JsonObject], bool] | None:
        """Of a rule that is about one member, as most are about `properties`: nothing is put together for it.

        None for any other, and where that member's schema would not mean the same on its own.
        """
        declared, names = _properties(self.schema), self._judged_names
        if names is None or names.keys() != declared.keys() or len(declared) != 1:
            return None
        if self.schema.get("type", "object") != "object" or b'"$ref"' in msgspec.json.encode(self.schema):
            return None
        ((name, schema),) = declared.items()
        try:
            is_valid: Callable[[Any], bool] = compile_schema(schema).is_valid
        except SchemaError:
            return None
        is_needed = name in self.schema.get("required", ())
        return lambda event: is_valid(event[name]) if name in event else not is_needed

    def looks_within(self, names: AbstractSet[str]) -> bool:
        return self._judged_names is not None and names >= self._judged_names.keys()

    def _judged_part(self, event: JsonObject) -> JsonObject:
        """What the schema can say anything about: handing a whole event to the validator costs more than judging it."""
        names = self._judged_names
        return event if names is None else {name: event[name] for name in names if name in event}

    @cached_property
    def _judged_names(self) -> dict[str, None] | None:
        """Members of the event outside of which nothing is judged; None where that may be any."""
        if not self.schema.keys() <= _ABOUT_NAMED or (self._validator and self.broken):
            return None
        return dict.fromkeys([*_properties(self.schema), *self.schema.get("required", ())])

    def unplanned(self, holder: str, members: JsonObject) -> list[tuple[str, ...]]:
        """The ways to what the rule does not declare below `holder`; `$` stands for each item of an array."""
        declared = _properties(_properties(self.schema).get(holder))
        return list(_undeclared(declared, members, ()))


def _properties(schema: Any) -> dict[str, Any]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else {}


def _undeclared(declared: dict[str, Any], members: JsonObject, way: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    for name, value in members.items():
        here = (*way, name)
        if name not in declared:
            yield here
            continue
        schema = declared[name]
        if isinstance(value, dict) and (inner := _properties(schema)):
            yield from _undeclared(inner, value, here)
        elif isinstance(value, list) and isinstance(schema, dict) and (inner := _properties(schema.get("items"))):
            found = (each for item in value if isinstance(item, dict) for each in _undeclared(inner, item, ()))
            yield from dict.fromkeys((*here, _ITEMS, *each) for each in found)


class Plan:
    """All rules of one plan."""

    def __init__(self, snapshot: PlanSnapshot) -> None:
        self.id = snapshot.id
        self.name = snapshot.name
        self._versions: dict[tuple[str, str], list[Rule]] = {}
        for each in sorted(snapshot.rules, key=lambda rule: rule.version):
            key = each.key if each.type in _NAMED else ""
            self._versions.setdefault((each.type, key), []).append(Rule(each))
        self.common = next(iter(self._first("COMMON", "")), None)
        self.has_versions = any(kind == "TRACK" and len(rules) > 1 for (kind, _), rules in self._versions.items())
        """Whether events say in their context which version of a rule is theirs."""

    def judges_within(self, rule: Rule | None, names: AbstractSet[str]) -> bool:
        """Whether a rule, and the common one, look at these members of an event alone."""
        return all(each is None or each.looks_within(names) for each in (rule, self.common))

    def rule_for(self, event_type: str, event: JsonObject) -> Rule | None:
        """The rule of an event's own kind."""
        found = self.versions_for(event_type, event.get("event" if event_type == _TRACK else "name"))
        if len(found) > 1:
            asked = _asked_version(event)
            return next((rule for rule in found if rule.version == asked), found[0])
        return found[0] if found else None

    def versions_for(self, event_type: str, name: Any) -> Sequence[Rule]:
        """That of events of this type and name, in all its versions, the lowest first; none where they have none."""
        if event_type == _TRACK:
            return self._versions.get(("TRACK", name), ()) if isinstance(name, str) else ()
        if event_type in _STAND_INS:
            kind = event_type.upper()
            own = (self._first(kind, name) if isinstance(name, str) else ()) or self._first(kind, "")
            return own or self._versions.get(("TRACK", _STAND_INS[event_type]), ())
        return self._first(event_type.upper(), "") if event_type in _OF_PEOPLE else ()

    def _first(self, kind: str, key: str) -> Sequence[Rule]:
        return self._versions.get((kind, key), ())[:1]


def _asked_version(event: JsonObject) -> int | None:
    context = event.get("context")
    protocols = context.get("protocols") if isinstance(context, dict) else None
    asked = protocols.get("event_version") if isinstance(protocols, dict) else None
    return asked if type(asked) is int else None
