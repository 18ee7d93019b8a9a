"""Every case from the field is shown by a test that exists, or waits for a named part."""

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INDEX = tomllib.loads((HERE / "index.toml").read_text())
RULES = tomllib.loads((HERE / "plan_rules.toml").read_text())
IDS = (HERE / "ids.txt").read_text().split()


@cache
def functions_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions) and node.name.startswith("test_")}


def exists(node: str) -> bool:
    file, _, test = node.partition("::")
    return (ROOT / file).is_file() and test.rpartition("::")[2] in functions_of(ROOT / file)


def test_every_case_is_listed():
    assert list(INDEX) == IDS


@pytest.mark.parametrize("case", IDS)
def test_the_case_is_shown_or_waits_for_a_part(case):
    entry = INDEX[case]
    missing = [node for node in entry.get("shown", []) if not exists(node)]
    assert not missing
    assert bool(entry.get("shown")) != bool(entry.get("waits")), f"{case} ({entry['area']}) has no test and no reason"
    assert entry.get("waits", "not built yet").endswith("not built yet")


@pytest.mark.parametrize(("document", "rule"), [(document, rule) for document in RULES for rule in RULES[document]])
def test_the_rule_of_plans_and_transformations_is_shown_or_has_a_reason(document, rule):
    shown = RULES[document][rule]
    assert shown
    assert isinstance(shown, str) or not [node for node in shown if not exists(node)]


def test_a_named_test_that_is_not_there_is_found():
    assert not exists("tests/field_cases/test_index.py::test_that_nobody_wrote")
    assert exists("tests/field_cases/test_index.py::test_every_case_is_listed")
