import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.cli.plans.sheet import COLUMNS, SheetError, read_sheet, write_sheet

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["=1+1", "'x", '"', "a,b", "a\r\nb"]
)
SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "number", ["string", "null"], ["integer"]]),
            "description": NAMES,
            "enum": st.lists(NAMES | st.integers() | st.none() | st.booleans(), min_size=1, max_size=3),
            "pattern": st.just("^a"),
            "minLength": st.integers(0, 9),
        },
    )
    | st.booleans(),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)},
        optional={"required": st.lists(NAMES, max_size=2, unique=True)},
    ),
    max_leaves=5,
)


@st.composite
def rules(draw):
    found = {}
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["COMMON", "TRACK", "IDENTIFY", "GROUP", "PAGE", "SCREEN"]))
        name = draw(NAMES.filter(bool)) if kind == "TRACK" else draw(NAMES)
        declared = draw(st.dictionaries(NAMES, SCHEMAS, max_size=4))
        held = {"type": "object", "properties": declared}
        if draw(st.booleans()):
            held["required"] = draw(st.lists(st.sampled_from([*declared, "undeclared"]), unique=True))
        holder = "traits" if kind in ("IDENTIFY", "GROUP") else "properties"
        schema = draw(st.sampled_from([{}, {"description": ""}, {"description": '"d"', "type": "object"}]))
        if draw(st.booleans()):
            schema = {**schema, "properties": {holder: held}}
        version = draw(st.integers(1, 3))
        found[kind, name, version] = {"type": kind, "key": name, "version": version, "jsonSchema": schema}
    return list(found.values())


def sorted_required(value):
    """`required` says the same in any order, and nothing where it is empty."""
    if isinstance(value, dict):
        return {
            key: sorted(inner) if key == "required" and isinstance(inner, list) else sorted_required(inner)
            for key, inner in value.items()
        }
    return [sorted_required(each) for each in value] if isinstance(value, list) else value


CARRIAGE_RETURN = {"properties": {"properties": {"type": "object", "properties": {"": {}, "\r": {}}}}}


@example([{"type": "TRACK", "key": "0", "version": 1, "jsonSchema": CARRIAGE_RETURN}])
@given(rules())
def test_what_is_written_is_what_is_read(given_rules):
    assert sorted_required(read_sheet(write_sheet(given_rules))) == sorted_required(given_rules)


def sheet(*lines):
    return "\n".join([",".join(COLUMNS), *lines]) + "\n"


def test_people_may_write_the_short_forms():
    (rule,) = read_sheet(
        "\ufeffType,Name,Property,Required,Data Type,Allowed Values,Description\r\n"
        'track,Order Completed,order_id,Yes,string,,The id\r\ntrack,Order Completed,kind,,string,"a, b",\r\n'
    )
    assert rule == {
        "type": "TRACK",
        "key": "Order Completed",
        "version": 1,
        "jsonSchema": {
            "properties": {
                "properties": {
                    "properties": {
                        "order_id": {"type": "string", "description": "The id"},
                        "kind": {"type": "string", "enum": ["a", "b"]},
                    },
                    "required": ["order_id"],
                }
            }
        },
    }


def test_words_of_the_originals_editor_are_understood():
    (rule,) = read_sheet(
        "Type,Name,Property,Status,Data Type,Permitted Values\n"
        "TRACK,Signup,season,Required,String,fall|winter\nTRACK,Signup,at,Optional,Date time,\nTRACK,Signup,x,,any,\n"
    )
    held = rule["jsonSchema"]["properties"]["properties"]
    season, at = {"type": "string", "pattern": "fall|winter"}, {"type": "string", "format": "date-time"}
    assert held == {"properties": {"season": season, "at": at, "x": {}}, "required": ["season"]}


def test_what_its_lines_say_of_the_required_ones_the_schema_of_a_rule_does_not_say_again():
    held = {"type": "object", "properties": {"a": {}}, "required": ["a"]}
    text = write_sheet(
        [{"type": "TRACK", "key": "x", "version": 1, "jsonSchema": {"properties": {"properties": held}}}]
    )
    assert "required" not in text


def test_no_cell_is_a_formula_for_a_spreadsheet():
    schema = {"properties": {"properties": {"properties": {"=HYPERLINK(1)": {"description": "@cmd"}}}}}
    text = write_sheet([{"type": "TRACK", "key": "+1", "version": 1, "jsonSchema": schema}])
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in text.splitlines() for cell in line.split(","))
    assert read_sheet(text)[0]["jsonSchema"] == schema


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Name,Property\n", "line 1: the column 'Type' is missing"),
        (sheet("NOTHING,a"), "line 2, column Type"),
        (sheet("TRACK,"), "line 2, column Name"),
        (sheet("TRACK,a,x"), "line 2, column Version"),
        (sheet("TRACK,a,0"), "line 2, column Version"),
        (sheet("TRACK,a,1", "TRACK,a,1"), "line 3: the rule stands"),
        (sheet("TRACK,a,1,p", "TRACK,a,1,p"), "line 3, column Property: 'p' stands"),
        (sheet("TRACK,a,1,p,perhaps"), "line 2, column Required"),
        (sheet("TRACK,a,1,p,,text"), "line 2, column Data Type: 'text'"),
        (sheet('TRACK,a,1,p,,,"[1,"'), "line 2, column Allowed Values: not JSON"),
        (sheet("TRACK,a,1,,,,,,[]"), "line 2, column Schema"),
        (sheet("TRACK,a,1,,,,,,{"), "line 2, column Schema: not JSON"),
        (sheet('TRACK,a,1,,,,,,"{""properties"": 5}"', "TRACK,a,1,p"), "line 3, column Property: the rule's schema"),
        (sheet("COMMON,,1,p"), "line 2, column Property: a COMMON rule"),
        (sheet('TRACK,"a'), "line 2"),
        (sheet(*(f"TRACK,e{number}" for number in range(2_001))), "line 2002: a plan takes at most 2000"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_column(text, told):
    with pytest.raises(SheetError) as caught:
        read_sheet(text)
    assert str(caught.value).startswith(told), str(caught.value)


@given(st.text())
def test_no_text_raises_anything_else(text):
    try:
        read_sheet(f"{','.join(COLUMNS)}\n{text}")
    except SheetError:
        pass
    else:
        json.dumps(text)
