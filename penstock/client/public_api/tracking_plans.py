"""Tracking Plans: Which events sources may send, by rules; a source has at most one.

Written by `make docs`; edits here are lost.
"""

from typing import Any, Literal, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Deleted, Pagination, RuleInput, SourcesAnswer


class Plan(TypedDict):
    id: str
    name: str
    slug: str
    description: NotRequired[str]
    type: str
    createdAt: str
    updatedAt: str


class PlansAnswer(TypedDict):
    trackingPlans: list[Plan]
    pagination: Pagination


class SeedRule(TypedDict):
    """All but the type can be left out."""

    type: Literal["COMMON", "GROUP", "IDENTIFY", "PAGE", "SCREEN", "TRACK"]
    key: NotRequired[str]
    jsonSchema: NotRequired[dict[str, Any]]
    version: NotRequired[float]


class CreatePlanSeed(TypedDict):
    name: str
    description: NotRequired[str]
    type: NotRequired[Literal["ENGAGE", "LIVE", "PROPERTY_LIBRARY", "RULE_LIBRARY", "TEMPLATE"]]
    rules: NotRequired[list[SeedRule]]


class PlanAnswer(TypedDict):
    trackingPlan: Plan


class UpdatePlan(TypedDict):
    name: NotRequired[str]
    description: NotRequired[str]


class Rule(TypedDict):
    type: str
    key: NotRequired[str]
    jsonSchema: dict[str, Any]
    version: int | float
    createdAt: str
    updatedAt: str
    deprecatedAt: str


class RulesAnswer(TypedDict):
    rules: list[Rule]
    pagination: Pagination


class ReplaceRules(TypedDict):
    rules: list[RuleInput]


class RuleChange(TypedDict):
    type: Literal["COMMON", "GROUP", "IDENTIFY", "PAGE", "SCREEN", "TRACK"]
    key: NotRequired[str]
    jsonSchema: dict[str, Any]
    version: float
    newKey: NotRequired[str]


class UpdateRules(TypedDict):
    rules: list[RuleChange]


class AddSource(TypedDict):
    sourceId: str


class RuleName(TypedDict):
    type: Literal["COMMON", "GROUP", "IDENTIFY", "PAGE", "SCREEN", "TRACK"]
    key: NotRequired[str]
    version: float


class TrackingPlansApi:
    """Which events sources may send, by rules; a source has at most one."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_tracking_plans(
        self,
        *,
        type_: Literal["ENGAGE", "LIVE", "PROPERTY_LIBRARY", "RULE_LIBRARY", "TEMPLATE"] | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> PlansAnswer:
        """The plans of the workspace, the oldest first; with `type`, those of one type."""
        answer: PlansAnswer = self._ask(
            "GET", "/tracking-plans", query={"type": type_, "pagination[count]": count, "pagination[cursor]": cursor}
        )
        return answer

    def create_tracking_plan(self, body: CreatePlanSeed) -> PlanAnswer:
        """Make a plan. Its type cannot be changed."""
        answer: PlanAnswer = self._ask("POST", "/tracking-plans", body=body)
        return answer

    def get_tracking_plan(self, tracking_plan_id: str) -> PlanAnswer:
        """One plan, without its rules."""
        answer: PlanAnswer = self._ask("GET", f"/tracking-plans/{quoted(tracking_plan_id)}")
        return answer

    def update_tracking_plan(self, tracking_plan_id: str, body: UpdatePlan | None = None) -> PlanAnswer:
        """Change what is sent. The slug stays."""
        answer: PlanAnswer = self._ask("PATCH", f"/tracking-plans/{quoted(tracking_plan_id)}", body=body)
        return answer

    def delete_tracking_plan(self, tracking_plan_id: str) -> Deleted:
        """Delete a plan with its rules; its sources have none then."""
        answer: Deleted = self._ask("DELETE", f"/tracking-plans/{quoted(tracking_plan_id)}")
        return answer

    def list_rules_from_tracking_plan(
        self, tracking_plan_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> RulesAnswer:
        """A plan's rules, in the order in which they were sent."""
        answer: RulesAnswer = self._ask(
            "GET",
            f"/tracking-plans/{quoted(tracking_plan_id)}/rules",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def replace_rules_in_tracking_plan(self, tracking_plan_id: str, body: ReplaceRules) -> Deleted:
        """Give the plan these rules in the place of all that it has: at most 2,000.

        `jsonSchema` judges whole events. It is JSON Schema draft-07; a `$ref` leads into the same document, and
        patterns have neither look-around nor back-references.
        """
        answer: Deleted = self._ask("PUT", f"/tracking-plans/{quoted(tracking_plan_id)}/rules", body=body)
        return answer

    def update_rules_in_tracking_plan(self, tracking_plan_id: str, body: UpdateRules) -> Deleted:
        """Change rules, or add those that the plan does not have; `newKey` gives one another key. At most 2,000 at
        once.
        """
        answer: Deleted = self._ask("PATCH", f"/tracking-plans/{quoted(tracking_plan_id)}/rules", body=body)
        return answer

    def remove_rules_from_tracking_plan(self, tracking_plan_id: str, *, rules: list[RuleName]) -> Deleted:
        """Remove the rules that the query names. One that the plan does not have is passed over."""
        answer: Deleted = self._ask(
            "DELETE", f"/tracking-plans/{quoted(tracking_plan_id)}/rules", query={"rules": rules}
        )
        return answer

    def list_sources_from_tracking_plan(
        self, tracking_plan_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> SourcesAnswer:
        """The sources that the plan is for and that the token may read, the oldest first."""
        answer: SourcesAnswer = self._ask(
            "GET",
            f"/tracking-plans/{quoted(tracking_plan_id)}/sources",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def add_source_to_tracking_plan(self, tracking_plan_id: str, body: AddSource) -> Deleted:
        """Make the plan that of a source. To do so again changes nothing; a source with another plan is refused
        (400).
        """
        answer: Deleted = self._ask("POST", f"/tracking-plans/{quoted(tracking_plan_id)}/sources", body=body)
        return answer

    def remove_source_from_tracking_plan(self, tracking_plan_id: str, *, source_id: str) -> Deleted:
        """Leave a source without a plan."""
        answer: Deleted = self._ask(
            "DELETE", f"/tracking-plans/{quoted(tracking_plan_id)}/sources", query={"sourceId": source_id}
        )
        return answer
