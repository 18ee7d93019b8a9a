"""What the API takes and tells of tracking plans, per contract."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from penstock.api.query import listed
from penstock.api.schema import Answer, Input, JsonObject, Pagination

RULES_LIMIT = 2_000
"""Rules in one request."""
Name = Annotated[str, Field(min_length=1, max_length=255)]
Description = Annotated[str, Field(max_length=10_000)]
PlanType = Literal["ENGAGE", "LIVE", "PROPERTY_LIBRARY", "RULE_LIBRARY", "TEMPLATE"]
RuleType = Literal["COMMON", "GROUP", "IDENTIFY", "PAGE", "SCREEN", "TRACK"]
Key = Annotated[str, Field(max_length=500)]
Version = Annotated[float, Field(ge=0, le=2**53)]


class ListPlans(Input):
    type: PlanType | None = None


class CreatePlan(Input):
    name: Name
    description: Description = ""
    type: PlanType


class RuleInput(Input):
    type: RuleType
    key: Key = ""
    json_schema: JsonObject
    version: Version


class SeedRule(RuleInput):
    """All but the type can be left out."""

    json_schema: JsonObject = Field(default={})
    version: Version = 1


class CreatePlanSeed(CreatePlan):
    type: PlanType = "LIVE"
    rules: Annotated[list[SeedRule], Field(max_length=RULES_LIMIT)] = Field(default=[])


class UpdatePlan(Input):
    name: Name = ""
    description: Description = ""


class ReplaceRules(Input):
    rules: Annotated[list[RuleInput], Field(max_length=RULES_LIMIT)]


class RuleChange(RuleInput):
    new_key: Key = ""


class UpdateRules(Input):
    rules: Annotated[list[RuleChange], Field(max_length=RULES_LIMIT)]


def _number(value: Any) -> Any:
    """From a query, where all is text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


class RuleName(Input):
    type: RuleType
    key: Key = ""
    version: Annotated[Version, BeforeValidator(_number)]


class RemoveRules(Input):
    rules: Annotated[list[RuleName], BeforeValidator(listed), Field(max_length=RULES_LIMIT)]


class AddSource(Input):
    source_id: str


class RemoveSource(Input):
    source_id: str


class Plan(Answer):
    id: str
    name: str
    slug: str
    description: str = ""
    type: str
    created_at: str
    updated_at: str


class PlanAnswer(Answer):
    tracking_plan: Plan


class PlansAnswer(Answer):
    tracking_plans: list[Plan]
    pagination: Pagination


class Rule(Answer):
    type: str
    key: str = ""
    json_schema: JsonObject
    version: int | float
    created_at: str
    updated_at: str
    deprecated_at: str


class RulesAnswer(Answer):
    rules: list[Rule]
    pagination: Pagination
