"""Whether rules can stand in a plan: each named as its type needs, none twice, each with a schema that can judge."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from penstock.api.errors import BadRequest, InputInvalid
from penstock.resources.tracking_plans.repository import Identity
from penstock.resources.tracking_plans.schemas import RuleInput
from penstock.spec.plans import SchemaError, compile_schema
from penstock.spec.snapshot import RuleSnapshot

PLAN_RULES_LIMIT = 10_000
"""Rules of one plan."""
_HAVE_KEYS = frozenset({"TRACK"})
R = TypeVar("R", bound=RuleInput)


def identity_of(rule: RuleInput) -> Identity:
    return rule.type, rule.key, float(rule.version)


def admitted(rules: Sequence[R]) -> list[tuple[R, str]]:
    """Each with its schema as it is stored. Raises InputInvalid with the first problem of each rule."""
    seen: set[Identity] = set()
    problems, found = [], []
    for number, rule in enumerate(rules):
        place = f"rules.{number}"
        if rule.type in _HAVE_KEYS and not rule.key:
            problems.append((f"{place}.key", f'"{place}.key" is required for {rule.type}'))
        elif identity_of(rule) in seen:
            problems.append((place, f'"{place}" has the type, key and version of an earlier one'))
        elif reason := _schema_problem(rule):
            problems.append((f"{place}.jsonSchema", f'"{place}.jsonSchema" {reason}'))
        seen.add(identity_of(rule))
        found.append((rule, msgspec.json.encode(rule.json_schema).decode()))
    if problems:
        raise InputInvalid.of(problems)
    return found


def rule_snapshots(rules: Sequence[RuleInput]) -> list[RuleSnapshot]:
    """As the data plane would be told of them. Raises InputInvalid like `admitted`."""
    return [RuleSnapshot(rule.type, rule.key, float(rule.version), schema.encode()) for rule, schema in admitted(rules)]


def _schema_problem(rule: RuleInput) -> str:
    try:
        compile_schema(rule.json_schema)
    except SchemaError as error:
        return str(error)
    return ""


def require_room(rules: Iterable[object]) -> None:
    """Raises BadRequest."""
    if sum(1 for _ in rules) > PLAN_RULES_LIMIT:
        raise BadRequest(f"a tracking plan has at most {PLAN_RULES_LIMIT} rules")
