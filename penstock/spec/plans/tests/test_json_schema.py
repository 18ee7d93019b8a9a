import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.spec.plans import SchemaError, compile_schema

ORDER = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "labels": {"team": "checkout"},
    "properties": {
        "context": {},
        "properties": {
            "type": "object",
            "properties": {
                "order_id": {"type": "string", "id": "/properties/properties/properties/order_id"},
                "region": {"type": "string", "pattern": "emea|apac|amer"},
                "placed_at": {"type": ["string", "null"], "format": "date-time"},
            },
            "required": ["order_id"],
        },
    },
    "required": ["properties"],
}


def doubling(levels):
    """2 to the power of `levels` schemas in a few lines."""
    definitions = {f"a{n}": {"allOf": [{"$ref": f"#/definitions/a{n + 1}"}] * 2} for n in range(levels)}
    return {"definitions": definitions | {f"a{levels}": {}}, "$ref": "#/definitions/a0"}


HIDDEN = {
    "properties": {
        "a": {"$id": "a.json", "definitions": doubling(40)["definitions"], "allOf": [{"$ref": "#/definitions/a0"}]}
    },
    "definitions": {f"a{n}": {} for n in range(41)},
}
"""What the pointers name from the root is small; from the schema that they stand in, it is not."""


@pytest.mark.parametrize(
    ("properties", "is_valid"),
    [
        ({"order_id": "1", "region": "emea-2", "placed_at": "2024-05-01T10:00:00Z"}, True),
        ({"order_id": "1", "placed_at": None}, True),
        ({"order_id": "1", "placed_at": "yesterday"}, False),
        ({"order_id": "1", "region": "x"}, False),
        ({}, False),
    ],
)
def test_a_typical_rule_judges_whole_events(properties, is_valid):
    assert compile_schema(ORDER).is_valid({"type": "track", "properties": properties}) is is_valid


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "text"}, "/type"),
        ({"properties": {"a": {"required": "b"}}}, "/properties/a/required"),
        ({"properties": {"a": {"pattern": "(?=a)"}}}, "/properties/a/pattern"),
        ({"pattern": "(a{1000}){1000}"}, "/pattern"),
        ({"$ref": "http://127.0.0.1:1/x"}, "JSON pointer"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "JSON pointer"),
        ({"$ref": "#name"}, "JSON pointer"),
        ({"$ref": "#/definitions/none"}, "leads nowhere"),
        ({"$ref": "#/allOf/x", "allOf": [{}]}, "leads nowhere"),
        ({"description": "x" * 300_000}, "larger than"),
        (doubling(40), "expands to more"),
        (HIDDEN, "expands to more"),
        ({"items": {"$id": "a", "$schema": "https://json-schema.org/draft/2020-12/schema"}}, "another draft"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_the_place(schema, reason):
    with pytest.raises(SchemaError) as refused:
        compile_schema(schema)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [{"$ref": "http://a.test/"}]},
        {"const": {"$ref": "b.json"}},
        {"default": {"$ref": "http://a.test/"}, "examples": [{"$ref": "#/none"}]},
        {"properties": {"$ref": {"type": "string"}, "enum": {"items": [True]}}},
        {"x-team": {"$ref": "http://a.test/"}},
    ],
)
def test_only_where_a_schema_stands_a_ref_is_one(schema):
    compile_schema(schema)


def test_a_pointer_starts_at_the_schema_around_it_that_has_an_id():
    inner = {"$id": "inner.json", "definitions": {"a": {"type": "string"}}, "items": {"$ref": "#/definitions/a"}}
    schema = compile_schema({"definitions": {"a": {"type": "number"}}, "properties": {"list": inner}})
    assert schema.is_valid({"list": ["x"]})
    assert not schema.is_valid({"list": [1]})


@pytest.mark.parametrize("schema", [True, False])
def test_a_schema_may_be_true_or_false(schema):
    assert compile_schema(schema).is_valid({"type": "track"}) is schema


@pytest.mark.parametrize(("type_", "valid"), [("number", [12]), (["number", "null"], [12, None])])
def test_fc71_null_and_text_are_no_number_unless_the_types_name_null(type_, valid):
    schema = compile_schema({"properties": {"properties": {"properties": {"qty": {"type": type_}}}}})
    assert [qty for qty in (None, "12", 12) if schema.is_valid({"properties": {"qty": qty}})] == valid[::-1]


@pytest.mark.parametrize("type_", ["String", "date", ["number", "Null"]])
def test_fc71_a_type_that_draft_07_does_not_know_is_refused_with_its_path(type_):
    with pytest.raises(SchemaError) as refused:
        compile_schema({"properties": {"properties": {"properties": {"qty": {"type": type_}}}}})
    assert "/properties/properties/properties/qty/type" in str(refused.value)


def test_references_into_the_document_are_followed_also_in_circles():
    tree = {"definitions": {"a/b": {"properties": {"child": {"$ref": "#/definitions/a~1b"}, "n": {"type": "number"}}}}}
    schema = compile_schema(tree | {"properties": {"properties": {"$ref": "#/definitions/a~1b"}}})
    assert schema.is_valid({"properties": {"child": {"child": {"n": 1}}}})
    assert not schema.is_valid({"properties": {"child": {"child": {"n": "1"}}}})
    assert compile_schema({"allOf": [{"$ref": "#"}]}).is_valid({})
    assert compile_schema(doubling(5)).is_valid({})


def test_another_draft_means_draft_07_all_the_same():
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"type": "string"}]}
    assert compile_schema(schema).is_valid([1])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "$ref", "properties", "allOf", "items", "pattern", "enum", "$id", "required", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["type", "$ref", "properties", "allOf", "$schema", "$id", "not"]), _JSON))
def test_whatever_is_sent_is_a_schema_or_is_refused(schema):
    try:
        compiled = compile_schema(schema)
    except SchemaError:
        return
    compiled.is_valid({"type": "track"})
