import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.plans import compile_schema
from penstock.spec.plans.violations import VIOLATIONS_LIMIT, violations_of


def told(schema, value):
    """Of a property `p`: (type, field, description) of each violation."""
    whole = {"properties": {"properties": {"properties": {"p": schema}}}}
    found = violations_of(compile_schema(whole), whole, {"properties": {"p": value}})
    return [(violation.type, violation.field, violation.description) for violation in found]


NULLABLE = {"type": ["string", "null"]}
ITEMS = {"items": {"type": "object", "required": ["sku"]}}


@pytest.mark.parametrize(
    ("schema", "value", "type_", "description"),
    [
        ({"type": "integer"}, 2.5, "Invalid Type", "Invalid type. Expected: integer, given: number"),
        ({"type": "string"}, 7, "Invalid Type", "Invalid type. Expected: string, given: integer"),
        ({"type": "string"}, 7.0, "Invalid Type", "Invalid type. Expected: string, given: integer"),
        (NULLABLE, True, "Invalid Type", "Invalid type. Expected: [string,null], given: boolean"),
        ({"type": "object"}, [1], "Invalid Type", "Invalid type. Expected: object, given: array"),
        ({"type": "number"}, None, "Invalid Type", "Invalid type. Expected: number, given: null"),
        ({"enum": [1, "x", None]}, 3, "Enum", 'properties.p must be one of the following: 1, "x", null'),
        ({"const": {"a": 1}}, 3, "Const", 'properties.p does not match: {"a":1}'),
        ({"pattern": "emea|apac"}, "eu", "Pattern", "Does not match pattern 'emea|apac'"),
        ({"format": "date-time"}, "today", "Format", "Does not match format 'date-time'"),
        ({"minLength": 3}, "ab", "String Gte", "String length must be greater than or equal to 3"),
        ({"maxLength": 1}, "ab", "String Lte", "String length must be less than or equal to 1"),
        ({"minimum": 3.5}, 1, "Number Gte", "Must be greater than or equal to 3.5"),
        ({"exclusiveMinimum": 3}, 3, "Number Gt", "Must be greater than 3"),
        ({"maximum": 3}, 4, "Number Lte", "Must be less than or equal to 3"),
        ({"exclusiveMaximum": 3}, 3, "Number Lt", "Must be less than 3"),
        ({"multipleOf": 2}, 3, "Multiple Of", "Must be a multiple of 2"),
        ({"minItems": 2}, [1], "Array Min Items", "Array must have at least 2 items"),
        ({"maxItems": 1}, [1, 2], "Array Max Items", "Array must have at most 1 items"),
        ({"uniqueItems": True}, ["a", "b", "a"], "Unique", "array items[0,2] must be unique"),
        ({"contains": {"const": 1}}, [2], "Contains", "At least one of the items must match"),
        (
            {"items": [{}], "additionalItems": False},
            [1, 2],
            "Array No Additional Items",
            "No additional items allowed on array",
        ),
        ({"minProperties": 1}, {}, "Array Min Properties", "Must have at least 1 properties"),
        ({"maxProperties": 0}, {"a": 1}, "Array Max Properties", "Must have at most 0 properties"),
        ({"dependencies": {"a": ["b"]}}, {"a": 1}, "Missing Dependency", "Has a dependency on b"),
        ({"not": {"type": "string"}}, "s", "Number Not", "Must not validate the schema (not)"),
        (False, 1, "False", "False always fails validation"),
        ({"contentEncoding": "base64"}, "^", "Content Encoding", '"^" is not compliant with "base64" content encoding'),
    ],
)
def test_each_keyword_has_its_words(schema, value, type_, description):
    assert told(schema, value) == [(type_, "properties.p", description)]


def test_what_is_required_is_named_with_its_whole_path():
    assert told({"required": ["total"]}, {}) == [("Required", "properties.p.total", "properties.p.total is required")]


def test_items_of_an_array_are_named_by_their_number():
    assert told(ITEMS, [{"sku": 1}, {}]) == [("Required", "properties.p.1.sku", "properties.p.1.sku is required")]


def test_the_event_itself_is_called_root():
    schema = {"minProperties": 9}
    (violation,) = violations_of(compile_schema(schema), schema, {"a": 1})
    assert (violation.field, violation.member) == ("(root)", "")


