"""The draft-07 part of the official JSON Schema Test Suite, optional parts and formats too, against what judges plans.

A line of draft7.jsonl is a case: [file, description, schema, [[description, instance, is valid], …]]; NOTICE names the
commit. Whatever does not come out as the suite says is listed here with its reason, and what is listed must differ.
"""

import json
from pathlib import Path

import pytest

from penstock.spec.plans import Rule, SchemaError, compile_schema
from penstock.spec.plans.violations import violations_of
from penstock.spec.snapshot import RuleSnapshot

CASES = [json.loads(line) for line in (Path(__file__).parent / "draft7.jsonl").read_text().splitlines()]
LEADS_OUT = "nothing is fetched: a $ref leads into the same document"
NEEDS_IDS = "a $ref is a JSON pointer: schemas are not found by $id"
REFUSED = {
    "definitions: validate definition against metaschema": LEADS_OUT,
    "optional/cross-draft: refs to future drafts are processed as future drafts": LEADS_OUT,
    "optional/id: id inside an enum is not a real identifier": NEEDS_IDS,
    "optional/unknownKeyword: $id inside an unknown keyword is not a real identifier": NEEDS_IDS,
    "ref: $ref prevents a sibling $id from changing the base uri": NEEDS_IDS,
    "ref: remote ref, containing refs itself": LEADS_OUT,
    "ref: Recursive references between schemas": NEEDS_IDS,
    "ref: Location-independent identifier": NEEDS_IDS,
    "ref: Reference an anchor with a non-relative URI": NEEDS_IDS,
    "ref: Location-independent identifier with base URI change in subschema": NEEDS_IDS,
    "ref: refs with relative uris and defs": NEEDS_IDS,
    "ref: relative refs with absolute uris and defs": NEEDS_IDS,
    "ref: $id must be resolved against nearest parent, not just immediate parent": NEEDS_IDS,
    "ref: simple URN base URI with $ref via the URN": NEEDS_IDS,
    "ref: URN base URI with URN and JSON pointer ref": NEEDS_IDS,
    "ref: URN base URI with URN and anchor ref": NEEDS_IDS,
    "ref: ref to if": NEEDS_IDS,
    "ref: ref to then": NEEDS_IDS,
    "ref: ref to else": NEEDS_IDS,
    "ref: ref with absolute-path-reference": NEEDS_IDS,
    "refRemote: remote ref": LEADS_OUT,
    "refRemote: fragment within remote ref": LEADS_OUT,
    "refRemote: ref within remote ref": LEADS_OUT,
    "refRemote: base URI change": LEADS_OUT,
    "refRemote: base URI change - change folder": LEADS_OUT,
    "refRemote: base URI change - change folder in subschema": LEADS_OUT,
    "refRemote: root ref in remote ref": LEADS_OUT,
    "refRemote: remote ref with ref to definitions": LEADS_OUT,
    "refRemote: Location-independent identifier in remote ref": LEADS_OUT,
    "refRemote: retrieved nested refs resolve relative to their URI not $id": LEADS_OUT,
    "refRemote: $ref to $ref finds location-independent $id": LEADS_OUT,
}
"""Cases whose schema is refused."""
JUDGED_OTHERWISE: dict[str, str] = {}
"""Tests, as `file: case: test`, whose instance is judged otherwise than the suite says."""


@pytest.fixture(scope="module")
def differences():
    """The names of the refused cases with why, and those of the tests that are judged otherwise."""
    refused, otherwise = {}, set()
    for file, description, schema, tests in CASES:
        name = f"{file}: {description}"
        try:
            compiled = compile_schema(schema)
        except SchemaError as error:
            refused[name] = str(error)
            continue
        otherwise |= {f"{name}: {test}" for test, data, is_valid in tests if compiled.is_valid(data) != is_valid}
    return refused, otherwise


def test_the_suite_is_all_here():
    assert (len(CASES), sum(len(tests) for *_, tests in CASES)) == (321, 1_721)


def test_exactly_the_listed_schemas_are_refused_each_for_its_reference(differences):
    refused, _ = differences
    assert refused.keys() == REFUSED.keys()
    assert all(told.startswith('has a "$ref" that does not lead into itself') for told in refused.values())


def test_exactly_the_listed_instances_are_judged_otherwise(differences):
    _, otherwise = differences
    assert otherwise == JUDGED_OTHERWISE.keys()


def test_a_rule_about_one_member_judges_it_as_its_whole_schema_does():
    compared = 0
    for file, description, schema, tests in CASES:
        about = {"properties": {"properties": schema}, "required": ["properties"]}
        try:
            whole = compile_schema(about)
        except SchemaError:
            continue
        rule = Rule(RuleSnapshot("TRACK", "E", 1.0, json.dumps(about).encode()))
        assert not rule.allows({"event": "E"})
        for test, data, _ in tests:
            event = {"properties": data}
            assert rule.allows(event) == whole.is_valid(event), f"{file}: {description}: {test}"
            compared += 1
    assert compared > 1_500


def test_of_each_invalid_instance_something_is_told():
    compared = 0
    for file, description, schema, tests in CASES:
        about = {"properties": {"properties": {"properties": {"p": schema}}}}
        try:
            compiled = compile_schema(about)
        except SchemaError:
            continue
        for test, data, _ in tests:
            event = {"properties": {"p": data}}
            found = violations_of(compiled, about, event)
            assert bool(found) == (not compiled.is_valid(event)), f"{file}: {description}: {test}"
            assert all(each.type and each.description for each in found)
            compared += bool(found)
    assert compared > 700
