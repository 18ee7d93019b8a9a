import json

import pytest

from penstock.spec.fql import FqlSyntaxError, matcher_of, parse, to_device_form


def test_the_form_is_that_of_the_sdks():
    matcher = matcher_of("!( event = 'Preview Opened' or context.app.name in ['qa', 'dev'] )")
    assert matcher["type"] == "fql"
    assert json.loads(matcher["ir"]) == [
        "!",
        [
            "or",
            ["=", "event", {"value": "Preview Opened"}],
            ["in", "context.app.name", {"value": [{"value": "qa"}, {"value": "dev"}]}],
        ],
    ]


def test_every_event_is_a_matcher_of_its_own():
    assert matcher_of(" all ") == {"type": "all", "ir": ""}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (r"properties.a\.b", "properties.a\\.b"),
        ("null", {"value": None}),
        ("a and b and c", ["and", "a", "b", "c"]),
        ("match(lowercase(a), 'x')", ["match", ["lowercase", "a"], {"value": "x"}]),
        ("a <= 1.5", ["<=", "a", {"value": 1.5}]),
    ],
)
def test_each_kind_of_node_has_its_form(text, form):
    assert to_device_form(parse(text)) == form


def test_what_cannot_be_read_has_no_matcher():
    with pytest.raises(FqlSyntaxError):
        matcher_of("a =")