def test_each_name_that_is_not_allowed_is_told_by_itself():
    assert told({"additionalProperties": False}, {"a": 1, "b": 2}) == [
        ("Additional Property Not Allowed", "properties.p.a", "Additional property a is not allowed"),
        ("Additional Property Not Allowed", "properties.p.b", "Additional property b is not allowed"),
    ]


def test_a_wrong_name_of_a_property_is_told():
    found = told({"propertyNames": {"maxLength": 1}}, {"abc": 1})
    assert found == [("Invalid Property Name", "properties.p.abc", 'Property name of "abc" does not match')]


@pytest.mark.parametrize(
    "beside", [{"enum": ["a"]}, {"const": "a"}, {"not": {}}, {"anyOf": [{"minimum": 9}]}, {"allOf": [{"minimum": 9}]}]
)
def test_a_value_of_the_wrong_type_is_judged_no_further(beside):
    assert [type_ for type_, _, _ in told({"type": "string"} | beside, 5)] == ["Invalid Type"]
    (inner,) = [
        violation for violation in told({"allOf": [{"type": "string"} | beside]}, 5) if "All" not in violation[0]
    ]
    assert inner[0] == "Invalid Type"


def test_another_schema_goes_on_with_a_value_of_the_wrong_type():
    found = told({"allOf": [{"type": "string", "const": 1}, {"minimum": 9}]}, 5)
    assert [type_ for type_, _, _ in found] == ["Number All Of", "Invalid Type", "Number Gte"]


NAMES = ["0", "7", "2024", "dependencies", "additionalProperties", "properties", "type", "then", "allOf"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("schema", "type_"),
    [({"type": "string"}, "Invalid Type"), (False, "False"), ({"additionalProperties": False}, "Additional Property")],
)
def test_a_property_may_have_any_name(name, schema, type_):
    value = {"x": 1} if isinstance(schema, dict) and "type" not in schema else 1
    found = told({"properties": {name: schema}}, {name: value})
    assert [each[0].startswith(type_) for each in found] == [True]


def test_a_property_without_a_name_is_told_of_too():
    """The validator leaves the name out where it tells the place."""
    assert [each[0] for each in told({"properties": {"": {"type": "string"}}}, {"": 1})] == ["Invalid Type"]
    assert len(told({"properties": {"": {"additionalProperties": False}}}, {"": {"x": 1}})) == 1


@pytest.mark.parametrize("name", ["", *NAMES])
def test_what_depends_on_a_property_of_any_name_is_told(name):
    assert [each[0] for each in told({"dependencies": {name: ["b"]}}, {name: 1})] == ["Missing Dependency"]


def test_what_may_not_be_beside_a_property_without_a_name_is_told():
    assert [each[0] for each in told({"dependencies": {"": False}}, {"": 1})] == ["False"]


def test_types_below_another_id_are_told_too():
    inner = {"definitions": {"text": NULLABLE}, "properties": {"z": {"$ref": "#/definitions/text"}}}
    schema = {"$id": "http://a.example/one", "properties": {"p": {"$id": "http://a.example/two", **inner}}}
    (violation,) = violations_of(compile_schema(schema), schema, {"p": {"z": 1}})
    assert violation.description == "Invalid type. Expected: [null,string], given: integer"


class TestCombinators:
    def test_of_any_and_one_both_tell_of_themselves_and_of_what_failed_in_them(self):
        schemas = [{"type": "number"}, {"minLength": 3}]
        inner = ["Invalid Type", "String Gte"]
        assert [type_ for type_, _, _ in told({"anyOf": schemas}, "q")] == ["Number Any Of", *inner]
        assert [type_ for type_, _, _ in told({"oneOf": schemas}, "q")] == ["Number One Of", *inner]

    def test_where_several_match_nothing_failed_inside(self):
        assert told({"oneOf": [{}, {}]}, "q") == [
            ("Number One Of", "properties.p", "Must validate one and only one schema (oneOf)")
        ]

    def test_all_of_tells_of_itself_once(self):
        found = told({"allOf": [{"minLength": 3}, {"pattern": "^a"}]}, "q")
        assert [type_ for type_, _, _ in found] == ["Number All Of", "String Gte", "Pattern"]

    def test_a_condition_tells_which_way_it_went(self):
        schema = {"if": {"const": 1}, "then": {"const": 2}, "else": {"const": 3}}
        assert [found[0] for found in told(schema, 1)] == ["Condition Then", "Const"]
        assert [found[0] for found in told(schema, 9)] == ["Condition Else", "Const"]

    def test_a_property_that_is_called_like_a_keyword_is_none(self):
        schema = {"properties": {"then": {"type": "string"}, "allOf": {"type": "string"}}}
        assert [found[0] for found in told(schema, {"then": 1, "allOf": 1})] == ["Invalid Type", "Invalid Type"]


