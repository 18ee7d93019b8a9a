"""Operations of the tag Tracking Plans, second part: the rules of a plan, each named by its type, key and version."""

from typing import Any

import msgspec

from penstock.api.errors import BadRequest
from penstock.api.operation import Nothing, RateLimit, Request, operation, schemas
from penstock.api.pagination import answer_page
from penstock.api.permissions import Permission
from penstock.api.schema import DELETED, Deleted, Pagination
from penstock.resources.tracking_plans.admission import admitted, identity_of, require_room
from penstock.resources.tracking_plans.operations import RULES_BODY_LIMIT
from penstock.resources.tracking_plans.repository import (
    Identity,
    Rule,
    delete_rules,
    insert_rules,
    select_rules,
    select_rules_page,
)
from penstock.resources.tracking_plans.schemas import RemoveRules, ReplaceRules, RuleChange, RulesAnswer, UpdateRules
from penstock.resources.tracking_plans.service import MODIFIED, new_rule, plan_of, replace_rules, rule_view, touch

_PATH = "/tracking-plans/{trackingPlanId}/rules"


@operation(
    "listRulesFromTrackingPlan",
    "GET",
    _PATH,
    permission=Permission.TRACKING_PLAN_READ,
    answer=schemas(RulesAnswer),
    is_paged=True,
    limit=RateLimit(200),
)
async def list_rules_from_tracking_plan(request: Request[Nothing]) -> dict[str, Any]:
    """A plan's rules, in the order in which they were sent."""
    plan = await plan_of(request)
    found, total = await select_rules_page(request.unit.connection, plan.id, request.page)
    shown, page = answer_page(request.page, found, total, lambda rule: (rule.position, rule.id))
    return {"rules": [rule_view(rule) for rule in shown], "pagination": Pagination.of(page)}


@operation(
    "replaceRulesInTrackingPlan",
    "PUT",
    _PATH,
    permission=Permission.TRACKING_PLAN_ADMIN,
    body=schemas(ReplaceRules),
    answer=schemas(Deleted),
    audit=(MODIFIED,),
    body_limit=RULES_BODY_LIMIT,
)
async def replace_rules_in_tracking_plan(request: Request[ReplaceRules]) -> dict[str, Any]:
    """Give the plan these rules in the place of all that it has: at most 2,000.

    `jsonSchema` judges whole events. It is JSON Schema draft-07; a `$ref` leads into the same document, and patterns
    have neither look-around nor back-references.
    """
    plan = await plan_of(request)
    await replace_rules(request.unit, plan, request.body.rules)
    await touch(request.unit, plan)
    return DELETED.model_dump()


@operation(
    "updateRulesInTrackingPlan",
    "PATCH",
    _PATH,
    permission=Permission.TRACKING_PLAN_ADMIN,
    body=schemas(UpdateRules),
    answer=schemas(Deleted),
    audit=(MODIFIED,),
    body_limit=RULES_BODY_LIMIT,
)
async def update_rules_in_tracking_plan(request: Request[UpdateRules]) -> dict[str, Any]:
    """Change rules, or add those that the plan does not have; `newKey` gives one another key. At most 2,000 at once."""
    unit, plan = request.unit, await plan_of(request)
    found = admitted(request.body.rules)
    standing = await select_rules(unit.connection, plan.id)
    after = dict(standing)
    for number, (sent, schema) in enumerate(found):
        before = after.get(identity_of(sent))
        position = before.position if before else _next_position(after)
        changed = new_rule(unit, plan, position, sent, schema, before)
        _put(after, _renamed(changed, sent), before, f"rules.{number}.newKey")
    require_room(after)
    written = [rule for rule in after.values() if standing.get(rule.identity) is not rule]
    kept = {rule.id for rule in after.values() if standing.get(rule.identity) is rule}
    await delete_rules(unit.connection, [rule for rule in standing.values() if rule.id not in kept])
    await insert_rules(unit.connection, written)
    await touch(unit, plan)
    return DELETED.model_dump()


def _next_position(rules: dict[Identity, Rule]) -> int:
    # The last in the dictionary may be one that was changed, so all are looked at.
    return max((rule.position for rule in rules.values()), default=-1) + 1


def _renamed(rule: Rule, sent: RuleChange) -> Rule:
    return msgspec.structs.replace(rule, key=sent.new_key) if sent.new_key else rule


def _put(rules: dict[Identity, Rule], changed: Rule, before: Rule | None, field: str) -> None:
    """Raises BadRequest where another rule has the new name already."""
    if before is not None:
        del rules[before.identity]
    if changed.identity in rules:
        raise BadRequest(f"the plan has a rule {changed.key} of this type and version already", field=field)
    rules[changed.identity] = changed


@operation(
    "removeRulesFromTrackingPlan",
    "DELETE",
    _PATH,
    permission=Permission.TRACKING_PLAN_ADMIN,
    body=schemas(RemoveRules),
    answer=schemas(Deleted),
    audit=(MODIFIED,),
)
async def remove_rules_from_tracking_plan(request: Request[RemoveRules]) -> dict[str, Any]:
    """Remove the rules that the query names. One that the plan does not have is passed over."""
    unit, plan = request.unit, await plan_of(request)
    standing = await select_rules(unit.connection, plan.id)
    named = {(rule.type, rule.key, float(rule.version)) for rule in request.body.rules}
    await delete_rules(unit.connection, [rule for identity, rule in standing.items() if identity in named])
    await touch(unit, plan)
    return DELETED.model_dump()
