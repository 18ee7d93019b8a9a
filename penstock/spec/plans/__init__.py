"""What tracking plans are made of: the JSON Schemas of their rules, and how rules judge an event."""

from penstock.spec.plans.json_schema import SchemaError, compile_schema
from penstock.spec.plans.plan import Plan, Rule, plan_id, second_id, spoken
from penstock.spec.plans.violations import Violation

__all__ = ["Plan", "Rule", "SchemaError", "Violation", "compile_schema", "plan_id", "second_id", "spoken"]
