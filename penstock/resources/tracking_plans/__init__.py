"""Tracking plans: which events sources may send, by rules; a source has at most one."""

from penstock.resources.tracking_plans.admission import rule_snapshots
from penstock.resources.tracking_plans.connections import (
    add_source_to_tracking_plan,
    disconnect_source,
    list_sources_from_tracking_plan,
    remove_source_from_tracking_plan,
    select_plan_ids_of_source,
)
from penstock.resources.tracking_plans.operations import (
    create_tracking_plan,
    delete_tracking_plan,
    get_tracking_plan,
    list_tracking_plans,
    update_tracking_plan,
)
from penstock.resources.tracking_plans.repository import select_all_plan_ids
from penstock.resources.tracking_plans.rules import (
    list_rules_from_tracking_plan,
    remove_rules_from_tracking_plan,
    replace_rules_in_tracking_plan,
    update_rules_in_tracking_plan,
)
from penstock.resources.tracking_plans.schemas import RuleInput
from penstock.resources.tracking_plans.snapshot import select_snapshots

USES = ("sources",)
OPERATIONS = (
    list_tracking_plans,
    create_tracking_plan,
    get_tracking_plan,
    update_tracking_plan,
    delete_tracking_plan,
    list_rules_from_tracking_plan,
    replace_rules_in_tracking_plan,
    update_rules_in_tracking_plan,
    remove_rules_from_tracking_plan,
    list_sources_from_tracking_plan,
    add_source_to_tracking_plan,
    remove_source_from_tracking_plan,
)
REACTIONS = {"source_deleted": disconnect_source}
CONTRIBUTIONS = {"tracking_plan": select_plan_ids_of_source}
__all__ = [
    "CONTRIBUTIONS",
    "OPERATIONS",
    "REACTIONS",
    "USES",
    "RuleInput",
    "rule_snapshots",
    "select_all_plan_ids",
    "select_snapshots",
]