def test_types_behind_a_reference_are_told_as_they_were_written():
    schema = {
        "definitions": {"text": NULLABLE},
        "properties": {"properties": {"properties": {"p": {"$ref": "#/definitions/text"}}}},
    }
    (violation,) = violations_of(compile_schema(schema), schema, {"properties": {"p": 1}})
    assert violation.description == "Invalid type. Expected: [string,null], given: integer"


def test_the_member_to_leave_out_is_the_first_name_below_properties_whatever_dots_it_has():
    schema = {"properties": {"properties": {"properties": {"a.b": {"properties": {"c": {"type": "string"}}}}}}}
    (violation,) = violations_of(compile_schema(schema), schema, {"properties": {"a.b": {"c": 1}}})
    assert (violation.field, violation.member) == ("properties.a.b.c", "a.b")


def test_the_violations_of_one_event_are_bounded():
    found = told({"items": {"type": "string"}}, list(range(5_000)))
    assert len(found) == VIOLATIONS_LIMIT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "then"]), inner, max_size=3),
    max_leaves=8,
)
SCHEMA = {
    "definitions": {
        "node": {"properties": {"a": {"$ref": "#/definitions/node"}, "b": {"anyOf": [{"minimum": 2}, NULLABLE]}}}
    },
    "allOf": [{"$ref": "#/definitions/node"}],
    "not": {"required": ["then"]},
    "if": {"type": "object"},
    "then": {"maxProperties": 2, "propertyNames": {"maxLength": 1}},
    "else": {"oneOf": [{"type": "string"}, {"type": "array", "uniqueItems": True, "items": {"type": "integer"}}]},
}


@given(JSON)
def test_telling_never_fails_and_tells_something_exactly_where_the_value_is_invalid(value):
    validator = compile_schema(SCHEMA)
    assert bool(violations_of(validator, SCHEMA, value)) == (not validator.is_valid(value))


NAME = st.sampled_from(["", ".", "~1/", "$ref", "$id", "items", "required", "propertyNames", *NAMES]) | st.text(
    max_size=2
)
LEAF = st.sampled_from([False, {"type": "string"}, {"additionalProperties": False}, {"contentEncoding": "base64"}])


def below(inner):
    named = st.dictionaries(NAME, inner, min_size=1, max_size=3)
    keywords = st.sampled_from(["properties", "dependencies"])
    branches = st.sampled_from(["allOf", "anyOf", "oneOf"])
    return st.builds(lambda keyword, schemas: {keyword: schemas}, keywords, named) | st.builds(
        lambda keyword, schemas: {keyword: schemas}, branches, st.lists(inner, min_size=1, max_size=2)
    )


@given(below(st.recursive(LEAF, below, max_leaves=5)), st.data())
def test_a_schema_of_any_names_is_told_in_words_of_its_own(schema, data):
    names = st.sampled_from(sorted(names_in(schema)))
    values = st.recursive(st.sampled_from([1, "^", {"x": 1}]), lambda inner: st.dictionaries(names, inner, max_size=3))
    value = data.draw(values)
    validator = compile_schema(schema)
    found = violations_of(validator, schema, value)
    assert bool(found) == (not validator.is_valid(value))
    assert "Invalid" not in {violation.type for violation in found}


def names_in(schema):
    """Those that the schema has anything to say about, and its keywords."""
    if isinstance(schema, dict):
        return set(schema).union(*map(names_in, schema.values()))
    return set().union(*map(names_in, schema)) if isinstance(schema, list) else set()


def test_what_the_validator_cannot_tell_is_told_in_general_words():
    """It gives up on values that are nested deeper than its limit."""
    value = 1
    for _ in range(300):
        value = [value]
    assert told({"type": "string"}, value) == [("Invalid", "(root)", "Does not match the schema")]
